//! Passwords: what FusionPBX generates and checks, and changing it.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::audit::finding::Wall;
use crate::base::chain::{Chain, printable};
use crate::base::ids::{SettingId, TenantId, TrailId};
use crate::base::role::Reach;
use crate::deeds::policy::{PolicyChange, PolicyError, spoken};
use crate::fusionpbx::overrides::OverridesWanted;
use crate::fusionpbx::{Change, ChangeError, Expected, FusionPbx, FusionPbxError, Scope, Stored};
use crate::policy::{Era, Evidence, Key};
use crate::store::trail::TrailQuery;
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::handlers::own_passwords;
use crate::web::handlers::policy_preview::{self, PreviewAsk};
use crate::web::handlers::policy_view::{self, Typed};
use crate::web::handlers::{policy_beside, policy_preset};
use crate::web::may::May;
use crate::web::pages::passwords::{PasswordsPage, Policy, ReadOnly};
use crate::web::pages::passwords_conflict::PasswordsConflictPage;
use crate::web::state::AppState;
use crate::web::{flash, routes, view};

/// Overrides on one page.
const OVERRIDES: u16 = 50;

/// Entries of the history.
pub(super) const HISTORY: u32 = 10;

/// What the address asks for.
#[derive(Default, Deserialize)]
pub(crate) struct PasswordsAsk {
    #[serde(default)]
    find: String,
    after: Option<SettingId>,
}

/// What an edit form sends.
#[derive(Clone, Deserialize)]
pub(crate) struct SettingFields {
    scope: String,
    key: String,
    row: String,
    value: String,
    #[serde(default)]
    base_value: String,
    #[serde(default)]
    base_enabled: String,
    #[serde(default)]
    base_xmin: String,
}

/// What an undo button sends.
#[derive(Deserialize)]
pub(crate) struct UndoFields {
    entry: String,
}

/// The page.
pub(crate) async fn get(
    State(app): State<AppState>,
    visit: Visit,
    Query(ask): Query<PasswordsAsk>,
) -> Result<Response, PageError> {
    page(&app, &visit, &ask, None).await
}

/// Saves one setting.
pub(crate) async fn save(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(sent): Guarded<SettingFields>,
) -> Result<Response, PageError> {
    let fusionpbx = match &app.fusionpbx {
        Ok(fusionpbx) => fusionpbx.clone(),
        Err(_) => return again(&app, &visit, StatusCode::SERVICE_UNAVAILABLE, None).await,
    };
    let key = Key::parse(&sent.key).ok_or(PageError::NotFound)?;
    let value = match key.setting().parse(&sent.value) {
        Ok(value) => value,
        Err(error) => {
            let typed = sent.typed(error.to_string());
            return again(&app, &visit, StatusCode::UNPROCESSABLE_ENTITY, Some(typed)).await;
        }
    };
    let change = sent.change(key, value.to_string())?;
    // Asked before anything is read of another tenant; the deed asks again.
    if !visit.reach.covers(change.scope.tenant()) {
        return Err(PageError::NotFound);
    }
    let place = place(&fusionpbx, change.scope).await;
    let wanted = PolicyChange { change, place };
    let outcome = app.deeds.change_policy(&fusionpbx, &visit.actor(), &visit.reach, &wanted).await;
    let era = fusionpbx.evidence().await.map_or(Era::Unclear, Evidence::era);
    let done = outcome.map(|_| format!("{key} is {value} now. {}", era.to_be_seen()));
    answer(&app, &visit, done, &sent, &wanted).await
}

/// Takes a change back.
pub(crate) async fn undo(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(UndoFields { entry }): Guarded<UndoFields>,
) -> Result<Response, PageError> {
    let Ok(fusionpbx) = &app.fusionpbx else {
        return again(&app, &visit, StatusCode::SERVICE_UNAVAILABLE, None).await;
    };
    let entry = entry.parse::<TrailId>().map_err(|_| PageError::NotFound)?;
    let to = routes::PASSWORDS;
    match app.deeds.undo_policy(fusionpbx, &visit.actor(), &visit.reach, entry).await {
        Ok(changed) => {
            app.look_again.notify_one();
            let put = match changed.as_slice() {
                [one] => spoken(&one.after.stored),
                several => format!("{} settings", several.len()),
            };
            flash::done(&visit.session, format!("Put back: {put}"), to).await
        }
        Err(PolicyError::Store(error)) => Err(error.into()),
        Err(PolicyError::Change(ChangeError::Conflict { key, now_there, .. })) => {
            let now = now_there.map_or_else(|| "gone".to_owned(), |row| spoken(&row.stored));
            let text = format!("Not put back: it was changed again since, and is now {now} ({key}).");
            flash::failed(&visit.session, text, to).await
        }
        Err(error) => flash::failed(&visit.session, format!("Not put back: {}.", Chain(&error)), to).await,
    }
}

