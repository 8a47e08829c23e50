//! Patterns that people choose: counting, repeating, walking over the keys, dates. Bytes of lower-case text; letters
//! beyond ASCII follow no pattern here.

/// So many letters may stand beside a pattern before it counts as more than the pattern; none beside a short one.
const BESIDE: usize = 2;
const SHORT: usize = 6;

/// Shorter runs are everywhere, and mean nothing.
const SHORTEST_RUN: usize = 3;

/// The keys of a keyboard as they lie; each row is a little further to the right.
const KEYS: [&[u8]; 4] = [b"1234567890", b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"];

/// Whether all but [`BESIDE`] letters count up or down, such as `abc123`, `87654321`, `9012`.
pub(super) fn is_sequential(text: &[u8]) -> bool {
    is_made_of_runs(text, |one, next| match (one, next) {
        (b'9', b'0') => Some(1),
        (b'0', b'9') => Some(-1),
        _ if is_alike(one, next) && next == one.wrapping_add(1) => Some(1),
        _ if is_alike(one, next) && one == next.wrapping_add(1) => Some(-1),
        _ => None,
    })
}

/// Whether all but [`BESIDE`] letters are runs of keys that lie side by side, such as `qwertyuiop`, `1qaz2wsx`.
pub(super) fn is_keyboard_walk(text: &[u8]) -> bool {
    is_made_of_runs(text, |one, next| {
        let (row, place) = key(one)?;
        let (next_row, next_place) = key(next)?;
        let is_neighbour = row.abs_diff(next_row) <= 1 && place.abs_diff(next_place) <= 1 && one != next;
        is_neighbour.then_some(0)
    })
}

/// Whether it is one piece over and over, such as `0000`, `1212`, `abcabc`; the last may be cut off.
pub(super) fn is_repeated(text: &[u8]) -> bool {
    (1..=text.len() / 2).any(|size| text.iter().zip(text.iter().skip(size)).all(|(one, other)| one == other))
}

/// Whether it is a year, or eight digits that are a date in one of the usual orders.
pub(super) fn is_date(text: &[u8]) -> bool {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        digits.iter().try_fold(0_u32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
    };
    let is_year = |from: usize| number(from, from + 4).is_some_and(|year| (1900..2100).contains(&year));
    let is_month = |from: usize| number(from, from + 2).is_some_and(|month| (1..=12).contains(&month));
    let is_day = |from: usize| number(from, from + 2).is_some_and(|day| (1..=31).contains(&day));
    match text.len() {
        4 => is_year(0),
        8 => {
            (is_year(4) && (is_day(0) && is_month(2) || is_month(0) && is_day(2)))
                || (is_year(0) && is_month(4) && is_day(6))
        }
        _ => false,
    }
}

const fn is_alike(one: u8, next: u8) -> bool {
    (one.is_ascii_digit() && next.is_ascii_digit()) || (one.is_ascii_lowercase() && next.is_ascii_lowercase())
}

fn key(letter: u8) -> Option<(usize, usize)> {
    let row_of = |(row, keys): (usize, &&[u8])| Some((row, keys.iter().position(|key| *key == letter)?));
    KEYS.iter().enumerate().find_map(row_of)
}

/// Whether runs in which `step` stays the same cover all but [`BESIDE`] of at least [`SHORTEST_RUN`] letters.
fn is_made_of_runs(text: &[u8], step: impl Fn(u8, u8) -> Option<i8>) -> bool {
    if text.len() < SHORTEST_RUN {
        return false;
    }
    let (mut covered, mut run, mut way) = (0, 1, None);
    for (one, next) in text.iter().zip(text.iter().skip(1)) {
        let here = step(*one, *next);
        if here.is_some() && (run == 1 || here == way) {
            run += 1;
        } else {
            covered += if run >= SHORTEST_RUN { run } else { 0 };
            run = 1;
        }
        way = here;
    }
    covered += if run >= SHORTEST_RUN { run } else { 0 };
    let beside = if text.len() < SHORT { 0 } else { BESIDE };
    covered > 0 && covered + beside >= text.len()
}
