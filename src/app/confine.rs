//! What the running console gives up before it has a second thread: pictures of its memory, starting programs, system
//! calls that it has no use for, and every file but those that it needs (Landlock).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus,
};
use tracing::{info, warn};

use crate::base::confine::{self, Group};
use crate::config::Config;

/// The newest set of rights over files that is asked for (Linux 6.10); an older kernel holds what it knows of them.
const RIGHTS: ABI = ABI::V5;

/// Where the console may read: the host's settings (passwd, resolv.conf, `/etc/rampart`, FusionPBX's), programs' data
/// (roots of trust, time zones), and what the kernel says of the machine. The file's own rights count besides.
const READABLE: [&str; 9] = [
    "/etc",
    "/usr/share",
    "/usr/lib",
    "/usr/local/share/ca-certificates",
    "/usr/local/etc/fusionpbx",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/proc",
    "/sys",
];

/// Devices that any program may want.
const DEVICES: [&str; 3] = ["/dev/null", "/dev/urandom", "/dev/tty"];

/// How far the file system is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// As far as asked.
    Wholly,
    /// As far as this kernel can.
    Partly,
    /// Not at all: the kernel has no Landlock, or it is switched off.
    Not,
}

impl Closed {
    /// As a sentence for the log.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Wholly => "The console reads and writes only its own files (Landlock)",
            Self::Partly => {
                "The console reads and writes only its own files (Landlock, as far as this kernel knows it)"
            }
            Self::Not => {
                "Landlock is not in force: this kernel has none, or it is switched off; rights of files and \
                          the service's own settings are all that hold"
            }
        }
    }
}

/// Confines this process for good.
///
/// # Errors
/// The kernel said no to what every kernel that Debian 12 has can do; a kernel without Landlock is said in the log.
pub fn console(config: &Config, state_directory: &Path) -> Result<()> {
    confine::no_dumps()?;
    let closed = close_files(config, state_directory).context("closing the file system")?;
    confine::deny_calls(&[Group::Programs, Group::Namespaces])?;
    match closed {
        Closed::Wholly | Closed::Partly => info!("{}", closed.words()),
        Closed::Not => warn!("{}", closed.words()),
    }
    Ok(())
}

fn close_files(config: &Config, state_directory: &Path) -> Result<Closed> {
    let all = AccessFs::from_all(RIGHTS);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(all)?.create()?;
    let mut ruleset = ruleset.set_compatibility(CompatLevel::BestEffort);
    // Links to sockets and devices are not the console's to make.
    let write = all & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeSock);
    std::fs::create_dir_all(state_directory)?;
    ruleset = ruleset.add_rule(PathBeneath::new(PathFd::new(state_directory)?, write))?;
    // Where systemd hands over the store's key (systemd.exec(5), LoadCredential=).
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let readable = READABLE.iter().map(PathBuf::from).chain(beside_settings(config)).chain(credentials);
    for path in readable {
        if let Ok(fd) = PathFd::new(&path) {
            let rights = if path.is_dir() { read } else { AccessFs::ReadFile.into() };
            ruleset = ruleset.add_rule(PathBeneath::new(fd, rights))?;
        }
    }
    for device in DEVICES {
        if let Ok(fd) = PathFd::new(device) {
            ruleset = ruleset.add_rule(PathBeneath::new(fd, AccessFs::ReadFile | AccessFs::WriteFile))?;
        }
    }
    Ok(match ruleset.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => Closed::Wholly,
        RulesetStatus::PartiallyEnforced => Closed::Partly,
        RulesetStatus::NotEnforced => Closed::Not,
    })
}

