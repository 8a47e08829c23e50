//! Secrets at rest: AES-256-GCM under the key of [`KeyFile`]. A sealed value names its key by a short id, so that two
//! keys can be in force while one takes the other's place.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use sha2::{Digest as _, Sha256};

use crate::base::rng::Random;
use crate::base::secret::Secret;
use crate::store::key_file::{KeyFile, Keys, new_key};

/// How a sealed value begins: the form's number, then the key's id. A nonce of 12 bytes and the ciphertext follow.
const FORM: u8 = 1;

/// The first bytes of the SHA-256 of a key and a word of ours.
pub(super) type KeyId = [u8; 4];

/// Where a value's key id ends.
const HEAD: usize = 1 + size_of::<KeyId>();

/// Seals and opens secrets. Each is bound to a place (`acme_accounts.credentials`), so that one cannot be moved to
/// where another belongs.
pub struct Seal {
    pub(super) file: KeyFile,
    lock: PathBuf,
    ring: Mutex<Ring>,
    /// Drawn from the key that was in force when this process began: a rotation spoils no form that is open.
    tags: hmac::Key,
}

/// The keys that this process knows.
#[derive(Default)]
struct Ring {
    /// The first key of the file as last read: the one to seal with.
    present: Option<Arc<Key>>,
    /// Every key that was ever read: a page that is being drawn may have read its rows before a rotation ended.
    known: Vec<Arc<Key>>,
}

struct Key {
    id: KeyId,
    key: RandomizedNonceKey,
}

/// Why a secret cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key file cannot be read or made; a link is not followed.
    #[error("the key file {path} cannot be used", path = .path.display())]
    KeyFile {
        /// Where it lies.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Others could read the key file.
    #[error("the key file {path} may be read by others; make it mode 0600", path = .path.display())]
    KeyFileOpen {
        /// Where it lies.
        path: PathBuf,
    },
    /// It belongs to somebody else, or is no plain file.
    #[error("the key file {path} must be a plain file of Rampart's own user", path = .path.display())]
    KeyFileForeign {
        /// Where it lies.
        path: PathBuf,
    },
    /// It does not hold a key of 32 bytes, or two.
    #[error("the key file {path} does not hold a key", path = .path.display())]
    KeyFileBroken {
        /// Where it lies.
        path: PathBuf,
    },
    /// There is no key, and the store holds secrets that only the lost one opens.
    #[error("the key file {path} is missing, and the store holds secrets sealed with it; put it back, or run this where systemd hands it over", path = .path.display())]
    KeyFileMissing {
        /// Where it should lie.
        path: PathBuf,
    },
    /// systemd keeps the key: it cannot be replaced from here.
    #[error(
        "the key is a credential of systemd's, which only root can replace; see \"Rotate the key\" in docs/operating.md"
    )]
    Credential,
    /// The sealed bytes were made with another key, for another place, or changed since.
    #[error("the sealed bytes do not open with this key")]
    Sealed,
}

impl Seal {
    /// Reads the key of `directory` (or systemd's, see [`KeyFile::find`]). If there is none, one is made, unless
    /// `is_in_use` says that the store holds secrets already: a new key would not open them.
    ///
    /// # Errors
    /// The file cannot be used, is open to others, or holds no key.
    pub async fn open(
        directory: &Path,
        credentials: Option<&Path>,
        random: &dyn Random,
        is_in_use: bool,
    ) -> Result<Self, SealError> {
        let file = KeyFile::find(directory, credentials);
        let lock = directory.join("store.key.lock");
        // Without a key, tags are good for as long as this process lives.
        let mut seal = Self { file, lock, ring: Mutex::default(), tags: tag_key(&new_key(random)) };
        if seal.file.read()?.is_empty() && !is_in_use {
            // Two programs may start at once; the second finds the key of the first.
            let _alone = seal.alone().await?;
            if seal.file.read()?.is_empty() {
                seal.file.replace(&[&new_key(random)])?;
            }
        }
        let keys = seal.refresh()?;
        if let Some(present) = keys.first() {
            seal.tags = tag_key(present);
        }
        Ok(seal)
    }

