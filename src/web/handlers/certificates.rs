//! Certificates: the account at the CA, what is served, what is covered, and asking for more.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use crate::acme::account::AccountError;
use crate::acme::chain::ISRG_ROOT_X1;
use crate::acme::renewal::Decision;
use crate::audit::finding::Wall;
use crate::audit::walls::Walls;
use crate::base::chain::{Chain, printable};
use crate::base::clock::{Timestamp, spoken};
use crate::base::ids::CertificateId;
use crate::base::names::{CertificateName, Fqdn, NameError};
use crate::base::role::Reach;
use crate::base::secret::Secret;
use crate::deeds::certificates::{Cover, NewCertificate, OrderError, RegisterError, joined, next_step};
use crate::deeds::step_up::StepUpError;
use crate::store::certificates::{CertificateRow as Row, Choices};
use crate::store::orders::OrderRow as Order;
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::handlers::coverage::{Covered, coverage};
use crate::web::handlers::draw;
use crate::web::handlers::order::order_state;
use crate::web::handlers::own_certificates;
use crate::web::handlers::sign_in::NoFields;
use crate::web::handlers::standing;
use crate::web::handlers::step_up::{self, Pending};
use crate::web::handlers::switch_certificate;
use crate::web::may::May;
use crate::web::pages::certificates::{
    Account, AccountForm, CertificateRow, CertificatesPage, Life, OrderForm, OrderRow, Served,
};
use crate::web::parts::{Choice, Mark};
use crate::web::state::AppState;
use crate::web::{flash, routes, session, view};
use crate::wire::grant::Consumer;
use crate::wire::request::KeyKind;

/// Orders on the page.
const ORDERS: u32 = 20;

/// Tenants that the order form offers to choose from.
const OFFERED: usize = 300;

/// What the address asks for.
#[derive(Default, Deserialize)]
pub(crate) struct CertificatesAsk {
    #[serde(default)]
    find: String,
    #[serde(default)]
    page: usize,
}

/// What the order form sends.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct OrderFields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    cover: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    ca: String,
    #[serde(default)]
    profile: String,
    #[serde(default)]
    chain: String,
    #[serde(default)]
    code: Option<Secret<String>>,
}

/// What the registration form sends.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct AccountFields {
    #[serde(default)]
    contact: String,
    #[serde(default)]
    terms: String,
}

/// A form that comes back: what was typed, and what is wrong with it.
#[derive(Default)]
struct Refused {
    order: OrderFields,
    name_fault: Option<String>,
    account: AccountFields,
    contact_fault: Option<String>,
    terms_fault: Option<String>,
}

/// The page.
pub(crate) async fn get(
    State(app): State<AppState>,
    visit: Visit,
    Query(ask): Query<CertificatesAsk>,
) -> Result<Response, PageError> {
    page(&app, &visit, &ask, Refused::default()).await
}

/// Registers with the CA.
pub(crate) async fn register(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(sent): Guarded<AccountFields>,
) -> Result<Response, PageError> {
    let refused = |contact_fault, terms_fault| Refused {
        account: sent.clone(),
        contact_fault,
        terms_fault,
        ..Refused::default()
    };
    if sent.terms != "agreed" {
        let fault = "The CA takes nobody who does not agree to its terms.".to_owned();
        return again(&app, &visit, refused(None, Some(fault))).await;
    }
    let contact = Some(sent.contact.trim()).filter(|contact| !contact.is_empty());
    match app.deeds.register_account(&app.issuing, &visit.actor(), contact).await {
        Ok(()) => flash::done(&visit.session, "The account is registered", routes::CERTIFICATES).await,
        Err(RegisterError::Store(error)) => Err(error.into()),
        Err(RegisterError::Account(error @ AccountError::Contact(_))) => {
            again(&app, &visit, refused(Some(error.to_string()), None)).await
        }
        Err(RegisterError::Account(error)) => {
            let fault = format!("The CA did not make an account: {}", Chain(&error));
            again(&app, &visit, refused(Some(fault), None)).await
        }
    }
}

