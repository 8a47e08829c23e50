//! What can go wrong between us and a CA, sorted by what one does about it.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::acme::accept::AcceptError;
use crate::acme::challenge::DnsError;
use crate::acme::http::{Heard, HttpError};
use crate::acme::ports::{JournalError, KeyError};
use crate::base::chain::printable;
use crate::base::clock::spoken;

/// The most that is kept of one text from a CA, in letters.
const MAX_WORDS: usize = 1_000;

/// The most parts that are kept of one refusal.
const MAX_PARTS: usize = 100;

/// Why an order gave no certificate.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The conversation with the CA failed.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The challenge records could not be put into DNS, or do not show there.
    #[error(transparent)]
    Dns(#[from] DnsError),
    /// The CA does not offer the profile. An older CA would issue another one in silence.
    #[error("the CA has no profile {wanted}; it offers {}", offer(.offered))]
    NoSuchProfile {
        /// What was asked for.
        wanted: String,
        /// What there is.
        offered: Vec<String>,
    },
    /// One more order would eat into the CA's limits.
    #[error("{words}")]
    Overdrawn {
        /// Which limit, and until when.
        words: String,
        /// For how long.
        wait: Duration,
    },
    /// The agent made no key.
    #[error("no key was made for the certificate")]
    Key(#[source] KeyError),
    /// The CA handed out something else than was asked for. It is not used.
    #[error("the CA issued something else than was asked for")]
    WrongCertificate(#[source] AcceptError),
    /// Our own store failed: nothing is done that it could not remember.
    #[error("the order's progress could not be kept")]
    Journal(#[source] JournalError),
}

impl IssueError {
    /// For how long the CA asks us to wait before the next try, if it said so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Ca(error) => error.retry_after(),
            Self::Overdrawn { wait, .. } => Some(*wait),
            _ => None,
        }
    }
}

fn offer(profiles: &[String]) -> String {
    if profiles.is_empty() { "none".to_owned() } else { words(&profiles.join(", ")) }
}

/// Why the CA did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// It answered, and said no. The same question gets the same answer.
    #[error("the CA refused {doing}: {refusal}")]
    Refused {
        /// What was asked for.
        doing: &'static str,
        /// Its own words.
        refusal: Refusal,
        /// How long to wait before asking again, if it said so.
        retry_after: Option<Duration>,
    },
    /// Too many requests, or a CA under load (status 429 or 503, or `rateLimited`).
    #[error("the CA asks for a pause before {doing}{}{refusal}", pause(*.retry_after))]
    RateLimited {
        /// What was asked for.
        doing: &'static str,
        /// Its own words, which may be none.
        refusal: Refusal,
        /// How long to wait, if it said so.
        retry_after: Option<Duration>,
    },
    /// No connection, a TLS certificate that is not trusted, or a server that fails by itself.
    #[error("the CA could not be reached for {doing}")]
    Unreachable {
        /// What was asked for.
        doing: &'static str,
        /// What failed.
        #[source]
        source: HttpError,
    },
    /// It was reached, but was not done in time.
    #[error("the CA did not answer or finish in time ({doing}, {} s)", .after.as_secs_f32())]
    TimedOut {
        /// What was asked for.
        doing: &'static str,
        /// After how long we stopped waiting.
        after: Duration,
        /// How long to wait before asking again, if it said so.
        retry_after: Option<Duration>,
    },
    /// It answered, but not in ACME.
    #[error("the CA's answer to {doing} makes no sense")]
    Nonsense {
        /// What was asked for.
        doing: &'static str,
        /// What was wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

fn pause(wait: Option<Duration>) -> String {
    wait.map_or_else(|| ": ".to_owned(), |wait| format!(" ({}): ", spoken(wait)))
}

impl CaError {
    /// For how long the CA asks us to wait before the next try, if it said so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. }
            | Self::RateLimited { retry_after, .. }
            | Self::TimedOut { retry_after, .. } => *retry_after,
            Self::Unreachable { .. } | Self::Nonsense { .. } => None,
        }
    }

    /// An answer that breaks the protocol.
    pub(crate) fn nonsense(doing: &'static str, why: &str) -> Self {
        Self::Nonsense { doing, source: printable(why).into() }
    }

    /// Sorts what the library says, with what the answer said beside its body.
    pub(crate) fn sort(doing: &'static str, error: instant_acme::Error, heard: &Heard) -> Self {
        let retry_after = heard.retry_after;
        let busy = matches!(heard.status, Some(429 | 503));
        match error {
            instant_acme::Error::Api(problem) => {
                let refusal = Refusal::from(problem);
                match heard.status {
                    _ if busy || refusal.kind == "rateLimited" => Self::RateLimited { doing, refusal, retry_after },
                    Some(status @ 500..) => Self::Unreachable { doing, source: HttpError::Status(status) },
                    _ => Self::Refused { doing, refusal, retry_after },
                }
            }
            instant_acme::Error::Other(other) => match other.downcast::<HttpError>() {
                Ok(failure) => Self::from_http(doing, *failure),
                Err(source) => Self::Nonsense { doing, source },
            },
            _ if busy => Self::RateLimited { doing, refusal: Refusal::default(), retry_after },
            other => match heard.status {
                Some(status @ 400..) => Self::Unreachable { doing, source: HttpError::Status(status) },
                _ => Self::Nonsense { doing, source: Box::new(other) },
            },
        }
    }

    pub(crate) fn from_http(doing: &'static str, failure: HttpError) -> Self {
        match failure {
            HttpError::Silent(after) => Self::TimedOut { doing, after, retry_after: None },
            HttpError::TooLarge | HttpError::Redirect | HttpError::NoAddress => {
                Self::Nonsense { doing, source: Box::new(failure) }
            }
            source => Self::Unreachable { doing, source },
        }
    }
}