/// The directories of files that the settings name: such a file is replaced, not written over, so that the new one must
/// be readable too.
fn beside_settings(config: &Config) -> Vec<PathBuf> {
    let named = [
        config.console.proxy_secret_file.as_deref(),
        config.fusionpbx.password_file.as_deref(),
        config.fusionpbx.config.as_deref(),
        config.acme.root_certificate.as_deref(),
        config.dns.as_ref().map(|dns| dns.key_file.as_path()),
    ];
    let beside = |file: &Path| match file.parent() {
        Some(directory) if directory.parent().is_some() => directory.to_owned(),
        // A file right below / opens itself alone.
        _ => file.to_owned(),
    };
    named.into_iter().flatten().map(beside).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;

    use super::*;
    use crate::app::demo::process::Start;

    /// What a thread that was confined could still do; only this thread is confined.
    fn in_a_closed_thread<T: Send + 'static>(state: &Path, look: impl FnOnce() -> T + Send + 'static) -> (Closed, T) {
        let state = state.to_owned();
        let thread = std::thread::spawn(move || {
            let closed = close_files(&Config::default(), &state).unwrap();
            confine::deny_calls(&[Group::Programs, Group::Namespaces]).unwrap();
            (closed, look())
        });
        thread.join().unwrap()
    }

    /// ASVS 13.2.2.
    #[test]
    fn the_console_writes_in_its_state_directory_only_reads_little_else_and_starts_nothing() {
        let directory = std::env::temp_dir().join(format!("rampart-closed-{}", std::process::id()));
        let (state, outside) = (directory.join("state"), directory.join("outside"));
        fs::create_dir_all(&state).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("recording.wav"), "precious").unwrap();
        let (own, other) = (state.clone(), outside.clone());

        let (closed, (seen, kind)) = in_a_closed_thread(&state, move || {
            fs::write(own.join("new"), "ours").unwrap();
            fs::rename(own.join("new"), own.join("old")).unwrap();
            fs::create_dir(own.join("below")).unwrap();
            let seen = [
                fs::read(other.join("recording.wav")).map(drop),
                fs::read_dir(&other).map(drop),
                fs::write(other.join("recording.wav"), "spoilt"),
                fs::write(other.join("new"), "left behind"),
                fs::rename(own.join("old"), other.join("old")),
                fs::remove_file(other.join("recording.wav")),
                fs::write("/etc/rampart-test", "x"),
            ];
            assert!(fs::read("/etc/passwd").is_ok());
            assert!(fs::read(own.join("old")).is_ok());
            let seen: Vec<_> = seen.into_iter().map(|outcome| outcome.map_err(|error| error.kind())).collect();
            (seen, Start::program("/bin/true", "/").run().map_err(|error| error.kind()))
        });

        assert_eq!(kind, Err(ErrorKind::PermissionDenied), "a program was started");
        if closed == Closed::Not {
            eprintln!("not tested: this kernel has no Landlock");
        } else {
            for (nth, outcome) in seen.iter().enumerate() {
                let kinds = [ErrorKind::PermissionDenied, ErrorKind::CrossesDevices];
                assert!(outcome.is_err_and(|kind| kinds.contains(&kind)), "{nth}: {outcome:?}");
            }
            assert_eq!(fs::read_to_string(outside.join("recording.wav")).unwrap(), "precious");
        }
        // This thread is as free as before, or the test would prove nothing.
        assert!(Start::program("/bin/true", "/").run().is_ok());
        assert!(fs::read(outside.join("recording.wav")).is_ok());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn every_file_that_the_settings_can_name_is_among_those_that_may_be_read() {
        let text = include_str!("../config/mod.rs");
        let fields = text.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(": "));
        let named: Vec<&str> = fields.filter(|(_, kind)| kind.contains("PathBuf")).map(|(name, _)| name).collect();

        // The agent's socket is connected to, not opened.
        let covered = ["proxy_secret_file", "password_file", "config", "socket", "root_certificate", "key_file"];
        assert_eq!(named, covered, "look at `beside_settings`, then here");
    }

    #[test]
    fn a_file_right_below_the_root_opens_itself_alone() {
        let mut config = Config::default();
        config.fusionpbx.password_file = Some("/secret".into());
        config.fusionpbx.config = Some("/srv/pbx/config.conf".into());

        assert_eq!(beside_settings(&config), [PathBuf::from("/secret"), PathBuf::from("/srv/pbx")]);
    }
}
