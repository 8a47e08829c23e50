//! Files for HTTP-01 in a directory that nginx serves: one for each challenge, readable by all, and gone afterwards.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, renameat};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Uid, UnlinkatFlags, unlinkat};

use crate::agent::config::AgentConfig;
use crate::base::chain::Chain;
use crate::wire::answer::{Answer, Refusal, Reply};
use crate::wire::proving::{HttpFile, HttpToken};

/// The most files that lie there at once: a console that was taken over must not fill the memory that /run is.
const MOST_FILES: usize = 1_000;

/// Puts `file` where nginx serves it.
pub(super) fn put(config: &AgentConfig, file: &HttpFile) -> Reply {
    let zones = &config.certificates.zones;
    if !zones.iter().any(|zone| file.name().is_within(zone)) {
        let reason = format!("{} lies outside [certificates] zones in agent.toml", file.name());
        return Err(Refusal::NotAllowed { reason });
    }
    let directory = &config.http01.directory;
    try_put(directory, file).map(|()| Answer::Done).map_err(|error| unable(directory, &error))
}

/// Takes the file of `token` away. What is not there is no error.
pub(super) fn remove(config: &AgentConfig, token: &HttpToken) -> Reply {
    let directory = &config.http01.directory;
    let removed =
        enter(directory).and_then(|opened| match unlinkat(&opened, token.as_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(error.into()),
        });
    removed.map(|()| Answer::Done).map_err(|error| unable(directory, &error))
}

fn unable(directory: &Path, error: &io::Error) -> Refusal {
    Refusal::Unable { reason: format!("{} cannot be used: {}", directory.display(), Chain(error)) }
}

fn try_put(directory: &Path, file: &HttpFile) -> io::Result<()> {
    let opened = enter(directory)?;
    if std::fs::read_dir(directory)?.count() >= MOST_FILES {
        return Err(io::Error::other("it holds 1000 files; remove what old orders left there"));
    }
    // The dot keeps nginx's location and the CA's tokens off it: no token has one.
    let beside = format!(".{}", file.token().as_str());
    match unlinkat(&opened, beside.as_str(), UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut new = File::from(openat(&opened, beside.as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
    new.write_all(file.content().as_bytes())?;
    fchmod(&new, Mode::from_bits_truncate(0o644))?;
    Ok(renameat(&opened, beside.as_str(), &opened, file.token().as_str())?)
}

/// The directory, made if it is missing. It must be ours, and writable by nobody else: it is no link either.
fn enter(directory: &Path) -> io::Result<File> {
    match std::fs::create_dir(directory) {
        Ok(()) => {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755))?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let opened = File::from(open(directory, flags, Mode::empty())?);
    let metadata = opened.metadata()?;
    if metadata.uid() != Uid::effective().as_raw() || metadata.mode() & 0o022 != 0 {
        return Err(io::Error::other("it must belong to the agent's user and be writable by nobody else"));
    }
    Ok(opened)
}
