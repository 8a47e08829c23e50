//! An order's story as it happens, as server-sent events (WHATWG HTML, section 9.2).

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::header::CACHE_CONTROL;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, Stream};

use crate::base::ids::OrderId;
use crate::base::role::Reach;
use crate::store::StoreError;
use crate::store::orders::OrderState;
use crate::web::auth::{self, Visit};
use crate::web::error::PageError;
use crate::web::handlers::order::step_rows;
use crate::web::limits::StreamPlace;
use crate::web::may::May;
use crate::web::state::AppState;

/// How often the story is looked at: the writer is another task or another program on the same store.
const PAUSE: Duration = Duration::from_millis(500);

/// Twenty minutes: no order takes longer, and a forgotten page must not hold a connection for ever.
const MOST_LOOKS: u32 = 2_400;

struct Story {
    app: AppState,
    session: tower_sessions::Session,
    reach: Reach,
    order: OrderId,
    told: Vec<(String, &'static str)>,
    looks: u32,
    over: bool,
    _place: StreamPlace,
}

/// The stream. It ends with the order, with the session, or with the console.
pub(crate) async fn get(
    State(app): State<AppState>,
    visit: Visit,
    Path(order): Path<OrderId>,
) -> Result<Response, PageError> {
    app.deeds.store.order(&visit.reach, order).await?.ok_or(PageError::NotFound)?;
    let id = visit.session.id().ok_or(PageError::SignInFirst)?;
    let place = app.streams.enter(id.0).ok_or(PageError::TooManyStreams)?;
    let (session, reach) = (visit.session, visit.reach);
    let story = Story { app, session, reach, order, told: Vec::new(), looks: 0, over: false, _place: place };
    // axum says `no-cache`, which lets a cache keep it.
    Ok(([(CACHE_CONTROL, "no-store")], Sse::new(events(story))).into_response())
}

fn events(story: Story) -> impl Stream<Item = Result<Event, Infallible>> {
    let batches = stream::unfold(story, |mut story| async move {
        if story.over {
            return None;
        }
        if story.looks > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let events = story.look().await;
        Some((stream::iter(events.into_iter().map(Ok)), story))
    });
    futures_util::StreamExt::flatten(batches)
}

impl Story {
    /// What is new since the last look.
    async fn look(&mut self) -> Vec<Event> {
        self.looks += 1;
        if *self.app.stopping.borrow() {
            // Without a last word the browser comes back by itself, to the console's next life.
            self.over = true;
            return Vec::new();
        }
        let may_go_on = self.looks < MOST_LOOKS && self.is_signed_in().await;
        let news = if may_go_on { self.news().await } else { Ok((Vec::new(), true)) };
        let Ok((mut events, over)) = news else {
            self.over = true;
            return Vec::new();
        };
        if over {
            self.over = true;
            // A browser drops an event whose data is empty.
            events.push(Event::default().event("over").data("over"));
        }
        events
    }

    /// A session that is over must not go on hearing: it is read anew each time, and hearing is no activity.
    async fn is_signed_in(&self) -> bool {
        let Some(id) = self.session.id() else { return false };
        let fresh = tower_sessions::Session::new(
            Some(id),
            std::sync::Arc::new(crate::store::sessions::Sessions::new(
                self.app.deeds.store.clone(),
                self.app.deeds.clock.clone(),
            )),
            None,
        );
        let Ok(Some(visitor)) = auth::visitor(&fresh, &self.app).await else { return false };
        visitor.post.role().may(May::SeeCertificates)
            && auth::reach(&self.app, visitor.post.domain().map(|(id, _)| id)).await.as_ref() == Ok(&self.reach)
    }

    async fn news(&mut self) -> Result<(Vec<Event>, bool), StoreError> {
        let store = &self.app.deeds.store;
        let Some(order) = store.order(&self.reach, self.order).await? else { return Ok((Vec::new(), true)) };
        let rows = step_rows(&store.steps(&self.reach, self.order, 0).await?, order.state, &self.reach);
        let mut events = Vec::new();
        for row in rows {
            let key = (row.key.clone(), row.mark.class());
            if self.told.contains(&key) {
                continue;
            }
            self.told.push(key);
            let body = serde_json::json!({
                "key": row.key, "mark": row.mark.class(), "sign": row.mark.sign(), "word": row.word,
                "title": row.title, "at": row.at, "words": row.words,
            });
            events.push(Event::default().event("step").data(body.to_string()));
        }
        Ok((events, matches!(order.state, OrderState::Done | OrderState::Failed)))
    }
}
