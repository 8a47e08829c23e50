//! What the trail hears of those who were turned away. Each record there is forced onto the disk, so that a storm must
//! not write one for every try, nor any while somebody waits for the answer: the first of each limit in a minute is noted
//! by itself, the others as a count when the minute is over, both by `tell`.

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

/// What is to be told: the first of a minute, or what came after it when the minute is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::web) struct Told {
    /// The limit.
    pub(in crate::web) limit: Limit,
    /// The first that it turned away.
    pub(in crate::web) note: Note,
    /// How many more; 0 for the first by itself.
    pub(in crate::web) more: u64,
}

#[derive(Default)]
pub(super) struct Notes(HashMap<Limit, (Duration, Note, u64)>, Vec<Told>);

impl Notes {
    /// Counts one that `limit` turns away. Answers whether it is the first in a minute.
    pub(super) fn count(&mut self, limit: Limit, note: &Note, now: Duration) -> bool {
        self.close(now);
        let is_full = self.0.len() >= MOST && !self.0.contains_key(&limit);
        let limit = if is_full { Limit::Others } else { limit };
        if let Some((_, _, more)) = self.0.get_mut(&limit) {
            *more += 1;
            return false;
        }
        let note = if is_full { Note { address: None, name: String::new() } } else { note.clone() };
        self.1.push(Told { limit, note: note.clone(), more: 0 });
        self.0.insert(limit, (now, note, 0));
        true
    }

    /// What is to be told since the last time.
    pub(super) fn untold(&mut self, now: Duration) -> Vec<Told> {
        self.close(now);
        std::mem::take(&mut self.1)
    }

    fn close(&mut self, now: Duration) {
        let ended = &mut self.1;
        self.0.retain(|limit, (began, note, more)| {
            let is_open = now.saturating_sub(*began) < MINUTE;
            if !is_open && *more > 0 {
                ended.push(Told { limit: *limit, note: note.clone(), more: *more });
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
        let (limit, other) = (Limit::Account(1), Limit::Account(2));
        let told = |limit, name, more| Told { limit, note: note(name), more };

        assert!(notes.count(limit, &note("ann"), Duration::ZERO));
        assert!((0..9).all(|_| !notes.count(limit, &note("ann"), Duration::from_secs(59))));
        assert!(notes.count(other, &note("bob"), Duration::from_secs(59)));
        assert_eq!(notes.untold(Duration::from_secs(59)), [told(limit, "ann", 0), told(other, "bob", 0)]);

        assert!(notes.count(limit, &note("ann"), MINUTE));
        assert_eq!(notes.untold(MINUTE), [told(limit, "ann", 9), told(limit, "ann", 0)]);
        assert_eq!(notes.untold(MINUTE * 9), []);
    }

    #[test]
    fn a_storm_from_everywhere_is_noted_sixty_one_times_a_minute() {
        let mut notes = Notes::default();

        for nth in 0..10_000 {
            notes.count(Limit::Account(nth), &note("x"), Duration::ZERO);
        }

        assert_eq!(notes.untold(Duration::ZERO).len(), MOST + 1);
        let ended = notes.untold(MINUTE);
        assert_eq!(ended.len(), 1);
        assert_eq!((ended[0].limit, ended[0].more), (Limit::Others, 10_000 - 61));
    }
}
