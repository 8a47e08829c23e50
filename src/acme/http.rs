//! The HTTP client under the ACME conversation: deadlines, a limit on what is read, and an ear for the headers that the
//! library drops.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LINK, LOCATION, RETRY_AFTER, USER_AGENT};
use http_body_util::BodyExt as _;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};

use crate::acme::ca::CertificateAuthority;
use crate::base::clock::{Clock, Timestamp};

/// The most that is read of one answer: 1 MiB. A chain of ten certificates is 20 KiB.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// No answer may ask us to wait for less, nor for more: a CA that says 2^64 seconds would stop renewals for ever.
const WAIT_AT_LEAST: Duration = Duration::from_secs(1);
const WAIT_AT_MOST: Duration = Duration::from_hours(24);

/// Who we say we are, as Let's Encrypt's integration guide asks.
const OUR_NAME: &str = concat!("rampart/", env!("CARGO_PKG_VERSION"), " instant-acme");

/// How long a CA may take.
#[derive(Clone, Copy, Debug)]
pub struct HttpDeadlines {
    /// Until the connection stands, TLS and all.
    pub connect: Duration,
    /// From the first byte sent to the last byte received.
    pub request: Duration,
}

impl Default for HttpDeadlines {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), request: Duration::from_secs(30) }
    }
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The client could not be made: the configured root is no certificate, or this host trusts no root at all.
    #[error("no TLS client could be made for the CA")]
    Setup(#[source] reqwest::Error),
    /// No connection, a broken one, or a TLS certificate that is not trusted.
    #[error("the connection failed")]
    Broken(#[source] reqwest::Error),
    /// A deadline passed.
    #[error("no answer came within {} s", .0.as_secs_f32())]
    Silent(Duration),
    /// More than 1 MiB.
    #[error("the answer is larger than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// A redirect: the library would take it for a success.
    #[error("the server points elsewhere, which ACME does not know")]
    Redirect,
    /// An address from the directory is none.
    #[error("the CA's directory holds an address that is none")]
    NoAddress,
    /// Its directory could not be read.
    #[error("{0}")]
    Directory(String),
    /// The server answered with a failure of its own.
    #[error("the server failed with status {0}")]
    Status(u16),
}

/// What the last answer said beside its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The status; `None` if no answer came.
    pub status: Option<u16>,
    /// For how long the CA asks us to wait, between 1 s and 24 h.
    pub retry_after: Option<Duration>,
    /// The `Link` headers as sent: alternate chains, terms of service.
    pub links: Vec<String>,
    /// Where what was made lies: the library forgets it when it finds fault with the rest of the answer.
    pub location: Option<String>,
    /// A chain of certificates, as it came: an alternate one is asked for in a way that the library knows no use for.
    pub chain: Option<Bytes>,
}

tokio::task_local! {
    /// The ear of the conversation that runs in this task, where there is one.
    static OWN: Ear;
}

/// Hears what the client hears. Clones share one memory, which holds the last answer only. Within [`Ear::alone`] every ear
/// is that one, so that conversations beside each other over one account do not hear each other's answers.
#[derive(Clone, Debug, Default)]
pub struct Ear(Arc<Mutex<Heard>>, Arc<Mutex<Vec<String>>>);

impl Ear {
    /// What the last answer said.
    #[must_use]
    pub fn last(&self) -> Heard {
        self.present().0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has `conversation` hear with this ear only.
    pub(crate) async fn alone<T>(self, conversation: impl Future<Output = T>) -> T {
        OWN.scope(self, conversation).await
    }

    /// The names by which the CA goes in CAA records, as its directory said.
    pub(crate) fn identities(&self) -> Vec<String> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hear_directory(&self, body: &[u8]) {
        let Ok(Directory { meta, .. }) = serde_json::from_slice(body) else { return };
        let names = meta.caa_identities.into_iter().take(MAX_IDENTITIES).collect();
        *self.1.lock().unwrap_or_else(PoisonError::into_inner) = names;
    }

    fn present(&self) -> Self {
        OWN.try_with(Clone::clone).unwrap_or_else(|_| self.clone())
    }

    fn hear(&self, heard: Heard) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = heard;
    }
}

