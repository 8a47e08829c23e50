//! When the CA would like a certificate to be renewed: ACME Renewal Information (RFC 9773). Asking is one plain GET; what
//! comes back is checked, and every wait is kept within reason.

use std::time::Duration;

use instant_acme::CertificateIdentifier;
use rustls_pki_types::CertificateDer;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::acme::directory::{Directory, Reader};
use crate::acme::http::HttpError;
use crate::base::chain::printable;
use crate::base::clock::Timestamp;
use crate::base::rng::{Random, below};
use crate::tls::leaf;

/// The pause where the CA names none, or none that can be read, and after an error that will not pass by itself
/// (RFC 9773 section 4.3.3).
const LONG_PAUSE: Duration = Duration::from_hours(6);

/// No CA is asked more often than this, nor less often than once a day.
const SHORTEST_PAUSE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(24);

/// So many temporary errors in a row are answered with a pause that doubles; then the long pause is taken.
const QUICK_TRIES: u32 = 6;

/// The most that is kept of what a CA says of a window, in letters.
const MAX_WORDS: usize = 300;

/// The name of a certificate for its CA: its issuer's key and its serial number (RFC 9773 section 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertId(String);

impl CertId {
    /// The id of the first certificate in `chain_pem`; `None` if it names no issuer's key.
    #[must_use]
    pub fn of_chain(chain_pem: &str) -> Option<Self> {
        let chain = leaf::chain_from_pem(chain_pem).ok()?;
        let der = CertificateDer::from(chain.first()?.as_slice());
        CertificateIdentifier::try_from(&der).ok().map(|id| Self(id.to_string()))
    }

    /// An id as it was kept; `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        let (key, serial) = text.split_once('.')?;
        (plain(key) && plain(serial)).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as the library wants it.
    pub(crate) fn identifier(&self) -> CertificateIdentifier<'_> {
        let (key, serial) = self.0.split_once('.').unwrap_or((&self.0, ""));
        CertificateIdentifier { authority_key_identifier: key.into(), serial: serial.into() }
    }
}

/// The span in which the CA would like the renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its start.
    pub opens: Timestamp,
    /// Its end, after the start.
    pub closes: Timestamp,
}

impl Window {
    /// A random moment in it, each as likely as the other (RFC 9773 section 4.2).
    #[must_use]
    pub fn choose(&self, random: &dyn Random) -> Timestamp {
        let span = u32::try_from(self.closes.since(self.opens).as_secs()).unwrap_or(u32::MAX);
        self.opens.plus(Duration::from_secs(below(random, span).into()))
    }
}

/// What a CA said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// When to renew.
    pub window: Window,
    /// Where it says why, as a printable address.
    pub explanation: Option<String>,
    /// When to ask again, after now.
    pub ask_again: Duration,
}

/// Why a CA named no window.
#[derive(Debug, thiserror::Error)]
pub enum AriError {
    /// Its directory offers none.
    #[error("this CA suggests no renewal times")]
    NotOffered,
    /// It could not be reached, or failed by itself: that passes.
    #[error("the CA could not be asked for the renewal time")]
    Passing(#[source] HttpError),
    /// It asked for a pause.
    #[error("the CA asks for a pause before it names a renewal time")]
    Busy(Duration),
    /// It answered something else: that does not pass soon.
    #[error("the CA's answer about the renewal time makes no sense: {0}")]
    Lasting(String),
}

impl AriError {
    /// How long to wait after so many `failures` in a row, this one included.
    #[must_use]
    pub fn pause(&self, failures: u32) -> Duration {
        match self {
            Self::NotOffered => LONGEST_PAUSE,
            Self::Busy(asked) => (*asked).clamp(SHORTEST_PAUSE, LONGEST_PAUSE),
            Self::Passing(_) if failures <= QUICK_TRIES => {
                SHORTEST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(8))
            }
            Self::Passing(_) | Self::Lasting(_) => LONG_PAUSE,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    suggested_window: Span,
    #[serde(rename = "explanationURL")]
    explanation_url: Option<String>,
}

#[derive(Deserialize)]
struct Span {
    start: String,
    end: String,
}

/// Asks for the window of one certificate. The caller does not ask for one that has expired or was replaced.
///
/// # Errors
/// See [`AriError`].
pub async fn ask(reader: &Reader, directory: &Directory, id: &CertId) -> Result<Suggestion, AriError> {
    let base = directory.renewal_info.as_deref().ok_or(AriError::NotOffered)?;
    let url = format!("{}/{}", base.trim_end_matches('/'), id.as_str());
    let (status, wait, body) = match reader.http().get(&url).await {
        Ok(answer) => answer,
        Err(error @ (HttpError::TooLarge | HttpError::Redirect | HttpError::NoAddress)) => {
            return Err(AriError::Lasting(error.to_string()));
        }
        Err(error) => return Err(AriError::Passing(error)),
    };
    match (status.as_u16(), wait) {
        (429 | 503, Some(wait)) => Err(AriError::Busy(wait)),
        (429, None) => Err(AriError::Busy(LONG_PAUSE)),
        (500.., _) => Err(AriError::Passing(HttpError::Status(status.as_u16()))),
        (200, wait) => read(&body, wait),
        (other, _) => Err(AriError::Lasting(format!("status {other}"))),
    }
}

fn read(body: &[u8], wait: Option<Duration>) -> Result<Suggestion, AriError> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| AriError::Lasting("it holds no window".to_owned()))?;
    let (opens, closes) = (moment(&answer.suggested_window.start)?, moment(&answer.suggested_window.end)?);
    if closes <= opens {
        return Err(AriError::Lasting("its window ends before it begins".to_owned()));
    }
    let explanation = answer
        .explanation_url
        .filter(|url| url.starts_with("https://"))
        .map(|url| printable(&url.chars().take(MAX_WORDS).collect::<String>()));
    let ask_again = wait.map_or(LONG_PAUSE, |wait| wait.clamp(SHORTEST_PAUSE, LONGEST_PAUSE));
    Ok(Suggestion { window: Window { opens, closes }, explanation, ask_again })
}

