//! FreeSWITCH's directory of certificates. Whoever owns PHP owns it: a name may be a link to anywhere, and change between
//! two looks. No link is followed; a name is replaced by one rename, whatever lies there.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, readlinkat, renameat};
use nix::sys::stat::{SFlag, fstatat};
use nix::unistd::{UnlinkatFlags, fsync, symlinkat, unlinkat};
use serde::{Deserialize, Serialize};

use crate::agent::config::FreeSwitchConfig;
use crate::agent::freeswitch::files::{FileError, Found, Ground};
use crate::base::chain::printable;
use crate::base::secret::Secret;
use crate::wire::switch::FileFacts;

/// The directory, inside FreeSWITCH's own.
const DIRECTORY: &str = "tls";

/// The one file that holds key and chain.
pub(super) const BUNDLE: &str = "all.pem";

/// The names that FreeSWITCH reads; each is a link to [`BUNDLE`], as FusionPBX's installer makes them. `dtls-srtp.pem` is not
/// among them: FreeSWITCH makes that one itself when it wants to.
pub(super) const LINKS: [&str; 3] = ["agent.pem", "tls.pem", "wss.pem"];

/// A file that FreeSWITCH prefers for the chain, where it is there.
pub(super) const CA_FILE: &str = "cafile.pem";

/// What lies at a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Lies {
    /// Nothing.
    Nothing,
    /// A link, to this.
    Link(String),
    /// A plain file.
    File,
    /// A directory, a pipe, a device.
    Other,
}

impl Lies {
    /// Words for a page.
    pub(super) fn spoken(&self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Link(target) => format!("a link to {}", printable(target)),
            Self::File => "a file".to_owned(),
            Self::Other => "neither a file nor a link".to_owned(),
        }
    }
}

/// Opens it.
///
/// # Errors
/// It is not there, or a link.
pub(super) fn open(config: &FreeSwitchConfig) -> Result<Ground, FileError> {
    Ground::open(&config.conf, Some(DIRECTORY))
}

impl Ground {
    /// The directory itself: where it lies and whose it is; with its group.
    ///
    /// # Errors
    /// The disk refused.
    pub(super) fn facts(&self) -> Result<(FileFacts, u32), FileError> {
        let metadata = self.directory.try_clone().map(std::fs::File::from).and_then(|own| own.metadata());
        let metadata = metadata.map_err(|source| self.failed("", "read", source))?;
        let path = self.path().display().to_string();
        Ok((FileFacts { path, owner: metadata.uid(), mode: metadata.mode() & 0o7777 }, metadata.gid()))
    }

    /// What lies at `name`.
    ///
    /// # Errors
    /// The disk refused, or a link leads to no text.
    pub(super) fn lies(&self, name: &str) -> Result<Lies, FileError> {
        self.look(name).map_err(|source| self.failed(name, "read", source))
    }

    fn look(&self, name: &str) -> io::Result<Lies> {
        let status = match fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::ENOENT) => return Ok(Lies::Nothing),
            status => status?,
        };
        let kind = SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits());
        Ok(match kind {
            SFlag::S_IFREG => Lies::File,
            SFlag::S_IFLNK => {
                let target = readlinkat(&self.directory, name)?;
                Lies::Link(target.into_string().map_err(|_| io::Error::other("a link to a name that is no text"))?)
            }
            _ => Lies::Other,
        })
    }

    /// Makes `name` a link to `target`, by one rename, whatever lies there; a directory makes it fail.
    ///
    /// # Errors
    /// The disk refused: then what was there is there.
    pub(super) fn put_link(&self, name: &str, target: &str) -> Result<(), FileError> {
        let put = || -> io::Result<()> {
            let beside = format!("{name}.rampart-new");
            match unlinkat(&self.directory, beside.as_str(), UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(error) => return Err(error.into()),
            }
            symlinkat(target, &self.directory, beside.as_str())?;
            if let Err(error) = renameat(&self.directory, beside.as_str(), &self.directory, name) {
                let _ = unlinkat(&self.directory, beside.as_str(), UnlinkatFlags::NoRemoveDir);
                return Err(error.into());
            }
            Ok(fsync(self.directory.as_fd())?)
        };
        put().map_err(|source| self.failed(name, "made a link", source))
    }

    /// Removes what a killed agent left beside `name`.
    pub(super) fn sweep(&self, name: &str) {
        let beside = format!("{name}.rampart-new");
        let _ = unlinkat(&self.directory, beside.as_str(), UnlinkatFlags::NoRemoveDir);
    }
}

/// The owner, group and permissions that a new `all.pem` gets: those of the old one, else the directory's owner; never
/// readable for everybody.
///
/// # Errors
/// The disk refused.
pub(super) fn owner_of_bundle(ground: &Ground) -> Result<Found, FileError> {
    let (directory, group) = ground.facts()?;
    let old = match ground.lies(BUNDLE)? {
        Lies::File => ground.read(BUNDLE).ok(),
        _ => None,
    };
    let (owner, group, mode) = match old {
        Some(old) => (old.facts.owner, old.group, (old.facts.mode | 0o600) & 0o640),
        None => (directory.owner, group, 0o640),
    };
    let facts = FileFacts { path: directory.path, owner, mode };
    Ok(Found { bytes: Secret::new(Vec::new()), facts, group })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::agent::place::tests::Scratch;

    #[test]
    fn a_planted_link_is_replaced_and_never_followed() {
        let scratch = Scratch::new("tls");
        let outside = scratch.path().join("precious");
        let tls = scratch.path().join("tls");
        std::fs::create_dir(&tls).unwrap();
        std::fs::write(&outside, "precious").unwrap();
        for name in [BUNDLE, "agent.pem", "agent.pem.rampart-new", "all.pem.rampart-new"] {
            symlink(&outside, tls.join(name)).unwrap();
        }
        let ground = Ground::open(scratch.path(), Some("tls")).unwrap();
        let planted = Lies::Link(outside.display().to_string());
        assert_eq!(ground.lies(BUNDLE).unwrap(), planted);

        let like = owner_of_bundle(&ground).unwrap();
        ground.put(BUNDLE, &like, &Secret::new(b"bundle".to_vec())).unwrap();
        ground.put_link("agent.pem", BUNDLE).unwrap();

        assert_eq!(std::fs::read_to_string(&outside).unwrap(), "precious");
        assert_eq!(ground.lies(BUNDLE).unwrap(), Lies::File);
        assert_eq!(ground.lies("agent.pem").unwrap(), Lies::Link(BUNDLE.to_owned()));
        assert_eq!(std::fs::read_to_string(tls.join("agent.pem")).unwrap(), "bundle");
        let mode = std::fs::metadata(tls.join(BUNDLE)).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o640);
        assert_eq!(std::fs::read_dir(&tls).unwrap().count(), 2);
    }

    #[test]
    fn a_directory_in_the_way_is_no_link_and_stays() {
        let scratch = Scratch::new("tls");
        std::fs::create_dir_all(scratch.path().join("tls/wss.pem")).unwrap();
        let ground = Ground::open(scratch.path(), Some("tls")).unwrap();

        assert_eq!(ground.lies("wss.pem").unwrap(), Lies::Other);
        assert!(ground.put_link("wss.pem", BUNDLE).is_err());
        assert_eq!(ground.lies("wss.pem").unwrap(), Lies::Other);
        assert_eq!(ground.lies("tls.pem").unwrap(), Lies::Nothing);
    }
}
