//! Reads one file with a certificate, and looks at the key beside it.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use crate::base::chain::printable;
use crate::base::encoding::sha256_hex;
use crate::base::secret::Secret;
use crate::tls::{leaf, pair};
use crate::wire::inventory::{FoundCertificate, FoundFile, FoundKey};
use crate::wire::switch::FileFacts;

/// The largest file that is read: 1 MiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// A chain and its key, as somebody names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    /// The file of the chain.
    pub(super) chain: PathBuf,
    /// The file of the key.
    pub(super) key: Option<PathBuf>,
    used_by: Vec<String>,
}

impl Pair {
    pub(super) fn new(chain: PathBuf, key: Option<PathBuf>, used_by: &str) -> Self {
        Self { chain, key, used_by: vec![used_by.to_owned()] }
    }

    pub(super) fn used_by(&self, who: &str) -> Self {
        Self { used_by: vec![who.to_owned()], ..self.clone() }
    }

    /// Somebody else names the same chain.
    pub(super) fn add(&mut self, other: Self) {
        for who in other.used_by {
            if !self.used_by.contains(&who) {
                self.used_by.push(who);
            }
        }
        self.key = self.key.take().or(other.key);
    }
}

/// Reads what lies there.
pub(super) fn read(own: &Pair) -> FoundFile {
    let chain = bytes(&own.chain).map_err(|error| error.to_string()).and_then(|(bytes, _)| {
        leaf::chain_from_pem(&String::from_utf8_lossy(bytes.expose())).map_err(|error| error.to_string())
    });
    let first = chain.as_ref().ok().and_then(|chain| chain.first().cloned()).unwrap_or_default();
    FoundFile {
        path: printable(&own.chain.display().to_string()),
        used_by: own.used_by.clone(),
        content: chain.and_then(|chain| certificate(&chain)),
        key: own.key.as_ref().and_then(|path| key(path, &first)),
    }
}

/// What a chain says of itself.
///
/// # Errors
/// There is none, or it cannot be read.
pub(super) fn certificate(chain: &[Vec<u8>]) -> Result<FoundCertificate, String> {
    let first = chain.first().ok_or("no certificate")?;
    Ok(FoundCertificate {
        leaf: leaf::read(first).map_err(|error| error.to_string())?,
        fingerprint: sha256_hex(first),
        certificates: u32::try_from(chain.len()).unwrap_or(u32::MAX),
        self_signed: leaf::is_self_signed(first),
    })
}

fn key(path: &Path, leaf: &[u8]) -> Option<FoundKey> {
    let (bytes, metadata) = bytes(path).ok()?;
    let facts = FileFacts {
        path: printable(&path.display().to_string()),
        owner: metadata.uid(),
        mode: metadata.mode() & 0o7777,
    };
    Some(FoundKey { file: facts, group: metadata.gid(), fits: pair::matches(bytes.expose(), leaf) })
}

/// A file as it is, with its metadata; a pipe or device is none.
pub(super) fn bytes(path: &Path) -> io::Result<(Secret<Vec<u8>>, std::fs::Metadata)> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    let file: File = std::fs::OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(io::Error::other("not a plain file of at most 1 MiB"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok((Secret::new(bytes), metadata))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::agent::place::tests::Scratch;

    #[test]
    fn a_file_says_what_it_holds_and_who_could_read_its_key() {
        let scratch = Scratch::new("inventory");
        let made = rcgen::generate_simple_self_signed(["a.example.com".to_owned()]).unwrap();
        let (chain, own) = (scratch.path().join("chain.pem"), scratch.path().join("key.pem"));
        std::fs::write(&chain, made.cert.pem()).unwrap();
        std::fs::write(&own, made.signing_key.serialize_pem()).unwrap();
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o644)).unwrap();

        let found = read(&Pair::new(chain.clone(), Some(own), "nginx"));
        let missing = read(&Pair::new(scratch.path().join("none.pem"), None, "nginx"));
        nix::unistd::mkfifo(&scratch.path().join("pipe"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        let pipe = read(&Pair::new(scratch.path().join("pipe"), None, "nginx"));

        let content = found.content.unwrap();
        assert_eq!(content.leaf.names, ["a.example.com"]);
        assert!(content.self_signed);
        let own = found.key.unwrap();
        assert!(own.fits);
        assert_eq!(own.file.mode, 0o644);
        assert!(missing.content.is_err() && pipe.content.is_err());
    }
}
