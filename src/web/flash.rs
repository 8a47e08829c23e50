//! What the last action did, said once on the next page.

use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use crate::web::error::PageError;
use crate::web::parts::Mark;

const KEY: &str = "flash";

/// How it went, and a sentence.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Said {
    good: bool,
    text: String,
}

impl Said {
    pub(super) fn mark(&self) -> Mark {
        if self.good { Mark::Pass } else { Mark::Fail }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// Goes to `path` (303) and says there that it went well.
pub(super) async fn done(session: &Session, text: impl Into<String>, path: &str) -> Result<Response, PageError> {
    say(session, true, text.into(), path).await
}

/// Goes to `path` (303) and says there that it did not.
pub(super) async fn failed(session: &Session, text: impl Into<String>, path: &str) -> Result<Response, PageError> {
    say(session, false, text.into(), path).await
}

async fn say(session: &Session, good: bool, text: String, path: &str) -> Result<Response, PageError> {
    session.insert(KEY, Said { good, text }).await?;
    Ok(Redirect::to(path).into_response())
}

/// Takes what is to be said. Where there is nothing, the session is left alone: removing counts as a change of it, and
/// each change is a write.
pub(super) async fn take(session: &Session) -> Result<Option<Said>, PageError> {
    if session.get_value(KEY).await?.is_none() {
        return Ok(None);
    }
    Ok(session.remove(KEY).await?)
}
