//! Looks for secrets where none may be: in each form that a program could have written them in.

use rampart::base::encoding::{base64, base64url, hex};

/// A secret that was planted.
#[derive(Clone, Debug)]
pub(crate) struct Canary {
    pub(crate) name: &'static str,
    forms: Vec<(&'static str, Vec<u8>)>,
}

impl Canary {
    /// The canary `name` with these bytes; of a long one the last 40 count, since what keys begin with is the same in all.
    pub(crate) fn new(name: &'static str, secret: impl AsRef<[u8]>) -> Self {
        let whole = secret.as_ref();
        let secret = &whole[whole.len().saturating_sub(40)..];
        assert!(secret.len() >= 6, "{name} is too short to be told from chance");
        let mut forms = vec![
            ("as it is", secret.to_vec()),
            ("hex", hex(secret).into_bytes()),
            ("HEX", hex(secret).to_uppercase().into_bytes()),
            ("percent", percent(secret, |_| true, false)),
            ("PERCENT", percent(secret, |_| true, true)),
            ("form", percent(secret, |byte| !byte.is_ascii_alphanumeric() && !b"-._*".contains(&byte), true)),
            ("plus", percent(secret, |byte| !byte.is_ascii_alphanumeric() && !b"-._* ".contains(&byte), true)),
        ];
        if let Some((_, plus)) = forms.iter_mut().find(|(form, _)| *form == "plus") {
            plus.iter_mut().filter(|byte| **byte == b' ').for_each(|byte| *byte = b'+');
        }
        for front in 0..3 {
            forms.push(("base64", inside_base64(secret, front, base64)));
            forms.push(("base64url", inside_base64(secret, front, base64url)));
        }
        Self { name, forms }
    }

    /// In which form it stands in `bytes`, if it does.
    pub(crate) fn found_in(&self, bytes: &[u8]) -> Option<&'static str> {
        self.forms.iter().find(|(_, form)| holds(bytes, form)).map(|(name, _)| *name)
    }

    /// Every form, to plant them.
    pub(crate) fn forms(&self) -> impl Iterator<Item = &[u8]> {
        self.forms.iter().map(|(_, form)| form.as_slice())
    }
}

fn percent(secret: &[u8], is_written: impl Fn(u8) -> bool, upper: bool) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in secret {
        if is_written(*byte) {
            let digits = if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
            text.extend(digits.into_bytes());
        } else {
            text.push(*byte);
        }
    }
    text
}

/// What stands in base64 of a text that holds the secret after `front` other bytes, whatever those are.
fn inside_base64(secret: &[u8], front: usize, encode: fn(&[u8]) -> String) -> Vec<u8> {
    let text = encode(&[&vec![0; front][..], secret].concat());
    let (first, last) = ((front * 8).div_ceil(6), (front + secret.len()) * 8 / 6);
    text.as_bytes()[first..last].to_vec()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return false };
    let mut rest = bytes;
    while let Some(place) = rest.iter().position(|byte| byte == first) {
        if rest[place..].starts_with(part) {
            return true;
        }
        rest = &rest[place + 1..];
    }
    false
}

#[test]
fn a_canary_is_found_in_every_form_and_company_and_not_where_it_is_not() {
    let secret = "a quiet & stone wall?";
    let canary = Canary::new("password", secret);

    for form in canary.forms() {
        assert!(canary.found_in(&[b"before ", form, b" after"].concat()).is_some());
    }
    for front in ["", "x", "xy", "xyz"] {
        let text = format!("{front}{secret} and more");
        assert!(canary.found_in(base64(text.as_bytes()).as_bytes()).is_some(), "{front}");
        assert!(canary.found_in(base64url(text.as_bytes()).as_bytes()).is_some(), "{front}");
        assert!(canary.found_in(hex(text.as_bytes()).as_bytes()).is_some(), "{front}");
    }
    assert!(canary.found_in(b"password=a+quiet+%26+stone+wall%3F&x=1").is_some());
    assert_eq!(canary.found_in(b"a quiet stone wall"), None);
}