/// A CA's no, in its own words: printable, and cut where they go on for too long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The error type of RFC 8555 section 6.7 without its prefix: `rejectedIdentifier`, `caa`, `unauthorized`…
    pub kind: String,
    /// What the CA said.
    pub detail: String,
    /// What it said of single names.
    pub parts: Vec<RefusalPart>,
}

/// What a CA said of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalPart {
    /// The name; empty if the CA named none.
    pub name: String,
    /// The error type without its prefix.
    pub kind: String,
    /// What the CA said.
    pub detail: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.detail.is_empty() { "it gave no reason" } else { &self.detail })?;
        if !self.kind.is_empty() {
            write!(out, " ({})", self.kind)?;
        }
        for part in &self.parts {
            write!(out, "; {}: {}", part.name, part.detail)?;
        }
        Ok(())
    }
}

impl From<instant_acme::Problem> for Refusal {
    fn from(problem: instant_acme::Problem) -> Self {
        let parts = problem.subproblems.into_iter().take(MAX_PARTS).map(|part| RefusalPart {
            name: part.identifier.map(|name| words(&name.authorized(false).to_string())).unwrap_or_default(),
            kind: kind(part.r#type),
            detail: words(&part.detail.unwrap_or_default()),
        });
        Self {
            parts: parts.collect(),
            kind: kind(problem.r#type),
            detail: words(&problem.detail.unwrap_or_default()),
        }
    }
}

fn kind(text: Option<String>) -> String {
    let text = text.unwrap_or_default();
    words(text.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(&text))
}

fn words(text: &str) -> String {
    let cut: String = text.chars().take(MAX_WORDS).collect();
    printable(cut.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(json: &str) -> instant_acme::Error {
        instant_acme::Error::Api(serde_json::from_str(json).unwrap())
    }

    fn heard(status: u16, wait: Option<u64>) -> Heard {
        Heard { status: Some(status), retry_after: wait.map(Duration::from_secs), ..Heard::default() }
    }

    #[test]
    fn a_busy_ca_is_told_from_one_that_says_no() {
        let limited = r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many"}"#;
        let error = CaError::sort("the order", problem(limited), &heard(429, Some(90)));
        assert_eq!(error.to_string(), "the CA asks for a pause before the order (1 min): too many (rateLimited)");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(90)));

        let load = CaError::sort("the order", instant_acme::Error::Str("page of HTML"), &heard(503, Some(5)));
        assert!(matches!(load, CaError::RateLimited { retry_after: Some(_), .. }));

        let broken = CaError::sort("the order", instant_acme::Error::Str("page of HTML"), &heard(502, None));
        assert!(matches!(broken, CaError::Unreachable { source: HttpError::Status(502), .. }));
    }

    #[test]
    fn a_hostile_text_is_cut_and_made_printable() {
        let long = format!(r#"{{"type":"x\n","detail":"\u001b[31m{}"}}"#, "a".repeat(5_000));
        let CaError::Refused { refusal, .. } = CaError::sort("the order", problem(&long), &heard(403, None)) else {
            panic!("a 403 is a refusal");
        };

        assert!(refusal.detail.starts_with("\\u{1b}[31maaa"));
        assert!(refusal.detail.len() < 1_100);
        assert_eq!(refusal.kind, "x");
    }
}
