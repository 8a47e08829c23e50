//! `sign-in.log`: one line for each refused sign-in, for fail2ban (`packaging/fail2ban`). Time and address stand first
//! and in fixed places; what a stranger typed never stands in it, so that no name can forge a line or an address.
//!
//! ```text
//! 2026-11-24T20:10:33Z 192.0.2.7 sign-in refused: wrong name or password
//! 2026-11-24T20:10:36Z 2001:db8::7 sign-in refused: too many tries
//! 2026-11-24T20:11:02Z 192.0.2.7 sign-in refused: wrong code, operator ann
//! ```

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::fcntl::OFlag;
use tracing::{error, info};

use crate::base::clock::Timestamp;
use crate::base::names::OperatorName;

/// A file of this size makes room for a new one, and is kept as `sign-in.log.1`: 4 MiB, about 50,000 lines.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// Why a sign-in was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The name or the password was wrong, or the account is disabled.
    Password,
    /// The code of the second factor was wrong.
    Code,
    /// There were too many tries; nothing was looked at.
    Limit,
}

impl Refused {
    const fn words(self) -> &'static str {
        match self {
            Self::Password => "wrong name or password",
            Self::Code => "wrong code",
            Self::Limit => "too many tries",
        }
    }
}

/// The file. It is opened for each line, so that it may be moved away at any time.
pub struct SignInLog {
    file: PathBuf,
    one: Mutex<()>,
    is_broken: AtomicBool,
}

impl SignInLog {
    /// `sign-in.log` in `directory`.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self { file: directory.join("sign-in.log"), one: Mutex::default(), is_broken: AtomicBool::new(false) }
    }

    /// Writes a line. A disk that is full keeps nobody out and nobody in: the fault is in the console's own log, once.
    pub fn write(&self, at: Timestamp, address: Option<IpAddr>, why: Refused, operator: Option<&str>) {
        let address = address.map_or_else(|| "-".to_owned(), |address| address.to_canonical().to_string());
        // Only what has the shape of an operator's name, whoever hands it in.
        let operator = operator.and_then(|name| OperatorName::parse(name).ok());
        let operator = operator.map(|name| format!(", operator {name}")).unwrap_or_default();
        let line = format!("{} {address} sign-in refused: {}{operator}\n", at.rfc3339(), why.words());
        let outcome = self.append(&line);
        let was_broken = self.is_broken.swap(outcome.is_err(), Ordering::Relaxed);
        match outcome {
            Err(error) if !was_broken => error!("{} cannot be written: {error}", self.file.display()),
            Ok(()) if was_broken => info!("{} can be written again", self.file.display()),
            _ => {}
        }
    }

    fn append(&self, line: &str) -> io::Result<()> {
        let _one = self.one.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_full = fs::symlink_metadata(&self.file).is_ok_and(|kept| kept.len() >= MOST_BYTES);
        if is_full {
            fs::rename(&self.file, self.file.with_extension("log.1"))?;
        }
        let mut options = OpenOptions::new();
        let options = options.append(true).create(true).mode(0o640).custom_flags(OFlag::O_NOFOLLOW.bits());
        let mut file = options.open(&self.file)?;
        if file.metadata()?.len() == 0 {
            // Whatever the service's umask is: the group may read along.
            file.set_permissions(Permissions::from_mode(0o640))?;
        }
        file.write_all(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(file: &Path) -> Vec<String> {
        fs::read_to_string(file).unwrap().lines().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn a_line_has_time_and_address_first_and_no_name_but_an_operators() {
        let directory = std::env::temp_dir().join(format!("rampart-sign-in-log-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let log = SignInLog::in_directory(&directory);
        let (at, file) = (Timestamp::from_unix(1_795_371_696), directory.join("sign-in.log"));

        log.write(at, Some("::ffff:192.0.2.7".parse().unwrap()), Refused::Password, Some("ann"));
        log.write(at, None, Refused::Limit, Some("x\n2026-11-22T18:21:36Z 203.0.113.9 sign-in refused: wrong code"));
        fs::rename(&file, directory.join("moved-away")).unwrap();
        log.write(at, Some("2001:db8::7".parse().unwrap()), Refused::Code, None);

        let moved = lines(&directory.join("moved-away"));
        assert_eq!(moved[0], "2026-11-22T18:21:36Z 192.0.2.7 sign-in refused: wrong name or password, operator ann");
        assert_eq!(moved[1..], ["2026-11-22T18:21:36Z - sign-in refused: too many tries"]);
        assert_eq!(lines(&file), ["2026-11-22T18:21:36Z 2001:db8::7 sign-in refused: wrong code"]);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_full_file_makes_room_and_one_older_is_kept() {
        let directory = std::env::temp_dir().join(format!("rampart-sign-in-full-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let log = SignInLog::in_directory(&directory);
        let file = directory.join("sign-in.log");
        fs::File::create(&file).unwrap().set_len(MOST_BYTES).unwrap();

        log.write(Timestamp::from_unix(0), None, Refused::Limit, None);

        assert_eq!(lines(&file).len(), 1);
        assert_eq!(fs::metadata(directory.join("sign-in.log.1")).unwrap().len(), MOST_BYTES);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
        fs::remove_dir_all(directory).unwrap();
    }
}
