//! Replacing a file in a directory that belongs to somebody else: one rename, with the owner and permissions of the old one.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fsync, unlinkat};

use crate::agent::freeswitch::files::{FileError, Found, Ground};
use crate::base::secret::Secret;

impl Ground {
    /// Puts `bytes` in the place of `old`, with its owner, group and permissions, by one rename.
    ///
    /// # Errors
    /// Somebody changed it since `old` was read, or the disk refused: then what was there is there.
    pub(super) fn replace(&self, name: &str, old: &Found, bytes: &Secret<Vec<u8>>) -> Result<(), FileError> {
        let now = self.read(name)?;
        if now.bytes.expose() != old.bytes.expose() {
            let source = io::Error::other("somebody changed it meanwhile");
            return Err(self.failed(name, "replaced", source));
        }
        self.put(name, old, bytes)
    }

    /// The same, whatever lies there now.
    ///
    /// # Errors
    /// The disk refused.
    pub(super) fn put(&self, name: &str, like: &Found, bytes: &Secret<Vec<u8>>) -> Result<(), FileError> {
        let owner = (like.facts.owner, like.group, like.facts.mode);
        self.try_put(name, owner, bytes.expose()).map_err(|source| self.failed(name, "replaced", source))
    }

    fn try_put(&self, name: &str, (uid, gid, mode): (u32, u32, u32), bytes: &[u8]) -> io::Result<()> {
        // One name, so that a kill leaves no more than one behind; and none that FreeSWITCH reads, as it does `*.xml`.
        let beside = format!("{name}.rampart-new");
        match unlinkat(&self.directory, beside.as_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let owner_only = Mode::S_IRUSR | Mode::S_IWUSR;
        let mut file = File::from(openat(&self.directory, beside.as_str(), flags, owner_only)?);
        let written = file.write_all(bytes).and_then(|()| {
            let metadata = file.metadata()?;
            if (metadata.uid(), metadata.gid()) != (uid, gid) {
                fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
            }
            // Neither set-uid nor set-gid nor sticky is ever right for such a file.
            fchmod(&file, Mode::from_bits_truncate(mode & 0o777))?;
            file.sync_all()?;
            Ok(renameat(&self.directory, beside.as_str(), &self.directory, name)?)
        });
        if let Err(error) = written {
            let _ = unlinkat(&self.directory, beside.as_str(), UnlinkatFlags::NoRemoveDir);
            return Err(error);
        }
        Ok(fsync(&self.directory)?)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::agent::place::tests::Scratch;

    fn secret(text: &str) -> Secret<Vec<u8>> {
        Secret::new(text.as_bytes().to_vec())
    }

    #[test]
    fn a_file_is_replaced_with_its_permissions_and_only_as_it_was_read() {
        let scratch = Scratch::new("ground");
        let path = scratch.path().join("a.xml");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let ground = Ground::open(scratch.path(), None).unwrap();

        let found = ground.read("a.xml").unwrap();
        ground.replace("a.xml", &found, &secret("new")).unwrap();
        let again = ground.replace("a.xml", &found, &secret("newer"));

        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(crate::base::chain::Chain(&again.unwrap_err()).to_string().contains("meanwhile"));
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
    }
}
