//! Secrets at rest: AES-256-GCM under a key file that only Rampart's user can read.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;

use crate::base::rng::Random;
use crate::base::secret::Secret;

/// Seals and opens secrets. Each is bound to a place (`acme_accounts.credentials`), so that one cannot be moved to
/// where another belongs.
pub struct Seal {
    key: RandomizedNonceKey,
    tags: hmac::Key,
}

/// Why a secret cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key file cannot be read or made.
    #[error("the key file {path} cannot be used", path = .path.display())]
    KeyFile {
        /// Where it lies.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// Others could read the key file.
    #[error("the key file {path} may be read by others; make it mode 0600", path = .path.display())]
    KeyFileOpen {
        /// Where it lies.
        path: PathBuf,
    },
    /// The key file does not hold 32 bytes.
    #[error("the key file {path} does not hold a key", path = .path.display())]
    KeyFileBroken {
        /// Where it lies.
        path: PathBuf,
    },
    /// The sealed bytes were made with another key, for another place, or changed since.
    #[error("the sealed bytes do not open with this key")]
    Sealed,
}

impl Seal {
    /// Reads the key at `path`, or makes one if there is none.
    ///
    /// # Errors
    /// The file cannot be used, is open to others, or holds no key.
    pub fn open(path: &Path, random: &dyn Random) -> Result<Self, SealError> {
        let failed = |source| SealError::KeyFile { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        match File::open(path) {
            Ok(mut file) => {
                if file.metadata().map_err(failed)?.mode() & 0o077 != 0 {
                    return Err(SealError::KeyFileOpen { path: path.to_owned() });
                }
                file.read_to_end(&mut bytes).map_err(failed)?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                bytes.resize(32, 0);
                random.fill(&mut bytes);
                let mut file =
                    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
                file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        let bytes = Secret::new(bytes);
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes.expose())
            .map_err(|_| SealError::KeyFileBroken { path: path.to_owned() })?;
        // A key of its own, so that no tag says anything of what is sealed.
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes.expose()), b"rampart: tags");
        Ok(Self { key, tags: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()) })
    }

    /// Seals `secret` for `place`: a nonce of 12 bytes, then the ciphertext.
    ///
    /// # Errors
    /// The secret is longer than AES-GCM allows.
    pub fn seal(&self, place: &str, secret: &Secret<String>) -> Result<Vec<u8>, SealError> {
        let mut body = secret.expose().clone().into_bytes();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(place), &mut body).map_err(|_| SealError::Sealed)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// The tag (HMAC-SHA-256, 32 bytes) of `message` for `place`: only who has the key file can make it.
    #[must_use]
    pub fn tag(&self, place: &str, message: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.tags);
        // The place's length first: no place with a message looks like another place with another one.
        context.update(&(place.len() as u64).to_be_bytes());
        context.update(place.as_bytes());
        context.update(message);
        context.sign().as_ref().to_vec()
    }

    /// Opens what [`seal`](Self::seal) made for the same place.
    ///
    /// # Errors
    /// Another key, another place, or changed bytes.
    pub fn unseal(&self, place: &str, sealed: &[u8]) -> Result<Secret<String>, SealError> {
        let (nonce, body) = sealed.split_at_checked(12).ok_or(SealError::Sealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Sealed)?;
        let mut body = body.to_vec();
        let open = self.key.open_in_place(nonce, Aad::from(place), &mut body).map_err(|_| SealError::Sealed)?;
        String::from_utf8(open.to_vec()).map(Secret::new).map_err(|_| SealError::Sealed)
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Seal")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::SystemRandom;

    #[test]
    fn a_tag_is_of_one_key_one_place_and_one_message() {
        let directory = std::env::temp_dir().join(format!("rampart-tags-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let seal = Seal::open(&directory.join("one.key"), &SystemRandom).unwrap();
        let other = Seal::open(&directory.join("other.key"), &SystemRandom).unwrap();
        let again = Seal::open(&directory.join("one.key"), &SystemRandom).unwrap();

        let tag = seal.tag("form", b"message");

        assert_eq!(tag, again.tag("form", b"message"));
        assert_eq!(tag.len(), 32);
        for wrong in [other.tag("form", b"message"), seal.tag("forms", b"message"), seal.tag("for", b"mmessage")] {
            assert_ne!(tag, wrong);
        }
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_secret_opens_only_with_its_key_in_its_place() {
        let directory = std::env::temp_dir().join(format!("rampart-seal-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let seal = Seal::open(&directory.join("one.key"), &SystemRandom).unwrap();
        let other = Seal::open(&directory.join("other.key"), &SystemRandom).unwrap();
        let again = Seal::open(&directory.join("one.key"), &SystemRandom).unwrap();

        let sealed = seal.seal("here", &Secret::new("account key".to_owned())).unwrap();

        assert_eq!(again.unseal("here", &sealed).unwrap().expose(), "account key");
        assert!(seal.unseal("there", &sealed).is_err());
        assert!(other.unseal("here", &sealed).is_err());
        assert!(seal.unseal("here", &sealed[..5]).is_err());
        std::fs::remove_dir_all(directory).unwrap();
    }
}
