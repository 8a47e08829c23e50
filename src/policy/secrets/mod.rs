//! Judging the secrets that FusionPBX keeps: pure, from the text of one secret and what is known about its place.
//!
//! `reason` is the closed list of what can be wrong; `machine` judges what a machine types (SIP secrets, trunks, phones),
//! `pin` what a thumb types on a keypad; `pattern` finds rows, repeats and dates; `doubt` asks zxcvbn where the cheap
//! rules cannot tell. Nothing here reads, keeps or prints a secret.

mod doubt;
mod machine;
mod pattern;
mod pin;
mod reason;
mod reasons;

use doubt::Guesses;
pub use reason::{About, Reason, Weight};
pub use reasons::Reasons;

use zeroize::Zeroizing;

/// What kind of secret it is, which decides by which rules it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The SIP secret of an extension.
    Extension,
    /// The copy of a SIP secret in a line of a phone.
    Line,
    /// The password of a trunk.
    Gateway,
    /// The password of a phone's own pages.
    Device,
    /// A password handed to phones, or asked of them, by provisioning.
    Provisioning,
    /// The PIN of a voicemail box.
    Voicemail,
    /// The PIN of a conference, of an agent, of a feature, or of a phone's menu.
    Pin,
    /// An account that signs in to FusionPBX; its password is a hash and is not judged here.
    User,
}

impl Kind {
    /// Whether it is typed on a keypad.
    #[must_use]
    pub const fn is_pin(self) -> bool {
        matches!(self, Self::Voicemail | Self::Pin)
    }
}

/// One secret and what is known about its place. Names are compared without regard to case.
#[derive(Clone, Copy, Default)]
pub struct Subject<'a> {
    /// The secret itself.
    pub secret: &'a str,
    /// The extension, mailbox or room that it belongs to, and its other numbers; empty ones count for nothing.
    pub numbers: &'a [&'a str],
    /// Names that belong to it, such as the user name of a trunk; empty ones count for nothing.
    pub names: &'a [&'a str],
    /// The tenant's domain and its parts, in lower case, as [`domain_words`] gives them.
    pub domain: &'a [String],
    /// The length that the policy in force asks for.
    pub policy_length: Option<u32>,
}

/// Judges secrets one after the other; what it works in is wiped when it goes.
#[derive(Default)]
pub struct Judge {
    folded: Zeroizing<String>,
    guesses: Guesses,
}

impl Judge {
    /// What is wrong with the secret of `subject`. Never panics, whatever the text.
    pub fn judge(&mut self, kind: Kind, subject: &Subject<'_>) -> Reasons {
        if subject.secret.trim().is_empty() {
            return Reasons::of(Reason::Empty);
        }
        self.fold(subject.secret);
        if kind.is_pin() {
            pin::judge(&self.folded, subject)
        } else {
            machine::judge(&self.folded, subject, &mut self.guesses)
        }
    }

    /// In lower case, compatible forms made one.
    fn fold(&mut self, secret: &str) {
        self.folded.clear();
        if secret.is_ascii() {
            self.folded.push_str(secret);
            self.folded.make_ascii_lowercase();
        } else {
            *self.folded = crate::policy::own_password::folded(secret);
        }
    }
}

/// The name of a tenant's domain and the parts of it that say something, in lower case.
#[must_use]
pub fn domain_words(domain: &str) -> Vec<String> {
    let whole = domain.to_lowercase();
    // The last part is `com`, `test` or a country, which says nothing.
    let own = whole.rsplit_once('.').map_or(whole.as_str(), |(own, _)| own);
    let parts = own.split(|letter: char| !letter.is_alphanumeric());
    let mut words: Vec<String> = Vec::new();
    for word in std::iter::once(whole.as_str()).chain(parts) {
        let says_something = word.chars().count() >= SHORTEST_NAME && !word.bytes().all(|byte| byte.is_ascii_digit());
        if says_something && !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    words
}

/// Shorter names are in every long text by chance.
const SHORTEST_NAME: usize = 4;
/// The same for numbers.
const SHORTEST_NUMBER: usize = 3;

#[cfg(test)]
mod tests;
