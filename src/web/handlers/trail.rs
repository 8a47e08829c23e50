//! The trail: who did what, when, from where.

use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::base::ids::TrailId;
use crate::base::role::Reach;
use crate::store::trail::TrailQuery;
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::pages::trail::TrailPage;
use crate::web::parts::{Pager, Search};
use crate::web::state::AppState;
use crate::web::{routes, view};

/// Entries on one page.
const PAGE: u32 = 50;

/// What the address asks for.
#[derive(Deserialize)]
pub(crate) struct TrailAsk {
    #[serde(default)]
    find: String,
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
        before: ask.before.map(TrailId),
        limit: PAGE + 1,
        ..TrailQuery::default()
    };
    let mut entries = app.deeds.store.entries(&visit.reach, &query).await?;
    let is_more = entries.len() > PAGE as usize;
    entries.truncate(PAGE as usize);
    let next = entries.last().filter(|_| is_more).map(|last| {
        let find: String = form_encoded(&ask.find);
        format!("{}?find={find}&before={}", routes::TRAIL, last.id)
    });
    let previous = ask.before.map(|_| format!("{}?find={}", routes::TRAIL, form_encoded(&ask.find)));
    draw(&TrailPage {
        frame: view::frame(&app, &visit, "Trail", "trail").await?,
        search: Search {
            action: routes::TRAIL.to_owned(),
            name: "find".to_owned(),
            label: match visit.reach {
                Reach::Everything => "Find by person, act, subject or address",
                Reach::Domain(_) | Reach::Nothing => "Find by person, act or subject",
            }
            .to_owned(),
            typed: ask.find,
        },
        pager: Pager { words: format!("{} entries shown", entries.len()), previous, next },
        rows: entries.iter().map(|entry| view::trail_row(entry, &visit)).collect(),
    })
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
