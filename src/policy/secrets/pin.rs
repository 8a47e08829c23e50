//! What a thumb types on a keypad: few digits, so that a stranger tries the likely ones by hand.

use crate::policy::secrets::machine::{is_shorter, numbers};
use crate::policy::secrets::pattern::{is_date, is_repeated, is_sequential};
use crate::policy::secrets::{Reason, Reasons, Subject};

/// Checklist row CR-05.
const LEAST_DIGITS: usize = 6;

/// So few digits beside its own number are guessed by hand.
const FEW_BESIDE: usize = 3;

/// The PINs that people choose most, beyond rows, repeats and dates: lines over the keypad and round numbers.
const COMMON: [&str; 52] = [
    "1234",
    "0000",
    "2580",
    "0852",
    "1470",
    "3690",
    "1313",
    "1122",
    "6969",
    "4321",
    "1010",
    "5683",
    "1004",
    "1342",
    "7410",
    "13579",
    "24680",
    "11111",
    "54321",
    "123456",
    "654321",
    "123123",
    "112233",
    "121212",
    "159753",
    "131313",
    "123321",
    "147258",
    "258369",
    "789456",
    "456789",
    "159357",
    "142536",
    "102030",
    "010203",
    "123654",
    "111222",
    "696969",
    "101010",
    "147852",
    "963852",
    "135790",
    "246810",
    "520520",
    "100200",
    "12341234",
    "11112222",
    "12344321",
    "11223344",
    "14725836",
    "147258369",
    "159753",
];

/// What a PIN is shipped as: FusionPBX's `fanvil_menu_password` and `snom_admin_mode_password`, phones' own.
const SHIPPED: [&str; 4] = ["123", "0000", "456", "789"];

/// `folded` is the PIN of `subject`.
pub(super) fn judge(folded: &str, subject: &Subject<'_>) -> Reasons {
    let pin = folded.trim();
    let digits = pin.chars().count();
    let bytes = pin.as_bytes();
    let mut found = Reasons::NONE;
    found.add_if(digits < LEAST_DIGITS, Reason::TooShort);
    found.add_if(COMMON.contains(&pin), Reason::Common);
    found.add_if(SHIPPED.contains(&pin), Reason::ShippedDefault);
    found.join(numbers(pin, subject.numbers, |pin, number| {
        pin.contains(number) && digits <= number.chars().count() + FEW_BESIDE
    }));
    found.add_if(is_sequential(bytes), Reason::Sequential);
    found.add_if(is_repeated(bytes), Reason::Repeated);
    found.add_if(is_date(bytes), Reason::Year);
    found.add_if(is_shorter(digits, subject.policy_length), Reason::WeakerThanPolicy);
    found
}
