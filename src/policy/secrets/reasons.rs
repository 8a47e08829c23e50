//! A set of reasons, small enough to keep a million of.

use crate::policy::secrets::reason::Reason;

/// A set of [`Reason`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reasons(u64);

impl Reasons {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// Just `reason`.
    #[must_use]
    pub const fn of(reason: Reason) -> Self {
        Self(reason.bit())
    }

    /// Puts `reason` in.
    pub const fn add(&mut self, reason: Reason) {
        self.0 |= reason.bit();
    }

    /// Puts `reason` in if `holds`.
    pub const fn add_if(&mut self, holds: bool, reason: Reason) {
        if holds {
            self.add(reason);
        }
    }

    /// Puts all of `others` in.
    pub const fn join(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// Whether `reason` is in.
    #[must_use]
    pub const fn has(self, reason: Reason) -> bool {
        self.0 & reason.bit() != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// All that are in, worst kinds first as [`Reason::ALL`] has them.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.into_iter().filter(move |reason| self.has(*reason))
    }
}

impl FromIterator<Reason> for Reasons {
    fn from_iter<I: IntoIterator<Item = Reason>>(reasons: I) -> Self {
        let mut all = Self::NONE;
        for reason in reasons {
            all.add(reason);
        }
        all
    }
}
