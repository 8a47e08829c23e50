//! FreeSWITCH's certificate: what is served, ordering one, and restarting profiles.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use crate::audit::finding::Wall;
use crate::audit::walls::Walls;
use crate::base::chain::printable;
use crate::base::names::CertificateName;
use crate::base::secret::Secret;
use crate::deeds::certificates::{OrderError, joined};
use crate::deeds::step_up::StepUpError;
use crate::deeds::switch_certificate::SwitchWish;
use crate::store::certificates::InForce;
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::handlers::certificates::{short, tenants};
use crate::web::handlers::step_up::{self, Pending};
use crate::web::handlers::{draw, switch_certificate_facts as facts};
use crate::web::may::May;
use crate::web::pages::certificates::Served;
use crate::web::pages::switch_certificate::{SwitchCertificatePage, SwitchOrderForm};
use crate::web::parts::{Choice, Mark};
use crate::web::state::AppState;
use crate::web::{flash, routes, session, view};
use crate::wire::request::KeyKind;
use crate::wire::switch::SwitchChange;
use crate::wire::switch_tls::ProfileName;

/// Names that the form offers at first.
const OFFERED: usize = 20;

/// What the forms send.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct SwitchFields {
    act: String,
    #[serde(default)]
    names: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    profile: String,
    #[serde(default)]
    drop: String,
    #[serde(default)]
    code: Option<Secret<String>>,
}

/// The page.
pub(crate) async fn get(State(app): State<AppState>, visit: Visit) -> Result<Response, PageError> {
    page(&app, &visit, None).await
}

/// Orders a certificate, or restarts a profile.
pub(crate) async fn post(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(sent): Guarded<SwitchFields>,
) -> Result<Response, PageError> {
    if sent.act == "restart" { restart(&app, &visit, &sent).await } else { order(&app, &visit, &sent).await }
}

async fn order(app: &AppState, visit: &Visit, sent: &SwitchFields) -> Result<Response, PageError> {
    let names: Result<Vec<CertificateName>, String> = sent
        .names
        .split_whitespace()
        .map(|text| CertificateName::parse(text).map_err(|error| format!("{text}: {error}")))
        .collect();
    let names = match names {
        Ok(names) => names,
        Err(fault) => return again(app, visit, (sent, fault)).await,
    };
    let wish = SwitchWish { names, key: KeyKind::from_word(&sent.key).unwrap_or(KeyKind::Rsa2048) };
    let brought = step_up::brought(visit, sent.code.as_ref())?;
    let has_code = brought.code.is_some();
    let (issuing, own) = (&app.issuing, app.names.names());
    match app.deeds.order_for_switch(issuing, &visit.actor(), (&wish, own), brought).await {
        Ok(queued) => {
            if has_code {
                session::renew(&visit.session).await?;
            }
            app.look_again.notify_one();
            app.orders_wanted.notify_one();
            Ok(Redirect::to(&routes::order(queued.order)).into_response())
        }
        Err(OrderError::Store(error) | OrderError::StepUp(StepUpError::Store(error))) => Err(error.into()),
        Err(OrderError::StepUp(error)) => step_up::ask(app, visit, pending_order(sent, &wish), &error).await,
        Err(error) => again(app, visit, (sent, error.to_string())).await,
    }
}

async fn restart(app: &AppState, visit: &Visit, sent: &SwitchFields) -> Result<Response, PageError> {
    let Ok(profile) = ProfileName::parse(&sent.profile) else { return Err(PageError::NotFound) };
    let change =
        SwitchChange::RestartProfiles { profiles: vec![profile.clone()], even_with_calls: sent.drop == "yes" };
    let brought = step_up::brought(visit, sent.code.as_ref())?;
    match app.deeds.change_switch(&app.issuing.agent, &app.fusionpbx, &visit.actor(), change, brought).await {
        Ok((changed, _)) => {
            session::renew(&visit.session).await?;
            app.look_again.notify_one();
            let notes = changed.notes.join(" ");
            let words = format!("{profile} was restarted and serves what lies on the disk. {}", printable(&notes));
            flash::done(&visit.session, words, routes::SWITCH_CERTIFICATE).await
        }
        Err(StepUpError::Store(error)) => Err(error.into()),
        Err(error) => {
            app.look_again.notify_one();
            step_up::ask(app, visit, pending_restart(app, sent, &profile), &error).await
        }
    }
}

fn pending_order(sent: &SwitchFields, wish: &SwitchWish) -> Pending<'static> {
    let names = joined(&wish.names);
    Pending {
        title: "Order a certificate for FreeSWITCH".to_owned(),
        plan: vec![
            format!("From now on the agent may make private keys for {names}, and for no other names by this order."),
            "It may put key and chain into FreeSWITCH's all.pem: checked, taken up with reloadcert, proved, or rolled back."
                .to_owned(),
            "Calls go on. Where a profile must restart to take it up, nothing is restarted without you.".to_owned(),
            "So renewals need nobody. You can end this on the page Certificates.".to_owned(),
        ],
        action: routes::SWITCH_CERTIFICATE.to_owned(),
        fields: vec![("act", "order".to_owned()), ("names", sent.names.clone()), ("key", sent.key.clone())],
        button: "Allow this and order".to_owned(),
        secret: step_up::Typed::Nothing,
        back: (routes::SWITCH_CERTIFICATE, Wall::Certificates.slug()),
    }
}

