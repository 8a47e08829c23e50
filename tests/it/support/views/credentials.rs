//! The data of Credentials.

use rampart::web::pages::credentials::{
    Bar, CredentialFind, CredentialsPage, FoundView, GapRow, PlaceRow, ReasonRow, SeverityCount, TenantRow, TrendView,
};
use rampart::web::parts::{Choice, Mark};

use super::Town;

pub(super) fn page(town: Town) -> CredentialsPage {
    CredentialsPage {
        frame: town.frame("Credentials", "passwords"),
        domain: if town == Town::Hostile { town.text("north.example.test") } else { String::new() },
        tenant: if town == Town::Hostile { town.text("north.example.test") } else { String::new() },
        age: if town == Town::Empty { "nobody has looked yet" } else { "judged 2 hours ago" }.into(),
        may_audit: town != Town::Hostile,
        failure: town.fault("FusionPBX's database cannot be reached"),
        found: (town != Town::Empty).then(|| found(town)),
    }
}

fn found(town: Town) -> FoundView {
    let count = |word: &str, places: &str| SeverityCount { word: word.into(), places: places.into() };
    let bar = |x: u32, height: u32, severity: &str| Bar { x, y: 60 - height, height, severity: severity.into() };
    FoundView {
        mark: Mark::Fail,
        words: "412 places with something wrong; 103118 rows judged in 4 s".into(),
        severities: vec![
            count("critical", "31"),
            count("high", "204"),
            count("medium", "97"),
            count("low", "78"),
            count("info", "2"),
        ],
        trend: Some(TrendView {
            bars: vec![bar(0, 60, "critical"), bar(10, 48, "high"), bar(20, 30, "medium"), bar(30, 6, "low")],
            width: 40,
            spoken: "Places with something wrong: 512 at first, 412 now, 512 at most".into(),
            from: "2026-11-08 06:00 UTC".into(),
            until: "2026-11-24 06:00 UTC".into(),
            rows: vec![("2026-11-24 06:00 UTC".into(), "31 critical, 204 high".into())],
        }),
        secrets: vec![reason(town, "equals-extension", "the same as its number", "critical", "v_extensions")],
        accounts: vec![reason(town, "legacy-hash", "the password is stored as MD5", "high", "v_users")],
        tenants: vec![TenantRow {
            domain: town.text("north.example.test"),
            places: "41".into(),
            href: "/passwords/credentials?tenant=1".into(),
        }],
        gaps: vec![GapRow {
            table: "v_pin_numbers".into(),
            reason: town.text("this FusionPBX has no table v_pin_numbers"),
        }],
        find: CredentialFind {
            typed: town.text("101"),
            tenant: String::new(),
            reasons: vec![Choice { value: String::new(), label: "every reason".into(), chosen: true }],
            tables: vec![Choice { value: String::new(), label: "every table".into(), chosen: true }],
        },
        renew: town.list(vec![(
            "/passwords/rotate?kind=extension&tenant=north.example.test&places=101%2C102".into(),
            format!("2 of kind extension of {}", town.text("north.example.test")),
        )]),
        rows: vec![place(town, "101", "critical"), place(town, "0200c0ffee01 line 1", "low")],
        pager: town.pager(),
        cut: town.text("Of 120411 places the 100000 worst are listed; the others are only counted."),
        exports: (
            "/passwords/credentials/export?format=csv".into(),
            "/passwords/credentials/export?format=json".into(),
        ),
    }
}

fn reason(town: Town, name: &str, words: &str, severity: &str, table: &str) -> ReasonRow {
    ReasonRow {
        name: name.into(),
        words: town.text(words),
        severity: severity.into(),
        table: table.into(),
        places: "12".into(),
        href: format!("/passwords/credentials?reason={name}&table={table}#places"),
    }
}

fn place(town: Town, place: &str, severity: &str) -> PlaceRow {
    PlaceRow {
        severity: severity.into(),
        table: "v_extensions".into(),
        domain: town.text("north.example.test"),
        place: town.text(place),
        reasons: vec![
            ("too-short".into(), "too short".into(), "Make a new one under the policy in force.".into()),
            ("common".into(), town.text("on the list of common ones"), "Make a new one.".into()),
        ],
        renew: Some("/passwords/rotate?kind=extension&tenant=north.example.test&places=101".into()),
    }
}
