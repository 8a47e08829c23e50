//! Files in directories that belong to the web server's user. Whoever owns FusionPBX's PHP may put links, pipes and other
//! people's files there: no link is followed, and only plain files are read.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::base::secret::Secret;
use crate::wire::switch::FileFacts;

/// The largest file that is read: 1 MiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// Why a file there could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{path} could not be {action}")]
pub(super) struct FileError {
    path: String,
    action: &'static str,
    #[source]
    source: io::Error,
}

impl FileError {
    /// Whether it is simply not there.
    pub(super) fn is_absent(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// Such a directory, held open.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) directory: OwnedFd,
    path: PathBuf,
}

/// A file as it was read.
#[derive(Debug)]
pub(super) struct Found {
    /// What it holds.
    pub(super) bytes: Secret<Vec<u8>>,
    /// Where it lies and whose it is.
    pub(super) facts: FileFacts,
    /// The group that owns it.
    pub(super) group: u32,
}

impl Ground {
    /// Opens `base`, which root's settings name, and `below` in it without following a link.
    ///
    /// # Errors
    /// It is not there, or no directory.
    pub(super) fn open(base: &Path, below: Option<&str>) -> Result<Self, FileError> {
        let path = below.map_or_else(|| base.to_owned(), |name| base.join(name));
        let failed =
            |source: Errno| FileError { path: path.display().to_string(), action: "opened", source: source.into() };
        let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
        let mut directory = nix::fcntl::open(base, flags, Mode::empty()).map_err(failed)?;
        if let Some(name) = below {
            directory = openat(&directory, name, flags | OFlag::O_NOFOLLOW, Mode::empty()).map_err(failed)?;
        }
        Ok(Self { directory, path })
    }

    /// What lies at `name`.
    ///
    /// # Errors
    /// Nothing does; or a link, a pipe, or more than a mebibyte.
    pub(super) fn read(&self, name: &str) -> Result<Found, FileError> {
        self.try_read(name).map_err(|source| self.failed(name, "read", source))
    }

    /// Removes the file `name`; answers whether there was one. A link is removed, not followed.
    ///
    /// # Errors
    /// The disk refused.
    pub(super) fn remove(&self, name: &str) -> Result<bool, FileError> {
        match unlinkat(&self.directory, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(error) => Err(self.failed(name, "removed", error.into())),
        }
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn failed(&self, name: &str, action: &'static str, source: io::Error) -> FileError {
        FileError { path: self.path.join(name).display().to_string(), action, source }
    }

    fn try_read(&self, name: &str) -> io::Result<Found> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = File::from(openat(&self.directory, name, flags, Mode::empty())?);
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(io::Error::other("not a plain file of at most 1 MiB"));
        }
        let path = self.path.join(name).display().to_string();
        let facts = FileFacts { path, owner: metadata.uid(), mode: metadata.mode() & 0o7777 };
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
        file.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(Found { bytes: Secret::new(bytes), facts, group: metadata.gid() })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::agent::place::tests::Scratch;

    #[test]
    fn no_link_and_no_pipe_is_read() {
        let scratch = Scratch::new("ground");
        let outside = scratch.path().join("outside");
        let inside = scratch.path().join("inside");
        for directory in [&outside, &inside] {
            std::fs::create_dir(directory).unwrap();
        }
        std::fs::write(outside.join("secret"), "precious").unwrap();
        symlink(outside.join("secret"), inside.join("a.xml")).unwrap();
        symlink(&outside, scratch.path().join("door")).unwrap();
        nix::unistd::mkfifo(&inside.join("pipe"), Mode::S_IRUSR).unwrap();

        let ground = Ground::open(scratch.path(), Some("inside")).unwrap();

        assert!(Ground::open(scratch.path(), Some("door")).is_err());
        assert!(ground.read("a.xml").is_err());
        assert!(ground.read("pipe").is_err());
        assert!(ground.remove("a.xml").unwrap());
        assert_eq!(std::fs::read_to_string(outside.join("secret")).unwrap(), "precious");
    }
}
