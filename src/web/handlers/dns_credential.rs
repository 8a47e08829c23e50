//! One credential for a DNS service: the form, new or kept, and what it sends.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use crate::acme::challenge::provider::{Field, Kind, Provider, provider};
use crate::base::ids::DnsCredentialId;
use crate::deeds::dns::DnsActError;
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::handlers::sign_in::NoFields;
use crate::web::pages::dns::{CredentialPage, FieldView};
use crate::web::parts::Choice;
use crate::web::state::AppState;
use crate::web::{flash, routes, view};

/// How a service's own fields are called in the form.
const FIELD: &str = "field-";

/// Which service a new credential is for.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct NewQuery {
    #[serde(default)]
    service: String,
}

/// What the page shows beside the service's fields.
#[derive(Default)]
struct Shown {
    /// `None` for a new one.
    kept: Option<DnsCredentialId>,
    name: String,
    name_fault: Option<String>,
    values: BTreeMap<String, String>,
    faults: Vec<(String, String)>,
}

/// The form for a new one.
pub(crate) async fn new(
    State(app): State<AppState>,
    visit: Visit,
    Query(query): Query<NewQuery>,
) -> Result<Response, PageError> {
    if query.service.is_empty() {
        // The service is chosen there.
        return Ok(Redirect::to(routes::DNS).into_response());
    }
    let provider = provider(&query.service).ok_or(PageError::NotFound)?;
    page(&app, &visit, provider, &Shown::default()).await
}

/// Keeps a new one.
pub(crate) async fn add(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(sent): Guarded<BTreeMap<String, String>>,
) -> Result<Response, PageError> {
    let word = |key: &str| sent.get(key).cloned().unwrap_or_default();
    let provider = provider(&word("service")).ok_or(PageError::NotFound)?;
    let name = word("name");
    match app.deeds.add_dns_credential(&visit.actor(), &name, provider.id, fields(&sent)).await {
        Ok(_) => flash::done(&visit.session, "The credential is kept", routes::DNS).await,
        Err(error) => again(&app, &visit, provider, (None, &sent), error).await,
    }
}

/// The form for a kept one.
pub(crate) async fn get(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<DnsCredentialId>,
) -> Result<Response, PageError> {
    let rows = app.deeds.store.dns_credentials().await?;
    let row = rows.into_iter().find(|row| row.id == id).ok_or(PageError::NotFound)?;
    let provider = provider(&row.provider).ok_or(PageError::NotFound)?;
    let shown = Shown { kept: Some(id), name: row.name, values: row.settings, ..Shown::default() };
    page(&app, &visit, provider, &shown).await
}

/// Changes a kept one.
pub(crate) async fn change(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<DnsCredentialId>,
    Guarded(sent): Guarded<BTreeMap<String, String>>,
) -> Result<Response, PageError> {
    let rows = app.deeds.store.dns_credentials().await?;
    let row = rows.into_iter().find(|row| row.id == id).ok_or(PageError::NotFound)?;
    let provider = provider(&row.provider).ok_or(PageError::NotFound)?;
    let name = sent.get("name").cloned().unwrap_or_default();
    match app.deeds.change_dns_credential(&visit.actor(), id, &name, fields(&sent)).await {
        Ok(()) => flash::done(&visit.session, "The credential is changed", routes::DNS).await,
        Err(error) => again(&app, &visit, provider, (Some(id), &sent), error).await,
    }
}

/// Forgets one.
pub(crate) async fn delete(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<DnsCredentialId>,
    Guarded(NoFields {}): Guarded<NoFields>,
) -> Result<Response, PageError> {
    match app.deeds.delete_dns_credential(&visit.actor(), id).await {
        Ok(()) => flash::done(&visit.session, "The credential is deleted", routes::DNS).await,
        Err(DnsActError::Store(error)) => Err(error.into()),
        Err(DnsActError::InUse) => {
            flash::failed(&visit.session, "Nothing was deleted: zones still use it.", routes::DNS).await
        }
        Err(_) => Err(PageError::NotFound),
    }
}

/// The service's own fields as they were sent.
fn fields(sent: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let own = sent.iter().filter_map(|(key, value)| Some((key.strip_prefix(FIELD)?, value)));
    own.map(|(key, value)| (key.to_owned(), value.clone())).collect()
}

async fn again(
    app: &AppState,
    visit: &Visit,
    provider: &'static Provider,
    (kept, sent): (Option<DnsCredentialId>, &BTreeMap<String, String>),
    error: DnsActError,
) -> Result<Response, PageError> {
    let name = sent.get("name").cloned().unwrap_or_default();
    let mut shown = Shown { kept, name, values: fields(sent).into_iter().collect(), ..Shown::default() };
    match error {
        DnsActError::Store(error) => return Err(error.into()),
        DnsActError::Unknown | DnsActError::NoService => return Err(PageError::NotFound),
        DnsActError::Fields(faults) => {
            shown.faults = faults.into_iter().map(|fault| (fault.key.to_owned(), fault.words)).collect();
        }
        other => shown.name_fault = Some(other.to_string()),
    }
    let page = page(app, visit, provider, &shown).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn page(
    app: &AppState,
    visit: &Visit,
    provider: &'static Provider,
    shown: &Shown,
) -> Result<Response, PageError> {
    let title = format!("A credential for {}", provider.label);
    draw(&CredentialPage {
        frame: view::frame(app, visit, &title, "certificates").await?,
        title,
        action: shown.kept.map_or_else(|| routes::DNS_CREDENTIALS.to_owned(), routes::dns_credential),
        service: if shown.kept.is_some() { String::new() } else { provider.id.to_owned() },
        name: shown.name.clone(),
        name_fault: shown.name_fault.clone(),
        fields: provider.fields.iter().map(|field| field_view(field, shown)).collect(),
        holds_one_value: provider.holds_one_value,
        is_kept: shown.kept.is_some(),
    })
}

fn field_view(field: &Field, shown: &Shown) -> FieldView {
    let typed = shown.values.get(field.key).cloned().unwrap_or_default();
    let choices = match field.kind {
        Kind::Choice(of) => {
            let choice =
                |one: &&str| Choice { value: (*one).to_owned(), label: (*one).to_owned(), chosen: *one == typed };
            of.iter().map(choice).collect()
        }
        _ => Vec::new(),
    };
    FieldView {
        name: format!("{FIELD}{}", field.key),
        label: field.label.to_owned(),
        value: if field.kind.is_secret() { String::new() } else { typed },
        hint: field.hint.to_owned(),
        is_needed: field.is_needed,
        is_secret: field.kind.is_secret(),
        has_lines: field.kind == Kind::Lines,
        choices,
        fault: shown.faults.iter().find(|(key, _)| key == field.key).map(|(_, words)| words.clone()),
    }
}
