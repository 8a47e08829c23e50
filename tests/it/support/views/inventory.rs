//! The data of *Every certificate*.

use std::time::Duration;

use rampart::base::clock::Timestamp;
use rampart::web::pages::inventory::{Ending, FileRow, Found, InventoryPage, ListenerRow, ToolRow};
use rampart::web::parts::Mark;
use rampart::web::timeline::{Life, Timeline};

use super::Town;

const NOW: Timestamp = Timestamp::from_unix(1_795_371_696);

pub(super) fn page(town: Town) -> InventoryPage {
    let day = Duration::from_hours(24);
    let life = |name: &str, days: u32, mark| Life {
        names: town.name(name),
        href: "#file-1".into(),
        from: NOW.minus(day * 40),
        until: NOW.plus(day * days),
        mark,
    };
    let lives = vec![life("*.example.test", 50, Mark::Pass), life("sip.example.test", 4, Mark::Fail)];
    let file = FileRow {
        anchor: "file-1".into(),
        path: town.name("/etc/ssl/certs/nginx.crt"),
        used_by: "nginx".into(),
        names: town.name("*.example.test example.test"),
        issuer: town.name("R11, Let’s Encrypt; RSA 2048"),
        dates: "2026-10-16 to 2027-01-14".into(),
        mark: Mark::Pass,
        words: "50 days left".into(),
        key: town.name("uid 0, gid 0, mode 0640"),
        key_mark: Mark::Pass,
        served_at: "0.0.0.0:443".into(),
    };
    let listener = ListenerRow {
        address: "0.0.0.0:443".into(),
        names: town.name("*.example.test"),
        issuer: town.name("R11"),
        until: "2027-01-14".into(),
        mark: Mark::Fail,
        words: "expired 3 days ago".into(),
        file: town.name("/etc/ssl/certs/nginx.crt"),
        protocol: "TLS 1.3, 2 certificates".into(),
    };
    let tool = ToolRow {
        name: "dehydrated".into(),
        directory: "/etc/dehydrated/certs".into(),
        kept: town.name("pbx.example.test"),
        timers: town.name("/etc/cron.weekly/letsencrypt"),
    };
    let ending = Ending {
        names: town.name("sip.example.test"),
        place: town.name("served at 0.0.0.0:5061"),
        words: "4 days left".into(),
        mark: Mark::Fail,
    };
    InventoryPage {
        frame: town.frame("Every certificate", "certificates"),
        found: town.known(Found {
            age: "The agent’s look at this host, 2 minutes ago".into(),
            timeline: Timeline::draw(lives, NOW),
            ending: vec![ending],
            listeners: vec![listener],
            plain: "7".into(),
            files: vec![file],
            cut: false,
            tools: vec![tool],
        }),
    }
}