fn moment(text: &str) -> Result<Timestamp, AriError> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map(Timestamp::from)
        .map_err(|_| AriError::Lasting("its dates are no dates".to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::rng::SeededRandom;

    const GOOD: &str = r#"{"suggestedWindow":{"start":"2026-11-25T04:00:00Z","end":"2026-11-26T04:00:00Z"},
        "explanationURL":"https://ca.example/why"}"#;

    /// The leaf of RFC 9773 appendix A has this id.
    const EXAMPLE: &str = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE";

    #[test]
    fn an_id_is_two_parts_of_base64url_without_padding() {
        assert_eq!(CertId::parse(EXAMPLE).unwrap().identifier().to_string(), EXAMPLE);
        for text in ["", "a", "a.", ".a", "a.b.c", "a=.b", "a./b"] {
            assert_eq!(CertId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_certificate_that_names_no_issuers_key_has_no_id() {
        let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();

        assert_eq!(CertId::of_chain(&made.cert.pem()), None);
        assert_eq!(CertId::of_chain("nonsense"), None);
    }

    #[test]
    fn a_window_is_read_with_its_reason_and_the_time_to_ask_again() {
        let said = read(GOOD.as_bytes(), Some(Duration::from_secs(5))).unwrap();

        assert_eq!(said.window.closes.since(said.window.opens), Duration::from_hours(24));
        assert_eq!(said.explanation.as_deref(), Some("https://ca.example/why"));
        assert_eq!(said.ask_again, Duration::from_mins(1));
        assert_eq!(read(GOOD.as_bytes(), None).unwrap().ask_again, Duration::from_hours(6));
        assert_eq!(read(GOOD.as_bytes(), Some(Duration::MAX)).unwrap().ask_again, Duration::from_hours(24));
    }

    #[test]
    fn a_window_that_ends_before_it_begins_is_none() {
        let turned = GOOD.replace("2026-11-26", "2026-11-25");

        for text in [turned.as_str(), "{}", "", "[1]", r#"{"suggestedWindow":{"start":"soon","end":"later"}}"#] {
            assert!(matches!(read(text.as_bytes(), None), Err(AriError::Lasting(_))), "{text:?}");
        }
        let script = GOOD.replace("https://ca.example/why", "javascript:alert(1)");
        assert_eq!(read(script.as_bytes(), None).unwrap().explanation, None);
    }

    #[test]
    fn errors_that_pass_are_tried_again_soon_and_others_after_six_hours() {
        let passing = |failures| AriError::Passing(HttpError::Status(502)).pause(failures).as_secs();

        assert_eq!([1, 2, 3, 6, 7, u32::MAX].map(passing), [60, 120, 240, 1_920, 21_600, 21_600]);
        assert_eq!(AriError::Lasting(String::new()).pause(1), Duration::from_hours(6));
        assert_eq!(AriError::Busy(Duration::MAX).pause(1), Duration::from_hours(24));
    }

    proptest! {
        #[test]
        fn every_moment_of_the_window_may_be_chosen_and_none_outside(seed in any::<u64>(), span in 1_i64..40_000_000) {
            let window = Window { opens: Timestamp::from_unix(1_000), closes: Timestamp::from_unix(1_000 + span) };

            let chosen = window.choose(&SeededRandom::new(seed));

            prop_assert!(window.opens <= chosen && chosen < window.closes);
        }

        #[test]
        fn no_answer_panics(body in prop::collection::vec(any::<u8>(), 0..400)) {
            drop(read(&body, None));
        }
    }
}
