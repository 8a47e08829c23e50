//! Forms: their content is yielded only after the session's token has been found in them, or, from someone who is not
//! signed in, the token that belongs to this browser (`stranger.rs`). The check where the request comes from stands
//! before this one, for every route (`origin.rs`).

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq as _;
use tower_sessions::Session;

use crate::web::error::PageError;
use crate::web::state::AppState;
use crate::web::{session, stranger};

/// A form from one of our own pages, in a session of ours.
pub(super) struct Guarded<T>(pub(super) T);

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

impl<T: DeserializeOwned + Send> FromRequest<AppState> for Guarded<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, PageError> {
        let session = request.extensions().get::<Session>().cloned().ok_or(PageError::StaleForm)?;
        let headers = request.headers().clone();
        let kind = headers.get(CONTENT_TYPE);
        let body = match Bytes::from_request(request, app).await {
            Ok(body) => body,
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => return Err(PageError::TooLarge),
            Err(error) => return Err(PageError::BadForm(error.body_text())),
        };
        // Read twice, token first: joined with `serde(flatten)`, every number in a form would count as a text.
        let Token { csrf } = parse(kind, &body).await?;
        let is_ours = match session::known_csrf(&session).await? {
            Some(expected) => bool::from(expected.as_bytes().ct_eq(csrf.as_bytes())),
            None => stranger::holds(&app.deeds, &headers, &csrf),
        };
        if !is_ours {
            return Err(PageError::StaleForm);
        }
        parse(kind, &body).await.map(Self)
    }
}

async fn parse<T: DeserializeOwned>(kind: Option<&HeaderValue>, body: &Bytes) -> Result<T, PageError> {
    let mut request = Request::new(Body::from(body.clone()));
    *request.method_mut() = Method::POST;
    if let Some(kind) = kind {
        request.headers_mut().insert(CONTENT_TYPE, kind.clone());
    }
    #[expect(clippy::disallowed_types, reason = "this file is the one home of forms")]
    let form = axum::Form::<T>::from_request(request, &()).await;
    form.map(|form| form.0).map_err(|error| PageError::BadForm(error.body_text()))
}