/// Queues an order and shows its story.
pub(crate) async fn order(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(sent): Guarded<OrderFields>,
) -> Result<Response, PageError> {
    let refused = |fault: String| Refused { order: sent.clone(), name_fault: Some(fault), ..Refused::default() };
    let typed = sent.name.trim();
    let cover = match sent.cover.as_str() {
        "exact" => Cover::Exact,
        "listed" => Cover::Listed,
        _ => Cover::Wildcard,
    };
    let names = match names(typed, cover) {
        Ok(names) => names,
        Err(error) => return again(&app, &visit, refused(error.to_string())).await,
    };
    let wanted = NewCertificate {
        names,
        key: KeyKind::from_word(&sent.key).unwrap_or(KeyKind::Rsa2048),
        choices: Choices {
            directory_url: Some(sent.ca.clone()).filter(|url| !url.is_empty()),
            profile: Some(sent.profile.clone()).filter(|profile| !profile.is_empty()),
            chain_root: match sent.chain.as_str() {
                "own" => None,
                _ => Some(ISRG_ROOT_X1.to_owned()),
            },
        },
    };
    let step_up = step_up::brought(&visit, sent.code.as_ref())?;
    let has_code = step_up.code.is_some();
    match app.deeds.order(&app.issuing, &visit.actor(), &wanted, step_up).await {
        Ok(queued) => {
            if has_code {
                session::renew(&visit.session).await?;
            }
            app.look_again.notify_one();
            app.orders_wanted.notify_one();
            Ok(Redirect::to(&routes::order(queued.order)).into_response())
        }
        Err(OrderError::Store(error) | OrderError::StepUp(StepUpError::Store(error))) => Err(error.into()),
        Err(OrderError::StepUp(error)) => step_up::ask(&app, &visit, pending(&sent, &wanted.names), &error).await,
        Err(error) => again(&app, &visit, refused(error.to_string())).await,
    }
}

/// The names that were typed: one, which `cover` says more of, or several, which are taken as they are.
fn names(typed: &str, cover: Cover) -> Result<Vec<CertificateName>, NameError> {
    let words: Vec<&str> = typed.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    if words.len() < 2 && cover != Cover::Listed {
        return Ok(cover.names(&Fqdn::typed(typed.strip_prefix("*.").unwrap_or(typed))?));
    }
    let name = |word: &&str| match word.strip_prefix("*.") {
        Some(base) => Fqdn::typed(base).map(CertificateName::wildcard),
        None => Fqdn::typed(word).map(CertificateName::exact),
    };
    words.iter().map(name).collect()
}

/// What the operator is about to allow.
fn pending(sent: &OrderFields, names: &[CertificateName]) -> Pending<'static> {
    let names = joined(names);
    Pending {
        title: format!("Order a certificate for {names}"),
        plan: vec![
            format!("From now on the agent may make private keys for {names}, and for no other names by this order."),
            "It may have nginx serve what the CA signs for them: tested, reloaded, proved, or rolled back."
                .to_owned(),
            "So renewals need nobody. You can end this on the page Certificates.".to_owned(),
        ],
        action: routes::CERTIFICATE_ORDERS.to_owned(),
        fields: vec![
            ("name", sent.name.clone()),
            ("cover", sent.cover.clone()),
            ("key", sent.key.clone()),
            ("ca", sent.ca.clone()),
            ("profile", sent.profile.clone()),
            ("chain", sent.chain.clone()),
        ],
        button: "Allow this and order".to_owned(),
        secret: step_up::Typed::Nothing,
        back: (routes::CERTIFICATES, Wall::Certificates.slug()),
    }
}

