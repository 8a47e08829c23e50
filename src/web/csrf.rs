//! Forms: their content is yielded only after the session's token has been found in them. The check where the
//! request comes from stands before this one, for every route (`origin.rs`).

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq as _;
use tower_sessions::Session;

use crate::web::error::PageError;
use crate::web::session;

/// A form from one of our own pages, in a session of ours.
pub(super) struct Guarded<T>(pub(super) T);

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequest<S> for Guarded<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        let session = request.extensions().get::<Session>().cloned().ok_or(PageError::StaleForm)?;
        let kind = request.headers().get(CONTENT_TYPE).cloned();
        let body = match Bytes::from_request(request, state).await {
            Ok(body) => body,
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => return Err(PageError::TooLarge),
            Err(error) => return Err(PageError::BadForm(error.body_text())),
        };
        // Read twice, token first: joined with `serde(flatten)`, every number in a form would count as a text.
        let Token { csrf } = parse(kind.as_ref(), &body).await?;
        let expected = session::known_csrf(&session).await?.ok_or(PageError::StaleForm)?;
        if !bool::from(expected.as_bytes().ct_eq(csrf.as_bytes())) {
            return Err(PageError::StaleForm);
        }
        parse(kind.as_ref(), &body).await.map(Self)
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
