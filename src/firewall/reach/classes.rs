//! Addresses or ports that no rule tells apart are one class. Every rule is then a set of classes, and one pass over the
//! rules answers for all of them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::firewall::ranges::Ranges;

/// The classes of one kind of number.
#[derive(Debug)]
pub(super) struct Classes {
    /// First, last, class: in order, within the numbers that are asked about.
    atoms: Vec<(u128, u128, usize)>,
    /// How many atoms each class has.
    sizes: Vec<usize>,
    masks: HashMap<usize, Arc<Mask>>,
}

/// The classes for which a rule's set holds.
#[derive(Debug)]
pub(super) struct Mask {
    /// Wholly in the set.
    pub(super) certain: Arc<Vec<usize>>,
    /// In the set with at least one number; the same unless the set was not known when the classes were made.
    pub(super) possible: Arc<Vec<usize>>,
}

impl Mask {
    /// Whether each class is wholly in or wholly out.
    pub(super) fn exact(&self) -> bool {
        self.certain.len() == self.possible.len()
    }
}

impl Classes {
    /// Cuts `space` wherever one of `sets` begins or ends, and puts together what is in the same sets.
    pub(super) fn new<'a>(space: &Ranges, sets: impl Iterator<Item = &'a Ranges>) -> Self {
        let mut events: Vec<(u128, u128)> = Vec::new();
        for (number, set) in sets.enumerate() {
            let name = spread(number);
            for (first, last) in set.and(space).parts() {
                events.push((*first, name));
                events.extend(last.checked_add(1).map(|next| (next, name)));
            }
        }
        events.sort_unstable();
        let (mut atoms, mut sizes): (Vec<(u128, u128, usize)>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut known: HashMap<u128, usize> = HashMap::new();
        let (mut at, mut signature) = (0, 0);
        for (first, last) in space.parts() {
            let mut start = *first;
            loop {
                while let Some((_, name)) = events.get(at).filter(|(place, _)| *place <= start) {
                    signature ^= name;
                    at += 1;
                }
                let cut = events.get(at).map(|(place, _)| *place).filter(|place| place <= last);
                let end = cut.map_or(*last, |place| place - 1);
                let class = *known.entry(signature).or_insert(sizes.len());
                if class == sizes.len() {
                    sizes.push(0);
                }
                sizes[class] += 1;
                atoms.push((start, end, class));
                match cut {
                    Some(place) => start = place,
                    None => break,
                }
            }
        }
        Self { atoms, sizes, masks: HashMap::new() }
    }

    /// How many classes there are.
    pub(super) fn count(&self) -> usize {
        self.sizes.len()
    }

    /// The class of a number.
    pub(super) fn class(&self, number: u128) -> Option<usize> {
        let after = self.atoms.partition_point(|(first, ..)| *first <= number);
        let (_, last, class) = self.atoms.get(after.checked_sub(1)?)?;
        (*last >= number).then_some(*class)
    }

    /// The numbers of the classes for which `wanted` holds.
    pub(super) fn numbers(&self, wanted: impl Fn(usize) -> bool) -> Ranges {
        let atoms = self.atoms.iter().filter(|(.., class)| wanted(*class));
        Ranges::join(atoms.map(|(first, last, _)| (*first, *last)).collect())
    }

    /// The classes of a rule's set, remembered by where the set lies: the rules outlive the classes.
    pub(super) fn shared(&mut self, set: &Arc<Ranges>) -> Arc<Mask> {
        let place = Arc::as_ptr(set).addr();
        if let Some(mask) = self.masks.get(&place) {
            return mask.clone();
        }
        let mask = Arc::new(self.mask(set));
        self.masks.insert(place, mask.clone());
        mask
    }

    /// The classes of a set.
    pub(super) fn mask(&self, set: &Ranges) -> Mask {
        // Class and whether this atom of it is wholly in the set.
        let mut met: Vec<(usize, usize)> = Vec::new();
        for (first, last) in set.parts() {
            let from = self.atoms.partition_point(|(_, end, _)| end < first);
            for (start, end, class) in self.atoms[from..].iter().take_while(|(start, ..)| start <= last) {
                met.push((*class, usize::from(start >= first && end <= last)));
            }
        }
        met.sort_unstable();
        let (mut certain, mut possible) = (Vec::new(), Vec::new());
        for atoms in met.chunk_by(|one, other| one.0 == other.0) {
            let Some((class, _)) = atoms.first() else { continue };
            possible.push(*class);
            if atoms.iter().map(|(_, whole)| whole).sum::<usize>() == self.sizes[*class] {
                certain.push(*class);
            }
        }
        // Nearly always the two are the same list.
        let possible = Arc::new(possible);
        let certain = if certain.len() == possible.len() { possible.clone() } else { Arc::new(certain) };
        Mask { certain, possible }
    }
}

/// A number of 128 bits in which any few of them look unlike any others: two rounds of splitmix64.
fn spread(number: usize) -> u128 {
    let mut state = u64::try_from(number).unwrap_or(u64::MAX);
    let mut round = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u128::from(mixed ^ (mixed >> 31))
    };
    // Two neighbours share a step of the generator; the second half is turned so that they share no half.
    let (high, low) = (round(), round());
    (high << 64) | low.rotate_left(17)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Classes;
    use crate::firewall::ranges::Ranges;

    #[test]
    fn numbers_in_the_same_sets_are_one_class() {
        let sets = [Ranges::join(vec![(1, 1), (5, 5), (9, 9)]), Ranges::span(5, 7)];
        let mut classes = Classes::new(&Ranges::span(0, 20), sets.iter());

        let (odd, span) = (Arc::new(sets[0].clone()), Arc::new(sets[1].clone()));

        assert_eq!(classes.count(), 4);
        assert_eq!(classes.class(1), classes.class(9));
        assert_ne!(classes.class(1), classes.class(5));
        assert_eq!(classes.class(21), None);
        assert!(classes.shared(&odd).exact() && classes.shared(&span).exact());
        assert!(!classes.mask(&Ranges::span(6, 9)).exact());
        assert_eq!(classes.numbers(|class| Some(class) == classes.class(1)), Ranges::join(vec![(1, 1), (9, 9)]));
    }
}