/// Queues a renewal now.
pub(crate) async fn renew(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<CertificateId>,
    Guarded(NoFields {}): Guarded<NoFields>,
) -> Result<Response, PageError> {
    match app.deeds.renew(&app.issuing, &visit.actor(), &visit.reach, id).await {
        Ok(queued) => {
            app.orders_wanted.notify_one();
            Ok(Redirect::to(&routes::order(queued.order)).into_response())
        }
        Err(OrderError::Store(error)) => Err(error.into()),
        Err(OrderError::Unknown) => Err(PageError::NotFound),
        Err(error) => {
            // The words name other zones and hosts.
            let words = match visit.reach {
                Reach::Everything => error.to_string(),
                Reach::Domain(_) | Reach::Nothing => "It cannot be renewed now. An operator sees why.".to_owned(),
            };
            flash::failed(&visit.session, words, routes::CERTIFICATES).await
        }
    }
}

async fn again(app: &AppState, visit: &Visit, refused: Refused) -> Result<Response, PageError> {
    let page = page(app, visit, &CertificatesAsk::default(), refused).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn page(app: &AppState, visit: &Visit, ask: &CertificatesAsk, refused: Refused) -> Result<Response, PageError> {
    let store = &app.deeds.store;
    let walls = app.walls.borrow().clone();
    let now = app.deeds.clock.now();
    let rows = store.certificates(&visit.reach).await?;
    let orders = store.orders(&visit.reach, ORDERS).await?;
    let certificates = rows.iter().map(|row| certificate_row(row, &walls, (visit, now))).collect();
    let orders = orders.iter().map(|order| order_row(order, &rows)).collect();
    match &visit.reach {
        Reach::Everything => {}
        Reach::Domain(domain) => return own_certificates::page(app, visit, domain, certificates, orders).await,
        Reach::Nothing => return Err(PageError::NotFound),
    }
    let tenants = tenants(&walls);
    let order = if visit.may(May::OrderCertificate) {
        Some(order_form(app, &rows, tenants.as_deref().unwrap_or_default(), &refused, now).await?)
    } else {
        None
    };
    draw(&CertificatesPage {
        frame: view::frame(app, visit, Wall::Certificates.title(), Wall::Certificates.slug()).await?,
        head: view::wall_head(&walls, Wall::Certificates, view::read_at(&walls.facts.served), now),
        certificates: Ok(certificates),
        account: account(app, visit, &refused).await?,
        order,
        orders,
        standing: visit.may(May::SeeWalls).then(|| standing::rows(&walls)),
        may_end: visit.may(May::OrderCertificate),
        coverage: tenants.map(|tenants| {
            let mut coverage = coverage(tenants, &rows, (&ask.find, ask.page), now);
            coverage.rows.iter_mut().for_each(|row| row.can_order &= visit.may(May::OrderCertificate));
            coverage
        }),
        findings: view::wall_findings(&walls, Wall::Certificates),
    })
}

/// The tenants of the last survey.
pub(super) fn tenants(walls: &Walls) -> Result<&[String], String> {
    let (survey, _) = view::known(&walls.facts.fusionpbx)?;
    survey.tenants.as_deref().map_err(Clone::clone)
}

async fn account(app: &AppState, visit: &Visit, refused: &Refused) -> Result<Account, PageError> {
    let directory = app.issuing.ca.directory_url().to_owned();
    let stored = app.deeds.store.account_at(&directory).await?;
    Ok(match stored {
        Some(stored) => {
            let contact = if stored.contact.is_empty() { "without a contact" } else { &stored.contact };
            let words = format!("registered {} ({})", stored.created.minutes(), printable(contact));
            Account { directory, mark: Mark::Pass, words, form: None }
        }
        None => Account {
            directory,
            mark: Mark::NotTested,
            words: "no account yet".to_owned(),
            form: visit.may(May::RegisterAtCa).then(|| AccountForm {
                contact: refused.account.contact.clone(),
                contact_fault: refused.contact_fault.clone(),
                terms: String::new(),
                terms_fault: refused.terms_fault.clone(),
            }),
        },
    })
}

async fn order_form(
    app: &AppState,
    rows: &[Row],
    tenants: &[String],
    refused: &Refused,
    now: Timestamp,
) -> Result<Result<OrderForm, String>, PageError> {
    let proving = app.deeds.proving(&app.issuing).await?;
    if let Err(reason) = &proving.solver {
        return Ok(Err(reason.clone()));
    }
    if app.deeds.store.account_at(app.issuing.ca.directory_url()).await?.is_none() {
        return Ok(Err("there is no account at the CA yet; register one first".to_owned()));
    }
    let covered = Covered::by(rows, now);
    let parsed = tenants.iter().filter_map(|tenant| Fqdn::parse(tenant).ok());
    let mut offered: Vec<(bool, String)> = parsed
        .filter(|tenant| proving.is_approved(tenant))
        .map(|tenant| (covered.has(&tenant), tenant.to_string()))
        .collect();
    offered.sort();
    offered.truncate(OFFERED);
    let choice = |value: &str, label: &str, chosen: &str, first: bool| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        chosen: chosen == value || (chosen.is_empty() && first),
    };
    let (cover, key) = (refused.order.cover.as_str(), refused.order.key.as_str());
    Ok(Ok(OrderForm {
        tenants: offered.into_iter().map(|(_, name)| name).collect(),
        name: refused.order.name.clone(),
        name_fault: refused.name_fault.clone(),
        covers: vec![
            choice("wildcard", "*.name and name", cover, true),
            choice("exact", "the name alone", cover, false),
        ],
        keys: KeyKind::ALL
            .iter()
            .enumerate()
            .map(|(nth, kind)| choice(kind.word(), kind.spoken(), key, nth == 0))
            .collect(),
        key_why:
            "RSA 2048 is what every desk phone accepts; ECDSA is smaller and faster where no old phone connects."
                .to_owned(),
        cas: cas(app, &refused.order.ca).await?,
        profile: refused.order.profile.clone(),
        chains: vec![
            choice("x1", "to ISRG Root X1, which old phones know", &refused.order.chain, true),
            choice("own", "as the CA recommends it", &refused.order.chain, false),
        ],
        challenge: match &app.issuing.solver {
            Ok(_) => app.issuing.challenge.clone(),
            Err(_) => "Proved as its zone says on the page Proving names.".to_owned(),
        },
    }))
}

