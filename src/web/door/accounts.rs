//! How often one account may be tried, existing or not: after failures it waits 1, 3, 5, then 10 seconds, and after 100
//! in a day until that day is over; never longer, so that nobody can be locked out for good.

use std::time::Duration;

use crate::web::door::bounded::Bounded;

/// So many accounts are remembered; each takes about 150 bytes.
const MOST: usize = 65_536;

/// The most failures in a day.
const MOST_FAILURES: u32 = 100;

const DAY: Duration = Duration::from_hours(24);

/// The accounts that were tried lately.
pub(super) struct Accounts(Bounded<u128, Tried>);

impl Default for Accounts {
    fn default() -> Self {
        Self(Bounded::new(MOST))
    }
}

#[derive(Default)]
struct Tried {
    /// Failures since the last success.
    in_a_row: u32,
    /// Failures since `day_began`.
    today: u32,
    day_began: Duration,
    last: Option<Duration>,
}

impl Tried {
    fn wait(&self, now: Duration) -> Duration {
        let until_tomorrow =
            if self.today >= MOST_FAILURES { (self.day_began + DAY).saturating_sub(now) } else { Duration::ZERO };
        let pause = self.last.map_or(Duration::ZERO, |last| (last + pause_after(self.in_a_row)).saturating_sub(now));
        until_tomorrow.max(pause)
    }
}

const fn pause_after(failures: u32) -> Duration {
    Duration::from_secs(match failures {
        0 => 0,
        1 => 1,
        2 => 3,
        3 => 5,
        _ => 10,
    })
}

impl Accounts {
    /// Begins a try of `account`, which counts as failed from now on. Answers when the one before it was.
    ///
    /// # Errors
    /// It has to wait; says how long.
    pub(super) fn begin(&mut self, account: u128, now: Duration) -> Result<Option<Duration>, Duration> {
        let tried = self.0.touch(account, Tried::default);
        if tried.today == 0 || now.saturating_sub(tried.day_began) >= DAY {
            (tried.today, tried.day_began) = (0, now);
        }
        let wait = tried.wait(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        let before = tried.last.replace(now);
        tried.in_a_row = tried.in_a_row.saturating_add(1);
        tried.today += 1;
        Ok(before)
    }

    /// The try has failed just now.
    pub(super) fn failed(&mut self, account: u128, now: Duration) {
        if let Some(tried) = self.0.peek(account) {
            tried.last = Some(now);
        }
    }

    /// The try was right.
    pub(super) fn passed(&mut self, account: u128) {
        if let Some(tried) = self.0.peek(account) {
            tried.in_a_row = 0;
            // What others failed at today still counts.
            tried.today = tried.today.saturating_sub(1);
            tried.last = None;
        }
    }

    /// The try does not count; the one before it was at `before`.
    pub(super) fn uncounted(&mut self, account: u128, before: Option<Duration>) {
        if let Some(tried) = self.0.peek(account) {
            tried.in_a_row = tried.in_a_row.saturating_sub(1);
            tried.today = tried.today.saturating_sub(1);
            tried.last = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: u128 = 1;
    const START: Duration = Duration::from_secs(1_000);

    /// Fails as soon as it may, from `now` on; answers when.
    fn fail(accounts: &mut Accounts, now: Duration) -> Duration {
        let at = match accounts.begin(ANN, now) {
            Ok(_) => now,
            Err(wait) => {
                accounts.begin(ANN, now + wait).unwrap();
                now + wait
            }
        };
        accounts.failed(ANN, at);
        at
    }

    #[test]
    fn failures_wait_one_three_five_then_ten_seconds() {
        let mut accounts = Accounts::default();
        let mut now = START;
        let mut waits = Vec::new();

        for _ in 0..7 {
            let at = fail(&mut accounts, now);
            waits.push(at.saturating_sub(now).as_secs());
            now = at;
        }

        assert_eq!(waits, [0, 1, 3, 5, 10, 10, 10]);
    }

    #[test]
    fn of_many_at_once_one_is_looked_at() {
        let mut accounts = Accounts::default();

        let heard = (0..50).filter(|_| accounts.begin(ANN, START).is_ok()).count();

        assert_eq!(heard, 1);
    }

    #[test]
    fn a_hundred_failures_end_the_day_and_the_next_one_is_a_new_day() {
        let mut accounts = Accounts::default();
        let mut now = START;
        for _ in 0..100 {
            now = fail(&mut accounts, now);
        }

        let wait = accounts.begin(ANN, now + Duration::from_secs(10)).unwrap_err();

        assert_eq!(now + Duration::from_secs(10) + wait, START + DAY);
        assert!(accounts.begin(ANN, START + DAY).is_ok());
        assert!(accounts.begin(2, now).is_ok());
    }

    #[test]
    fn a_success_ends_the_waits_but_not_the_days_count() {
        let mut accounts = Accounts::default();
        let mut now = START;
        for _ in 0..99 {
            now = fail(&mut accounts, now);
        }
        let at = now + Duration::from_secs(10);
        accounts.begin(ANN, at).unwrap();
        accounts.passed(ANN);

        assert!(accounts.begin(ANN, at).is_ok());
        accounts.failed(ANN, at);
        assert!(accounts.begin(ANN, at + Duration::from_mins(1)).is_err());
    }

    #[test]
    fn a_try_that_was_not_looked_at_leaves_no_trace() {
        let mut accounts = Accounts::default();
        let first = fail(&mut accounts, START);
        let second = first + Duration::from_secs(1);
        let before = accounts.begin(ANN, second).unwrap();

        accounts.uncounted(ANN, before);

        assert!(accounts.begin(ANN, second).is_ok());
    }
}