fn pending_restart(app: &AppState, sent: &SwitchFields, profile: &ProfileName) -> Pending<'static> {
    let walls = app.walls.borrow();
    let calls = facts::calls(&walls, profile);
    Pending {
        title: format!("Restart the SIP profile {profile}"),
        plan: vec![
            calls,
            if sent.drop == "yes" {
                "You allow that calls are dropped.".to_owned()
            } else {
                "The agent counts them anew, and restarts only if no call is up.".to_owned()
            },
            "all.pem must be fit to start with, else nothing is restarted: a profile that cannot read it stops altogether."
                .to_owned(),
            "Each of its TLS listeners must then serve all.pem's certificate; else the former file returns, if it is kept."
                .to_owned(),
        ],
        action: routes::SWITCH_CERTIFICATE.to_owned(),
        fields: vec![
            ("act", "restart".to_owned()),
            ("profile", profile.to_string()),
            ("drop", sent.drop.clone()),
        ],
        button: format!("Restart {profile} now"),
        secret: step_up::Typed::Nothing,
        back: (routes::SWITCH_CERTIFICATE, Wall::Certificates.slug()),
    }
}

async fn again(app: &AppState, visit: &Visit, refused: (&SwitchFields, String)) -> Result<Response, PageError> {
    let page = page(app, visit, Some(refused)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn page(
    app: &AppState,
    visit: &Visit,
    refused: Option<(&SwitchFields, String)>,
) -> Result<Response, PageError> {
    let walls = app.walls.borrow().clone();
    let may_change = visit.may(May::OrderCertificate);
    let tls = facts::tls(&walls);
    draw(&SwitchCertificatePage {
        frame: view::frame(app, visit, "FreeSWITCH's certificate", Wall::Certificates.slug()).await?,
        listeners: tls.as_ref().map(|(tls, _)| facts::listeners(tls)).unwrap_or_default(),
        pending: tls.as_ref().ok().and_then(|(tls, _)| tls.pending.as_deref()).map(printable).unwrap_or_default(),
        profiles: tls.as_ref().map(|(tls, _)| facts::profiles(tls)).unwrap_or_default(),
        facts: tls.map(|(tls, at)| facts::view(tls, at)).map_err(|reason| printable(&reason)),
        may_change,
        order: order_form(app, &walls, may_change, refused).await?,
    })
}

async fn order_form(
    app: &AppState,
    walls: &Walls,
    may_change: bool,
    refused: Option<(&SwitchFields, String)>,
) -> Result<Result<SwitchOrderForm, String>, PageError> {
    if !may_change {
        return Ok(Err("an operator orders certificates".to_owned()));
    }
    if let Err(reason) = &app.issuing.solver {
        return Ok(Err(reason.clone()));
    }
    if app.deeds.store.account_at(app.issuing.ca.directory_url()).await?.is_none() {
        return Ok(Err("there is no account at the CA yet; register one on the page Certificates".to_owned()));
    }
    let chosen = refused.as_ref().map_or(KeyKind::Rsa2048.word(), |(sent, _)| sent.key.as_str());
    let offered = tenants(walls).unwrap_or_default().iter().take(OFFERED).map(|name| printable(name));
    Ok(Ok(SwitchOrderForm {
        names: match &refused {
            Some((sent, _)) => sent.names.clone(),
            None => offered.collect::<Vec<_>>().join("\n"),
        },
        keys: [KeyKind::Rsa2048, KeyKind::EcdsaP256]
            .map(|kind| Choice {
                value: kind.word().to_owned(),
                label: kind.spoken().to_owned(),
                chosen: kind.word() == chosen,
            })
            .into(),
        fault: refused.map(|(_, fault)| printable(&fault)),
    }))
}

/// What FreeSWITCH's listeners served at the last look, against a certificate in force.
pub(super) fn served(in_force: &InForce, walls: &Walls) -> Vec<Served> {
    let Ok((tls, _)) = facts::tls(walls) else { return Vec::new() };
    let rows = tls.served.iter().map(|seen| {
        let (mark, words) = match &seen.outcome {
            Ok(leaf) if leaf.serial == in_force.serial => (Mark::Pass, "the same".to_owned()),
            Ok(leaf) => (Mark::Fail, format!("another: {}", short(&leaf.serial))),
            Err(reason) => (Mark::NotTested, printable(reason)),
        };
        Served { listener: seen.listener.clone(), mark, words }
    });
    rows.collect()
}
