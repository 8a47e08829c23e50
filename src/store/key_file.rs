//! The key that seals secrets at rest: 32 bytes in a file that only Rampart's user can read, or handed over by systemd.
//! While a rotation is under way it is followed by the key before it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::libc::O_NOFOLLOW;
use nix::unistd::Uid;

use crate::base::rng::Random;
use crate::base::secret::Secret;
use crate::store::seal::SealError;

/// Its name, in the state directory and among systemd's credentials.
const NAME: &str = "store.key";

/// The length of a key (AES-256).
pub(super) const KEY_BYTES: usize = 32;

/// Keys as the file holds them: the one to seal with, and the one before it while a rotation is under way.
pub(super) type Keys = Vec<Secret<Vec<u8>>>;

/// Where the key lies.
#[derive(Clone, Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
    /// systemd made it, and it cannot be changed from here.
    credential: bool,
}

impl KeyFile {
    /// The credential `store.key` if systemd gave one (`LoadCredential=`, systemd.exec(5)), else the file of that name in
    /// the state directory.
    pub(super) fn find(directory: &Path, credentials: Option<&Path>) -> Self {
        let given = credentials.map(|credentials| credentials.join(NAME)).filter(|path| path.exists());
        match given {
            Some(path) => Self { path, credential: true },
            None => Self { path: directory.join(NAME), credential: false },
        }
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether systemd made it.
    pub(super) const fn is_credential(&self) -> bool {
        self.credential
    }

    /// The keys in it; none if there is no such file.
    ///
    /// # Errors
    /// It cannot be read, is a link, belongs to somebody else, is open to others, or holds no key.
    pub(super) fn read(&self) -> Result<Keys, SealError> {
        let failed = |source| SealError::KeyFile { path: self.path.clone(), source };
        // A credential is a link in some versions of systemd; its directory is root's.
        let flags = if self.credential { 0 } else { O_NOFOLLOW };
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Keys::new()),
            Err(error) => return Err(failed(error)),
        };
        self.judge(&file.metadata().map_err(failed)?)?;
        let mut bytes = Vec::with_capacity(2 * KEY_BYTES + 1);
        let taken = file.take(2 * KEY_BYTES as u64 + 1).read_to_end(&mut bytes);
        let bytes = Secret::new(bytes);
        taken.map_err(failed)?;
        if ![KEY_BYTES, 2 * KEY_BYTES].contains(&bytes.expose().len()) {
            return Err(SealError::KeyFileBroken { path: self.path.clone() });
        }
        Ok(bytes.expose().chunks(KEY_BYTES).map(|key| Secret::new(key.to_vec())).collect())
    }

    /// Puts `keys` in its place, as a whole and on the disk.
    ///
    /// # Errors
    /// The disk refused; then the old file is still there.
    pub(super) fn replace(&self, keys: &[&Secret<Vec<u8>>]) -> Result<(), SealError> {
        let failed = |source| SealError::KeyFile { path: self.path.clone(), source };
        let beside = self.path.with_extension("key.new");
        // What a killed rotation left beside it was never in force.
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(failed)?;
        for key in keys {
            file.write_all(key.expose()).map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
        std::fs::rename(&beside, &self.path).and_then(|()| self.flush_directory()).map_err(failed)
    }

    fn flush_directory(&self) -> io::Result<()> {
        File::open(self.path.parent().unwrap_or_else(|| Path::new(".")))?.sync_all()
    }

    fn judge(&self, metadata: &std::fs::Metadata) -> Result<(), SealError> {
        let own = Uid::effective().as_raw();
        let owned = metadata.uid() == own || (self.credential && metadata.uid() == 0);
        // systemd may leave it to root and let us in by an access list, whose mask shows as the group's right to read.
        let others = if self.credential { 0o037 } else { 0o077 };
        if !metadata.is_file() || !owned {
            return Err(SealError::KeyFileForeign { path: self.path.clone() });
        }
        if metadata.mode() & others != 0 {
            return Err(SealError::KeyFileOpen { path: self.path.clone() });
        }
        Ok(())
    }
}

/// A new key.
pub(super) fn new_key(random: &dyn Random) -> Secret<Vec<u8>> {
    let mut key = vec![0; KEY_BYTES];
    random.fill(&mut key);
    Secret::new(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::base::encoding::hex;
    use crate::base::rng::SystemRandom;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Self {
            let mut mark = [0; 8];
            SystemRandom.fill(&mut mark);
            let path = std::env::temp_dir().join(format!("rampart-key-{}", hex(&mark)));
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    /// ASVS 13.3.1.
    #[test]
    fn a_link_a_foreign_file_and_one_that_others_may_read_are_refused() {
        let scratch = Scratch::new();
        let file = KeyFile::find(&scratch.0, None);
        let path = file.path().to_owned();
        file.replace(&[&new_key(&SystemRandom)]).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(file.read().unwrap().len(), 1);

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let open = file.read();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        if Uid::effective().is_root() {
            std::os::unix::fs::chown(&path, Some(12_345), None).unwrap();
            assert!(matches!(file.read(), Err(SealError::KeyFileForeign { .. })));
            std::os::unix::fs::chown(&path, Some(0), None).unwrap();
        }
        std::fs::rename(&path, scratch.0.join("elsewhere")).unwrap();
        symlink(scratch.0.join("elsewhere"), &path).unwrap();
        let link = file.read();
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let directory = file.read();

        assert!(matches!(open, Err(SealError::KeyFileOpen { .. })));
        assert!(matches!(link, Err(SealError::KeyFile { .. })));
        assert!(matches!(directory, Err(SealError::KeyFileForeign { .. })));
    }

    #[test]
    fn only_one_key_or_two_are_a_key_file() {
        let scratch = Scratch::new();
        let file = KeyFile::find(&scratch.0, None);
        let keys = [new_key(&SystemRandom), new_key(&SystemRandom), new_key(&SystemRandom)];

        for (count, fits) in [(0, false), (1, true), (2, true), (3, false)] {
            file.replace(&keys.iter().take(count).collect::<Vec<_>>()).unwrap();
            assert_eq!(file.read().is_ok(), fits, "{count}");
        }
        std::fs::write(scratch.0.join("store.key"), "a password, surely").unwrap();
        assert!(matches!(file.read(), Err(SealError::KeyFileBroken { .. })));
    }

    #[test]
    fn a_credential_of_systemds_comes_before_the_file() {
        let scratch = Scratch::new();
        let credentials = scratch.0.join("credentials");
        std::fs::create_dir(&credentials).unwrap();
        KeyFile::find(&scratch.0, None).replace(&[&new_key(&SystemRandom)]).unwrap();

        let without = KeyFile::find(&scratch.0, Some(&credentials));
        let given = credentials.join("store.key");
        std::fs::write(&given, [7; KEY_BYTES]).unwrap();
        std::fs::set_permissions(&given, std::fs::Permissions::from_mode(0o440)).unwrap();
        let with = KeyFile::find(&scratch.0, Some(&credentials));

        assert!(!without.is_credential());
        assert!(with.is_credential());
        assert_eq!(with.read().unwrap()[0].expose(), &[7; KEY_BYTES]);
        std::fs::set_permissions(&given, std::fs::Permissions::from_mode(0o444)).unwrap();
        assert!(matches!(with.read(), Err(SealError::KeyFileOpen { .. })));
    }
}
