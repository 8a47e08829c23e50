//! The house holds: imports run downhill only, and outside crates stay on their floors.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rampart::app::demo::process::Start;
use syn::visit::Visit;

/// Which floors a floor may import, besides itself (docs/architecture.md, "Imports run downhill only").
const MAY: [(&str, &[&str]); 17] = [
    ("base", &[]),
    ("wire", &["base"]),
    ("config", &["base"]),
    ("policy", &["base"]),
    ("firewall", &["base"]),
    ("tls", &["base", "wire"]),
    ("fusionpbx", &["base", "policy"]),
    ("host", &["base", "wire"]),
    ("agent", &["base", "wire", "firewall", "tls"]),
    ("acme", &["base", "wire", "tls", "host"]),
    ("audit", &["base", "wire", "tls", "host", "fusionpbx", "firewall", "policy"]),
    ("store", &["base", "wire", "acme", "audit"]),
    ("deeds", &["base", "wire", "policy", "firewall", "tls", "fusionpbx", "host", "acme", "audit", "store"]),
    ("jobs", &["base", "wire", "policy", "firewall", "tls", "fusionpbx", "host", "acme", "audit", "store", "deeds"]),
    ("web", &["base", "wire", "policy", "firewall", "tls", "fusionpbx", "host", "acme", "audit", "store", "deeds"]),
    ("cli", &["base", "wire", "policy", "firewall", "tls", "fusionpbx", "host", "acme", "audit", "store", "deeds"]),
    (
        "app",
        &[
            "base",
            "wire",
            "config",
            "policy",
            "firewall",
            "tls",
            "fusionpbx",
            "host",
            "acme",
            "audit",
            "store",
            "deeds",
            "jobs",
            "web",
            "cli",
        ],
    ),
];

/// Which floors may name an outside crate. Crates that are not listed may be used anywhere.
const OUTSIDE: [(&str, &[&str]); 11] = [
    ("axum", &["web", "app"]),
    ("askama", &["web"]),
    ("axum_server", &["app"]),
    ("tower_http", &["web"]),
    ("tower_sessions", &["web", "store"]),
    ("sqlx", &["store", "fusionpbx", "app"]),
    ("instant_acme", &["acme"]),
    ("dns_update", &["acme"]),
    ("reqwest", &["acme", "app"]),
    ("argon2", &["deeds"]),
    ("bcrypt", &["fusionpbx"]),
];

/// The paths of one file, with the lines they stand on.
#[derive(Default)]
struct Paths {
    crates: Vec<(Vec<String>, usize)>,
}

impl Paths {
    fn keep(&mut self, segments: Vec<String>, line: usize) {
        if segments.len() > 1 {
            self.crates.push((segments, line));
        }
    }

    fn walk(&mut self, front: &[String], tree: &syn::UseTree) {
        let with = |ident: &syn::Ident| front.iter().cloned().chain([ident.to_string()]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(path) => self.walk(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.keep(with(&name.ident), name.ident.span().start().line),
            syn::UseTree::Rename(name) => self.keep(with(&name.ident), name.ident.span().start().line),
            syn::UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                self.keep(front.iter().cloned().chain(["*".to_owned()]).collect(), line);
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.walk(front, item)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.walk(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.keep(segments, path.segments[0].ident.span().start().line);
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.visit_path(&item.path);
        // What stands inside a macro is only tokens; `crate::floor` and `outside::` are still seen there.
        let text = item.tokens.to_string().replace(' ', "");
        for piece in text.split(|letter: char| !(letter.is_alphanumeric() || "_:".contains(letter))) {
            let segments: Vec<String> = piece.split("::").map(ToOwned::to_owned).collect();
            self.keep(segments, item.path.segments[0].ident.span().start().line);
        }
    }
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files_below(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// Every path of every file, by floor.
fn paths_by_floor() -> BTreeMap<String, Vec<(String, Vec<String>)>> {
    let mut all: BTreeMap<String, Vec<(String, Vec<String>)>> = BTreeMap::new();
    for entry in fs::read_dir(source()).unwrap() {
        let floor = entry.unwrap().path();
        if !floor.is_dir() || floor.ends_with("bin") {
            continue;
        }
        let mut files = Vec::new();
        files_below(&floor, &mut files);
        for file in files {
            let parsed = syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap();
            let mut paths = Paths::default();
            paths.visit_file(&parsed);
            let shown = file.strip_prefix(source()).unwrap().display().to_string();
            let found = all.entry(floor.file_name().unwrap().to_string_lossy().into_owned()).or_default();
            found.extend(paths.crates.into_iter().map(|(path, line)| (format!("{shown}:{line}"), path)));
        }
    }
    all
}

#[test]
fn every_folder_is_a_floor_of_the_table() {
    let floors: Vec<&str> = MAY.iter().map(|(floor, _)| *floor).collect();
    let folders: Vec<String> = paths_by_floor().into_keys().collect();

    assert!(folders.len() > 10);
    for folder in folders {
        assert!(
            floors.contains(&folder.as_str()),
            "src/{folder} is no floor: put it in the table and in docs/architecture.md"
        );
    }
}

#[test]
fn imports_run_downhill_only() {
    let mut uphill = Vec::new();
    for (floor, paths) in paths_by_floor() {
        let allowed = MAY.iter().find(|(name, _)| *name == floor).unwrap().1;
        for (place, path) in paths {
            if path[0] == "super" && path.get(1).is_some_and(|next| next == "super") {
                uphill.push(format!("{place}: {} hides where it leads", path.join("::")));
            }
            if path[0] == "crate" && path[1] != floor && !allowed.contains(&path[1].as_str()) {
                uphill.push(format!("{place}: {floor} may not import {}", path[1]));
            }
        }
    }

    assert!(uphill.is_empty(), "{}", uphill.join("\n"));
}

#[test]
fn outside_crates_stay_on_their_floors() {
    let mut strays = Vec::new();
    for (floor, paths) in paths_by_floor() {
        for (place, path) in paths {
            let rule = OUTSIDE.iter().find(|(name, _)| *name == path[0]);
            if rule.is_some_and(|(_, floors)| !floors.contains(&floor.as_str())) {
                strays.push(format!("{place}: {floor} may not use {}", path[0]));
            }
        }
    }

    assert!(strays.is_empty(), "{}", strays.join("\n"));
}

#[test]
fn no_template_marks_text_as_safe_or_carries_script_or_style() {
    let mut files = Vec::new();
    let mut stack = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")];
    while let Some(directory) = stack.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { stack.push(path) } else { files.push(path) }
        }
    }

    assert!(files.len() > 10);
    for file in files {
        let text = fs::read_to_string(&file).unwrap().replace(' ', "");
        for wrong in ["|safe", "|escape(\"none\")", "<script>", "style=\"", "onclick=", "javascript:"] {
            assert!(!text.contains(wrong), "{} contains {wrong}", file.display());
        }
    }
}

#[test]
fn the_agents_program_holds_no_web_server_and_no_database() {
    // The symbols of what was linked, not the bytes: debug information speaks of the whole crate.
    let symbols = |program: &str| Start::program("/usr/bin/nm", "/").arg("-C").arg(program).run().unwrap();
    let agent = symbols(env!("CARGO_BIN_EXE_rampart-agent"));
    let console = symbols(env!("CARGO_BIN_EXE_rampart"));

    for outside in ["axum::", "hyper::", "sqlx_core::", "instant_acme::", "askama::"] {
        assert!(console.contains(outside), "{outside} should be in the console, or this test sees nothing");
        assert!(!agent.contains(outside), "{outside} is in the agent");
    }
}
