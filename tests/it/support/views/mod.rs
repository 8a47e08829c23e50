//! Example data for every page: an ordinary town, a hostile one, and one where nothing is there yet.

mod account;
mod ca_accounts;
mod certificates;
mod credentials;
mod dns;
mod factor;
mod firewall;
mod host;
mod inventory;
mod passwords;
mod phones;
mod roster;
mod rotation;
mod switch;
mod walls;

use askama::Template;
use rampart::base::encoding::sha384_base64;
use rampart::web::frame::{Assets, Flash, Frame, NavWall};
use rampart::web::pages::fault::FaultPage;
use rampart::web::pages::setup::SetupPage;
use rampart::web::pages::sign_in::SignInPage;
use rampart::web::pages::trail::{TrailFind, TrailPage, TrailState};
use rampart::web::parts::{
    Choice, EvidenceView, FindingView, Link, Mark, Pager, RemedyView, Search, TrailRow, Undo, WallHead,
};

/// What kind of data the pages get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Town {
    /// As on a server that is looked after.
    Ordinary,
    /// Every text that comes from elsewhere tries to be markup, to turn the direction of writing, or to be endless.
    Hostile,
    /// Nothing is there yet, or nothing could be read.
    Empty,
}

/// What a hostile text tries; no page may hold it as markup.
pub(crate) const HOSTILE: &str =
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"' autofocus onfocus=alert(1) x='";

const WALLS: [(&str, &str, Mark); 7] = [
    ("passwords", "Passwords", Mark::Fail),
    ("firewall", "Firewall", Mark::NotTested),
    ("certificates", "Certificates", Mark::Accepted),
    ("upgrades", "Upgrades", Mark::Fail),
    ("xml-rpc", "XML RPC", Mark::NotTested),
    ("intrusion", "Intrusion", Mark::NotTested),
    ("ssh", "SSH", Mark::Pass),
];

/// Every page as `(name, HTML)`, with this town's data.
pub(crate) fn all(town: Town) -> Vec<(&'static str, String)> {
    let mut pages = vec![
        ("account", account::page(town).render().unwrap()),
        ("sign_in", sign_in(town).render().unwrap()),
        ("setup", setup(town).render().unwrap()),
        ("fault", fault(town).render().unwrap()),
        ("trail", trail(town).render().unwrap()),
        ("walls", walls::page(town).render().unwrap()),
        ("passwords", passwords::page(town).render().unwrap()),
        ("preset", passwords::preset(town).render().unwrap()),
        ("preview", passwords::preview(town).render().unwrap()),
        ("passwords_conflict", passwords::conflict(town).render().unwrap()),
        ("ca_accounts", ca_accounts::accounts(town).render().unwrap()),
        ("coverage_plan", ca_accounts::plan(town).render().unwrap()),
        ("certificates", certificates::page(town).render().unwrap()),
        ("order", certificates::order(town, true).render().unwrap()),
        ("order_over", certificates::order(town, false).render().unwrap()),
        ("ssh", host::ssh(town).render().unwrap()),
        ("upgrades", host::upgrades(town).render().unwrap()),
        ("operators", roster::operators(town).render().unwrap()),
        ("invited", roster::invited(town).render().unwrap()),
        ("invitation", roster::invitation(town).render().unwrap()),
        ("own_passwords", roster::own_passwords(town).render().unwrap()),
        ("own_certificates", roster::own_certificates(town).render().unwrap()),
        ("credentials", credentials::page(town).render().unwrap()),
        ("own_domain", roster::own_domain(town).render().unwrap()),
        ("rotate", rotation::rotate(town, true).render().unwrap()),
        ("rotate_ask", rotation::rotate(town, false).render().unwrap()),
        ("rotation", rotation::rotation(town, false).render().unwrap()),
        ("rotation_shown", rotation::rotation(town, true).render().unwrap()),
        ("unbuilt", host::unbuilt(town).render().unwrap()),
        ("xml_rpc", switch::page(town).render().unwrap()),
        ("xml_rpc_done", switch::done(town).render().unwrap()),
        ("phones", phones::page(town).render().unwrap()),
        ("inventory", inventory::page(town).render().unwrap()),
        ("switch_certificate", switch::certificate(town).render().unwrap()),
    ];
    pages.push(("firewall", firewall::page(town).render().unwrap()));
    pages.push(("dns", dns::page(town).render().unwrap()));
    pages.push(("dns_credential", dns::credential(town, false).render().unwrap()));
    pages.push(("dns_credential_kept", dns::credential(town, true).render().unwrap()));
    pages.push(("sign_in_code", factor::sign_in_code(town).render().unwrap()));
    pages.push(("step_up", factor::step_up(town, true).render().unwrap()));
    pages.push(("step_up_none", factor::step_up(town, false).render().unwrap()));
    pages.extend(factor::pages(town).into_iter().map(|(name, page)| (name, page.render().unwrap())));
    pages.sort_by_key(|(name, _)| *name);
    pages
}

