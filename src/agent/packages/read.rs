//! Asks apt and dpkg what they know already: nothing is fetched, nothing locked, nothing changed.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::agent::config::PackagesConfig;
use crate::agent::packages::simulation;
use crate::agent::run::{Ended, Program};
use crate::base::chain::{Chain, printable};
use crate::base::clock::Timestamp;
use crate::wire::answer::{PackageFacts, Refusal};

/// How long apt may think: some seconds on a slow disk.
const DEADLINE: Duration = Duration::from_secs(25);

/// Reads the state of the packages.
///
/// # Errors
/// apt is not there or failed; the refusal holds its own words.
pub(in crate::agent) async fn read(config: &PackagesConfig) -> Result<PackageFacts, Refusal> {
    let root = &config.root;
    let simulated = ask(config, "apt-get", &SIMULATE).await.and_then(succeeded)?;
    let settings = ask(config, "apt-config", &["dump"]).await.and_then(succeeded)?;
    Ok(PackageFacts {
        release: release(root)?,
        pending: simulation::pending(&simulated),
        held_back: simulation::held_back(&simulated),
        lists_fetched: lists_fetched(root)?,
        reboot_wanted_by: reboot_wanted_by(root)?,
        automatic: automatic(&settings),
        unattended_installed: is_installed(config, "unattended-upgrades").await?,
    })
}

/// Without a lock, and with the caches kept in memory so that nothing is written.
const SIMULATE: [&str; 8] =
    ["-s", "-o", "Debug::NoLocking=1", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "upgrade"];

async fn ask(config: &PackagesConfig, program: &str, arguments: &[&str]) -> Result<Ended, Refusal> {
    let program = Program::at(&config.programs.join(program), DEADLINE);
    let program = arguments.iter().fold(program, Program::arg);
    program.run().await.map_err(|error| Refusal::Unable { reason: Chain(&error).to_string() })
}

fn succeeded(ended: Ended) -> Result<String, Refusal> {
    if ended.success {
        return Ok(ended.stdout);
    }
    Err(Refusal::Unable { reason: format!("apt failed: {}", printable(&ended.words())) })
}

/// dpkg-query(1) ends with 1 for a package it never heard of, and prints a status for one it did.
async fn is_installed(config: &PackagesConfig, package: &str) -> Result<bool, Refusal> {
    let ended = ask(config, "dpkg-query", &["-W", "-f", "${db:Status-Status}", package]).await?;
    if ended.success || ended.stderr.contains("no packages found") {
        return Ok(ended.success && ended.stdout.trim() == "installed");
    }
    Err(Refusal::Unable { reason: format!("dpkg-query failed: {}", printable(&ended.words())) })
}

/// `PRETTY_NAME` of os-release(5).
fn release(root: &Path) -> Result<String, Refusal> {
    let text = text(&root.join("etc/os-release"))?.unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = value.map(|value| printable(value.trim().trim_matches('"')));
    name.ok_or_else(|| Refusal::Unable { reason: "/etc/os-release does not name the release".to_owned() })
}