/// More names than that no CA goes by.
const MAX_IDENTITIES: usize = 20;

/// What of a directory the library does not hand on (RFC 8555 section 7.1.1).
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Directory {
    #[expect(dead_code, reason = "nothing else is a directory")]
    new_order: String,
    #[serde(default)]
    meta: Meta,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    caa_identities: Vec<String>,
}

/// Our client. Follows no redirect: an ACME server has no use for one.
pub(crate) struct Http {
    client: reqwest::Client,
    deadlines: HttpDeadlines,
    clock: Arc<dyn Clock>,
    ear: Ear,
}

impl Http {
    /// # Errors
    /// The CA's own root is no certificate, or this host trusts none.
    pub(crate) fn new(
        ca: &CertificateAuthority,
        deadlines: HttpDeadlines,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Ear), HttpError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(deadlines.connect)
            .timeout(deadlines.request)
            .redirect(reqwest::redirect::Policy::none())
            .https_only(ca.directory_url().starts_with("https:"))
            .tcp_nodelay(true)
            .referer(false)
            .no_gzip()
            .no_deflate();
        if let Some(pem) = ca.root_pem() {
            let roots = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(HttpError::Setup)?;
            builder = builder.tls_certs_only(roots);
        }
        if ca.is_local() {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(HttpError::Setup)?;
        let ear = Ear::default();
        Ok((Self { client, deadlines, clock, ear: ear.clone() }, ear))
    }

    /// A signed POST: what was heard, the nonce for the next one, the body.
    ///
    /// # Errors
    /// No whole answer came.
    pub(crate) async fn post(&self, url: &str, body: String) -> Result<(Heard, Option<String>, Bytes), HttpError> {
        let mut request = http::Request::new(BodyWrapper::from(body.into_bytes()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = url.parse().map_err(|_| HttpError::NoAddress)?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/jose+json"));
        let (mut parts, body) = exchange(&self.client, request, self.deadlines).await?;
        let nonce = nonce(&parts.headers);
        Ok((heard(&mut parts, &body, self.clock.now()), nonce, body))
    }

    /// A fresh nonce from `url`.
    ///
    /// # Errors
    /// No answer came.
    pub(crate) async fn nonce(&self, url: &str) -> Result<Option<String>, HttpError> {
        let mut request = http::Request::new(BodyWrapper::default());
        *request.method_mut() = http::Method::HEAD;
        *request.uri_mut() = url.parse().map_err(|_| HttpError::NoAddress)?;
        let (parts, _) = exchange(&self.client, request, self.deadlines).await?;
        Ok(nonce(&parts.headers))
    }

    /// A plain GET, as the directory and ARI are asked for (RFC 8555 section 6.3): status, wait, body.
    ///
    /// # Errors
    /// No whole answer came. A failure that the server reports is an answer.
    pub(crate) async fn get(&self, url: &str) -> Result<(http::StatusCode, Option<Duration>, Bytes), HttpError> {
        let mut request = http::Request::new(BodyWrapper::default());
        *request.uri_mut() = url.parse().map_err(|_| HttpError::NoAddress)?;
        let (mut parts, body) = exchange(&self.client, request, self.deadlines).await?;
        let wait = tame_retry_after(&mut parts.headers, self.clock.now());
        Ok((parts.status, wait, body))
    }
}

impl HttpClient for Http {
    fn request(
        &self,
        request: http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let client = self.client.clone();
        let (ear, clock, deadlines) = (self.ear.present(), Arc::clone(&self.clock), self.deadlines);
        let (directory, is_get) = (self.ear.clone(), request.method() == http::Method::GET);
        Box::pin(async move {
            ear.hear(Heard::default());
            match exchange(&client, request, deadlines).await {
                Ok((mut parts, body)) => {
                    ear.hear(heard(&mut parts, &body, clock.now()));
                    if is_get {
                        directory.hear_directory(&body);
                    }
                    Ok(BytesResponse { parts, body: Box::new(body) })
                }
                Err(error) => Err(instant_acme::Error::Other(Box::new(error))),
            }
        })
    }
}

async fn exchange(
    client: &reqwest::Client,
    request: http::Request<BodyWrapper<Bytes>>,
    deadlines: HttpDeadlines,
) -> Result<(http::response::Parts, Bytes), HttpError> {
    let (mut parts, body) = request.into_parts();
    parts.headers.insert(USER_AGENT, HeaderValue::from_static(OUR_NAME));
    let Ok(body) = body.collect().await;
    let mut answer = client
        .request(parts.method, parts.uri.to_string())
        .headers(parts.headers)
        .body(body.to_bytes())
        .send()
        .await
        .map_err(|error| failed(error, deadlines))?;
    if answer.status().is_redirection() {
        return Err(HttpError::Redirect);
    }
    let mut head = http::Response::new(());
    *head.status_mut() = answer.status();
    std::mem::swap(head.headers_mut(), answer.headers_mut());
    let mut read = BytesMut::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| failed(error, deadlines))? {
        if read.len().saturating_add(piece.len()) > MAX_BODY_BYTES {
            return Err(HttpError::TooLarge);
        }
        read.extend_from_slice(&piece);
    }
    Ok((head.into_parts().0, read.freeze()))
}

fn failed(error: reqwest::Error, deadlines: HttpDeadlines) -> HttpError {
    if error.is_timeout() {
        HttpError::Silent(if error.is_connect() { deadlines.connect } else { deadlines.request })
    } else {
        HttpError::Broken(error.without_url())
    }
}

/// Reads Retry-After, and rewrites it as a number of seconds between 1 s and 24 h: the library adds what it finds to the
/// clock, and panics where that overflows. What cannot be read is taken out.
fn tame_retry_after(headers: &mut HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.remove(RETRY_AFTER)?;
    let wait = retry_after(text.to_str().ok()?.trim(), now)?;
    headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    Some(wait)
}

/// RFC 9110 section 10.2.3: seconds, or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let is_seconds = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let wait =
        if is_seconds { Duration::from_secs(text.parse().unwrap_or(u64::MAX)) } else { http_date(text)?.since(now) };
    // "At once" is no wait.
    (!wait.is_zero() || !is_seconds).then(|| wait.clamp(WAIT_AT_LEAST, WAIT_AT_MOST))
}

