//! Every certificate of the host, as the agent found it.

use axum::extract::State;
use axum::response::Response;

use crate::audit::checks::lifetime::{Left, left};
use crate::audit::finding::Wall;
use crate::base::chain::printable;
use crate::base::clock::{Timestamp, spoken};
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::pages::inventory::{Ending, FileRow, Found, InventoryPage, ListenerRow, ToolRow};
use crate::web::parts::Mark;
use crate::web::state::AppState;
use crate::web::timeline::{Life, Timeline};
use crate::web::view;
use crate::wire::answer::LeafFacts;
use crate::wire::inventory::{FoundCertificate, FoundFile, FoundKey, FoundListener, FoundTool, Inventory};

/// The page.
pub(crate) async fn get(State(app): State<AppState>, visit: Visit) -> Result<Response, PageError> {
    let walls = app.walls.borrow().clone();
    let now = app.deeds.clock.now();
    let found = view::known(&walls.facts.inventory).map(|(found, at)| table(found, (at, now)));
    draw(&InventoryPage {
        frame: view::frame(&app, &visit, "Every certificate", Wall::Certificates.slug()).await?,
        found: found.map_err(|reason| printable(&reason)),
    })
}

fn table(found: &Inventory, (at, now): (Timestamp, Timestamp)) -> Found {
    Found {
        age: format!("The agent's look at this host, {} ago", spoken(now.since(at))),
        timeline: Timeline::draw(lives(found, now), now),
        ending: ending(found, now),
        listeners: found.listeners.iter().map(|listener| listener_row(listener, found, now)).collect(),
        plain: found.plain.to_string(),
        files: found.files.iter().enumerate().map(|(nth, file)| file_row(nth, file, found, now)).collect(),
        cut: found.cut,
        tools: found.tools.iter().map(tool_row).collect(),
    }
}

fn names(leaf: &LeafFacts) -> String {
    if leaf.names.is_empty() { "no name".to_owned() } else { printable(&leaf.names.join(" ")) }
}

/// Each certificate once, however many files and listeners have it.
fn lives(found: &Inventory, now: Timestamp) -> Vec<Life> {
    let mut seen = std::collections::HashSet::new();
    let mut lives = Vec::new();
    let files = found.files.iter().enumerate();
    let of_files = files.filter_map(|(nth, file)| Some((file.content.as_ref().ok()?, anchor(nth))));
    let of_listeners = found.listeners.iter().map(|listener| (&listener.served, "listeners".to_owned()));
    for (certificate, anchor) in of_files.chain(of_listeners) {
        if seen.insert(&certificate.fingerprint) {
            lives.push(Life {
                names: names(&certificate.leaf),
                href: format!("#{anchor}"),
                from: certificate.leaf.not_before,
                until: certificate.leaf.not_after,
                mark: judged(certificate, now).0,
            });
        }
    }
    lives
}

fn ending(found: &Inventory, now: Timestamp) -> Vec<Ending> {
    let listeners =
        found.listeners.iter().map(|listener| (&listener.served, format!("served at {}", listener.listener)));
    let files = found.files.iter().filter_map(|file| Some((file.content.as_ref().ok()?, file.path.clone())));
    let mut all: Vec<(&LeafFacts, Ending)> = listeners
        .chain(files)
        .filter(|(certificate, _)| matches!(left(&certificate.leaf, now), Left::Expired | Left::Urgent | Left::Short))
        .map(|(certificate, place)| {
            let (mark, words) = judged(certificate, now);
            (&certificate.leaf, Ending { names: names(&certificate.leaf), place: printable(&place), words, mark })
        })
        .collect();
    all.sort_by_key(|(leaf, _)| leaf.not_after);
    all.into_iter().map(|(_, row)| row).take(50).collect()
}

fn judged(certificate: &FoundCertificate, now: Timestamp) -> (Mark, String) {
    let leaf = &certificate.leaf;
    let rest = || format!("{} left", spoken(leaf.not_after.since(now)));
    match left(leaf, now) {
        Left::NotYet => (Mark::Fail, "not valid yet".to_owned()),
        Left::Expired => (Mark::Fail, format!("expired {} ago", spoken(now.since(leaf.not_after)))),
        Left::Urgent => (Mark::Fail, rest()),
        Left::Short => (Mark::Accepted, rest()),
        Left::Enough if certificate.self_signed => (Mark::Plain, format!("self-signed, {}", rest())),
        Left::Enough => (Mark::Pass, rest()),
    }
}

fn listener_row(listener: &FoundListener, found: &Inventory, now: Timestamp) -> ListenerRow {
    let served = &listener.served;
    let (mark, words) = judged(served, now);
    let same = found
        .files
        .iter()
        .find(|file| file.content.as_ref().is_ok_and(|content| content.fingerprint == served.fingerprint));
    ListenerRow {
        address: listener.listener.clone(),
        names: names(&served.leaf),
        issuer: printable(&served.leaf.issuer),
        until: served.leaf.not_after.minutes(),
        mark,
        words,
        file: same.map_or_else(|| "none that was found".to_owned(), |file| file.path.clone()),
        protocol: format!("{}, {} certificates", listener.protocol, served.certificates),
    }
}

fn file_row(nth: usize, file: &FoundFile, found: &Inventory, now: Timestamp) -> FileRow {
    let content = file.content.as_ref();
    let (mark, words) = match content {
        Ok(content) => judged(content, now),
        Err(reason) => (Mark::NotTested, printable(reason)),
    };
    let served_at: Vec<&str> = found
        .listeners
        .iter()
        .filter(|listener| content.is_ok_and(|content| content.fingerprint == listener.served.fingerprint))
        .map(|listener| listener.listener.as_str())
        .collect();
    let (key_mark, key) = file.key.as_ref().map_or((Mark::Plain, "not known".to_owned()), key);
    let leaf = content.ok().map(|content| &content.leaf);
    FileRow {
        anchor: anchor(nth),
        path: file.path.clone(),
        used_by: file.used_by.join(", "),
        names: leaf.map(names).unwrap_or_default(),
        issuer: leaf.map(|leaf| format!("{}; {}", printable(&leaf.issuer), leaf.key)).unwrap_or_default(),
        dates: leaf
            .map(|leaf| format!("{} to {}", leaf.not_before.minutes(), leaf.not_after.minutes()))
            .unwrap_or_default(),
        mark,
        words,
        key,
        key_mark,
        served_at: if served_at.is_empty() { "nowhere without a name".to_owned() } else { served_at.join(" ") },
    }
}

fn key(own: &FoundKey) -> (Mark, String) {
    let who = format!("uid {}, gid {}, mode {:04o}", own.file.owner, own.group, own.file.mode);
    if !own.fits {
        return (Mark::Fail, format!("does not belong to this certificate ({who})"));
    }
    if own.file.mode & 0o007 != 0 {
        return (Mark::Fail, format!("everybody can read it ({who})"));
    }
    (Mark::Pass, who)
}

fn tool_row(tool: &FoundTool) -> ToolRow {
    ToolRow {
        name: tool.tool.to_string(),
        directory: tool.directory.clone(),
        kept: tool.kept.join(" "),
        timers: if tool.timers.is_empty() { "nothing that was found".to_owned() } else { tool.timers.join(" ") },
    }
}

fn anchor(nth: usize) -> String {
    format!("file-{}", nth + 1)
}
