//! What a secret for FreeSWITCH must be that somebody types: the console says so early, and the agent holds to it.

use std::ops::RangeInclusive;

/// How many letters it may have.
const LENGTHS: RangeInclusive<usize> = ENOUGH..=64;

/// A secret with fewer letters is short.
pub const ENOUGH: usize = 12;

/// What is wrong with `typed`; `None` if nothing is. Letters that the files or protocols have their own use for are left
/// out, so that nothing ever has to be escaped.
#[must_use]
pub fn fault(typed: &str) -> Option<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    if !typed.bytes().all(allowed) {
        return Some("a new password has letters, digits and - _ . ~ only");
    }
    if !LENGTHS.contains(&typed.len()) {
        return Some("a new password has 12 to 64 letters");
    }
    has_one_class(typed).then_some("a new password has more than digits, or than letters of one case")
}

/// Whether `secret` has digits only, or letters of one case only.
#[must_use]
pub fn has_one_class(secret: &str) -> bool {
    let only = |kind: fn(&u8) -> bool| secret.bytes().all(|byte| kind(&byte));
    only(u8::is_ascii_digit) || only(u8::is_ascii_lowercase) || only(u8::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_secret_is_long_mixed_and_needs_no_escaping() {
        assert_eq!(fault("Correct-horse-9"), None);
        for bad in
            ["", "Short-1", "123456789012", "onlysmallletters", "with\"quote-123", "with space 123", "$${variable}1"]
        {
            assert!(fault(bad).is_some(), "{bad}");
        }
        assert!(fault(&"aB".repeat(40)).is_some());
    }
}