impl Town {
    /// A text from elsewhere: as it is, or hostile, 253 letters at least.
    fn text(self, ordinary: &str) -> String {
        match self {
            Self::Ordinary => ordinary.to_owned(),
            Self::Hostile => format!("{ordinary}\u{202e}{HOSTILE}{}", "x".repeat(253)),
            Self::Empty => String::new(),
        }
    }

    /// A name that is never empty.
    fn name(self, ordinary: &str) -> String {
        if self == Self::Empty { ordinary.to_owned() } else { self.text(ordinary) }
    }

    /// A list that is empty where nothing is there yet.
    fn list<T>(self, rows: Vec<T>) -> Vec<T> {
        if self == Self::Empty { Vec::new() } else { rows }
    }

    /// Facts that could not be read where nothing is there yet.
    fn known<T>(self, facts: T) -> Result<T, String> {
        if self == Self::Empty {
            Err("the agent is not running, or its socket cannot be reached.".into())
        } else {
            Ok(facts)
        }
    }

    fn fault(self, words: &str) -> Option<String> {
        (self == Self::Hostile).then(|| self.text(words))
    }

    fn frame(self, title: &str, slug: &str) -> Frame {
        Frame {
            title: title.to_owned(),
            slug: slug.to_owned(),
            operator: Some(self.name("maria")),
            csrf: "4b1e0c9a77d2".into(),
            flash: None,
            host: self.name("pbx.example.test"),
            home: "/".into(),
            sees_walls: true,
            manages_operators: true,
            walls: WALLS
                .iter()
                .map(|(slug, title, mark)| NavWall {
                    slug: (*slug).into(),
                    title: (*title).into(),
                    href: format!("/{slug}"),
                    mark: if self == Self::Empty { Mark::NotTested } else { *mark },
                })
                .collect(),
            facts_age: "Looked 2 minutes ago".into(),
            demo: self == Self::Ordinary,
            assets: Assets {
                css: "/static/rampart.css?v=1".into(),
                css_digest: digest("rampart.css"),
                js: "/static/rampart.js?v=1".into(),
                js_digest: digest("rampart.js"),
                icon: "/static/favicon.svg?v=1".into(),
            },
        }
    }

    fn head(self, title: &str, guards: &str, mark: Mark, words: &str) -> WallHead {
        WallHead {
            title: title.into(),
            guards: guards.into(),
            mark: if self == Self::Empty { Mark::NotTested } else { mark },
            words: if self == Self::Empty { "not tested".into() } else { words.into() },
            age: "looked 2 minutes ago".into(),
        }
    }

    fn finding(self, id: &str, mark: Mark, severity: &str, title: &str) -> FindingView {
        FindingView {
            id: id.into(),
            anchor: format!("finding-{id}"),
            wall: String::new(),
            asset: self.text("north.example.test"),
            mark,
            severity: severity.into(),
            title: self.text(title),
            evidence: vec![
                EvidenceView {
                    source: self.text("v_default_settings"),
                    at: "2026-11-22 18:40 UTC".into(),
                    lines: self.text("extension.password_length = 8 (enabled)\nextension.password_strength = 4 (enabled)"),
                },
                EvidenceView { source: "config.conf".into(), at: "2026-11-22 18:40 UTC".into(), lines: String::new() },
            ],
            why: self.text(
                "A SIP secret of 8 characters falls to a guesser with a few machines in weeks; a stolen one calls premium \
                 numbers within minutes.",
            ),
            remedy: Some(RemedyView {
                words: self.text("Raise the length. New secrets then come out longer; old ones stay as they are."),
                commands: self.text("psql fusionpbx -c \"SELECT default_setting_value FROM v_default_settings\"\nsystemctl reload php8.2-fpm"),
                page: Some(Link { href: "/passwords#extension-password_length".into(), words: "Raise it on Passwords".into() }),
            }),
            reference: self.text("FusionPBX documentation, Security; NIST SP 800-63B-4, 3.1.1.2"),
        }
    }

