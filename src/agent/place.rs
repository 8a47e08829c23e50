//! The only writer of files: inside the agent's own directory, and nowhere else. No link is followed, a file is wholly
//! the old one or wholly the new one, and it is on the disk before anybody is told.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, openat, renameat};
use nix::sys::stat::{Mode, fchmod, mkdirat};
use nix::unistd::{Uid, UnlinkatFlags, fsync, unlinkat};

use crate::base::encoding::hex;
use crate::base::rng::Random;

/// The largest file that is read back: 1 MiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// Why something could not be read or written there.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The directory belongs to somebody else, or others may enter it.
    #[error("{path} must belong to uid {uid} and be closed to everybody else (mode 0700)")]
    Unsafe {
        /// The directory.
        path: PathBuf,
        /// The agent's own user.
        uid: u32,
    },
    /// Another agent works in it.
    #[error("another agent already works in {path}")]
    Taken {
        /// The directory.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{path} could not be {action}")]
    Failed {
        /// The file or directory.
        path: PathBuf,
        /// `read`, `written` and so on.
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The agent's own directory, held open and locked.
pub(super) struct Place {
    path: PathBuf,
    root: Root,
    random: Arc<dyn Random>,
}

/// The directory itself.
enum Root {
    /// Locked against a second agent.
    Locked(Flock<File>),
    /// Beside an agent that may be running.
    Beside(File),
}

impl std::ops::Deref for Root {
    type Target = File;
    fn deref(&self) -> &File {
        match self {
            Self::Locked(file) => file,
            Self::Beside(file) => file,
        }
    }
}

/// Whether `name` may be one part of a path here: letters, digits, `-`, `_` and `.`, and not hidden.
pub(super) fn is_plain(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.bytes().all(allowed)
}

impl Place {
    /// Opens `path`, made with mode 0700 if it is not there, and locks it against a second agent.
    ///
    /// # Errors
    /// It is not a directory, not ours alone, or taken.
    pub(super) fn open(path: &Path, random: Arc<dyn Random>) -> Result<Self, PlaceError> {
        let root = Flock::lock(enter(path)?, FlockArg::LockExclusiveNonblock)
            .map_err(|_| PlaceError::Taken { path: path.to_owned() })?;
        Ok(Self { path: path.to_owned(), root: Root::Locked(root), random })
    }

    /// Opens `path` as [`open`](Self::open) does, for a command of root's that only adds files of its own: an agent may be
    /// at work there.
    ///
    /// # Errors
    /// It is not a directory, or not ours alone.
    pub(super) fn beside(path: &Path, random: Arc<dyn Random>) -> Result<Self, PlaceError> {
        Ok(Self { path: path.to_owned(), root: Root::Beside(enter(path)?), random })
    }

    /// Where `spot` lies on the host.
    pub(super) fn absolute(&self, spot: &str) -> PathBuf {
        self.path.join(spot)
    }

    /// Makes the directory `spot` and those above it, mode 0700. One that is there already is kept.
    ///
    /// # Errors
    /// Something else is in the way, or the disk refused.
    pub(super) fn create_directory(&self, spot: &str) -> Result<(), PlaceError> {
        self.directory(spot, true).map(drop).map_err(|source| self.failed(spot, "made", source))
    }

    /// Puts `bytes` at `spot` as a whole: written beside it, flushed, renamed, its directory flushed.
    ///
    /// # Errors
    /// The disk refused; then what was there before is still there.
    pub(super) fn write(&self, spot: &str, bytes: &[u8]) -> Result<(), PlaceError> {
        self.try_write(spot, bytes).map_err(|source| self.failed(spot, "written", source))
    }

    /// What lies at `spot`; `None` if nothing does.
    ///
    /// # Errors
    /// It is a link, is larger than a mebibyte, or the disk refused.
    pub(super) fn read(&self, spot: &str) -> Result<Option<Vec<u8>>, PlaceError> {
        match self.try_read(spot) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.failed(spot, "read", source)),
        }
    }

    /// The names in the directory `spot`, sorted; none if there is no such directory. Names that are not plain are left out.
    ///
    /// # Errors
    /// It is no directory, or the disk refused.
    pub(super) fn list(&self, spot: &str) -> Result<Vec<String>, PlaceError> {
        match self.try_list(spot) {
            Ok(names) => Ok(names),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(self.failed(spot, "listed", source)),
        }
    }

    /// Removes the file at `spot`; it is no error if there is none.
    ///
    /// # Errors
    /// The disk refused.
    pub(super) fn remove(&self, spot: &str) -> Result<(), PlaceError> {
        let removed = self.parent(spot).and_then(|(directory, name)| {
            match unlinkat(&directory, name, UnlinkatFlags::NoRemoveDir) {
                Ok(()) => Ok(fsync(&directory)?),
                Err(Errno::ENOENT) => Ok(()),
                Err(error) => Err(error.into()),
            }
        });
        removed.map_err(|source| self.failed(spot, "removed", source))
    }

    /// Removes the directory `spot` and the files in it; a directory inside it makes this fail.
    ///
    /// # Errors
    /// The disk refused, or it holds a directory.
    pub(super) fn remove_directory(&self, spot: &str) -> Result<(), PlaceError> {
        for name in self.list(spot)? {
            self.remove(&format!("{spot}/{name}"))?;
        }
        let removed = self.parent(spot).and_then(|(directory, name)| {
            unlinkat(&directory, name, UnlinkatFlags::RemoveDir)?;
            Ok(fsync(&directory)?)
        });
        removed.map_err(|source| self.failed(spot, "removed", source))
    }

    /// Adds `line` and a line break to the end of the file at `spot`. It is on the disk once [`sync`](Self::sync) says so.
    ///
    /// # Errors
    /// The disk refused.
    pub(super) fn append(&self, spot: &str, line: &str) -> Result<(), PlaceError> {
        self.try_append(spot, line).map_err(|source| self.failed(spot, "written", source))
    }

    /// Has on the disk what was added to the file at `spot` so far.
    ///
    /// # Errors
    /// There is no such file, or the disk refused.
    pub(super) fn sync(&self, spot: &str) -> Result<(), PlaceError> {
        let synced = self.open_plain(spot, OFlag::O_RDONLY).and_then(|file| file.sync_data());
        synced.map_err(|source| self.failed(spot, "flushed", source))
    }

    /// Sets the file at `spot` aside as `aside`, in the same directory; what lay there is gone.
    ///
    /// # Errors
    /// The disk refused.
    pub(super) fn set_aside(&self, spot: &str, aside: &str) -> Result<(), PlaceError> {
        let moved = self.parent(spot).and_then(|(directory, name)| {
            renameat(&directory, name, &directory, aside)?;
            Ok(fsync(&directory)?)
        });
        moved.map_err(|source| self.failed(spot, "set aside", source))
    }

    /// Cuts the file at `spot` to its first `length` bytes; it is no error if there is none.
    ///
    /// # Errors
    /// The disk refused.
    pub(super) fn cut(&self, spot: &str, length: u64) -> Result<(), PlaceError> {
        let cut = self.open_plain(spot, OFlag::O_WRONLY).and_then(|file| {
            if file.metadata()?.len() > length {
                file.set_len(length)?;
                file.sync_all()?;
            }
            Ok(())
        });
        match cut {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            cut => cut.map_err(|source| self.failed(spot, "cut", source)),
        }
    }

    /// The file at `spot`, opened to be read, of whatever size; `None` if there is none.
    ///
    /// # Errors
    /// It is a link or no plain file, or the disk refused.
    pub(super) fn open_log(&self, spot: &str) -> Result<Option<File>, PlaceError> {
        match self.open_plain(spot, OFlag::O_RDONLY) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.failed(spot, "read", source)),
        }
    }

    pub(super) fn failed(&self, spot: &str, action: &'static str, source: io::Error) -> PlaceError {
        PlaceError::Failed { path: self.absolute(spot), action, source }
    }

    fn try_write(&self, spot: &str, bytes: &[u8]) -> io::Result<()> {
        let (directory, name) = self.parent(spot)?;
        let mut mark = [0_u8; 8];
        self.random.fill(&mut mark);
        let beside = format!("{name}.{}.new", hex(&mark));
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let owner_only = Mode::S_IRUSR | Mode::S_IWUSR;
        let mut file = File::from(openat(&directory, beside.as_str(), flags, owner_only)?);
        let written = file
            .write_all(bytes)
            .and_then(|()| Ok(fchmod(&file, owner_only)?))
            .and_then(|()| file.sync_all())
            .and_then(|()| Ok(renameat(&directory, beside.as_str(), &directory, name)?));
        if let Err(error) = written {
            let _ = unlinkat(&directory, beside.as_str(), UnlinkatFlags::NoRemoveDir);
            return Err(error);
        }
        Ok(fsync(&directory)?)
    }

    fn open_plain(&self, spot: &str, access: OFlag) -> io::Result<File> {
        let (directory, name) = self.parent(spot)?;
        let flags = access | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = File::from(openat(&directory, name, flags, Mode::empty())?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a plain file")) }
    }

    fn try_read(&self, spot: &str) -> io::Result<Vec<u8>> {
        let file = self.open_plain(spot, OFlag::O_RDONLY)?;
        if file.metadata()?.len() > MAX_BYTES {
            return Err(io::Error::other("not a plain file of at most 1 MiB"));
        }
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn try_list(&self, spot: &str) -> io::Result<Vec<String>> {
        // Walked without following links first; the listing then opens the same name below a directory that is ours alone.
        drop(self.directory(spot, false)?);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.absolute(spot))? {
            names.extend(entry?.file_name().into_string().ok().filter(|name| is_plain(name)));
        }
        names.sort();
        Ok(names)
    }

    fn try_append(&self, spot: &str, line: &str) -> io::Result<()> {
        let (directory, name) = self.parent(spot)?;
        let flags = OFlag::O_CREAT | OFlag::O_APPEND | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut file = File::from(openat(&directory, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
        let is_new = file.metadata()?.len() == 0;
        file.write_all(format!("{line}\n").as_bytes())?;
        if is_new { Ok(fsync(&directory)?) } else { Ok(()) }
    }

    /// The directory above `spot`, opened without following a link, and the last part of `spot`.
    fn parent<'a>(&self, spot: &'a str) -> io::Result<(OwnedFd, &'a str)> {
        let (above, name) = spot.rsplit_once('/').unwrap_or(("", spot));
        if !is_plain(name) {
            return Err(io::Error::other("not a plain name"));
        }
        Ok((self.directory(above, false)?, name))
    }

    fn directory(&self, spot: &str, make: bool) -> io::Result<OwnedFd> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
        let mut here = openat(&*self.root, ".", flags, Mode::empty())?;
        for name in spot.split('/').filter(|name| !name.is_empty()) {
            if !is_plain(name) {
                return Err(io::Error::other("not a plain name"));
            }
            if make {
                match mkdirat(&here, name, Mode::S_IRWXU) {
                    Ok(()) => fsync(&here)?,
                    Err(Errno::EEXIST) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            here = openat(&here, name, flags, Mode::empty())?;
        }
        Ok(here)
    }
}

/// The directory at `path`, made with mode 0700 if it is not there.
fn enter(path: &Path) -> Result<File, PlaceError> {
    let failed = |source: io::Error| PlaceError::Failed { path: path.to_owned(), action: "opened", source };
    match nix::unistd::mkdir(path, Mode::S_IRWXU) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(error) => return Err(failed(error.into())),
    }
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
    let directory = nix::fcntl::open(path, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
    let directory = File::from(directory);
    let metadata = directory.metadata().map_err(failed)?;
    let uid = Uid::effective().as_raw();
    if metadata.uid() != uid || metadata.mode() & 0o077 != 0 {
        return Err(PlaceError::Unsafe { path: path.to_owned(), uid });
    }
    Ok(directory)
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::base::rng::SystemRandom;

    /// A directory for one test, gone when dropped.
    pub(in crate::agent) struct Scratch(PathBuf);

    impl Scratch {
        pub(in crate::agent) fn new(name: &str) -> Self {
            let mut mark = [0_u8; 8];
            SystemRandom.fill(&mut mark);
            let path = std::env::temp_dir().join(format!("rampart-{name}-{}", hex(&mark)));
            std::fs::create_dir(&path).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
            Self(path)
        }

        pub(in crate::agent) fn path(&self) -> &Path {
            &self.0
        }

        pub(in crate::agent) fn place(&self) -> Place {
            Place::open(&self.0.join("place"), Arc::new(SystemRandom)).unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn what_is_written_reads_back_with_mode_0600_and_nothing_beside_it() {
        let scratch = Scratch::new("place");
        let place = scratch.place();

        place.create_directory("certificates/7").unwrap();
        place.write("certificates/7/key", b"old").unwrap();
        place.write("certificates/7/key", b"new").unwrap();

        assert_eq!(place.read("certificates/7/key").unwrap().unwrap(), b"new");
        assert_eq!(place.list("certificates/7").unwrap(), ["key"]);
        let mode = std::fs::metadata(place.absolute("certificates/7/key")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    /// ASVS 15.4.2.
    #[test]
    fn a_link_is_never_followed() {
        let scratch = Scratch::new("place");
        let place = scratch.place();
        let outside = scratch.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("file"), "precious").unwrap();
        symlink(&outside, place.absolute("door")).unwrap();
        symlink(outside.join("file"), place.absolute("name")).unwrap();

        assert!(place.read("door/file").is_err());
        assert!(place.read("name").is_err());
        assert!(place.write("door/file", b"x").is_err());
        assert!(place.append("name", "x").is_err());
        place.write("name", b"a file of our own").unwrap();

        assert_eq!(std::fs::read_to_string(outside.join("file")).unwrap(), "precious");
    }

    /// ASVS 5.3.2.
    #[test]
    fn a_path_that_leaves_the_place_is_refused() {
        let scratch = Scratch::new("place");
        let place = scratch.place();

        for spot in ["../outside", "/etc/passwd", "a/../b", ".hidden", "", "a b", "a\0b"] {
            assert!(place.write(spot, b"x").is_err(), "{spot:?}");
        }
    }

    #[test]
    fn a_directory_that_others_may_enter_is_refused_and_so_is_a_second_agent() {
        let scratch = Scratch::new("place");
        let place = scratch.place();
        let random: Arc<dyn Random> = Arc::new(SystemRandom);

        let second = Place::open(&scratch.path().join("place"), Arc::clone(&random));
        assert!(matches!(second, Err(PlaceError::Taken { .. })));

        drop(place);
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(scratch.path().join("place"), open).unwrap();
        let shared = Place::open(&scratch.path().join("place"), random);
        assert!(matches!(shared, Err(PlaceError::Unsafe { .. })));
    }

    #[test]
    fn a_log_grows_is_cut_and_is_set_aside() {
        let scratch = Scratch::new("place");
        let place = scratch.place();

        place.append("log", "one").unwrap();
        place.append("log", "two").unwrap();
        place.cut("log", 4).unwrap();
        place.set_aside("log", "log.1").unwrap();
        place.append("log", "three").unwrap();
        place.sync("log").unwrap();
        place.cut("log", 100).unwrap();
        place.cut("none", 0).unwrap();

        assert_eq!(place.read("log").unwrap().unwrap(), b"three\n");
        assert_eq!(place.read("log.1").unwrap().unwrap(), b"one\n");
        assert!(place.open_log("none").unwrap().is_none());
    }
}
