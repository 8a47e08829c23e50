//! Fills the view structs that pages share, from what was judged and what the session knows.

use crate::audit::facts::Source;
use crate::audit::finding::{Finding, Outcome, Wall};
use crate::audit::registry::{Verdict, WallVerdict};
use crate::audit::walls::Walls;
use crate::base::chain::printable;
use crate::base::clock::{Timestamp, spoken};
use crate::store::trail::Entry;
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::frame::{Flash, Frame, NavWall};
use crate::web::may::May;
use crate::web::parts::{EvidenceView, FindingGroup, FindingView, Link, Mark, RemedyView, TrailRow, Undo, WallHead};
use crate::web::state::AppState;
use crate::web::{assets, flash, routes};

/// The frame of a page that needs no session.
pub(super) fn bare_frame(app: &AppState) -> Frame {
    Frame {
        title: String::new(),
        slug: String::new(),
        operator: None,
        csrf: String::new(),
        flash: None,
        host: app.host.to_string(),
        home: routes::WALLS.to_owned(),
        sees_walls: false,
        manages_operators: false,
        walls: Vec::new(),
        facts_age: String::new(),
        demo: app.demo,
        assets: assets::addresses(),
    }
}

/// The frame of an operator's page; what is to be said once is taken out of the session.
pub(super) async fn frame(app: &AppState, visit: &Visit, title: &str, slug: &str) -> Result<Frame, PageError> {
    let walls = app.walls.borrow().clone();
    let said = flash::take(&visit.session).await?;
    Ok(Frame {
        title: title.to_owned(),
        slug: slug.to_owned(),
        operator: Some(visit.name.clone()),
        csrf: visit.csrf.clone(),
        flash: said.map(|said| Flash { mark: said.mark(), text: said.text().to_owned() }),
        home: visit.home().to_owned(),
        sees_walls: visit.may(May::SeeWalls),
        manages_operators: visit.may(May::ManageOperators),
        walls: if visit.may(May::SeeWalls) { walls.report.walls.iter().map(nav_wall).collect() } else { own_walls() },
        facts_age: if visit.may(May::SeeWalls) { facts_age(&walls, app.deeds.clock.now()) } else { String::new() },
        // The host's own name says nothing to a tenant, and is none of a tenant's business.
        host: visit.domain.as_ref().map_or_else(|| app.host.to_string(), |(_, name)| printable(name)),
        ..bare_frame(app)
    })
}

/// The walls of which a tenant has a part, without a verdict: that would be one on all tenants.
fn own_walls() -> Vec<NavWall> {
    let plain = |wall: Wall| NavWall {
        slug: wall.slug().to_owned(),
        title: wall.title().to_owned(),
        href: wall_path(wall),
        mark: Mark::Plain,
    };
    vec![plain(Wall::Passwords), plain(Wall::Certificates)]
}

/// When the oldest of the facts was read.
fn facts_age(walls: &Walls, now: Timestamp) -> String {
    let facts = &walls.facts;
    let times = [read_at(&facts.ssh), read_at(&facts.packages), read_at(&facts.served), read_at(&facts.fusionpbx)];
    match times.into_iter().flatten().min() {
        Some(at) => format!("looked {} ago", spoken(now.since(at))),
        None => "not looked yet".to_owned(),
    }
}

/// When a source was last tried.
pub(super) fn read_at<T>(source: &Source<T>) -> Option<Timestamp> {
    match source {
        Source::NotYet => None,
        Source::Known { at, .. } | Source::Unknown { at, .. } => Some(*at),
    }
}

/// The value of a source, or why there is none.
pub(super) fn known<T>(source: &Source<T>) -> Result<(&T, Timestamp), String> {
    match source {
        Source::NotYet => Err("nobody has looked yet; the first look is under way".to_owned()),
        Source::Unknown { reason, .. } => Err(reason.clone()),
        Source::Known { at, value } => Ok((value, *at)),
    }
}

fn nav_wall(verdict: &WallVerdict) -> NavWall {
    NavWall {
        slug: verdict.wall.slug().to_owned(),
        title: verdict.wall.title().to_owned(),
        href: wall_path(verdict.wall),
        mark: verdict_mark(verdict),
    }
}

