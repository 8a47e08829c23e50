//! New secrets: choosing for what, the plan, and beginning it.

use std::net::IpAddr;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::base::chain::{Chain, printable};
use crate::base::ids::TenantId;
use crate::deeds::rotation::phones::{Registered, phones};
use crate::deeds::rotation::{Draft, Item, MOST_IN_BATCH, RotationError, places};
use crate::fusionpbx::rotation::{PlannedSecret, SecretKind, Target};
use crate::fusionpbx::tenants::TenantsWanted;
use crate::policy::fresh::Recipe;
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::handlers::passwords::read_only;
use crate::web::pages::rotate::{EarlierRotation, PlanRow, RotateAsk, RotatePage, RotatePlan};
use crate::web::parts::{Choice, Mark};
use crate::web::state::AppState;
use crate::web::{flash, routes, view};
use crate::wire::jails::MOST_MINUTES;
use crate::wire::switch::Source;

/// Tenants that the form offers to pick from.
const OFFERED: u16 = 200;

/// How many at once, unless somebody says otherwise.
const SIZE: &str = "20";

/// Earlier rotations on the page.
const EARLIER: u32 = 20;

/// From so many devices behind one address on, a jail's ban is an office's.
const OFFICE: u64 = 3;

/// Addresses that a plan shows.
const SOURCES: usize = 20;

/// For how many minutes addresses that many share are let pass, unless somebody says otherwise.
const PASS: &str = "60";

/// What the address asks for, and what the form sends.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct RotateFields {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    tenant: String,
    #[serde(default)]
    places: String,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    size: String,
    #[serde(default)]
    pass: String,
}

/// What is wrong with what was asked for.
#[derive(Default)]
struct Faults {
    tenant: Option<String>,
    places: Option<String>,
    whole: Option<String>,
}

/// The page, with a plan if a tenant is named.
pub(crate) async fn get(
    State(app): State<AppState>,
    visit: Visit,
    Query(ask): Query<RotateFields>,
) -> Result<Response, PageError> {
    page(&app, &visit, &ask, None).await
}

/// Begins what the plan said, and does the first batch.
pub(crate) async fn post(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(sent): Guarded<RotateFields>,
) -> Result<Response, PageError> {
    let fusionpbx = match &app.fusionpbx {
        Ok(fusionpbx) => fusionpbx.clone(),
        Err(_) => return again(&app, &visit, &sent, StatusCode::SERVICE_UNAVAILABLE, None).await,
    };
    let Ok(size @ 1..=MOST_IN_BATCH) = sent.size.trim().parse::<usize>() else {
        let words = format!("How many at once is a number from 1 to {MOST_IN_BATCH}.");
        return again(&app, &visit, &sent, StatusCode::UNPROCESSABLE_ENTITY, Some(words)).await;
    };
    let Some(minutes) = minutes(&sent.pass) else {
        let words = format!("How long addresses are let pass is a number of minutes from 0 to {MOST_MINUTES}.");
        return again(&app, &visit, &sent, StatusCode::UNPROCESSABLE_ENTITY, Some(words)).await;
    };
    let Ok(targets) = targets(&app, &visit, &sent).await else {
        return again(&app, &visit, &sent, StatusCode::UNPROCESSABLE_ENTITY, None).await;
    };
    let plan = (targets.as_slice(), Some(sent.digest.as_str()));
    let begun = app.deeds.begin_rotation(&fusionpbx, &visit.actor(), &visit.reach, plan, size).await;
    let rotation = match begun {
        Ok(rotation) => rotation,
        Err(RotationError::Store(error)) => return Err(error.into()),
        Err(error) => {
            let words = format!("Nothing was changed: {}.", Chain(&error));
            return again(&app, &visit, &sent, StatusCode::CONFLICT, Some(words)).await;
        }
    };
    let first = app.deeds.store.batches_of(rotation).await?.into_iter().next().ok_or(PageError::NotFound)?;
    let to = routes::rotation(rotation);
    let passed = match super::rotation::let_pass(&app, &visit, first.id, minutes).await {
        Ok(words) => words,
        Err(words) => return flash::failed(&visit.session, format!("Nothing was changed yet: {words}"), &to).await,
    };
    match super::rotation::run_batch(&app, &visit, &fusionpbx, &first).await {
        Ok(words) => {
            let words = [words].into_iter().chain(passed).collect::<Vec<_>>().join(". ");
            flash::done(&visit.session, words, &to).await
        }
        Err(RotationError::Store(error)) => Err(error.into()),
        Err(error) => flash::failed(&visit.session, format!("Nothing was changed: {}.", Chain(&error)), &to).await,
    }
}

/// Minutes as typed; an empty field is none.
fn minutes(typed: &str) -> Option<u16> {
    match typed.trim() {
        "" => Some(0),
        typed => typed.parse().ok().filter(|minutes| *minutes <= MOST_MINUTES),
    }
}

async fn again(
    app: &AppState,
    visit: &Visit,
    sent: &RotateFields,
    status: StatusCode,
    fault: Option<String>,
) -> Result<Response, PageError> {
    Ok((status, page(app, visit, sent, fault).await?).into_response())
}

