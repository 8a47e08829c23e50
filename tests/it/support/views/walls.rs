//! The start page's data.

use rampart::web::fortress::{Fortress, RingSource};
use rampart::web::pages::walls::{ExpiringRow, Score, ScoreLine, UncoveredCard, UpdatesCard, WallRow, WallsPage};
use rampart::web::parts::{FindingGroup, FindingView, Link, Mark};

use super::{Town, WALLS};

pub(super) fn page(town: Town) -> WallsPage {
    let sources = sources(town);
    let (score, score_words) = if town == Town::Empty { ("–", "too little known") } else { ("61", "of 100") };
    WallsPage {
        may_look_again: town != Town::Hostile,
        frame: town.frame("Walls", "walls"),
        summary: "4 findings need you. 3 walls could not be tested, so nobody knows whether they hold.".into(),
        worst: Some(Link { href: "#findings".into(), words: town.name("Root may sign in over SSH with a password") }),
        fortress: Fortress::draw(&sources, score, score_words),
        walls: sources
            .into_iter()
            .map(|ring| WallRow { title: ring.title, href: ring.href, mark: ring.mark, words: ring.words })
            .collect(),
        score: Score {
            value: score.into(),
            words: "of 100, judged on 4 of 7 walls. What was not tested earns nothing.".into(),
            working: town.list(vec![
                ScoreLine { words: "Start".into(), points: "100".into() },
                ScoreLine { words: town.text("Short SIP secrets (CR-07, high)"), points: "−12".into() },
                ScoreLine { words: "Security updates pending (UP-02, high)".into(), points: "−12".into() },
                ScoreLine { words: "3 walls not tested".into(), points: "−15".into() },
            ]),
        },
        groups: groups(town),
        expiring: town.known(vec![
            ExpiringRow {
                name: town.name("*.north.example.test"),
                left: "in 12 days".into(),
                on: "2026-12-04".into(),
                mark: Mark::Accepted,
            },
            ExpiringRow {
                name: town.name("pbx.example.test"),
                left: "in 61 days".into(),
                on: "2027-01-22".into(),
                mark: Mark::Pass,
            },
        ]),
        updates: town.known(UpdatesCard {
            security: 3,
            all: 14,
            age: "lists fetched 3 hours ago".into(),
            mark: Mark::Pass,
        }),
        uncovered: town.known(UncoveredCard {
            without: 9,
            all: 12,
            first: vec![
                town.name("south.example.test"),
                town.name("west.example.test"),
                town.name("harbour.example.test"),
            ],
            more: "and 6 others".into(),
        }),
    }
}

fn groups(town: Town) -> Vec<FindingGroup> {
    let on = |wall: &str, finding: FindingView| FindingView { wall: wall.into(), ..finding };
    town.list(vec![
        FindingGroup {
            mark: Mark::Fail,
            title: "4 fail".into(),
            open: true,
            findings: vec![
                on(
                    "Passwords",
                    town.finding("PV-01", Mark::Fail, "critical", "Phones fetch their settings without a password"),
                ),
                on("Passwords", town.finding("CR-07", Mark::Fail, "high", "New SIP secrets have 8 characters")),
                on(
                    "Passwords",
                    town.finding("US-03", Mark::Fail, "high", "3 administrators sign in without a second factor"),
                ),
                on("Upgrades", town.finding("UP-02", Mark::Fail, "medium", "3 security updates are pending")),
            ],
        },
        FindingGroup {
            mark: Mark::NotTested,
            title: "3 not tested".into(),
            open: true,
            findings: vec![on(
                "Firewall",
                town.finding("FW-00", Mark::NotTested, "info", "The firewall is not judged yet"),
            )],
        },
        FindingGroup {
            mark: Mark::Accepted,
            title: "1 accepted".into(),
            open: false,
            findings: vec![on(
                "Certificates",
                town.finding("TL-03", Mark::Accepted, "low", "A key is readable by www-data"),
            )],
        },
        FindingGroup {
            mark: Mark::Pass,
            title: "2 pass".into(),
            open: town == Town::Hostile,
            findings: vec![
                on("SSH", town.finding("SSH-01", Mark::Pass, "high", "Root cannot sign in over SSH with a password")),
                on("SSH", town.finding("SSH-03", Mark::Pass, "critical", "Empty passwords are refused")),
            ],
        },
    ])
}

fn sources(town: Town) -> Vec<RingSource> {
    WALLS
        .iter()
        .map(|(slug, title, mark)| {
            let mark = if town == Town::Empty { Mark::NotTested } else { *mark };
            let (words, failing) = match mark {
                Mark::Fail if *slug == "passwords" => ("3 fail, 1 accepted, 4 pass", 3),
                Mark::Fail => ("1 fails, 4 pass", 1),
                Mark::Pass => ("12 pass", 0),
                Mark::Accepted => ("1 accepted, 5 pass", 0),
                _ => ("not tested", 0),
            };
            RingSource { title: (*title).into(), href: format!("/{slug}"), mark, words: words.into(), failing }
        })
        .collect()
}