/// The CAs with an account in use.
async fn cas(app: &AppState, typed: &str) -> Result<Vec<Choice>, PageError> {
    let accounts = app.deeds.store.accounts().await?.into_iter().filter(|account| account.ended.is_none());
    let own = app.issuing.ca.directory_url();
    Ok(accounts
        .map(|account| Choice {
            chosen: account.directory_url == typed || (typed.is_empty() && account.directory_url == own),
            label: account.directory_url.clone(),
            value: account.directory_url,
        })
        .collect())
}

fn order_row(order: &Order, rows: &[Row]) -> OrderRow {
    let (mark, state) = order_state(order);
    let names = rows.iter().find(|row| row.id == order.certificate).map(|row| joined(&row.names));
    OrderRow {
        href: routes::order(order.id),
        names: names.unwrap_or_default(),
        mark,
        state: state.to_owned(),
        at: order.created.minutes(),
        by: printable(&order.asked_by),
    }
}

fn certificate_row(row: &Row, walls: &Walls, (visit, now): (&Visit, Timestamp)) -> CertificateRow {
    let in_force = row.in_force.as_ref();
    let minutes = |at: Option<Timestamp>| at.map_or_else(|| "\u{2013}".to_owned(), Timestamp::minutes);
    let serial = in_force.map(|in_force| printable(&in_force.serial)).unwrap_or_default();
    let (left, mark) = match in_force {
        Some(in_force) if in_force.not_after <= now => ("expired".to_owned(), Mark::Fail),
        Some(in_force) => {
            let left = in_force.not_after.since(now);
            let life = in_force.not_after.since(in_force.not_before);
            // Past the point where it should have been renewed with room to spare.
            let is_late = left.as_secs() < life.as_secs() / 5;
            (format!("{} left", spoken(left)), if is_late { Mark::Fail } else { Mark::Pass })
        }
        None => ("not deployed yet".to_owned(), Mark::NotTested),
    };
    let (renewal, renewal_why) = renewal(row, now);
    CertificateRow {
        id: row.id.to_string(),
        names: row.names.iter().map(ToString::to_string).collect(),
        issuer: in_force.map(|in_force| printable(&in_force.issuer)).unwrap_or_default(),
        serial_short: short(&serial),
        serial,
        key: row.key.spoken().to_owned(),
        from: minutes(in_force.map(|in_force| in_force.not_before)),
        until: minutes(in_force.map(|in_force| in_force.not_after)),
        left,
        mark,
        life: life(row, now),
        generation: in_force.map(|in_force| in_force.generation.0.to_string()).unwrap_or_default(),
        served: served(row, walls, &visit.reach),
        renewal,
        renewal_why: renewal_why.to_owned(),
        failure: match (&row.last_failure, &visit.reach) {
            (None, _) => String::new(),
            (Some(words), Reach::Everything) => printable(words),
            // The words may be the host's, and name anyone.
            (Some(_), _) => "The last attempt failed; its order says where.".to_owned(),
        },
        can_renew: visit.may(May::RenewCertificate),
    }
}