    /// Opens what [`seal`](Self::seal) made for the same place. A value that names a key which is not known here has the key
    /// file read again: another process may have rotated it.
    ///
    /// # Errors
    /// No such key, another place, or changed bytes.
    pub fn unseal(&self, place: &str, sealed: &[u8]) -> Result<Secret<String>, SealError> {
        let id = key_id(sealed).ok_or(SealError::Sealed)?;
        if self.known(id).is_none() {
            self.refresh()?;
        }
        let key = self.known(id).ok_or_else(|| self.lost())?;
        let (nonce, body) = sealed.split_at(HEAD).1.split_at_checked(12).ok_or(SealError::Sealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Sealed)?;
        let mut body = body.to_vec();
        let open = key.key.open_in_place(nonce, Aad::from(place), &mut body).map_err(|_| SealError::Sealed)?;
        String::from_utf8(open.to_vec()).map(Secret::new).map_err(|_| SealError::Sealed)
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

    /// Seals `secret` for `place`. Only inside a transaction that was begun as `IMMEDIATE`: a rotation walks the rows in such
    /// a one, and what was sealed with the old key beside it would never be opened again.
    ///
    /// # Errors
    /// There is no key, its file cannot be used, or the secret is longer than AES-GCM allows.
    pub fn seal(&self, place: &str, secret: &Secret<String>) -> Result<Vec<u8>, SealError> {
        self.refresh()?;
        let key = self.ring().present.clone().ok_or_else(|| self.lost())?;
        key.seal(place, secret)
    }

    /// Keeps everybody else from changing the key file while it lives.
    ///
    /// # Errors
    /// The lock cannot be had.
    pub(super) async fn alone(&self) -> Result<File, SealError> {
        let file = self.lock_file()?;
        // Waits on a thread of its own: who holds the lock may need this one to go on.
        let waited = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
        waited.map_err(io::Error::other).and_then(|locked| locked).map_err(|source| self.failed(source))
    }

    /// Reads the key file again, and hands back what it holds.
    ///
    /// # Errors
    /// The file cannot be used.
    pub(super) fn refresh(&self) -> Result<Keys, SealError> {
        let keys = self.file.read()?;
        let fresh: Vec<_> = keys.iter().map(|bytes| self.key(bytes).map(Arc::new)).collect::<Result<_, _>>()?;
        let mut ring = self.ring();
        ring.present = fresh.first().cloned();
        for key in fresh {
            if ring.known.iter().all(|known| known.id != key.id) {
                ring.known.push(key);
            }
        }
        Ok(keys)
    }

    /// The id of the key that is sealed with now; `None` if there is no key.
    pub(super) fn present(&self) -> Option<KeyId> {
        self.ring().present.as_ref().map(|key| key.id)
    }

    fn known(&self, id: KeyId) -> Option<Arc<Key>> {
        self.ring().known.iter().find(|key| key.id == id).cloned()
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, bytes: &Secret<Vec<u8>>) -> Result<Key, SealError> {
        let broken = |_| SealError::KeyFileBroken { path: self.file.path().to_owned() };
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes.expose()).map_err(broken)?;
        let digest = Sha256::new().chain_update(b"rampart store key").chain_update(bytes.expose()).finalize();
        Ok(Key { id: [digest[0], digest[1], digest[2], digest[3]], key })
    }

    fn lost(&self) -> SealError {
        if self.present().is_some() {
            return SealError::Sealed;
        }
        SealError::KeyFileMissing { path: self.file.path().to_owned() }
    }

    fn lock_file(&self) -> Result<File, SealError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.custom_flags(nix::libc::O_NOFOLLOW).open(&self.lock).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> SealError {
        SealError::KeyFile { path: self.lock.clone(), source }
    }
}

impl Key {
    fn seal(&self, place: &str, secret: &Secret<String>) -> Result<Vec<u8>, SealError> {
        let mut body = secret.expose().clone().into_bytes();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(place), &mut body).map_err(|_| SealError::Sealed)?;
        let mut sealed = vec![FORM];
        sealed.extend_from_slice(&self.id);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        Ok(sealed)
    }
}

