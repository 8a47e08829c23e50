//! The trail: who did what, when, from where.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::try_unfold;
use serde::Deserialize;
use tracing::error;

use crate::base::chain::{Chain, printable};
use crate::base::ids::TrailId;
use crate::base::role::Reach;
use crate::deeds::trail_check::{AgentHalf, FACT, Outcome, TrailVerdict};
use crate::store::StoreError;
use crate::store::trail::TrailQuery;
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::may::May;
use crate::web::pages::trail::{TrailFind, TrailPage, TrailState};
use crate::web::parts::{Choice, Mark, Pager};
use crate::web::state::AppState;
use crate::web::{routes, view};

/// Entries on one page.
const PAGE: u32 = 50;

/// Kinds of acts, by how they begin.
const ACTS: [(&str, &str); 8] = [
    ("", "every act"),
    ("session.", "signing in and out"),
    ("access.", "pages that were refused"),
    ("operator.", "accounts"),
    ("factor.", "second factors"),
    ("policy.", "password settings"),
    ("certificate.", "certificates"),
    ("standing-order.", "what the agent may do by itself"),
];

const OUTCOMES: [(&str, &str); 5] = [
    ("", "every outcome"),
    ("done", "done"),
    ("failed", "failed"),
    ("refused", "refused"),
    ("open", "not ended yet"),
];

/// What the address asks for.
#[derive(Deserialize)]
pub(crate) struct TrailAsk {
    #[serde(default)]
    find: String,
    #[serde(default)]
    act: String,
    #[serde(default)]
    outcome: String,
    before: Option<i64>,
}

/// The page.
pub(crate) async fn get(
    State(app): State<AppState>,
    visit: Visit,
    Query(ask): Query<TrailAsk>,
) -> Result<Response, PageError> {
    let query = TrailQuery {
        text: ask.find.clone(),
        act_prefix: known(&ACTS, &ask.act).to_owned(),
        outcome: known(&OUTCOMES, &ask.outcome).to_owned(),
        before: ask.before.map(TrailId),
        limit: PAGE + 1,
        ..TrailQuery::default()
    };
    let mut entries = app.deeds.store.entries(&visit.reach, &query).await?;
    let is_more = entries.len() > PAGE as usize;
    entries.truncate(PAGE as usize);
    let next = entries.last().filter(|_| is_more).map(|last| format!("{}&before={}", here(&query), last.id));
    let previous = ask.before.map(|_| here(&query));
    draw(&TrailPage {
        frame: view::frame(&app, &visit, "Trail", "trail").await?,
        state: state(&app, &visit).await?,
        export: visit.may(May::ExportTrail).then(|| routes::TRAIL_EXPORT.to_owned()),
        find: TrailFind {
            label: match visit.reach {
                Reach::Everything => "Find by person, act, subject or address",
                Reach::Domain(_) | Reach::Nothing => "Find by person, act or subject",
            }
            .to_owned(),
            typed: ask.find,
            acts: choices(&ACTS, &query.act_prefix),
            outcomes: choices(&OUTCOMES, &query.outcome),
        },
        pager: Pager { words: format!("{} entries shown", entries.len()), previous, next },
        rows: entries.iter().map(|entry| view::trail_row(entry, &visit)).collect(),
    })
}

/// All records as a file, one line of JSON each; written while it is read.
pub(crate) async fn export(State(app): State<AppState>, _visit: Visit) -> Result<Response, PageError> {
    let export = app.deeds.export_trail(1).await?;
    let lines = try_unfold(export, |mut export| async {
        let lines = export.next().await.inspect_err(|error| {
            error!("The export of the trail was cut off: {}", Chain(error));
        })?;
        Ok::<_, StoreError>(lines.map(|lines| (lines, export)))
    });
    let headers = [
        (CONTENT_TYPE, "application/jsonl; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"rampart-trail.jsonl\""),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// What the last check found; nothing is checked here.
async fn state(app: &AppState, visit: &Visit) -> Result<TrailState, PageError> {
    let sees_all = visit.reach == Reach::Everything;
    let records = if sees_all {
        let (start, end) = app.deeds.store.chain_ends().await?;
        format!("{} records", end.number.saturating_sub(start.number))
    } else {
        String::new()
    };
    let kept = app.deeds.store.kept_fact(FACT).await?;
    let verdict = kept.and_then(|kept| serde_json::from_str::<TrailVerdict>(&kept).ok());
    let Some(verdict) = verdict else {
        let (mark, words) = (Mark::NotTested, "not checked yet".to_owned());
        return Ok(TrailState { records, mark, words, details: Vec::new() });
    };
    let at = verdict.checked.minutes();
    let (mark, words) = match verdict.result {
        Outcome::Whole => (Mark::Pass, format!("both halves whole when last checked, {at}")),
        Outcome::Broken => (Mark::Fail, format!("broken when last checked, {at}")),
        Outcome::NotCompared => {
            (Mark::NotTested, format!("whole when last checked, {at}; not compared with the agent's half"))
        }
    };
    let flaws = verdict.flaws.iter().map(|flaw| format!("In the {}'s half: {}", flaw.half, printable(&flaw.words)));
    // How many others act, and on what, is not a tenant's business.
    let mut details: Vec<String> = flaws.filter(|_| sees_all).collect();
    if sees_all && let AgentHalf::NotCompared { reason } = &verdict.agent {
        details.push(format!("Not compared: {}", printable(reason)));
    }
    Ok(TrailState { records, mark, words, details })
}

/// The address of the page with this search.
fn here(query: &TrailQuery) -> String {
    let TrailQuery { text, act_prefix, outcome, .. } = query;
    format!("{}?find={}&act={act_prefix}&outcome={outcome}", routes::TRAIL, form_encoded(text))
}

/// `asked`, if it is one of the list.
fn known<'a>(list: &'a [(&'a str, &'a str)], asked: &str) -> &'a str {
    list.iter().find(|(value, _)| *value == asked).map_or("", |(value, _)| value)
}

fn choices(list: &[(&str, &str)], chosen: &str) -> Vec<Choice> {
    let choice = |(value, label): &(&str, &str)| Choice {
        value: (*value).to_owned(),
        label: (*label).to_owned(),
        chosen: *value == chosen,
    };
    list.iter().map(choice).collect()
}

/// `text` as it stands in a query (WHATWG URL, application/x-www-form-urlencoded).
pub(super) fn form_encoded(text: &str) -> String {
    let mut coded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) {
            coded.push(char::from(byte));
        } else {
            coded.push('%');
            coded.push_str(&crate::base::encoding::hex(&[byte]).to_uppercase());
        }
    }
    coded
}
