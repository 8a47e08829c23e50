//! Upgrades: pending packages, security ones apart.

use axum::extract::State;
use axum::response::Response;

use crate::audit::finding::Wall;
use crate::audit::walls::Walls;
use crate::base::chain::printable;
use crate::base::clock::{Timestamp, spoken};
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::pages::upgrades::{FactRow, PackageGroup, PackageRow, UpgradesPage, UpgradesView};
use crate::web::parts::Mark;
use crate::web::state::AppState;
use crate::web::view;
use crate::wire::answer::PackageFacts;

/// A list of packages up to this length is shown at once.
const SHORT: usize = 15;

/// The page.
pub(crate) async fn get(State(app): State<AppState>, visit: Visit) -> Result<Response, PageError> {
    let walls = app.walls.borrow().clone();
    let now = app.deeds.clock.now();
    let facts = &walls.facts.packages;
    draw(&UpgradesPage {
        frame: view::frame(&app, &visit, Wall::Upgrades.title(), Wall::Upgrades.slug()).await?,
        head: view::wall_head(&walls, Wall::Upgrades, view::read_at(facts), now),
        findings: view::wall_findings(&walls, Wall::Upgrades),
        facts: view::known(facts).map(|(packages, _)| upgrades_view(packages, &walls, now)),
    })
}

fn upgrades_view(packages: &PackageFacts, walls: &Walls, now: Timestamp) -> UpgradesView {
    let pending = packages_by_archive(packages);
    let security = packages.pending.iter().filter(|package| package.security).count();
    let words = if pending.is_empty() {
        "Nothing is pending, as far as the package lists know.".to_owned()
    } else {
        format!("{security} from the security archive, {} in all.", packages.pending.len())
    };
    let commands = if pending.is_empty() { String::new() } else { "apt-get update\napt-get upgrade".to_owned() };
    UpgradesView {
        facts: fact_rows(packages, walls, now),
        words,
        pending,
        held_back: packages.held_back.iter().map(|name| printable(name)).collect(),
        commands,
    }
}

fn packages_by_archive(packages: &PackageFacts) -> Vec<PackageGroup> {
    let mut groups = Vec::new();
    for (security, one, many, mark) in [
        (true, "security update", "security updates", Mark::Fail),
        (false, "ordinary update", "ordinary updates", Mark::Plain),
    ] {
        let chosen = packages.pending.iter().filter(|package| package.security == security);
        let mut rows: Vec<PackageRow> = chosen
            .map(|package| PackageRow {
                name: printable(&package.name),
                installed: printable(&package.installed),
                candidate: printable(&package.candidate),
            })
            .collect();
        rows.sort_by(|one, other| one.name.cmp(&other.name));
        if !rows.is_empty() {
            let title = format!("{} {}", rows.len(), if rows.len() == 1 { one } else { many });
            groups.push(PackageGroup { title, mark, open: rows.len() <= SHORT, rows });
        }
    }
    groups
}

fn fact_rows(packages: &PackageFacts, walls: &Walls, now: Timestamp) -> Vec<FactRow> {
    let plain = |name: &str, value: String| FactRow { name: name.to_owned(), value, mark: Mark::Plain };
    let lists = match packages.lists_fetched {
        Some(at) => {
            let age = now.since(at);
            let mark = if age.as_secs() > 86_400 { Mark::Fail } else { Mark::Pass };
            FactRow { name: "Package lists".to_owned(), value: format!("fetched {} ago", spoken(age)), mark }
        }
        None => FactRow {
            name: "Package lists".to_owned(),
            value: "never fetched: run apt-get update".to_owned(),
            mark: Mark::NotTested,
        },
    };
    let reboot = match &packages.reboot_wanted_by {
        Some(by) if by.is_empty() => FactRow { name: "Reboot".into(), value: "wanted".into(), mark: Mark::Fail },
        Some(by) => FactRow {
            name: "Reboot".into(),
            value: format!("wanted by {}", printable(&by.join(", "))),
            mark: Mark::Fail,
        },
        None => plain("Reboot", "nothing asks for one".to_owned()),
    };
    let automatic = if packages.unattended_installed { "installed" } else { "not installed" };
    let version = match view::known(&walls.facts.fusionpbx) {
        Ok((survey, _)) => survey.version.as_deref().map_or_else(|| "not recorded".to_owned(), printable),
        Err(reason) => format!("not tested: {reason}"),
    };
    vec![
        plain("Release", printable(&packages.release)),
        lists,
        reboot,
        plain("unattended-upgrades", automatic.to_owned()),
        plain("FusionPBX, as it recorded itself", version),
    ]
}
