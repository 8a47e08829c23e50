//! `rampart secrets rotate`: a new key for what is sealed in Rampart's own store.

use std::io::{self, Write as _};

use crate::deeds::Deeds;
use crate::store::StoreError;
use crate::store::trail::Actor;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum SecretsCommandError {
    /// The key or the store.
    #[error("the key could not be rotated; nothing is lost, and what is sealed still opens")]
    Rotate(#[from] StoreError),
    /// The terminal.
    #[error("the outcome could not be printed")]
    Print(#[from] io::Error),
}

/// Rotates the key.
///
/// # Errors
/// See [`SecretsCommandError`].
pub async fn rotate(deeds: &Deeds) -> Result<(), SecretsCommandError> {
    let actor = Actor { name: "command line".to_owned(), address: None };
    let count = deeds.rotate_key(&actor).await?;
    writeln!(io::stdout(), "A new key is in force, and the old one is gone. Sealed anew: {count}.")?;
    writeln!(io::stdout(), "Older backups of the store open only with the key that was backed up with them.")?;
    Ok(())
}
