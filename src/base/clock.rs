//! The only asker of time. Everything else takes a [`Clock`] or a [`Timestamp`] as an argument.

use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment in UTC, in whole seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `seconds` after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// This moment and `span` more, at the end of time if that is beyond it.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_secs()).unwrap_or(i64::MAX)))
    }

    /// This moment less `span`.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_secs()).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// `2026-11-22T18:21:36Z` (RFC 3339), as logs and exports write it.
    #[must_use]
    pub fn rfc3339(self) -> String {
        OffsetDateTime::from_unix_timestamp(self.0)
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok())
            .unwrap_or_else(|| format!("{} s after 1970", self.0))
    }

    /// `18:21:36 UTC`, where the day stands elsewhere.
    #[must_use]
    pub fn time_of_day(self) -> String {
        let text = self.rfc3339();
        text.get(11..19).map_or(text.clone(), |time| format!("{time} UTC"))
    }

    /// `2026-11-22 18:21 UTC`, as pages write it.
    #[must_use]
    pub fn minutes(self) -> String {
        let text = self.rfc3339();
        match (text.get(..10), text.get(11..16)) {
            (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
            _ => text,
        }
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(moment: OffsetDateTime) -> Self {
        Self(moment.unix_timestamp())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.rfc3339())
    }
}

/// Something that knows what time it is.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// How long this clock has run. It never goes back, whatever is done to the host's time of day: for waits and
    /// limits, which must not end early or last for ever when someone sets the clock.
    fn running(&self) -> Duration;
}

/// When the program first asked how long its clock has run.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The host's own clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this file is the one home of the system clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from(OffsetDateTime::now_utc())
    }

    fn running(&self) -> Duration {
        START.elapsed()
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct ManualClock {
    start: Mutex<Timestamp>,
    moved: Mutex<Duration>,
}

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self { start: Mutex::new(start), moved: Mutex::default() }
    }

    /// Moves the clock forward.
    pub fn advance(&self, span: Duration) {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        *moved = moved.saturating_add(span);
    }

    /// Sets the clock, forward or back, as an administrator might: how long it has run stays as it is.
    pub fn set(&self, moment: Timestamp) {
        *self.start.lock().unwrap_or_else(PoisonError::into_inner) = moment.minus(self.running());
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.start.lock().unwrap_or_else(PoisonError::into_inner).plus(self.running())
    }

    fn running(&self) -> Duration {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `3 min`, `2 h`, `5 days`: a span as a person says it, always rounded down.
#[must_use]
pub fn spoken(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_as_rfc_3339_and_as_minutes() {
        let moment = Timestamp::from_unix(1_795_371_696);

        assert_eq!(moment.rfc3339(), "2026-11-22T18:21:36Z");
        assert_eq!(moment.minutes(), "2026-11-22 18:21 UTC");
        assert_eq!(moment.time_of_day(), "18:21:36 UTC");
    }

    #[test]
    fn a_span_that_overflows_stops_at_the_end_of_time() {
        let moment = Timestamp::from_unix(5);

        assert_eq!(moment.plus(Duration::from_secs(u64::MAX)).unix(), i64::MAX);
    }

    #[test]
    fn spans_are_rounded_down() {
        assert_eq!(spoken(Duration::from_secs(119)), "1 min");
        assert_eq!(spoken(Duration::from_secs(172_799)), "47 h");
        assert_eq!(spoken(Duration::from_hours(48)), "2 days");
    }
}