/// A key of its own, so that no tag says anything of what is sealed.
fn tag_key(key: &Secret<Vec<u8>>) -> hmac::Key {
    let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()), b"rampart: tags");
    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}

/// Which key a sealed value names; `None` if it is none.
pub(super) fn key_id(sealed: &[u8]) -> Option<KeyId> {
    let (form, rest) = sealed.split_first()?;
    if *form == FORM { rest.first_chunk().copied() } else { None }
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

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("rampart-seal-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        directory
    }

    async fn open(directory: &Path, is_in_use: bool) -> Seal {
        Seal::open(directory, None, &SystemRandom, is_in_use).await.unwrap()
    }

    #[tokio::test]
    async fn a_tag_is_of_one_key_one_place_and_one_message() {
        let (one, two) = (directory("tags"), directory("other-tags"));
        let (seal, other, again) = (open(&one, false).await, open(&two, false).await, open(&one, true).await);

        let tag = seal.tag("form", b"message");

        assert_eq!(tag, again.tag("form", b"message"));
        assert_eq!(tag.len(), 32);
        for wrong in [other.tag("form", b"message"), seal.tag("forms", b"message"), seal.tag("for", b"mmessage")] {
            assert_ne!(tag, wrong);
        }
        for used in [one, two] {
            std::fs::remove_dir_all(used).unwrap();
        }
    }

    #[tokio::test]
    async fn a_secret_opens_only_with_its_key_in_its_place() {
        let (one, two) = (directory("one"), directory("two"));
        let (seal, other, again) = (open(&one, false).await, open(&two, false).await, open(&one, true).await);
        let secret = Secret::new("account key".to_owned());

        let sealed = seal.seal("here", &secret).unwrap();

        assert_eq!(again.unseal("here", &sealed).unwrap().expose(), "account key");
        assert!(seal.unseal("there", &sealed).is_err());
        assert!(other.unseal("here", &sealed).is_err());
        for length in 0..sealed.len() {
            assert!(seal.unseal("here", &sealed[..length]).is_err(), "{length}");
        }
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(seal.unseal("here", &changed).is_err(), "{place}");
        }
        for used in [one, two] {
            std::fs::remove_dir_all(used).unwrap();
        }
    }

    #[tokio::test]
    async fn a_lost_key_is_not_replaced_while_secrets_wait_for_it() {
        let lost = directory("lost");

        let seal = open(&lost, true).await;

        assert!(!lost.join("store.key").exists());
        assert!(matches!(seal.seal("here", &Secret::new(String::new())), Err(SealError::KeyFileMissing { .. })));
        let missing = seal.unseal("here", &[FORM, 1, 2, 3, 4, 5]);
        assert!(matches!(missing, Err(SealError::KeyFileMissing { .. })), "{missing:?}");
        std::fs::remove_dir_all(lost).unwrap();
    }

    #[tokio::test]
    async fn a_key_that_another_process_put_in_force_is_found() {
        let shared = directory("shared");
        let (console, command) = (open(&shared, false).await, open(&shared, true).await);
        let secret = Secret::new("account key".to_owned());
        let former = console.seal("here", &secret).unwrap();

        let old = command.refresh().unwrap();
        let new = new_key(&SystemRandom);
        command.file.replace(&[&new, &old[0]]).unwrap();
        command.refresh().unwrap();
        let sealed = command.seal("here", &secret).unwrap();

        assert_ne!(key_id(&former), key_id(&sealed));
        assert_eq!(console.unseal("here", &sealed).unwrap().expose(), "account key");
        assert_eq!(console.unseal("here", &former).unwrap().expose(), "account key");
        command.file.replace(&[&new]).unwrap();
        let fresh = open(&shared, true).await;
        assert!(fresh.unseal("here", &former).is_err());
        assert_eq!(fresh.unseal("here", &sealed).unwrap().expose(), "account key");
        std::fs::remove_dir_all(shared).unwrap();
    }
}