/// When the renewal job will act, and why then.
fn renewal(row: &Row, now: Timestamp) -> (String, &'static str) {
    let when = match next_step(row, now) {
        None => return ("after its first order".to_owned(), ""),
        Some(Decision::Wait { until }) => until.minutes(),
        Some(Decision::Renew { .. } | Decision::RenewUrgently { .. }) => "within a minute".to_owned(),
    };
    let why = match row.failures {
        0 if row.window.is_some() => "a moment in the window that the CA suggests (ARI)",
        0 => "with a third of its life left, or half of a life below ten days",
        _ => "a retry after failures, further apart each time",
    };
    (when, why)
}

/// `0a1b2c…9f`.
pub(super) fn short(serial: &str) -> String {
    match (serial.get(..6), serial.get(serial.len().saturating_sub(4)..)) {
        (Some(front), Some(back)) if serial.len() > 12 => format!("{front}\u{2026}{back}"),
        _ => serial.to_owned(),
    }
}

fn life(row: &Row, now: Timestamp) -> Life {
    let Some(in_force) = &row.in_force else { return Life { spent: 0, renewal: 0 } };
    let whole = in_force.not_after.since(in_force.not_before).as_secs().max(1);
    let share = |at: Timestamp| {
        let spent = at.since(in_force.not_before).as_secs().saturating_mul(100) / whole;
        u8::try_from(spent.min(100)).unwrap_or(100)
    };
    let renewal = match next_step(row, now) {
        Some(Decision::Wait { until }) => share(until),
        _ => share(now),
    };
    Life { spent: share(now), renewal }
}

/// What the last look saw on each listener for this certificate's names.
fn served(row: &Row, walls: &Walls, reach: &Reach) -> Vec<Served> {
    let Some(in_force) = &row.in_force else { return Vec::new() };
    if row.consumer == Consumer::FreeSwitch {
        return switch_certificate::served(in_force, walls);
    }
    let Ok((facts, _)) = view::known(&walls.facts.served) else { return Vec::new() };
    let own = facts
        .handshakes
        .iter()
        .filter(|seen| Fqdn::parse(&seen.name).is_ok_and(|name| row.names.iter().any(|own| own.covers(&name))))
        // A wildcard covers names below, which may be another tenant's.
        .filter(|seen| reach.base().is_none_or(|base| seen.name.eq_ignore_ascii_case(base)));
    let mut rows: Vec<Served> = Vec::new();
    for seen in own {
        let (mark, words) = match &seen.outcome {
            Ok(leaf) if leaf.serial == in_force.serial => (Mark::Pass, "the same".to_owned()),
            Ok(leaf) => (Mark::Fail, format!("another: {}", short(&leaf.serial))),
            Err(reason) => (Mark::NotTested, printable(reason)),
        };
        if !rows.iter().any(|row| row.listener == seen.listener && row.words == words) {
            rows.push(Served { listener: seen.listener.clone(), mark, words });
        }
    }
    rows
}