async fn page(
    app: &AppState,
    visit: &Visit,
    ask: &RotateFields,
    fault: Option<String>,
) -> Result<Response, PageError> {
    let mut faults = Faults { whole: fault, ..Faults::default() };
    let mut plan = None;
    if !ask.tenant.is_empty() {
        match targets(app, visit, ask).await {
            Err(found) => faults = Faults { whole: faults.whole.or(found.whole), ..found },
            Ok(targets) => match draft(app, visit, &targets).await {
                Ok(draft) => plan = Some(plan_view(app, ask, &draft).await),
                Err(words) => faults.whole = faults.whole.or(Some(words)),
            },
        }
    }
    let earlier = app.deeds.store.newest_rotations(EARLIER).await?;
    draw(&RotatePage {
        frame: view::frame(app, visit, "New secrets", "passwords").await?,
        ask: ask_view(ask, faults, tenant_names(app).await),
        plan,
        earlier: earlier
            .into_iter()
            .map(|one| EarlierRotation {
                href: routes::rotation(one.id),
                words: format!("Rotation {}", one.id),
                made: format!("{} by {}", one.made.minutes(), printable(&one.made_by)),
                state: format!("{} of {} batches done", one.ended, one.batches),
            })
            .collect(),
    })
}

async fn draft(app: &AppState, visit: &Visit, targets: &[Target]) -> Result<Draft, String> {
    let fusionpbx = app.fusionpbx.as_ref().map_err(Clone::clone)?;
    app.deeds.draft_rotation(fusionpbx, &visit.reach, targets).await.map_err(|error| format!("{}.", Chain(&error)))
}

/// The rows that the fields name.
async fn targets(app: &AppState, visit: &Visit, ask: &RotateFields) -> Result<Vec<Target>, Faults> {
    let of_tenant = |words: String| Faults { tenant: Some(words), ..Faults::default() };
    let whole = |words: String| Faults { whole: Some(words), ..Faults::default() };
    let fusionpbx = app.fusionpbx.as_ref().map_err(|reason| whole(reason.clone()))?;
    let kind = SecretKind::from_word(&ask.kind).unwrap_or(SecretKind::Extension);
    let places = places::parse(&ask.places).map_err(|words| Faults { places: Some(words), ..Faults::default() })?;
    let failed = |error: crate::fusionpbx::FusionPbxError| whole(format!("{}.", Chain(&error)));
    let called = fusionpbx.tenants_called(&ask.tenant).await.map_err(failed)?;
    let tenant = match called.as_slice() {
        [] => return Err(of_tenant("There is no enabled tenant of that name.".to_owned())),
        [tenant] => tenant.id,
        _ => return Err(of_tenant("More than one tenant has that name.".to_owned())),
    };
    let found = fusionpbx.find_secrets(&visit.reach, kind, tenant, &places).await.map_err(failed)?;
    if found.is_empty() {
        let words = format!("This tenant has no {} of that number.", kind.word());
        return Err(Faults { places: Some(words), ..Faults::default() });
    }
    Ok(found)
}

async fn tenant_names(app: &AppState) -> Vec<String> {
    let Ok(fusionpbx) = &app.fusionpbx else { return Vec::new() };
    let wanted = TenantsWanted { limit: OFFERED, ..TenantsWanted::default() };
    let page = fusionpbx.tenants(&wanted).await;
    page.map(|page| page.tenants.into_iter().map(|tenant| tenant.name).collect()).unwrap_or_default()
}

fn ask_view(ask: &RotateFields, faults: Faults, tenants: Vec<String>) -> RotateAsk {
    let choice = |kind: SecretKind| Choice {
        value: kind.word().to_owned(),
        label: many(kind).to_owned(),
        chosen: ask.kind == kind.word(),
    };
    RotateAsk {
        kinds: SecretKind::ALL.map(choice).to_vec(),
        tenant: ask.tenant.clone(),
        tenant_fault: faults.tenant,
        places: ask.places.clone(),
        places_fault: faults.places,
        tenants,
        fault: faults.whole,
    }
}

const fn many(kind: SecretKind) -> &'static str {
    match kind {
        SecretKind::Extension => "Extensions: SIP passwords",
        SecretKind::Mailbox => "Mailboxes: PINs",
        SecretKind::Device => "Devices: provisioning passwords",
    }
}

