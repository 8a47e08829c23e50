//! Presets: what one would change, and applying it as one act.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use crate::audit::finding::Wall;
use crate::base::chain::{Chain, printable};
use crate::base::role::Reach;
use crate::deeds::policy::{PolicyError, spoken};
use crate::fusionpbx::overrides::OverridesWanted;
use crate::fusionpbx::plan::{PlanStep, PresetPlan};
use crate::fusionpbx::{ChangeError, FusionPbx, FusionPbxError};
use crate::policy::Enforcement;
use crate::policy::preset::Preset;
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::handlers::passwords::read_only;
use crate::web::may::May;
use crate::web::pages::preset::{PresetForm, PresetLink, PresetPage, PresetStep};
use crate::web::state::AppState;
use crate::web::{flash, routes, view};

/// What the address asks for.
#[derive(Deserialize)]
pub(crate) struct PresetAsk {
    #[serde(default)]
    name: String,
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct PresetFields {
    name: String,
    seen: String,
}

/// What a preset would change.
pub(crate) async fn get(
    State(app): State<AppState>,
    visit: Visit,
    Query(ask): Query<PresetAsk>,
) -> Result<Response, PageError> {
    if ask.name.is_empty() {
        // The choice stands there.
        return Ok(Redirect::to(routes::PASSWORDS).into_response());
    }
    let preset = Preset::parse(&ask.name).ok_or(PageError::NotFound)?;
    page(&app, &visit, preset, None).await
}

/// Applies it, if everything still is as the page showed it.
pub(crate) async fn apply(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(PresetFields { name, seen }): Guarded<PresetFields>,
) -> Result<Response, PageError> {
    let preset = Preset::parse(&name).filter(|_| visit.reach == Reach::Everything).ok_or(PageError::NotFound)?;
    let Ok(fusionpbx) = &app.fusionpbx else { return page(&app, &visit, preset, None).await };
    let Ok((plan, _)) = plan(fusionpbx, &visit.reach, preset).await else {
        return page(&app, &visit, preset, None).await;
    };
    if plan.fingerprint() != seen {
        let fault = "A setting was changed meanwhile, so nothing was saved. This is what it would change now.";
        return page(&app, &visit, preset, Some((StatusCode::CONFLICT, fault.to_owned()))).await;
    }
    let error = match app.deeds.apply_preset(fusionpbx, &visit.actor(), &visit.reach, &plan).await {
        Ok(changed) => {
            app.look_again.notify_one();
            let words = match changed.len() {
                0 => format!("{}: every setting is so already.", preset.title()),
                rows => format!("{}: {rows} rows changed. {}", preset.title(), plan.era.to_be_seen()),
            };
            return flash::done(&visit.session, words, routes::PASSWORDS).await;
        }
        Err(PolicyError::Store(error)) => return Err(error.into()),
        Err(error) => error,
    };
    let (status, words) = match &error {
        PolicyError::Change(ChangeError::Conflict { key, .. }) => (
            StatusCode::CONFLICT,
            format!("{key} was changed at this moment, so nothing was saved. This is what it would change now."),
        ),
        PolicyError::Change(ChangeError::Locked) => (StatusCode::CONFLICT, Chain(&error).to_string()),
        PolicyError::Change(ChangeError::ReadOnly { .. }) => (StatusCode::FORBIDDEN, Chain(&error).to_string()),
        _ => (StatusCode::SERVICE_UNAVAILABLE, Chain(&error).to_string()),
    };
    page(&app, &visit, preset, Some((status, words))).await
}

/// The plan, and how many tenants' overrides would be weaker than it.
async fn plan(fusionpbx: &FusionPbx, reach: &Reach, preset: Preset) -> Result<(PresetPlan, u64), FusionPbxError> {
    let global = fusionpbx.global_policy().await?;
    let plan = PresetPlan::of(preset, &global);
    let wanted = OverridesWanted { limit: 1, ..OverridesWanted::default() };
    let page = fusionpbx.overrides(reach, &plan.afterwards(&global), &wanted).await?;
    Ok((plan, page.weaker_tenants))
}

async fn page(
    app: &AppState,
    visit: &Visit,
    preset: Preset,
    fault: Option<(StatusCode, String)>,
) -> Result<Response, PageError> {
    let planned = match &app.fusionpbx {
        Ok(fusionpbx) => plan(fusionpbx, &visit.reach, preset).await.map_err(|error| format!("{}.", Chain(&error))),
        Err(reason) => Err(reason.clone()),
    };
    let (plan, weaker) = match planned {
        Ok(planned) => planned,
        Err(reason) => {
            let words = format!("The preset was not looked at: {reason}");
            return flash::failed(&visit.session, words, routes::PASSWORDS).await;
        }
    };
    let may_write = visit.may(May::ChangePolicy) && read_only(&app.walls.borrow()).is_none();
    let (status, fault) = fault.map_or((StatusCode::OK, None), |(status, words)| (status, Some(printable(&words))));
    let page = draw(&PresetPage {
        frame: view::frame(app, visit, preset.title(), Wall::Passwords.slug()).await?,
        title: preset.title().to_owned(),
        words: preset.words().to_owned(),
        fault,
        steps: plan.steps.iter().map(step).collect(),
        settled: match plan.settled {
            0 => String::new(),
            settled => format!("{settled} of its settings are so already."),
        },
        weaker: match weaker {
            0 => String::new(),
            weaker => format!("Overrides in {weaker} tenants would be weaker than this; a preset leaves them alone."),
        },
        to_be_seen: plan.era.to_be_seen().to_owned(),
        apply: (may_write && !plan.steps.is_empty()).then(|| PresetForm {
            name: preset.word().to_owned(),
            seen: plan.fingerprint(),
            button: format!("Change {} settings", plan.steps.len()),
        }),
    })?;
    Ok((status, page).into_response())
}

fn step(step: &PlanStep) -> PresetStep {
    PresetStep {
        title: step.key.setting().title.to_owned(),
        key: step.key.to_string(),
        now: step
            .now
            .as_deref()
            .map_or_else(|| "not set".to_owned(), |now| printable(&now.chars().take(80).collect::<String>())),
        wanted: spoken(&step.wanted),
        badge: step.treatment.enforcement.words().to_owned(),
        is_enforced: step.treatment.enforcement == Enforcement::CheckedOnSave,
        words: step.treatment.words.to_owned(),
    }
}

/// The links on the Passwords page.
pub(super) fn links() -> Vec<PresetLink> {
    let link = |preset: Preset| PresetLink {
        href: format!("{}?name={}", routes::PASSWORD_PRESET, preset.word()),
        title: preset.title().to_owned(),
        words: preset.words().to_owned(),
    };
    Preset::ALL.map(link).into()
}
