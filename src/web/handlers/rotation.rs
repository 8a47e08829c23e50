//! A rotation: its batches, and what is done with each.

use std::fmt::Write as _;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::base::chain::{Chain, printable};
use crate::base::ids::{BatchId, RotationId};
use crate::deeds::rotation::{Item, RotationError};
use crate::fusionpbx::FusionPbx;
use crate::store::StoreError;
use crate::store::batches::{BatchRow, BatchState};
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::pages::rotation::{BatchView, RotationPage, ShownSecret};
use crate::web::parts::Mark;
use crate::web::state::AppState;
use crate::web::{flash, routes, view};

/// For how many minutes the button lets addresses pass.
const HOUR: u16 = 60;

/// That button.
const PASS: &str = "Let the addresses of its phones pass fail2ban for an hour";

/// Which batch a button is about.
#[derive(Deserialize)]
pub(crate) struct BatchFields {
    batch: BatchId,
}

/// The page.
pub(crate) async fn get(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<RotationId>,
) -> Result<Response, PageError> {
    page(&app, &visit, id, Vec::new()).await
}

/// Does a waiting batch.
pub(crate) async fn run(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<RotationId>,
    Guarded(BatchFields { batch }): Guarded<BatchFields>,
) -> Result<Response, PageError> {
    let row = row_of(&app, id, batch).await?;
    let outcome = match &app.fusionpbx {
        Ok(fusionpbx) => run_batch(&app, &visit, fusionpbx, &row).await.map_err(RotationError::unwell),
        Err(reason) => Err(Ok(reason.clone())),
    };
    answer(&visit, id, outcome, "Nothing was changed").await
}

/// Puts the former secrets of a batch back.
pub(crate) async fn undo(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<RotationId>,
    Guarded(BatchFields { batch }): Guarded<BatchFields>,
) -> Result<Response, PageError> {
    let row = row_of(&app, id, batch).await?;
    let outcome = match &app.fusionpbx {
        Ok(fusionpbx) => match app.deeds.undo_batch(fusionpbx, &visit.actor(), &visit.reach, batch).await {
            Ok(()) => Ok(flushed(&app, &row, "The former secrets hold again").await),
            Err(error) => Err(error.unwell()),
        },
        Err(reason) => Err(Ok(reason.clone())),
    };
    answer(&visit, id, outcome, "Not put back").await
}

/// Lets the former secrets of a batch go.
pub(crate) async fn confirm(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<RotationId>,
    Guarded(BatchFields { batch }): Guarded<BatchFields>,
) -> Result<Response, PageError> {
    row_of(&app, id, batch).await?;
    let outcome = app.deeds.confirm_batch(&visit.actor(), &visit.reach, batch).await;
    let words = "Confirmed: the former secrets are forgotten".to_owned();
    answer(&visit, id, outcome.map(|()| words).map_err(RotationError::unwell), "Not confirmed").await
}

/// Has the phones of a batch told to fetch their settings.
pub(crate) async fn resync(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<RotationId>,
    Guarded(BatchFields { batch }): Guarded<BatchFields>,
) -> Result<Response, PageError> {
    row_of(&app, id, batch).await?;
    let outcome = app.deeds.resync_batch(&app.issuing.agent, &visit.actor(), &visit.reach, batch).await;
    let words = outcome.map(|told| {
        let mut words = format!("{} accounts were told to fetch their settings", told.told.len());
        if !told.too_soon.is_empty() {
            let _ = write!(words, "; {} were told less than five minutes ago and left alone", told.too_soon.len());
        }
        if let Some(first) = told.failed.first() {
            let _ = write!(words, "; not everything went well: {}", printable(first));
        }
        words
    });
    answer(&visit, id, words.map_err(RotationError::unwell), "The phones were not told").await
}