async fn plan_view(app: &AppState, ask: &RotateFields, draft: &Draft) -> RotatePlan {
    let items: Vec<Item> = draft.planned.iter().map(Item::from).collect();
    let (mut notes, mut sources, mut pass) = (Vec::new(), Vec::new(), None);
    if draft.missing > 0 {
        notes.push((Mark::NotTested, format!("{} of those asked for are gone.", draft.missing)));
    }
    if draft.planned.iter().any(|one| one.target.kind == SecretKind::Extension) {
        match app.deeds.registered(&app.issuing.agent, &items).await {
            Ok(registered) => {
                notes.extend(registered_notes(&registered));
                let usual = if offices(&registered).next().is_some() { PASS } else { "0" };
                let typed = if ask.pass.is_empty() { usual } else { &ask.pass };
                pass = (registered.devices > 0).then(|| typed.to_owned());
                sources = registered.sources.iter().take(SOURCES).map(source_row).collect();
            }
            Err(error) => notes.push((
                Mark::NotTested,
                format!("How many devices are registered with these now is not known: {}.", Chain(&error)),
            )),
        }
    }
    let walls = app.walls.borrow().clone();
    RotatePlan {
        title: title(&draft.planned),
        recipes: draft
            .recipes
            .iter()
            .map(|((tenant, kind), recipe)| recipe_words(draft, *tenant, *kind, *recipe))
            .collect(),
        notes,
        rows: draft.planned.iter().map(row).collect(),
        phones: phones(&items)
            .into_iter()
            .map(|(vendor, method, count)| (printable(&vendor), printable(&method), count.to_string()))
            .collect(),
        sources,
        pass,
        kind: SecretKind::from_word(&ask.kind).unwrap_or(SecretKind::Extension).word().to_owned(),
        tenant: ask.tenant.clone(),
        places: ask.places.clone(),
        digest: draft.digest.clone(),
        size: if ask.size.is_empty() { SIZE.to_owned() } else { ask.size.clone() },
        refusal: read_only(&walls).map(|why| why.reason),
    }
}

fn title(planned: &[PlannedSecret]) -> String {
    let kind = planned.first().map_or(SecretKind::Extension, |one| one.target.kind);
    let tenant = planned.first().map(|one| printable(&one.tenant.name)).unwrap_or_default();
    match (planned.len(), kind) {
        (1, kind) => format!("One {} of {tenant} gets a new secret", kind.word()),
        (count, SecretKind::Mailbox) => format!("{count} mailboxes of {tenant} get new secrets"),
        (count, kind) => format!("{count} {}s of {tenant} get new secrets", kind.word()),
    }
}

fn recipe_words(draft: &Draft, tenant: TenantId, kind: SecretKind, recipe: Recipe) -> String {
    let name = draft.planned.iter().find(|one| one.tenant.id == tenant).map(|one| printable(&one.tenant.name));
    let letters = match recipe.strength.number() {
        1 => "digits",
        2 => "digits and lower case letters",
        3 => "digits and letters",
        _ => "digits, letters and special characters",
    };
    let source = match kind {
        SecretKind::Extension | SecretKind::Mailbox => "the policy in force for",
        SecretKind::Device => "the length that the policy sets for SIP passwords of",
    };
    format!("Each new one: {} {letters}, by {source} {}.", recipe.length, name.unwrap_or_default())
}

fn registered_notes(registered: &Registered) -> Vec<(Mark, String)> {
    let mut notes = Vec::new();
    notes.push((
        Mark::Plain,
        match registered.devices {
            0 => "No device is registered with these now.".to_owned(),
            1 => "One device is registered with these now; it stays so until it registers again.".to_owned(),
            count => {
                format!("{count} devices are registered with these now; they stay so until they register again.")
            }
        },
    ));
    let offices: Vec<String> =
        offices(registered).map(|(address, source)| format!("{address} ({})", source.all)).collect();
    if !offices.is_empty() {
        notes.push((
            Mark::Fail,
            format!(
                "Many devices share an address: {}. Phones there that still try the former secret get all of them banned, \
                 by the SIP jails or by event guard.",
                offices.join(", ")
            ),
        ));
    }
    if registered.cut || registered.sources.len() > SOURCES {
        notes.push((Mark::NotTested, "They come from more addresses than are shown.".to_owned()));
    }
    notes
}

/// Addresses that so many devices share that a jail's ban is an office's.
fn offices(registered: &Registered) -> impl Iterator<Item = (IpAddr, &Source)> {
    let office = |source: &'_ Source| source.all >= OFFICE;
    registered.sources.iter().filter(move |source| office(source)).filter_map(|one| Some((one.address?, one)))
}

fn source_row(source: &Source) -> (String, String, String) {
    let address = source.address.map_or_else(|| "not told by the switch".to_owned(), |address| address.to_string());
    (address, source.asked.to_string(), source.all.to_string())
}

fn row(planned: &PlannedSecret) -> PlanRow {
    let phone = |line: &crate::fusionpbx::rotation::PhoneLine| {
        let phone = &line.phone;
        let name = if phone.address.is_empty() { "a phone without an address" } else { &phone.address };
        format!("{} line {}", printable(name), printable(&line.number))
    };
    let mut notes = Vec::new();
    if !planned.is_enabled {
        notes.push("switched off".to_owned());
    }
    match planned.lines_elsewhere {
        0 => {}
        1 => notes.push("one line at another server stays as it is".to_owned()),
        count => notes.push(format!("{count} lines at another server stay as they are")),
    }
    PlanRow {
        what: format!("{} {}", planned.target.kind.word(), printable(&planned.place)),
        tenant: printable(&planned.tenant.name),
        phones: planned.lines.iter().map(phone).collect(),
        note: notes.join("; "),
    }
}
