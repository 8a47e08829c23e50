//! Bytes as text: base64url and base32 without padding (RFC 4648), lower-case hex, and SHA-256.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use data_encoding::BASE32_NOPAD;
use sha2::{Digest as _, Sha256, Sha384};

/// `bytes` in base64url without padding.
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes behind base64url without padding; `None` if `text` is something else.
#[must_use]
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The bytes behind ordinary, padded base64; `None` if `text` is something else.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim()).ok()
}

/// `bytes` in ordinary, padded base64.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// `bytes` as lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for half in [byte >> 4, byte & 0x0f] {
            text.extend(char::from_digit(half.into(), 16));
        }
    }
    text
}

/// The SHA-384 of `bytes`, in base64, as browsers want it beside a script or a stylesheet (W3C Subresource Integrity).
#[must_use]
pub fn sha384_base64(bytes: &[u8]) -> String {
    base64(&Sha384::digest(bytes))
}

/// The SHA-256 of `bytes`, as hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// `bytes` in base32 without padding (RFC 4648 section 6), as authenticators take a seed.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes)
}

/// The bytes behind base32 without padding; `None` if `text` is something else.
#[must_use]
pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    BASE32_NOPAD.decode(text.as_bytes()).ok()
}

/// The first half of the SHA-256 of `bytes`, as a number: a key for a map whose keys strangers choose.
#[must_use]
pub fn short_digest(bytes: &[u8]) -> u128 {
    let digest = Sha256::digest(bytes);
    digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}
