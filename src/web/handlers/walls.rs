//! The start page: all walls at once.

use axum::extract::State;
use axum::response::Response;

use crate::audit::registry::Report;
use crate::audit::score::score;
use crate::audit::walls::Walls;
use crate::base::clock::{Timestamp, spoken};
use crate::base::names::Fqdn;
use crate::store::certificates::CertificateRow;
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::fortress::{Fortress, RingSource};
use crate::web::handlers::certificates::tenants;
use crate::web::handlers::coverage::Covered;
use crate::web::handlers::draw;
use crate::web::handlers::sign_in::NoFields;
use crate::web::may::May;
use crate::web::pages::walls::{ExpiringRow, Score, ScoreLine, UncoveredCard, UpdatesCard, WallRow, WallsPage};
use crate::web::parts::{FindingGroup, Link, Mark};
use crate::web::state::AppState;
use crate::web::{flash, routes, view};

/// Tenants named in the card of those without a certificate.
const NAMED: usize = 5;

/// Certificates in the card of the next to expire.
const EXPIRING: usize = 5;

/// The page.
pub(crate) async fn get(State(app): State<AppState>, visit: Visit) -> Result<Response, PageError> {
    let walls = app.walls.borrow().clone();
    let now = app.deeds.clock.now();
    let certificates = app.deeds.store.certificates(&visit.reach).await?;
    let score = score_view(&walls.report);
    let groups = view::finding_groups(&walls);
    draw(&WallsPage {
        frame: view::frame(&app, &visit, "Walls", "walls").await?,
        may_look_again: visit.may(May::LookAgain),
        summary: summary(&walls.report),
        worst: worst(&groups),
        fortress: Fortress::draw(&rings(&walls.report), &score.value, "of 100"),
        walls: walls.report.walls.iter().map(wall_row).collect(),
        score,
        groups,
        expiring: Ok(expiring(&certificates, now)),
        updates: updates(&walls, now),
        uncovered: uncovered(&walls, &certificates, now),
    })
}

/// Asks the background for a fresh look; the page does not wait for it.
pub(crate) async fn look_again(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(NoFields {}): Guarded<NoFields>,
) -> Result<Response, PageError> {
    app.look_again.notify_one();
    let text = "Rampart looks again now. It takes a few seconds: then load this page once more.";
    flash::done(&visit.session, text, routes::WALLS).await
}

/// Findings stand worst first, and those that fail before all others.
fn worst(groups: &[FindingGroup]) -> Option<Link> {
    let worst = groups.first().filter(|group| group.mark == Mark::Fail)?.findings.first()?;
    Some(Link { href: format!("#{}", worst.anchor), words: worst.title.clone() })
}

fn summary(report: &Report) -> String {
    let failed: usize = report.walls.iter().map(|wall| wall.failed).sum();
    let unknown = report.walls.iter().filter(|wall| wall.passed + wall.failed == 0).count();
    let findings = match failed {
        0 => "No finding needs you".to_owned(),
        1 => "1 finding needs you".to_owned(),
        _ => format!("{failed} findings need you"),
    };
    match unknown {
        0 => format!("{findings}."),
        1 => format!("{findings}; 1 wall could not be tested."),
        _ => format!("{findings}; {unknown} walls could not be tested."),
    }
}

fn rings(report: &Report) -> Vec<RingSource> {
    let ring = |verdict| {
        let WallRow { title, href, mark, words } = wall_row(verdict);
        RingSource { title, href, mark, words, failing: u32::try_from(verdict.failed).unwrap_or(u32::MAX) }
    };
    report.walls.iter().map(ring).collect()
}

fn wall_row(verdict: &crate::audit::registry::WallVerdict) -> WallRow {
    WallRow {
        title: verdict.wall.title().to_owned(),
        href: view::wall_path(verdict.wall),
        mark: view::verdict_mark(verdict),
        words: view::verdict_words(verdict),
    }
}

fn score_view(report: &Report) -> Score {
    let score = score(report);
    let judged = report.walls.iter().filter(|wall| wall.passed + wall.failed + wall.accepted > 0).count();
    let working = score.working.iter().map(|row| ScoreLine {
        words: format!("{} ({}, {})", row.id, row.outcome.word(), row.findings),
        points: format!("{} of {}", row.earned, row.possible),
    });
    Score {
        value: if judged == 0 { "\u{2013}".to_owned() } else { score.points.to_string() },
        words: format!("of 100; judged on {judged} of {} walls", report.walls.len()),
        working: working.collect(),
    }
}

fn expiring(certificates: &[CertificateRow], now: Timestamp) -> Vec<ExpiringRow> {
    let mut rows: Vec<(Timestamp, ExpiringRow)> = certificates
        .iter()
        .filter_map(|row| {
            let in_force = row.in_force.as_ref()?;
            let left = in_force.not_after.since(now);
            let whole = in_force.not_after.since(in_force.not_before);
            let is_late = left.as_secs() < whole.as_secs() / 5;
            let shown = ExpiringRow {
                name: row.names.iter().min().map(ToString::to_string).unwrap_or_default(),
                left: if left.is_zero() { "expired".to_owned() } else { format!("in {}", spoken(left)) },
                on: in_force.not_after.minutes(),
                mark: if is_late { Mark::Fail } else { Mark::Pass },
            };
            Some((in_force.not_after, shown))
        })
        .collect();
    rows.sort_by_key(|(until, _)| *until);
    rows.into_iter().take(EXPIRING).map(|(_, row)| row).collect()
}

fn updates(walls: &Walls, now: Timestamp) -> Result<UpdatesCard, String> {
    let (packages, _) = view::known(&walls.facts.packages)?;
    let security = packages.pending.iter().filter(|package| package.security).count();
    let age = match packages.lists_fetched {
        Some(at) => format!("package lists fetched {} ago", spoken(now.since(at))),
        None => "package lists were never fetched".to_owned(),
    };
    Ok(UpdatesCard {
        security: u32::try_from(security).unwrap_or(u32::MAX),
        all: u32::try_from(packages.pending.len()).unwrap_or(u32::MAX),
        age,
        mark: if security > 0 { Mark::Fail } else { Mark::Pass },
    })
}

fn uncovered(walls: &Walls, certificates: &[CertificateRow], now: Timestamp) -> Result<UncoveredCard, String> {
    let tenants = tenants(walls)?;
    let covered = Covered::by(certificates, now);
    let without: Vec<&String> =
        tenants.iter().filter(|tenant| !Fqdn::parse(tenant).is_ok_and(|name| covered.has(&name))).collect();
    let others = without.len().saturating_sub(NAMED);
    Ok(UncoveredCard {
        without: u32::try_from(without.len()).unwrap_or(u32::MAX),
        all: u32::try_from(tenants.len()).unwrap_or(u32::MAX),
        first: without.iter().take(NAMED).map(|name| crate::base::chain::printable(name)).collect(),
        more: match others {
            0 => String::new(),
            1 => "and 1 other".to_owned(),
            _ => format!("and {others} others"),
        },
    })
}