    fn trail(self) -> Vec<TrailRow> {
        let number_of = |at: &str| at.bytes().map(u32::from).sum::<u32>().to_string();
        let row = |at: &str, who: &str, what: &str, before: &str, after: &str, mark, outcome: &str| TrailRow {
            number: number_of(at),
            at: at.into(),
            who: self.text(who),
            from: self.text("203.0.113.9"),
            what: self.text(what),
            before: self.text(before),
            after: self.text(after),
            mark,
            outcome: outcome.into(),
            undo: None,
        };
        let undo = Undo { action: "/passwords/undo".into(), entry: "41".into(), label: "Put 12 back".into() };
        self.list(vec![
            TrailRow {
                undo: Some(undo),
                ..row(
                    "2026-11-22 18:31 UTC",
                    "maria",
                    "Set extension.password_length for all tenants",
                    "12",
                    "20",
                    Mark::Pass,
                    "done",
                )
            },
            row("2026-11-22 18:12 UTC", "maria", "Signed in", "", "", Mark::Pass, "done"),
            row("2026-11-22 18:02 UTC", "nobody", "Sign-in refused for root", "", "", Mark::Fail, "refused"),
            row(
                "2026-11-22 03:12 UTC",
                "renewal",
                "Renewed *.north.example.test",
                "04c1a9",
                "07f2ee",
                Mark::Pass,
                "done",
            ),
            row(
                "2026-11-21 22:40 UTC",
                "maria",
                "Set voicemail.password_length for south.example.test",
                "8",
                "10",
                Mark::Busy,
                "begun, outcome unknown",
            ),
        ])
    }

    fn pager(self) -> Pager {
        if self == Self::Empty {
            return Pager::default();
        }
        Pager { words: "21 to 40 of 612".into(), previous: Some("?page=1".into()), next: Some("?page=3".into()) }
    }

    fn search(self, name: &str, label: &str) -> Search {
        Search { action: "/".into(), name: name.into(), label: label.into(), typed: self.text("") }
    }
}

fn sign_in(town: Town) -> SignInPage {
    SignInPage {
        frame: Frame { operator: None, ..town.frame("Sign in", "") },
        name: town.text("maria"),
        next: (town != Town::Empty).then(|| town.text("/passwords")),
        fault: (town != Town::Empty).then(|| "Name or password is wrong.".into()),
        nobody_yet: town == Town::Empty,
    }
}

fn setup(town: Town) -> SetupPage {
    SetupPage {
        frame: Frame { operator: None, ..town.frame("First operator", "") },
        action: "/setup/7f3a".into(),
        name: town.text(""),
        shortest: 12,
        valid_for: "28 minutes".into(),
        name_fault: town.fault("A name has 2 to 64 letters."),
        password_fault: town.fault("This one is too short."),
        again_fault: town.fault("The two differ."),
    }
}

fn fault(town: Town) -> FaultPage {
    FaultPage {
        frame: Frame {
            flash: Some(Flash { mark: Mark::Fail, text: town.name("Nothing was changed.") }),
            ..town.frame("Fault", "")
        },
        status: 503,
        heading: "Rampart cannot read its own store".into(),
        sentence: town.text("The file may be full, missing or owned by someone else. Nothing was changed."),
        steps: town.list(vec![
            "Look whether the disk is full.".into(),
            town.text("Run rampart doctor on the host: it says what is wrong."),
        ]),
        reference: town.text("7Q4M-2KXP"),
        onward: (town != Town::Empty).then(|| Link { href: "/".into(), words: "Back to the walls".into() }),
    }
}

fn trail(town: Town) -> TrailPage {
    TrailPage {
        frame: Frame {
            flash: Some(Flash { mark: Mark::Pass, text: town.name("Put 12 back.") }),
            ..town.frame("Trail", "trail")
        },
        state: TrailState {
            records: "612 records".into(),
            mark: if town == Town::Empty { Mark::NotTested } else { Mark::Fail },
            words: match town {
                Town::Empty => "not checked yet".into(),
                _ => town.text("broken when last checked, 2026-11-22 18:31 UTC"),
            },
            details: town.list(vec![town.text("In the agent's half: line 7 is missing")]),
        },
        export: (town != Town::Empty).then(|| "/trail/export".into()),
        find: TrailFind {
            label: "Find by person, act, subject or address".into(),
            typed: town.text(""),
            acts: vec![Choice { value: String::new(), label: "every act".into(), chosen: true }],
            outcomes: vec![Choice { value: String::new(), label: "every outcome".into(), chosen: true }],
        },
        rows: town.trail(),
        pager: town.pager(),
    }
}

/// The digest of a static file as the console gives it.
fn digest(name: &str) -> String {
    let file = format!("{}/static/{name}", env!("CARGO_MANIFEST_DIR"));
    format!("sha384-{}", sha384_base64(&std::fs::read(file).unwrap()))
}
