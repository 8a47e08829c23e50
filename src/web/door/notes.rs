//! What the trail hears of those who were turned away. Each record there is forced onto the disk, so that a storm must
//! not write one for every try: the first of each limit in a minute is noted by itself, the others as a count when the
//! minute is over.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

/// At most so many limits are noted in one minute; what is beyond is counted together.
const MOST: usize = 60;

/// Which limit turned somebody away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::web) enum Limit {
    /// Too many tries from one source.
    Source(Option<IpAddr>),
    /// Too many tries of one account.
    Account(u128),
    /// Too many tries from one known device, or of one signed-in operator.
    Device(u128),
    /// Counted together, since too many limits were reached at once.
    Others,
}

impl Limit {
    /// In words, for the trail.
    pub(in crate::web) const fn words(self) -> &'static str {
        match self {
            Self::Source(_) => "too many tries from one address",
            Self::Account(_) => "too many tries of one name",
            Self::Device(_) => "too many tries from one device",
            Self::Others => "too many tries from many addresses or of many names",
        }
    }
}

/// Who was turned away: what the count is written under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::web) struct Note {
    /// From where.
    pub(in crate::web) address: Option<String>,
    /// The name as it was typed. It goes no further than the question whether an operator is called so.
    pub(in crate::web) name: String,
}

/// A minute that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::web) struct Ended {
    /// The limit.
    pub(in crate::web) limit: Limit,
    /// The first that it turned away.
    pub(in crate::web) note: Note,
    /// How many more.
    pub(in crate::web) more: u64,
}

#[derive(Default)]
pub(super) struct Notes(HashMap<Limit, (Duration, Note, u64)>, Vec<Ended>);

impl Notes {
    /// Whether this is the first that `limit` turns away in a minute; counts it otherwise.
    pub(super) fn is_first(&mut self, limit: Limit, note: &Note, now: Duration) -> bool {
        self.close(now);
        let is_full = self.0.len() >= MOST && !self.0.contains_key(&limit);
        let limit = if is_full { Limit::Others } else { limit };
        if let Some((_, _, more)) = self.0.get_mut(&limit) {
            *more += 1;
            return false;
        }
        let note = if is_full { Note { address: None, name: String::new() } } else { note.clone() };
        self.0.insert(limit, (now, note, 0));
        true
    }

    /// The minutes that are over and in which more were turned away than the first.
    pub(super) fn ended(&mut self, now: Duration) -> Vec<Ended> {
        self.close(now);
        std::mem::take(&mut self.1)
    }

    fn close(&mut self, now: Duration) {
        let ended = &mut self.1;
        self.0.retain(|limit, (began, note, more)| {
            let is_open = now.saturating_sub(*began) < MINUTE;
            if !is_open && *more > 0 {
                ended.push(Ended { limit: *limit, note: note.clone(), more: *more });
            }
            is_open
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(name: &str) -> Note {
        Note { address: Some("192.0.2.1".to_owned()), name: name.to_owned() }
    }

    #[test]
    fn the_first_of_a_minute_is_noted_and_the_others_are_counted() {
        let mut notes = Notes::default();
        let limit = Limit::Account(1);

        assert!(notes.is_first(limit, &note("ann"), Duration::ZERO));
        assert!((0..9).all(|_| !notes.is_first(limit, &note("ann"), Duration::from_secs(59))));
        assert!(notes.is_first(Limit::Account(2), &note("bob"), Duration::from_secs(59)));
        assert_eq!(notes.ended(Duration::from_secs(59)), []);

        assert!(notes.is_first(limit, &note("ann"), MINUTE));
        assert_eq!(notes.ended(MINUTE), [Ended { limit, note: note("ann"), more: 9 }]);
        assert_eq!(notes.ended(MINUTE * 9), []);
    }

    #[test]
    fn a_storm_from_everywhere_is_noted_sixty_one_times_a_minute() {
        let mut notes = Notes::default();

        let heard =
            (0..10_000).filter(|nth| notes.is_first(Limit::Account(*nth), &note("x"), Duration::ZERO)).count();

        assert_eq!(heard, MOST + 1);
        let ended = notes.ended(MINUTE);
        assert_eq!(ended.len(), 1);
        assert_eq!((ended[0].limit, ended[0].more), (Limit::Others, 10_000 - 61));
    }
}
