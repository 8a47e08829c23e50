//! What a message without fields holds besides its name: nothing.

use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// For a variant without fields, whose unknown fields serde's `deny_unknown_fields` on the enum lets pass.
///
/// # Errors
/// There is a field.
pub(super) fn nothing_more<'de, D: Deserializer<'de>>(from: D) -> Result<(), D::Error> {
    Nothing::deserialize(from).map(|Nothing {}| ())
}
