//! dehydrated, certbot and acme.sh: what they keep here, and what starts them.

use std::path::{Path, PathBuf};

use crate::agent::inventory::files::{self, Pair};
use crate::agent::inventory::places::entries;
use crate::base::chain::printable;
use crate::wire::inventory::{FoundTool, Tool};

/// Where each keeps its certificates, below the root.
const fn home(tool: Tool) -> &'static str {
    match tool {
        Tool::Dehydrated => "etc/dehydrated/certs",
        Tool::Certbot => "etc/letsencrypt/live",
        Tool::AcmeSh => "root/.acme.sh",
    }
}

/// Words in a line of cron, or the name of a timer, that start it. FusionPBX's `letsencrypt.sh` runs dehydrated, and empties
/// FreeSWITCH's directory of certificates before it writes there.
const fn signs(tool: Tool) -> &'static [&'static str] {
    match tool {
        Tool::Dehydrated => &["dehydrated", "letsencrypt.sh"],
        Tool::Certbot => &["certbot"],
        Tool::AcmeSh => &["acme.sh"],
    }
}

/// Files and directories in which work is started by the clock, below the root.
const CRON: [&str; 8] = [
    "etc/crontab",
    "etc/cron.d",
    "etc/cron.hourly",
    "etc/cron.daily",
    "etc/cron.weekly",
    "etc/cron.monthly",
    "var/spool/cron/crontabs",
    "etc/systemd/system/timers.target.wants",
];

/// Every tool that keeps something here, with the pairs that it keeps.
pub(super) fn find(root: &Path) -> Vec<(FoundTool, Vec<Pair>)> {
    let found = Tool::ALL.into_iter().map(|tool| {
        let directory = root.join(home(tool));
        let kept: Vec<(String, Pair)> = entries(&directory).iter().filter_map(|entry| pair(tool, entry)).collect();
        let found = FoundTool {
            tool,
            directory: printable(&directory.display().to_string()),
            kept: kept.iter().map(|(name, _)| printable(name)).collect(),
            timers: timers(root, tool).iter().map(|path| printable(&path.display().to_string())).collect(),
        };
        (found, kept.into_iter().map(|(_, pair)| pair).collect())
    });
    found.filter(|(found, _)| !found.kept.is_empty()).collect()
}

fn pair(tool: Tool, directory: &Path) -> Option<(String, Pair)> {
    let name = directory.file_name()?.to_str()?.to_owned();
    let (chain, key) = match tool {
        Tool::Dehydrated | Tool::Certbot => (directory.join("fullchain.pem"), directory.join("privkey.pem")),
        Tool::AcmeSh => {
            let plain = name.strip_suffix("_ecc").unwrap_or(&name);
            (directory.join("fullchain.cer"), directory.join(format!("{plain}.key")))
        }
    };
    chain.exists().then(|| (name, Pair::new(chain, Some(key), tool.word())))
}

/// The files that start `tool` by the clock.
pub(in crate::agent) fn timers(root: &Path, tool: Tool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for place in CRON.map(|place| root.join(place)) {
        let files = if place.is_dir() { entries(&place) } else { vec![place] };
        found.extend(files.into_iter().filter(|file| starts(file, tool)));
    }
    found
}

fn starts(file: &Path, tool: Tool) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.ends_with(OFF) {
        return false;
    }
    let has_sign = |text: &str| signs(tool).iter().any(|sign| text.contains(sign));
    if std::path::Path::new(name).extension().is_some_and(|ending| ending == "timer") {
        return has_sign(name);
    }
    let Ok((text, _)) = files::bytes(file) else { return false };
    let text = String::from_utf8_lossy(text.expose()).into_owned();
    text.lines().any(|line| !line.trim_start().starts_with('#') && has_sign(line))
}

/// The ending of a file that was switched off: cron passes by names with a dot.
pub(in crate::agent) const OFF: &str = ".off-by-rampart";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::place::tests::Scratch;

    #[test]
    fn each_tools_certificates_and_timers_are_found() {
        let scratch = Scratch::new("inventory");
        let root = scratch.path();
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("etc/dehydrated/certs/a.example.com/fullchain.pem", "x");
        write("etc/letsencrypt/live/README", "x");
        write("etc/letsencrypt/live/b.example.com/fullchain.pem", "x");
        write("root/.acme.sh/c.example.com_ecc/fullchain.cer", "x");
        write("etc/cron.d/certbot", "# certbot\n0 */12 * * * root certbot -q renew\n");
        write("etc/cron.d/other", "# certbot is elsewhere\n0 1 * * * root true\n");
        write("etc/cron.d/acme.off-by-rampart", "0 1 * * * root acme.sh --cron\n");
        write("etc/cron.weekly/letsencrypt", "#!/bin/sh\n/usr/src/letsencrypt.sh\n");

        let found: Vec<FoundTool> = find(root).into_iter().map(|(found, _)| found).collect();

        let words: Vec<String> =
            found.iter().map(|own| format!("{} {:?} {}", own.tool, own.kept, own.timers.len())).collect();
        assert_eq!(
            words,
            [
                "dehydrated [\"a.example.com\"] 1",
                "certbot [\"b.example.com\"] 1",
                "acme.sh [\"c.example.com_ecc\"] 0"
            ]
        );
    }
}
