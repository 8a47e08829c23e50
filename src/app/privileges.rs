//! `rampart` run by root becomes the owner of the state directory before it opens anything there, so that no file of
//! root's is left behind and no privilege is kept.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

/// Whether we have root.
#[must_use]
pub fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Gives up root, if we have it and the directory belongs to somebody else. Must run before any thread is started.
///
/// # Errors
/// The directory cannot be looked at, or the user cannot be changed to.
pub fn become_owner_of(directory: &Path) -> Result<()> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    let metadata = std::fs::metadata(directory).with_context(|| {
        format!("the state directory {} is not there; make it, and give it to Rampart's user", directory.display())
    })?;
    if metadata.uid() == 0 {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid()));
    setgroups(&[gid]).context("giving up root's groups")?;
    setgid(gid).context("giving up root's group")?;
    setuid(uid).context("giving up root")?;
    Ok(())
}
