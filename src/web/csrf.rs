//! Forms: their content is yielded only after the session's token has been found in them. The check where the
//! request comes from stands before this one, for every route (`origin.rs`).

use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq as _;
use tower_sessions::Session;

use crate::web::error::PageError;
use crate::web::session;

/// A form from one of our own pages, in a session of ours.
pub(super) struct Guarded<T>(pub(super) T);

#[derive(Deserialize)]
struct Tokened<T> {
    csrf: String,
    #[serde(flatten)]
    form: T,
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequest<S> for Guarded<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        let session = request.extensions().get::<Session>().cloned().ok_or(PageError::StaleForm)?;
        #[expect(clippy::disallowed_types, reason = "this file is the one home of forms")]
        let form = axum::Form::<Tokened<T>>::from_request(request, state).await;
        let form = match form {
            Ok(form) => form.0,
            Err(FormRejection::BytesRejection(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return Err(PageError::TooLarge);
            }
            Err(error) => return Err(PageError::BadForm(error.body_text())),
        };
        let expected = session::known_csrf(&session).await?.ok_or(PageError::StaleForm)?;
        if bool::from(expected.as_bytes().ct_eq(form.csrf.as_bytes())) {
            return Ok(Self(form.form));
        }
        Err(PageError::StaleForm)
    }
}
