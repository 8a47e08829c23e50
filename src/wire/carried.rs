//! A secret on its way over the socket: a code that somebody typed, or one that is shown once.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq as _;

use crate::base::secret::Secret;

/// A secret that may cross the socket, which an ordinary [`Secret`] may not. It prints as hidden.
#[derive(Clone, Debug)]
pub struct Carried(pub Secret<String>);

impl Carried {
    /// Takes `text` along.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(Secret::new(text))
    }

    /// The text itself.
    #[must_use]
    pub const fn expose(&self) -> &String {
        self.0.expose()
    }
}

impl PartialEq for Carried {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for Carried {}

impl Serialize for Carried {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Carried {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::new)
    }
}
