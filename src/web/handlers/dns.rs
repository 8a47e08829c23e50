//! The page where names are proved: zones with their tests, and the list of credentials.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::acme::challenge::provider::{provider, providers};
use crate::base::chain::printable;
use crate::base::ids::DnsCredentialId;
use crate::base::names::Fqdn;
use crate::deeds::dns::{Approval, DnsActError};
use crate::store::dns::{CredentialRow, TestRow, Way, ZoneRow};
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::pages::dns::{CredentialView, DnsPage, ZoneForm, ZoneView};
use crate::web::parts::{Choice, Mark};
use crate::web::state::AppState;
use crate::web::{flash, routes, view};

/// How long the page waits for a test that was asked for; one that takes longer goes on without it.
const WAIT: Duration = Duration::from_secs(20);

/// The ways that are offered.
const WAYS: [Way; 5] = Way::ALL;

/// What the form that approves a zone sends.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct ApproveFields {
    #[serde(default)]
    zone: String,
    #[serde(default)]
    way: String,
    #[serde(default)]
    credential: String,
}

/// What a button about a zone sends.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct ZoneFields {
    #[serde(default)]
    zone: String,
}

/// The form as it comes back.
#[derive(Default)]
struct Refused {
    typed: ApproveFields,
    zone: Option<String>,
    way: Option<String>,
}

/// The page.
pub(crate) async fn get(State(app): State<AppState>, visit: Visit) -> Result<Response, PageError> {
    page(&app, &visit, Refused::default()).await
}

/// Approves a zone, or changes how its names are proved.
pub(crate) async fn approve(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(sent): Guarded<ApproveFields>,
) -> Result<Response, PageError> {
    let approval = match parse(&sent) {
        Ok(approval) => approval,
        Err(refused) => return again(&app, &visit, refused).await,
    };
    match app.deeds.approve_dns_zone(&visit.actor(), &approval).await {
        Ok(()) => {
            let words = format!("Names in {} may be ordered now", approval.zone);
            flash::done(&visit.session, words, routes::DNS).await
        }
        Err(DnsActError::Store(error)) => Err(error.into()),
        Err(error) => {
            let way = Some(format!("{error}"));
            again(&app, &visit, Refused { typed: sent, zone: None, way }).await
        }
    }
}

/// Takes a zone's approval away.
pub(crate) async fn remove(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(sent): Guarded<ZoneFields>,
) -> Result<Response, PageError> {
    let zone = Fqdn::parse(&sent.zone).map_err(|_| PageError::NotFound)?;
    match app.deeds.remove_dns_zone(&visit.actor(), &zone).await {
        Ok(()) => {
            let words = format!("Nothing is ordered or renewed in {zone} any more");
            flash::done(&visit.session, words, routes::DNS).await
        }
        Err(DnsActError::Store(error)) => Err(error.into()),
        Err(_) => Err(PageError::NotFound),
    }
}

/// Tests a zone; the page waits for a while.
pub(crate) async fn test(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(sent): Guarded<ZoneFields>,
) -> Result<Response, PageError> {
    let zone = Fqdn::parse(&sent.zone).map_err(|_| PageError::NotFound)?;
    let (deeds, issuing, actor, tested) = (app.deeds.clone(), app.issuing.clone(), visit.actor(), zone.clone());
    // On a task of its own: a visitor who goes away must not leave the record behind.
    let test = tokio::spawn(async move { deeds.test_dns_zone(&issuing, &actor, &tested).await });
    match tokio::time::timeout(WAIT, test).await {
        Err(_) => {
            let words = format!("The test of {zone} is still under way; look again in a minute");
            flash::done(&visit.session, words, routes::DNS).await
        }
        Ok(Ok(Ok(row))) if row.is_good == Some(true) => {
            flash::done(&visit.session, format!("{zone}: {}", row.words), routes::DNS).await
        }
        Ok(Ok(Ok(row))) => {
            let words = format!("{zone}: {}", printable(&row.words));
            flash::failed(&visit.session, words, routes::DNS).await
        }
        Ok(Ok(Err(DnsActError::Store(error)))) => Err(error.into()),
        Ok(Ok(Err(_))) => Err(PageError::NotFound),
        Ok(Err(_)) => flash::failed(&visit.session, format!("The test of {zone} broke off"), routes::DNS).await,
    }
}