/// A wall's page.
pub(super) fn wall_path(wall: Wall) -> String {
    format!("/{}", wall.slug())
}

/// How a wall is marked.
pub(super) fn verdict_mark(verdict: &WallVerdict) -> Mark {
    match verdict.verdict {
        Verdict::Breached | Verdict::Weak => Mark::Fail,
        Verdict::Unknown => Mark::NotTested,
        Verdict::Holds if verdict.accepted > 0 => Mark::Accepted,
        Verdict::Holds => Mark::Pass,
    }
}

/// `2 fail, 1 not tested`.
pub(super) fn verdict_words(verdict: &WallVerdict) -> String {
    let counts = [
        (verdict.failed, "fail"),
        (verdict.not_tested, "not tested"),
        (verdict.accepted, "accepted"),
        (verdict.passed, "pass"),
    ];
    let words: Vec<String> =
        counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if words.is_empty() { "nothing judged yet".to_owned() } else { words.join(", ") }
}

/// The top of a wall's page.
pub(super) fn wall_head(walls: &Walls, wall: Wall, read: Option<Timestamp>, now: Timestamp) -> WallHead {
    let verdict = walls.report.walls.iter().find(|verdict| verdict.wall == wall);
    WallHead {
        title: wall.title().to_owned(),
        guards: format!("{}.", wall.purpose()),
        mark: verdict.map_or(Mark::NotTested, verdict_mark),
        words: verdict.map_or_else(|| "nothing judged yet".to_owned(), verdict_words),
        age: read.map_or_else(|| "not looked yet".to_owned(), |at| format!("looked {} ago", spoken(now.since(at)))),
    }
}

const fn outcome_mark(outcome: Outcome) -> Mark {
    match outcome {
        Outcome::Pass => Mark::Pass,
        Outcome::Fail => Mark::Fail,
        Outcome::NotTested => Mark::NotTested,
        Outcome::Accepted => Mark::Accepted,
        Outcome::NotApplicable => Mark::Plain,
    }
}

/// The findings of one wall, failures first.
pub(super) fn wall_findings(walls: &Walls, wall: Wall) -> Vec<FindingView> {
    let mut findings: Vec<&Finding> = walls.report.of_wall(wall).collect();
    findings.sort_by_key(|finding| rank(finding.outcome));
    let numbered = findings.into_iter().enumerate();
    let on_its_own_page = |(number, finding): (usize, &Finding)| {
        let mut view = finding_view(finding, number);
        view.wall.clear();
        if let Some(remedy) =
            view.remedy.as_mut().filter(|_| finding.remedy.as_ref().is_some_and(|remedy| remedy.page == Some(wall)))
        {
            remedy.page = None;
        }
        view
    };
    numbered.map(on_its_own_page).collect()
}

const fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Fail => 0,
        Outcome::NotTested => 1,
        Outcome::Accepted => 2,
        Outcome::Pass => 3,
        Outcome::NotApplicable => 4,
    }
}

/// All findings by outcome, failures first and unfolded.
pub(super) fn finding_groups(walls: &Walls) -> Vec<FindingGroup> {
    let outcomes = [
        (Outcome::Fail, "fail"),
        (Outcome::NotTested, "not tested"),
        (Outcome::Accepted, "accepted"),
        (Outcome::Pass, "pass"),
        (Outcome::NotApplicable, "not applicable"),
    ];
    let mut groups = Vec::new();
    for (outcome, word) in outcomes {
        let numbered = walls.report.findings.iter().enumerate();
        let findings: Vec<FindingView> = numbered
            .filter(|(_, finding)| finding.outcome == outcome)
            .map(|(number, finding)| finding_view(finding, number))
            .collect();
        if !findings.is_empty() {
            groups.push(FindingGroup {
                mark: outcome_mark(outcome),
                title: format!("{} {word}", findings.len()),
                open: outcome == Outcome::Fail,
                findings,
            });
        }
    }
    groups
}

