//! Accounts at certificate authorities: another one, other contacts, another key, the end.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::acme::jws::Binding;
use crate::audit::finding::Wall;
use crate::base::chain::{Chain, printable};
use crate::base::ids::AccountId;
use crate::base::secret::Secret;
use crate::deeds::ca_accounts::{AccountChange, CaAccountError, NewCaAccount};
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::may::May;
use crate::web::pages::ca_accounts::{CaAccountForm, CaAccountRow, CaAccountsPage};
use crate::web::parts::Mark;
use crate::web::state::AppState;
use crate::web::{flash, routes, view};

/// What the forms send.
#[derive(Default, Deserialize)]
pub(crate) struct CaAccountFields {
    #[serde(default)]
    act: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    directory: String,
    #[serde(default)]
    contact: String,
    #[serde(default)]
    kid: String,
    #[serde(default)]
    key: Option<Secret<String>>,
    #[serde(default)]
    root: String,
    #[serde(default)]
    terms: String,
    #[serde(default)]
    sure: String,
}

/// The page.
pub(crate) async fn get(State(app): State<AppState>, visit: Visit) -> Result<Response, PageError> {
    page(&app, &visit, &CaAccountFields::default(), None).await
}

/// Changes an account, or makes one.
pub(crate) async fn post(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(sent): Guarded<CaAccountFields>,
) -> Result<Response, PageError> {
    let contact = Some(sent.contact.trim().to_owned()).filter(|contact| !contact.is_empty());
    let change = match sent.act.as_str() {
        "add" => return add(&app, &visit, &sent, contact).await,
        "contact" => AccountChange::Contact(contact),
        "key" => AccountChange::NewKey,
        "end" if sent.sure == "yes" => AccountChange::End,
        "end" => {
            let words = "The account was not ended: tick the box to say that you mean it";
            return flash::failed(&visit.session, words, routes::CA_ACCOUNTS).await;
        }
        _ => return Err(PageError::NotFound),
    };
    let id = sent.id.parse::<AccountId>().map_err(|_| PageError::NotFound)?;
    match app.deeds.change_ca_account(&app.issuing, &visit.actor(), id, &change).await {
        Ok(()) => {
            let words = match change {
                AccountChange::Contact(_) => "The CA has the contact",
                AccountChange::NewKey => "The account has another key",
                AccountChange::End => "The account is ended",
            };
            flash::done(&visit.session, words, routes::CA_ACCOUNTS).await
        }
        Err(CaAccountError::Unknown) => Err(PageError::NotFound),
        Err(CaAccountError::Store(error)) => Err(error.into()),
        Err(error) => {
            let words = printable(&Chain(&error).to_string());
            flash::failed(&visit.session, words, routes::CA_ACCOUNTS).await
        }
    }
}

async fn add(
    app: &AppState,
    visit: &Visit,
    sent: &CaAccountFields,
    contact: Option<String>,
) -> Result<Response, PageError> {
    if sent.terms != "agreed" {
        let fault = "The CA takes nobody who does not agree to its terms.".to_owned();
        return refused(app, visit, sent, fault).await;
    }
    let kid = sent.kid.trim().to_owned();
    let binding = sent.key.clone().filter(|_| !kid.is_empty()).map(|key| Binding { kid, key });
    let wanted = NewCaAccount {
        directory_url: sent.directory.clone(),
        root_pem: Some(sent.root.clone()).filter(|pem| !pem.trim().is_empty()),
        contact,
        binding,
    };
    match app.deeds.add_ca_account(&app.issuing, &visit.actor(), &wanted).await {
        Ok(()) => flash::done(&visit.session, "The account is registered", routes::CA_ACCOUNTS).await,
        Err(CaAccountError::Store(error)) => Err(error.into()),
        Err(error) => {
            let words = printable(&Chain(&error).to_string());
            refused(app, visit, sent, words).await
        }
    }
}

async fn refused(
    app: &AppState,
    visit: &Visit,
    sent: &CaAccountFields,
    fault: String,
) -> Result<Response, PageError> {
    let page = page(app, visit, sent, Some(fault)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn page(
    app: &AppState,
    visit: &Visit,
    sent: &CaAccountFields,
    fault: Option<String>,
) -> Result<Response, PageError> {
    let may = visit.may(May::RegisterAtCa);
    let accounts = app.deeds.store.accounts().await?;
    let row = |account: crate::store::accounts::AccountRow| CaAccountRow {
        id: account.id.to_string(),
        directory: printable(&account.directory_url),
        url: printable(&account.url),
        mark: if account.ended.is_none() { Mark::Pass } else { Mark::NotTested },
        words: match account.ended {
            None => format!("in use since {}", account.created.minutes()),
            Some(at) => format!("ended {}", at.minutes()),
        },
        contact: printable(&account.contact),
        binding: account.binding.as_deref().map(printable).unwrap_or_default(),
        can_change: may && account.ended.is_none(),
    };
    draw(&CaAccountsPage {
        frame: view::frame(app, visit, "Accounts at certificate authorities", Wall::Certificates.slug()).await?,
        accounts: accounts.into_iter().map(row).collect(),
        form: may.then(|| CaAccountForm {
            directory: sent.directory.clone(),
            contact: sent.contact.clone(),
            kid: sent.kid.clone(),
            root: sent.root.clone(),
            fault,
        }),
    })
}