fn parse(sent: &ApproveFields) -> Result<Approval, Refused> {
    let refused = |zone: Option<String>, way: Option<String>| Refused { typed: sent.clone(), zone, way };
    let zone = Fqdn::parse(&sent.zone).map_err(|error| refused(Some(error.to_string()), None))?;
    let way = Way::parse(&sent.way).filter(|way| WAYS.contains(way));
    let way = way.ok_or_else(|| refused(None, Some("Choose how names are proved.".to_owned())))?;
    let credential = match sent.credential.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|_| refused(None, Some("There is no such credential.".to_owned())))?),
    };
    // The list always has one chosen: where the way uses none, it does not count.
    Ok(Approval { zone, way, credential: credential.filter(|_| way.needs_credential()) })
}

async fn again(app: &AppState, visit: &Visit, refused: Refused) -> Result<Response, PageError> {
    let page = page(app, visit, refused).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn page(app: &AppState, visit: &Visit, refused: Refused) -> Result<Response, PageError> {
    let store = &app.deeds.store;
    let (rows, credentials, tests) =
        (store.dns_zones().await?, store.dns_credentials().await?, store.dns_tests().await?);
    draw(&DnsPage {
        frame: view::frame(app, visit, "Proving names", "certificates").await?,
        zones: zones(app, &rows, &credentials, &tests),
        approve: form(refused, &credentials),
        credentials: credentials.iter().map(credential_view).collect(),
        services: providers()
            .map(|provider| Choice {
                value: provider.id.to_owned(),
                label: provider.label.to_owned(),
                chosen: provider.id == "rfc2136",
            })
            .collect(),
    })
}

fn zones(app: &AppState, rows: &[ZoneRow], credentials: &[CredentialRow], tests: &[TestRow]) -> Vec<ZoneView> {
    let kept = rows.iter().map(|row| {
        let credential = row.credential.and_then(|id| credentials.iter().find(|one| one.id == id));
        let approved = format!("{} by {}", row.approved.minutes(), printable(&row.approved_by));
        let name = credential.map(|one| printable(&one.name)).unwrap_or_default();
        zone_view(&row.zone, (row.way.spoken().to_owned(), name), Some(approved), tests)
    });
    let of_file = app.issuing.zones.iter().filter(|zone| rows.iter().all(|row| row.zone != **zone));
    let of_file = of_file.map(|zone| {
        let way = (app.issuing.challenge.clone(), "[dns] of rampart.toml".to_owned());
        zone_view(zone, way, None, tests)
    });
    let mut all: Vec<ZoneView> = kept.chain(of_file).collect();
    all.sort_by(|one, other| one.zone.cmp(&other.zone));
    all
}

fn zone_view(
    zone: &Fqdn,
    (way, credential): (String, String),
    approved: Option<String>,
    tests: &[TestRow],
) -> ZoneView {
    let test = tests.iter().find(|test| test.zone == zone.as_str());
    let (mark, words) = match test {
        None => (Mark::NotTested, "never tested".to_owned()),
        Some(test) => {
            let mark = match test.is_good {
                Some(true) => Mark::Pass,
                Some(false) => Mark::Fail,
                None => Mark::Busy,
            };
            (mark, printable(&test.words))
        }
    };
    ZoneView {
        zone: zone.to_string(),
        way,
        credential,
        can_remove: approved.is_some(),
        approved: approved.unwrap_or_else(|| "in rampart.toml".to_owned()),
        mark,
        test: words,
        tested: test.map(|test| test.at.minutes()).unwrap_or_default(),
        can_test: true,
    }
}

fn form(refused: Refused, credentials: &[CredentialRow]) -> ZoneForm {
    let way = |way: &Way| Choice {
        value: way.word().to_owned(),
        label: way.spoken().to_owned(),
        chosen: way.word() == refused.typed.way,
    };
    let credential = |id: DnsCredentialId, label: String| {
        let value = id.to_string();
        Choice { chosen: value == refused.typed.credential, value, label }
    };
    let mut choices: Vec<Choice> = credentials
        .iter()
        .map(|one| credential(one.id, format!("{} ({})", printable(&one.name), service(&one.provider))))
        .collect();
    if choices.is_empty() {
        choices.push(Choice { value: String::new(), label: "none yet: add one first".to_owned(), chosen: true });
    }
    ZoneForm {
        ways: WAYS.iter().map(way).collect(),
        credentials: choices,
        zone: refused.typed.zone,
        zone_fault: refused.zone,
        way_fault: refused.way,
    }
}

fn credential_view(row: &CredentialRow) -> CredentialView {
    CredentialView {
        name: printable(&row.name),
        href: routes::dns_credential(row.id),
        service: service(&row.provider),
        zones: row.zones.clone(),
        changed: row.changed.minutes(),
        delete: row.zones.is_empty().then(|| routes::dns_credential_delete(row.id)),
    }
}

/// A service as pages name it.
pub(super) fn service(id: &str) -> String {
    provider(id).map_or_else(|| printable(id), |provider| provider.label.to_owned())
}
