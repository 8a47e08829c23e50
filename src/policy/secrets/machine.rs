//! What a machine types: SIP secrets, trunks, phones. Nobody has to remember it, so that length and chance are all.

use crate::policy::own_password::is_listed;
use crate::policy::secrets::doubt::{Guesses, class, is_in_doubt};
use crate::policy::secrets::pattern::{is_date, is_keyboard_walk, is_repeated, is_sequential};
use crate::policy::secrets::{Reason, Reasons, SHORTEST_NAME, SHORTEST_NUMBER, Subject};

/// Checklist row CR-01.
const LEAST_LENGTH: usize = 12;

/// So many letters of one kind are enough; the length that FusionPBX is shipped with.
const LONG_ENOUGH: usize = 20;

/// What FusionPBX, FreeSWITCH and phones are shipped with (facts read in FusionPBX's default settings and vars.xml).
const SHIPPED: [&str; 14] = [
    "1234",
    "cluecon",
    "works",
    "freeswitch",
    "fusionpbx",
    "super-secret",
    "123",
    "0000",
    "admin",
    "user",
    "password",
    "22222",
    "789",
    "456",
];

/// `folded` is the secret of `subject` in lower case.
pub(super) fn judge(folded: &str, subject: &Subject<'_>, guesses: &mut Guesses) -> Reasons {
    let mut found = Reasons::NONE;
    let (mut letters, mut classes) = (0_usize, 0);
    for letter in subject.secret.chars() {
        letters += 1;
        classes |= class(letter);
    }
    found.add_if(letters < LEAST_LENGTH, Reason::TooShort);
    // Twenty letters drawn by chance are all of one kind now and then, and no weaker for it.
    let is_long = classes != class('0') && letters >= LONG_ENOUGH;
    found.add_if(classes.is_power_of_two() && !is_long, Reason::OneClass);
    found.add_if(SHIPPED.contains(&folded), Reason::ShippedDefault);
    found.add_if(is_listed(folded), Reason::Common);
    found.join(numbers(folded, subject.numbers, |text, number| text.contains(number)));
    found.join(names(folded, subject));
    let bytes = folded.as_bytes();
    let is_row = is_sequential(bytes);
    found.add_if(is_row, Reason::Sequential);
    found.add_if(!is_row && is_keyboard_walk(bytes), Reason::KeyboardWalk);
    found.add_if(is_repeated(bytes), Reason::Repeated);
    found.add_if(is_date(bytes), Reason::Year);
    if found.has_no_answer() && is_in_doubt(subject.secret, folded) {
        found.add_if(guesses.is_guessable(subject.secret), Reason::Guessable);
    }
    found.add_if(is_shorter(letters, subject.policy_length), Reason::WeakerThanPolicy);
    found
}

/// The same for PINs and secrets, but for what counts as being contained.
pub(super) fn numbers(text: &str, numbers: &[&str], contains: impl Fn(&str, &str) -> bool) -> Reasons {
    let mut found = Reasons::NONE;
    for number in numbers.iter().map(|number| number.trim()).filter(|number| !number.is_empty()) {
        if text == number {
            found.add(Reason::EqualsExtension);
        } else if text.chars().eq(number.chars().rev()) {
            found.add(Reason::ReversedExtension);
        } else if number.chars().count() >= SHORTEST_NUMBER && contains(text, number) {
            found.add(Reason::ContainsExtension);
        }
    }
    found
}

fn names(folded: &str, subject: &Subject<'_>) -> Reasons {
    let mut found = Reasons::NONE;
    for word in subject.domain {
        if folded == word {
            found.add(Reason::EqualsDomain);
        } else if folded.contains(word.as_str()) {
            found.add(Reason::ContainsName);
        }
    }
    for name in subject.names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let is_same = if name.is_ascii() { folded.eq_ignore_ascii_case(name) } else { folded == name.to_lowercase() };
        if is_same {
            found.add(Reason::EqualsUsername);
        } else if name.chars().count() >= SHORTEST_NAME && folded.contains(&name.to_lowercase()) {
            found.add(Reason::ContainsName);
        }
    }
    found
}

pub(super) fn is_shorter(letters: usize, policy: Option<u32>) -> bool {
    policy.is_some_and(|least| letters < usize::try_from(least).unwrap_or(usize::MAX))
}

impl Reasons {
    /// Whether the cheap rules have said nothing yet that a word list would only say again.
    fn has_no_answer(self) -> bool {
        const ANSWERS: [Reason; 10] = [
            Reason::ShippedDefault,
            Reason::Common,
            Reason::EqualsExtension,
            Reason::ReversedExtension,
            Reason::EqualsDomain,
            Reason::EqualsUsername,
            Reason::Sequential,
            Reason::Repeated,
            Reason::KeyboardWalk,
            Reason::Year,
        ];
        !ANSWERS.into_iter().any(|answer| self.has(answer))
    }
}
