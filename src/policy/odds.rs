//! How likely a generated password is to break the rules that FusionPBX has for typed ones: computed, not tried out.

/// Which kinds of letters a password must have: digit, lower case, upper case, special.
pub type Needed = [bool; 4];

/// The chance that a password of `length` letters, each drawn evenly from kinds of these `sizes`, lacks a kind that is
/// needed. By inclusion and exclusion over the sets of kinds that may be missing together.
#[must_use]
pub fn lacks_a_kind(sizes: [u32; 4], needed: Needed, length: u32) -> f64 {
    let all = f64::from(sizes.iter().sum::<u32>());
    let length = i32::try_from(length).unwrap_or(i32::MAX);
    let mut chance = 0.0;
    for set in 1_u8..16 {
        let in_set = |kind: &usize| set & (1 << kind) != 0;
        let kinds: Vec<usize> = (0..4).filter(in_set).collect();
        if !kinds.iter().all(|kind| needed.get(*kind) == Some(&true)) {
            continue;
        }
        let missing: u32 = kinds.iter().filter_map(|kind| sizes.get(*kind)).sum();
        let others = if all > 0.0 { (all - f64::from(missing)) / all } else { 0.0 };
        let sign = if kinds.len() % 2 == 1 { 1.0 } else { -1.0 };
        chance += sign * others.powi(length);
    }
    chance.clamp(0.0, 1.0)
}

/// The chance that a PIN of `length` digits breaks the rules of `password_complexity`: a digit three times in a row, or
/// three in a row that count up or down (`app/voicemails/voicemail_edit.php`). Followed digit by digit, over the last two.
#[must_use]
pub fn pin_is_refused(length: u32) -> f64 {
    if length < 3 {
        return 0.0;
    }
    // How likely it is that all is well so far and the last two digits are these.
    let mut good = [[0.01_f64; 10]; 10];
    let mut refused = 0.0;
    for _ in 2..length {
        let mut next = [[0.0; 10]; 10];
        for (first, row) in good.iter().enumerate() {
            for (second, chance) in row.iter().enumerate() {
                for third in 0..10 {
                    let share = chance / 10.0;
                    if is_refused(first, second, third) {
                        refused += share;
                    } else if let Some(place) =
                        next.get_mut(second).and_then(|row: &mut [f64; 10]| row.get_mut(third))
                    {
                        *place += share;
                    }
                }
            }
        }
        good = next;
    }
    refused.clamp(0.0, 1.0)
}

/// Whether FusionPBX refuses these three digits in a row.
#[must_use]
pub const fn is_refused(first: usize, second: usize, third: usize) -> bool {
    (first == second && second == third)
        || (first + 1 == second && second + 1 == third)
        || (first == second + 1 && second == third + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::generator::Strength;

    /// Every word of letters `0..n`, one after the other, and how many of them lack a kind.
    fn counted(sizes: [u32; 4], needed: Needed, length: u32) -> (u64, u64) {
        let kinds: Vec<usize> = (0..4).flat_map(|kind| vec![kind; sizes[kind] as usize]).collect();
        let words = (kinds.len() as u64).pow(length);
        let lacks = |mut word: u64| {
            let mut seen = [false; 4];
            for _ in 0..length {
                seen[kinds[usize::try_from(word % kinds.len() as u64).unwrap()]] = true;
                word /= kinds.len() as u64;
            }
            (0..4).any(|kind| needed[kind] && !seen[kind])
        };
        (u64::try_from((0..words).filter(|word| lacks(*word)).count()).unwrap(), words)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a few thousand words")]
    fn share((some, all): (u64, u64)) -> f64 {
        some as f64 / all as f64
    }

    proptest! {
        #[test]
        fn the_formula_counts_what_can_be_counted_one_by_one(
            sizes in prop::array::uniform4(0_u32..3).prop_filter("no letters", |sizes| sizes.iter().sum::<u32>() > 0),
            needed in prop::array::uniform4(any::<bool>()),
            length in 0_u32..5,
        ) {
            let formula = lacks_a_kind(sizes, needed, length);

            prop_assert!((formula - share(counted(sizes, needed, length))).abs() < 1e-12, "{formula}");
        }
    }

    #[test]
    fn of_all_pins_up_to_six_digits_as_many_are_refused_as_it_says() {
        for length in 1..=6_u32 {
            let refused = |pin: &u32| {
                let digits: Vec<usize> =
                    (0..length).rev().map(|place| (pin / 10_u32.pow(place) % 10) as usize).collect();
                digits.windows(3).any(|three| is_refused(three[0], three[1], three[2]))
            };
            let all = 10_u32.pow(length);
            let count = (0..all).filter(refused).count();

            let expected = share((count as u64, u64::from(all)));
            assert!((pin_is_refused(length) - expected).abs() < 1e-12, "{length}: {expected}");
        }
    }

    #[test]
    fn a_kind_that_the_alphabet_does_not_have_is_always_missing() {
        let digits = Strength::DIGITS.sizes();

        assert!((lacks_a_kind(digits, [true, true, false, false], 20) - 1.0).abs() < f64::EPSILON);
        assert!(lacks_a_kind(digits, [true, false, false, false], 20).abs() < f64::EPSILON);
        // The password that FusionPBX ships, 20 letters of all kinds: every eleventh has no special one.
        let shipped = lacks_a_kind(Strength::ALL.sizes(), [false, false, false, true], 20);
        assert!((shipped - (60.0_f64 / 67.0).powi(20)).abs() < 1e-15);
    }
}