fn finding_view(finding: &Finding, number: usize) -> FindingView {
    FindingView {
        id: finding.id.to_string(),
        anchor: format!("finding-{number}"),
        wall: finding.wall.title().to_owned(),
        asset: printable(&finding.asset),
        mark: outcome_mark(finding.outcome),
        severity: finding.severity.word().to_owned(),
        title: printable(&finding.title),
        evidence: finding.evidence.iter().map(evidence_view).collect(),
        why: finding.why.clone(),
        remedy: finding.remedy.as_ref().map(|remedy| RemedyView {
            words: remedy.words.clone(),
            commands: remedy.commands.join("\n"),
            page: remedy.page.map(|page| Link { href: wall_path(page), words: format!("To {}", page.title()) }),
        }),
        reference: finding.reference.clone(),
    }
}

fn evidence_view(evidence: &crate::audit::finding::Evidence) -> EvidenceView {
    EvidenceView {
        source: evidence.source.clone(),
        at: evidence.at.minutes(),
        lines: evidence.lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n"),
    }
}

/// One entry of the trail, with its undo where the entry keeps an inverse that was not used yet and the visitor may use
/// it. A tenant is not shown from where others came.
pub(super) fn trail_row(entry: &Entry, visit: &Visit) -> TrailRow {
    let mark = match entry.outcome.as_str() {
        "done" => Mark::Pass,
        "open" => Mark::Busy,
        _ => Mark::Fail,
    };
    let outcome = match (&entry.reason, entry.undone_by) {
        (Some(reason), _) => format!("{}: {}", entry.outcome, printable(reason)),
        (None, Some(by)) => format!("undone by entry {by}"),
        (None, None) => entry.outcome.clone(),
    };
    let sees_address = visit.domain.is_none() || entry.actor == visit.name;
    let can_undo = visit.may(May::ChangePolicy)
        && entry.inverse.is_some()
        && entry.undone_by.is_none()
        && entry.outcome == "done";
    TrailRow {
        number: entry.id.to_string(),
        at: entry.opened.minutes(),
        who: printable(&entry.actor),
        from: entry.address.as_deref().filter(|_| sees_address).map(printable).unwrap_or_default(),
        what: printable(&format!("{} {}", act_words(&entry.act), entry.subject)),
        before: entry.before.as_deref().map(printable).unwrap_or_default(),
        after: entry.after.as_deref().map(printable).unwrap_or_default(),
        mark,
        outcome,
        undo: can_undo.then(|| Undo {
            action: routes::PASSWORD_UNDO.to_owned(),
            entry: entry.id.to_string(),
            label: format!("Put {} back", entry.before.as_deref().map_or("the former state".to_owned(), printable)),
        }),
    }
}

fn act_words(act: &str) -> &str {
    match act {
        "access.refused" => "was not let to",
        "session.sign-in" => "signed in:",
        "session.sign-out" => "signed out:",
        "operator.add" => "added the operator",
        "operator.invite" => "invited",
        "operator.invite-again" => "made another link for",
        "operator.accept" => "set a password for",
        "operator.role" => "changed the role of",
        "operator.disable" => "disabled",
        "operator.enable" => "enabled",
        "operator.end-sessions" => "ended every session of",
        "session.end" => "ended a session of",
        "session.end-others" => "ended all other sessions of",
        "session.forget-device" => "forgot a device of",
        "operator.password" => "changed the password of",
        "operator.reset" => "gave a new password to",
        "operator.offer-link" => "showed a setup link for",
        "policy.change" => "changed",
        "policy.undo" => "put back",
        "policy.preset" => "applied",
        "policy.drift" => "saw that someone else changed",
        "policy.as-left" => "saw as it had left it again:",
        "session.code" => "brought a code of the second factor:",
        "factor.begin" => "began a second factor for",
        "factor.enrol" => "put a second factor in force for",
        "factor.recovery" => "made new recovery codes for",
        "factor.forget" => "forgot the second factor of",
        "standing-order.place" => "let the agent keep",
        "switch.change" => "changed FreeSWITCH:",
        "switch.copy" => "changed FusionPBX's own copy:",
        "standing-order.end" => "ended the agent's keeping of",
        "certificate.account" => "made an account at",
        "certificate.order" => "ordered",
        "certificate.renew" => "renewed",
        other => other,
    }
}