async fn answer(
    app: &AppState,
    visit: &Visit,
    outcome: Result<String, PolicyError>,
    sent: &SettingFields,
    wanted: &PolicyChange,
) -> Result<Response, PageError> {
    let error = match outcome {
        Ok(words) => {
            app.look_again.notify_one();
            return flash::done(&visit.session, words, routes::PASSWORDS).await;
        }
        Err(PolicyError::Store(error)) => return Err(error.into()),
        Err(error) => error,
    };
    let status = match &error {
        PolicyError::Change(ChangeError::Conflict { now_there, .. }) => {
            return conflict(app, visit, sent, wanted, now_there.as_ref()).await;
        }
        PolicyError::Change(ChangeError::Locked) => StatusCode::CONFLICT,
        PolicyError::Change(ChangeError::ReadOnly { .. }) => StatusCode::FORBIDDEN,
        PolicyError::OutOfReach | PolicyError::Change(ChangeError::NotASetting) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let words = Chain(&error).to_string();
    again(app, visit, status, Some(sent.typed(words))).await
}

async fn conflict(
    app: &AppState,
    visit: &Visit,
    sent: &SettingFields,
    wanted: &PolicyChange,
    now_there: Option<&crate::fusionpbx::SettingRow>,
) -> Result<Response, PageError> {
    let setting = wanted.change.key.setting();
    let saw = match &wanted.change.expected {
        Expected::Row { stored, .. } => spoken(stored),
        Expected::Missing => "no row".to_owned(),
    };
    let page = draw(&PasswordsConflictPage {
        frame: view::frame(app, visit, "Changed meanwhile", Wall::Passwords.slug()).await?,
        title: setting.title.to_owned(),
        key: setting.key.to_string(),
        place: printable(&wanted.place),
        saw: printable(&saw),
        wanted: spoken(&wanted.change.new),
        now: now_there.map_or_else(|| "the row is gone".to_owned(), |row| printable(&spoken(&row.stored))),
        changed: String::new(),
        scope: sent.scope.clone(),
        row: now_there.map_or_else(|| "missing".to_owned(), |row| row.id.to_string()),
        value: sent.value.clone(),
        base_value: now_there.and_then(|row| row.stored.value.clone()).unwrap_or_default(),
        base_enabled: now_there.is_some_and(|row| row.stored.enabled).to_string(),
        base_xmin: now_there.map(|row| row.xmin.clone()).unwrap_or_default(),
        keep_href: routes::PASSWORDS.to_owned(),
    })?;
    Ok((StatusCode::CONFLICT, page).into_response())
}

impl SettingFields {
    fn change(&self, key: Key, value: String) -> Result<Change, PageError> {
        let scope = if self.scope == "global" {
            Scope::Global
        } else {
            Scope::Tenant(self.scope.parse::<TenantId>().map_err(|_| PageError::NotFound)?)
        };
        let expected = if self.row == "missing" {
            Expected::Missing
        } else {
            let id = self.row.parse().map_err(|_| PageError::NotFound)?;
            let stored = Stored { value: Some(self.base_value.clone()), enabled: self.base_enabled == "true" };
            Expected::Row { id, stored, xmin: self.base_xmin.clone() }
        };
        Ok(Change { scope, key, expected, new: Stored { value: Some(value), enabled: true } })
    }

    fn typed(&self, fault: String) -> Typed {
        Typed { scope: self.scope.clone(), key: self.key.clone(), value: self.value.clone(), fault }
    }
}

/// Where a change is made, for the trail: the tenant's name as of now.
async fn place(fusionpbx: &FusionPbx, scope: Scope) -> String {
    match scope {
        Scope::Global => "Global".to_owned(),
        Scope::Tenant(tenant) => match fusionpbx.tenant_name(tenant).await {
            Ok(Some(name)) => printable(&name),
            _ => format!("tenant {tenant}"),
        },
    }
}

async fn again(
    app: &AppState,
    visit: &Visit,
    status: StatusCode,
    typed: Option<Typed>,
) -> Result<Response, PageError> {
    let page = page(app, visit, &PasswordsAsk::default(), typed).await?;
    Ok((status, page).into_response())
}

async fn page(
    app: &AppState,
    visit: &Visit,
    ask: &PasswordsAsk,
    typed: Option<Typed>,
) -> Result<Response, PageError> {
    match &visit.reach {
        Reach::Everything => {}
        Reach::Domain(domain) => return own_passwords::page(app, visit, domain, typed.as_ref()).await,
        Reach::Nothing => return Err(PageError::NotFound),
    }
    let walls = app.walls.borrow().clone();
    let history = TrailQuery { act_prefix: "policy.".to_owned(), limit: HISTORY, ..TrailQuery::default() };
    let history = app.deeds.store.entries(&visit.reach, &history).await?;
    let read_only = read_only(&walls);
    let may_write = read_only.is_none() && visit.may(May::ChangePolicy);
    let policy = policy(app, visit, ask, typed.as_ref(), may_write).await;
    let drifted = policy_beside::drifted(&app.deeds.drifted_policy(&visit.reach).await?);
    // Words that found no field to stand at must not be lost.
    let mut frame = view::frame(app, visit, Wall::Passwords.title(), Wall::Passwords.slug()).await?;
    if let (Some(typed), Err(_)) = (&typed, &policy) {
        frame.flash = Some(crate::web::frame::Flash {
            mark: crate::web::parts::Mark::Fail,
            text: format!("{} was not set to {}: {}", typed.key, printable(&typed.value), typed.fault),
        });
    }
    draw(&PasswordsPage {
        frame,
        head: view::wall_head(&walls, Wall::Passwords, view::read_at(&walls.facts.fusionpbx), app.deeds.clock.now()),
        may_rotate: visit.may(May::RotateSecrets),
        read_only,
        drifted,
        policy,
        findings: view::wall_findings(&walls, Wall::Passwords),
        history: history.iter().map(|entry| view::trail_row(entry, visit)).collect(),
    })
}

/// Why nothing can be changed, as the last survey saw it.
pub(super) fn read_only(walls: &crate::audit::walls::Walls) -> Option<ReadOnly> {
    let (survey, _) = view::known(&walls.facts.fusionpbx).ok()?;
    if survey.role.superuser {
        return Some(ReadOnly {
            reason: format!(
                "The database role {} is a superuser. Rampart does not write with such a role.",
                printable(&survey.role.name)
            ),
            remedy: "Make the role rampart and let the console use it.".to_owned(),
            commands: "sudo -u postgres psql -f /usr/share/rampart/fusionpbx-role.sql fusionpbx".to_owned(),
        });
    }
    (!survey.role.may_write_settings).then(|| ReadOnly {
        reason: format!("The database role {} may not change default settings.", printable(&survey.role.name)),
        remedy: "Give it the grants of fusionpbx-role.sql.".to_owned(),
        commands: "sudo -u postgres psql -f /usr/share/rampart/fusionpbx-role.sql fusionpbx".to_owned(),
    })
}

async fn policy(
    app: &AppState,
    visit: &Visit,
    ask: &PasswordsAsk,
    typed: Option<&Typed>,
    may_write: bool,
) -> Result<Policy, ReadOnly> {
    let unread = |reason: String| ReadOnly {
        reason,
        remedy: "The rest of Rampart works on. Look again when the database answers.".to_owned(),
        commands: String::new(),
    };
    let fusionpbx = app.fusionpbx.as_ref().map_err(|reason| unread(reason.clone()))?;
    let failed = |error: FusionPbxError| unread(format!("{}.", Chain(&error)));
    let global = fusionpbx.global_policy().await.map_err(failed)?;
    let wanted = OverridesWanted {
        search: ask.find.clone(),
        after: ask.after,
        limit: OVERRIDES,
        ..OverridesWanted::default()
    };
    let overrides = fusionpbx.overrides(&visit.reach, &global, &wanted).await.map_err(failed)?;
    let secrets = fusionpbx.phone_secrets(&visit.reach).await.map_err(failed)?;
    let evidence = fusionpbx.evidence().await.map_err(failed)?;
    let mut policy = policy_view::policy(&global, &overrides, &ask.find, ask.after.is_some(), (typed, may_write));
    for group in &mut policy.groups {
        let now = PreviewAsk::of(&group.anchor, &global);
        group.preview = now.and_then(|now| {
            let yields = policy_preview::result(now.sketch().ok()?, app.deeds.random.as_ref());
            Some((now.form(), yields))
        });
    }
    let (presets, secrets) = (policy_preset::links(), policy_beside::secrets(&secrets));
    Ok(Policy { evidence: evidence.words().to_owned(), presets, secrets, ..policy })
}