/// Lets the phones of a batch pass fail2ban for an hour.
pub(crate) async fn pass(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<RotationId>,
    Guarded(BatchFields { batch }): Guarded<BatchFields>,
) -> Result<Response, PageError> {
    row_of(&app, id, batch).await?;
    let to = routes::rotation(id);
    match let_pass(&app, &visit, batch, HOUR).await {
        Ok(words) => flash::done(&visit.session, words.unwrap_or_default(), &to).await,
        Err(words) => flash::failed(&visit.session, words, &to).await,
    }
}

/// Lets the phones of a batch pass for some minutes; what to say then, and nothing for none. An error is words too.
pub(super) async fn let_pass(
    app: &AppState,
    visit: &Visit,
    batch: BatchId,
    minutes: u16,
) -> Result<Option<String>, String> {
    if minutes == 0 {
        return Ok(None);
    }
    let outcome = app.deeds.let_batch_pass(&app.issuing.agent, &visit.actor(), &visit.reach, batch, minutes).await;
    let passed = outcome.map_err(|error| format!("fail2ban was not told: {}.", Chain(&error)))?;
    let Some(passing) = passed.passing else {
        return Ok(Some("No device is registered with these, so no address has to pass fail2ban".to_owned()));
    };
    if passing.jails.is_empty() {
        return Ok(Some("No jail of fail2ban reads FreeSWITCH's log, so none can ban their phones".to_owned()));
    }
    let jails: Vec<String> = passing.jails.iter().map(|jail| printable(jail)).collect();
    let addresses: Vec<String> = passed.addresses.iter().map(ToString::to_string).collect();
    let mut words =
        format!("{} may pass {} until {}", addresses.join(", "), jails.join(", "), passing.until.time_of_day());
    if passed.left_out > 0 {
        let _ = write!(words, "; {} more addresses, of fewer devices, may not", passed.left_out);
    }
    Ok(Some(words))
}

/// Shows the new secrets of a batch: this answer, and no other.
pub(crate) async fn show(
    State(app): State<AppState>,
    visit: Visit,
    Path(id): Path<RotationId>,
    Guarded(BatchFields { batch }): Guarded<BatchFields>,
) -> Result<Response, PageError> {
    row_of(&app, id, batch).await?;
    let shown = match app.deeds.show_batch(&visit.actor(), &visit.reach, batch).await {
        Ok(shown) => shown,
        Err(error) => return answer(&visit, id, Err(error.unwell()), "Not shown").await,
    };
    let view = |new: crate::deeds::rotation::NewShown| ShownSecret {
        what: named(&new.item),
        tenant: printable(&new.item.tenant_name),
        secret: new.secret.expose().clone(),
    };
    page(&app, &visit, id, shown.into_iter().map(view).collect()).await
}

/// Does a batch and has caches dropped; what to say then.
pub(super) async fn run_batch(
    app: &AppState,
    visit: &Visit,
    fusionpbx: &FusionPbx,
    batch: &BatchRow,
) -> Result<String, RotationError> {
    app.deeds.rotate_batch(fusionpbx, &visit.actor(), &visit.reach, batch.id).await?;
    app.look_again.notify_one();
    Ok(flushed(app, batch, &format!("Batch {} has new secrets", batch.position)).await)
}

/// `words`, and what of the switch's caches could not be dropped.
async fn flushed(app: &AppState, batch: &BatchRow, words: &str) -> String {
    let Ok(items) = batch.items() else { return format!("{words}.") };
    let failed = app.deeds.flush_batch(&app.issuing.agent, &items).await;
    match failed.first() {
        None => format!("{words}, and the switch's caches were dropped."),
        Some(first) => format!(
            "{words}. The switch may go on with what it has in its caches until it is told: {} ({} in all). On the host: \
             fs_cli -x 'xml_flush_cache', and remove /var/cache/fusionpbx/directory.*.",
            printable(first),
            failed.len()
        ),
    }
}

/// The batch, if it belongs to this rotation.
async fn row_of(app: &AppState, rotation: RotationId, batch: BatchId) -> Result<BatchRow, PageError> {
    app.deeds.store.batch(batch).await?.filter(|row| row.rotation == rotation).ok_or(PageError::NotFound)
}

