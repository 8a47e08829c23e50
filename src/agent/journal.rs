//! The journal: one line of JSON for each request, in the agent's own place, where the console cannot write.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tracing::error;

use crate::agent::place::Place;
use crate::base::chain::{Chain, printable};
use crate::base::clock::Clock;

/// Its name in the place.
pub(super) const JOURNAL: &str = "journal.jsonl";

/// When it is set aside and begun anew: 8 MiB. One older journal is kept.
const LIMIT_BYTES: u64 = 8 * 1024 * 1024;

/// What happened. Values are names, numbers and the agent's own words: never a key, a chain or a setting's value.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// Who asked; `None` for the agent itself.
    pub(super) uid: Option<u32>,
    /// With which process, if the kernel says.
    pub(super) pid: Option<i32>,
    /// What was asked.
    pub(super) verb: String,
    /// What it was about, if anything.
    pub(super) about: Option<String>,
    /// `done`, or how it failed.
    pub(super) outcome: String,
    /// Why it failed.
    pub(super) reason: Option<String>,
    /// How long it took.
    pub(super) took: Duration,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    uid: Option<u32>,
    pid: Option<i32>,
    verb: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<&'a str>,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    ms: u64,
}

/// Writes the journal.
pub(super) struct Journal {
    place: Arc<Place>,
    clock: Arc<dyn Clock>,
}

impl Journal {
    /// The journal of `place`.
    pub(super) fn new(place: Arc<Place>, clock: Arc<dyn Clock>) -> Self {
        Self { place, clock }
    }

    /// Writes one line and has it on the disk. A line that cannot be written goes to the log as an error.
    pub(super) fn write(&self, entry: &Entry) {
        let line = Line {
            time: self.clock.now().rfc3339(),
            uid: entry.uid,
            pid: entry.pid,
            verb: &entry.verb,
            about: entry.about.as_deref(),
            outcome: &entry.outcome,
            reason: entry.reason.as_deref().map(|reason| printable(&reason.chars().take(1000).collect::<String>())),
            ms: u64::try_from(entry.took.as_millis()).unwrap_or(u64::MAX),
        };
        let Ok(text) = serde_json::to_string(&line) else {
            return;
        };
        if let Err(error) = self.place.append(JOURNAL, &text, LIMIT_BYTES) {
            error!("The journal could not be written, so this line is only here: {text} ({})", Chain(&error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::place::tests::Scratch;
    use crate::base::clock::{ManualClock, Timestamp};

    #[test]
    fn a_request_is_one_line_whatever_is_in_it() {
        let scratch = Scratch::new("journal");
        let place = Arc::new(scratch.place());
        let clock = Arc::new(ManualClock::at(Timestamp::from_unix(1_795_371_696)));
        let entry = Entry {
            uid: Some(990),
            verb: "install".to_owned(),
            outcome: "refused".to_owned(),
            reason: Some("a\nb\u{202e}\"c".to_owned()),
            took: Duration::from_millis(12),
            ..Entry::default()
        };

        Journal::new(Arc::clone(&place), clock).write(&entry);

        let text = String::from_utf8(place.read(JOURNAL).unwrap().unwrap()).unwrap();
        assert_eq!(
            text,
            "{\"time\":\"2026-11-22T18:21:36Z\",\"uid\":990,\"pid\":null,\"verb\":\"install\",\"outcome\":\"refused\",\
             \"reason\":\"a\\\\u{a}b\\\\u{202e}\\\"c\",\"ms\":12}\n"
        );
    }
}