/// RFC 9110 section 5.6.7, in the one form that may still be sent: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<Timestamp> {
    let form = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let moment = time::PrimitiveDateTime::parse(text, form).ok()?;
    Some(Timestamp::from(moment.assume_utc()))
}

fn heard(parts: &mut http::response::Parts, body: &Bytes, now: Timestamp) -> Heard {
    let retry_after = tame_retry_after(&mut parts.headers, now);
    let text = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_chain = text(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/pem-certificate-chain"));
    Heard {
        status: Some(parts.status.as_u16()),
        retry_after,
        links: links(&parts.headers),
        location: text(LOCATION).map(str::to_owned),
        chain: is_chain.then(|| body.clone()),
    }
}

fn nonce(headers: &HeaderMap) -> Option<String> {
    headers.get("replay-nonce").and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn links(headers: &HeaderMap) -> Vec<String> {
    headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).take(16).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 1994-11-06T08:49:37Z.
    const NOW: Timestamp = Timestamp::from_unix(784_111_777);

    fn wait(text: &str) -> Option<u64> {
        retry_after(text, NOW).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wait_is_read_as_seconds_or_as_a_date_and_kept_within_reason() {
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait("0"), None);
        assert_eq!(wait("18446744073709551615"), Some(86_400));
        assert_eq!(wait("184467440737095516150"), Some(86_400));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:36 GMT"), Some(1));
        assert_eq!(wait("Fri, 31 Dec 9999 23:59:59 GMT"), Some(86_400));
    }

    #[test]
    fn a_wait_that_makes_no_sense_is_none() {
        for text in ["", "-1", "soon", "1.5", "Sun, 99 Nov 1994 08:49:37 GMT", "+5"] {
            assert_eq!(wait(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics_and_every_wait_is_within_reason(text in "\\PC{0,60}") {
            if let Some(wait) = retry_after(&text, NOW) {
                prop_assert!((WAIT_AT_LEAST..=WAIT_AT_MOST).contains(&wait));
            }
        }
    }
}
