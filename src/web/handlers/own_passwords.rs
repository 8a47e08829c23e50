//! Passwords for a tenant's own operator: what holds in one domain, and what it sets for itself.

use axum::response::Response;

use crate::audit::finding::Wall;
use crate::base::chain::{Chain, printable};
use crate::base::role::OwnDomain;
use crate::fusionpbx::overrides::OverridesWanted;
use crate::fusionpbx::{FusionPbx, FusionPbxError};
use crate::store::trail::TrailQuery;
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::frame::Flash;
use crate::web::handlers::draw;
use crate::web::handlers::passwords::{HISTORY, read_only};
use crate::web::handlers::policy_beside;
use crate::web::handlers::policy_view::{self, Typed};
use crate::web::pages::own_passwords::{OwnPasswordsPage, OwnPolicy};
use crate::web::parts::Mark;
use crate::web::state::AppState;
use crate::web::view;

/// The page.
pub(super) async fn page(
    app: &AppState,
    visit: &Visit,
    domain: &OwnDomain,
    typed: Option<&Typed>,
) -> Result<Response, PageError> {
    let history = TrailQuery { act_prefix: "policy.".to_owned(), limit: HISTORY, ..TrailQuery::default() };
    let history = app.deeds.store.entries(&visit.reach, &history).await?;
    let is_read_only = read_only(&app.walls.borrow()).is_some();
    let policy = match &app.fusionpbx {
        Ok(fusionpbx) => policy(fusionpbx, visit, domain, (typed, !is_read_only)).await.map_err(|error| {
            tracing::warn!("A tenant's settings could not be read: {}", Chain(&error));
        }),
        Err(_) => Err(()),
    };
    let mut frame = view::frame(app, visit, Wall::Passwords.title(), Wall::Passwords.slug()).await?;
    // Words that found no field to stand at must not be lost.
    let has_field = |policy: &OwnPolicy, typed: &Typed| {
        policy.overrides.iter().filter_map(|row| row.edit.as_ref()).any(|form| form.key == typed.key)
    };
    if let Some(typed) = typed.filter(|typed| !policy.as_ref().is_ok_and(|policy| has_field(policy, typed))) {
        let text = format!("{} was not set to {}: {}", typed.key, printable(&typed.value), typed.fault);
        frame.flash = Some(Flash { mark: Mark::Fail, text });
    }
    draw(&OwnPasswordsPage {
        frame,
        drifted: policy_beside::drifted(&app.deeds.drifted_policy(&visit.reach).await?),
        domain: printable(&domain.name),
        read_only: is_read_only.then(|| {
            "FusionPBX's settings can only be read from here now. An operator can give Rampart the right to change them."
                .to_owned()
        }),
        policy: policy.map_err(|()| "FusionPBX's database does not answer.".to_owned()),
        history: history.iter().map(|entry| view::trail_row(entry, visit)).collect(),
    })
}

async fn policy(
    fusionpbx: &FusionPbx,
    visit: &Visit,
    domain: &OwnDomain,
    forms: (Option<&Typed>, bool),
) -> Result<OwnPolicy, FusionPbxError> {
    let global = fusionpbx.global_policy().await?;
    let wanted = OverridesWanted { limit: u16::MAX, ..OverridesWanted::default() };
    let overrides = fusionpbx.overrides(&visit.reach, &global, &wanted).await?;
    let effective = fusionpbx.effective_policy(domain.id, None).await?;
    Ok(policy_view::own(&global, &effective, &overrides, forms))
}
