//! Sets of numbers as sorted, disjoint, inclusive ranges: addresses, ports and all else that a rule compares.

/// A set of numbers. IPv4 addresses, ports and protocol numbers are small ones; an IPv6 address fills all 128 bits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ranges(Vec<(u128, u128)>);

impl Ranges {
    /// The set that holds nothing.
    #[must_use]
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// The numbers from `first` to `last`, both within. Nothing when `last` is smaller.
    #[must_use]
    pub fn span(first: u128, last: u128) -> Self {
        if first <= last { Self(vec![(first, last)]) } else { Self::none() }
    }

    /// One number.
    #[must_use]
    pub fn one(value: u128) -> Self {
        Self(vec![(value, value)])
    }

    /// All of these, put in order and joined where they touch.
    #[must_use]
    pub fn join(mut parts: Vec<(u128, u128)>) -> Self {
        parts.retain(|(first, last)| first <= last);
        parts.sort_unstable();
        let mut joined: Vec<(u128, u128)> = Vec::with_capacity(parts.len());
        for (first, last) in parts {
            match joined.last_mut() {
                Some(before) if before.1 == u128::MAX || first <= before.1 + 1 => before.1 = before.1.max(last),
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }

    /// The ranges, in order.
    #[must_use]
    pub fn parts(&self) -> &[(u128, u128)] {
        &self.0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `value` is in it.
    #[must_use]
    pub fn has(&self, value: u128) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= value);
        after > 0 && self.0[after - 1].1 >= value
    }

    /// Whether every number of `other` is in it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.minus(self).is_empty()
    }

    /// Whether the two share a number.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        !self.and(other).is_empty()
    }

    /// What is in either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self::join(self.0.iter().chain(&other.0).copied().collect())
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                both.push((first, last));
            }
            if a.1 < b.1 {
                left.next();
            } else {
                right.next();
            }
        }
        Self(both)
    }

    /// What is in this and not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.and(&other.inverse())
    }

    /// Every number that is not in it.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let mut rest = Vec::with_capacity(self.0.len() + 1);
        let mut next = Some(0);
        for (first, last) in &self.0 {
            if let Some(start) = next.filter(|start| start < first) {
                rest.push((start, first - 1));
            }
            next = last.checked_add(1);
        }
        if let Some(start) = next {
            rest.push((start, u128::MAX));
        }
        Self(rest)
    }

    /// The smallest number in it.
    #[must_use]
    pub fn first(&self) -> Option<u128> {
        self.0.first().map(|part| part.0)
    }

    /// The only number in it, if there is exactly one.
    #[must_use]
    pub fn only(&self) -> Option<u128> {
        match self.0.as_slice() {
            [(first, last)] if first == last => Some(*first),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Ranges;

    fn some() -> impl Strategy<Value = Ranges> {
        proptest::collection::vec((0_u128..60, 0_u128..9), 0..8)
            .prop_map(|parts| Ranges::join(parts.into_iter().map(|(first, more)| (first, first + more)).collect()))
    }

    proptest! {
        #[test]
        fn sets_of_ranges_agree_with_each_number_asked_alone(a in some(), b in some(), n in 0_u128..80) {
            prop_assert_eq!(a.or(&b).has(n), a.has(n) || b.has(n));
            prop_assert_eq!(a.and(&b).has(n), a.has(n) && b.has(n));
            prop_assert_eq!(a.minus(&b).has(n), a.has(n) && !b.has(n));
            prop_assert_eq!(a.inverse().has(n), !a.has(n));
            prop_assert_eq!(a.inverse().inverse(), a);
        }
    }

    #[test]
    fn the_largest_number_has_no_neighbour() {
        let all = Ranges::none().inverse();

        assert_eq!(all, Ranges::span(0, u128::MAX));
        assert!(all.inverse().is_empty());
        assert_eq!(Ranges::join(vec![(5, u128::MAX), (1, 2)]).parts(), &[(1, 2), (5, u128::MAX)]);
    }
}