/// The latest of: when apt's daily job last fetched all lists, and when any list was published to this host.
fn lists_fetched(root: &Path) -> Result<Option<Timestamp>, Refusal> {
    let lists = root.join("var/lib/apt/lists");
    let mut latest = modified(&root.join("var/lib/apt/periodic/update-success-stamp"))?;
    let entries = match std::fs::read_dir(&lists) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(latest),
        Err(error) => return Err(unreadable(&lists, &error)),
    };
    for entry in entries {
        let path = entry.map_err(|error| unreadable(&lists, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with("_InRelease") || name.ends_with("_Release") {
            latest = latest.max(modified(&path)?);
        }
    }
    Ok(latest)
}

/// The packages of /run/reboot-required.pkgs if /run/reboot-required is there.
fn reboot_wanted_by(root: &Path) -> Result<Option<Vec<String>>, Refusal> {
    if modified(&root.join("run/reboot-required"))?.is_none() {
        return Ok(None);
    }
    let text = text(&root.join("run/reboot-required.pkgs"))?.unwrap_or_default();
    let mut packages: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(printable).collect();
    packages.sort();
    packages.dedup();
    Ok(Some(packages))
}

/// The lines of `apt-config dump` (`key "value";`) that decide on automatic upgrades.
fn automatic(dump: &str) -> Vec<(String, String)> {
    let wanted = |key: &str| {
        ["APT::Periodic", "Unattended-Upgrade"]
            .iter()
            .any(|section| key.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")))
    };
    let pair = |line: &str| {
        let (key, value) = line.split_once(' ')?;
        let value = value.strip_prefix('"')?.strip_suffix("\";")?;
        wanted(key).then(|| (printable(key), printable(value)))
    };
    dump.lines().filter_map(pair).collect()
}

fn text(path: &Path) -> Result<Option<String>, Refusal> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn modified(path: &Path) -> Result<Option<Timestamp>, Refusal> {
    match std::fs::metadata(path).and_then(|metadata| metadata.modified()) {
        Ok(moment) => {
            let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
            Ok(Some(Timestamp::from_unix(i64::try_from(since).unwrap_or(i64::MAX))))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Refusal {
    Refusal::Unable { reason: format!("{} cannot be read: {error}", path.display()) }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, create_dir_all, write};

    use super::*;
    use crate::agent::place::tests::Scratch;

    #[test]
    fn the_age_of_the_lists_is_that_of_the_latest_fetch() {
        let scratch = Scratch::new("packages");
        let root = scratch.path();
        assert_eq!(lists_fetched(root).unwrap(), None);
        let lists = root.join("var/lib/apt/lists");
        create_dir_all(&lists).unwrap();
        for (name, seconds) in [("a_InRelease", 1_000), ("b_Release", 3_000), ("c_Packages", 9_000)] {
            let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            File::create(lists.join(name)).unwrap().set_modified(moment).unwrap();
        }

        assert_eq!(lists_fetched(root).unwrap(), Some(Timestamp::from_unix(3_000)));
    }

    #[test]
    fn a_wanted_reboot_names_who_asked_for_it() {
        let scratch = Scratch::new("packages");
        let root = scratch.path();
        assert_eq!(reboot_wanted_by(root).unwrap(), None);
        create_dir_all(root.join("run")).unwrap();
        write(root.join("run/reboot-required"), "*** System restart required ***\n").unwrap();
        assert_eq!(reboot_wanted_by(root).unwrap(), Some(Vec::new()));
        write(root.join("run/reboot-required.pkgs"), "linux-image\nlibc6\nlinux-image\n").unwrap();

        assert_eq!(reboot_wanted_by(root).unwrap(), Some(vec!["libc6".to_owned(), "linux-image".to_owned()]));
    }

    #[test]
    fn only_the_settings_of_automatic_upgrades_are_kept() {
        let dump = "APT \"\";\nAPT::Periodic \"\";\nAPT::Periodic::Unattended-Upgrade \"1\";\nAPT::Periodically \"x\";\n\
                    Unattended-Upgrade::Origins-Pattern:: \"origin=Debian\";\nAcquire::http::Proxy \"http://u:p@h\";\n";

        let kept = automatic(dump);

        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            kept,
            [
                pair("APT::Periodic", ""),
                pair("APT::Periodic::Unattended-Upgrade", "1"),
                pair("Unattended-Upgrade::Origins-Pattern::", "origin=Debian"),
            ]
        );
    }

    #[test]
    fn the_release_is_named_or_the_reading_fails() {
        let scratch = Scratch::new("packages");
        let root = scratch.path();
        assert!(release(root).is_err());
        create_dir_all(root.join("etc")).unwrap();
        write(root.join("etc/os-release"), "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n").unwrap();

        assert_eq!(release(root).unwrap(), "Debian GNU/Linux 12 (bookworm)");
    }
}