/// Words for the page, or our own store's failure, which is a page of its own.
type Unwell = Result<String, StoreError>;

impl RotationError {
    fn unwell(self) -> Unwell {
        match self {
            Self::Store(error) => Err(error),
            other => Ok(Chain(&other).to_string()),
        }
    }
}

async fn answer(
    visit: &Visit,
    id: RotationId,
    outcome: Result<String, Unwell>,
    not: &str,
) -> Result<Response, PageError> {
    let to = routes::rotation(id);
    match outcome {
        Ok(words) => flash::done(&visit.session, words, &to).await,
        Err(Ok(reason)) => flash::failed(&visit.session, format!("{not}: {reason}."), &to).await,
        Err(Err(error)) => Err(error.into()),
    }
}

async fn page(app: &AppState, visit: &Visit, id: RotationId, shown: Vec<ShownSecret>) -> Result<Response, PageError> {
    let rotation = app.deeds.store.rotation(id).await?.ok_or(PageError::NotFound)?;
    let rows = app.deeds.store.batches_of(id).await?;
    let first_waiting = rows.iter().find(|row| row.state == BatchState::Waiting).map(|row| row.id);
    let batches = rows.iter().map(|row| batch_view(row, first_waiting)).collect::<Result<_, _>>()?;
    Ok(draw(&RotationPage {
        frame: view::frame(app, visit, &format!("Rotation {id}"), "passwords").await?,
        id: id.to_string(),
        made: format!("Begun {} by {}.", rotation.made.minutes(), printable(&rotation.made_by)),
        batches,
        shown,
    })?
    .into_response())
}

fn batch_view(row: &BatchRow, first_waiting: Option<BatchId>) -> Result<BatchView, StoreError> {
    let items = row.items()?;
    let has_phones = items.iter().any(|item| !item.lines.is_empty());
    let has_accounts = items.iter().any(|item| !item.directory.is_empty());
    let button =
        |act: &str, label: &str, is_main: bool| (routes::rotation_act(row.rotation, act), label.to_owned(), is_main);
    let (mark, state, next) = match row.state {
        BatchState::Waiting => (Mark::Plain, "waiting", ""),
        BatchState::Changing => (
            Mark::NotTested,
            "not known yet",
            "Something broke while it was done. The console reads by itself which secrets hold, as soon as the database answers.",
        ),
        BatchState::Changed => (
            Mark::Busy,
            "new secrets hold, not confirmed",
            "See whether the phones come back, then confirm. Until then the former secrets can be put back.",
        ),
        BatchState::Confirmed => (Mark::Pass, "confirmed", ""),
        BatchState::Undone => (Mark::Accepted, "taken back", "The former secrets hold again."),
    };
    let mut buttons = Vec::new();
    match row.state {
        BatchState::Waiting if first_waiting == Some(row.id) => {
            buttons.push(button("run", "Give new secrets to this batch", true));
            if has_accounts {
                buttons.push(button("pass", PASS, false));
            }
        }
        BatchState::Changed => {
            buttons.push(button("confirm", "Confirm: forget the former secrets", true));
            if !row.is_shown {
                buttons.push(button("show", "Show the new secrets, once", false));
            }
            if has_phones {
                buttons.push(button("resync", "Tell the phones to fetch their settings", false));
            }
            if has_accounts {
                buttons.push(button("pass", PASS, false));
            }
            buttons.push(button("undo", "Put the former secrets back", false));
        }
        _ => {}
    }
    Ok(BatchView {
        anchor: format!("batch-{}", row.position),
        title: format!("Batch {}", row.position),
        mark,
        state: row.changed.map_or_else(|| state.to_owned(), |at| format!("{state}, {}", at.minutes())),
        items: items.iter().map(|item| format!("{} of {}", named(item), printable(&item.tenant_name))).collect(),
        next: next.to_owned(),
        id: row.id.to_string(),
        buttons,
    })
}

fn named(item: &Item) -> String {
    format!("{} {}", item.target.kind.word(), printable(&item.place))
}
