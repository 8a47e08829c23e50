//! A map that holds at most so many entries: when it is full, the one that nobody asked for in the longest time goes.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

pub(super) struct Bounded<K, V> {
    most: usize,
    entries: HashMap<K, (u64, V)>,
    order: BTreeMap<u64, K>,
    next: u64,
}

impl<K: Copy + Eq + Hash, V> Bounded<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, entries: HashMap::new(), order: BTreeMap::new(), next: 0 }
    }

    /// The entry of `key`, made by `fresh` if there is none; it is now the last that would go.
    pub(super) fn touch(&mut self, key: K, fresh: impl FnOnce() -> V) -> &mut V {
        let place = self.next;
        self.next += 1;
        if let Some((former, _)) = self.entries.get(&key) {
            self.order.remove(former);
        } else if self.entries.len() >= self.most
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.entries.remove(&oldest);
        }
        self.order.insert(place, key);
        let entry = self.entries.entry(key).or_insert_with(|| (place, fresh()));
        entry.0 = place;
        &mut entry.1
    }

    /// The entry of `key`, left where it stands.
    pub(super) fn peek(&mut self, key: K) -> Option<&mut V> {
        self.entries.get_mut(&key).map(|(_, value)| value)
    }

    /// Keeps the entries that `is_wanted`.
    pub(super) fn retain(&mut self, mut is_wanted: impl FnMut(&V) -> bool) {
        let order = &mut self.order;
        self.entries.retain(|_, (place, value)| {
            let keep = is_wanted(value);
            if !keep {
                order.remove(place);
            }
            keep
        });
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_not_asked_for_in_the_longest_time_goes_first() {
        let mut map = Bounded::new(2);
        map.touch(1, || "one");
        map.touch(2, || "two");
        map.touch(1, || "anew");

        map.touch(3, || "three");

        assert_eq!(map.peek(1), Some(&mut "one"));
        assert_eq!(map.peek(2), None);
        assert_eq!((map.len(), map.order.len()), (2, 2));
        map.retain(|value| *value == "three");
        assert_eq!((map.len(), map.order.len()), (1, 1));
    }
}
