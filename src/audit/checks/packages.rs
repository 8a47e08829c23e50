//! UP-03, UP-05, UP-06: what apt says about pending updates, and whether they install themselves.

use std::time::Duration;

use crate::audit::check::Check;
use crate::audit::facts::{Facts, Reading};
use crate::audit::finding::{Finding, Remedy, Severity, Wall};
use crate::base::clock::{Timestamp, spoken};
use crate::wire::answer::PackageFacts;

/// The questions.
pub(crate) const CHECKS: [Check; 3] = [
    Check {
        id: "UP-03",
        wall: Wall::Upgrades,
        asset: "packages",
        severity: Severity::High,
        asks: "whether security updates are pending",
        why: "From the day a fix is out, everyone can read in it where the hole is.",
        reference: "Lynis PKGS-7392; apt-get(8)",
        judge: pending,
    },
    Check {
        id: "UP-05",
        wall: Wall::Upgrades,
        asset: "unattended-upgrades",
        severity: Severity::Medium,
        asks: "whether security updates install themselves",
        why: "Updates that wait for a person wait over weekends, and that is when such servers fall.",
        reference: "Lynis PKGS-7420; unattended-upgrade(8)",
        judge: automatic,
    },
    Check {
        id: "UP-06",
        wall: Wall::Upgrades,
        asset: "running system",
        severity: Severity::Medium,
        asks: "whether a restart is due",
        why: "Until the restart the old kernel or library goes on running, holes and all.",
        reference: "Lynis KRNL-5830; Debian policy, /run/reboot-required",
        judge: restart,
    },
];

/// Lists older than this are stale. apt's own timer fetches once a day and adds up to 12 hours at random.
const STALE: Duration = Duration::from_hours(36);

fn each(check: &Check, facts: &Facts, judge: impl FnOnce(&Reading<'_, PackageFacts>) -> Finding) -> Vec<Finding> {
    vec![match facts.packages() {
        Ok(reading) => judge(&reading),
        Err(untested) => check.not_tested(&untested),
    }]
}

fn pending(check: &Check, facts: &Facts) -> Vec<Finding> {
    each(check, facts, |reading| judge_pending(check, reading, facts.now))
}

fn judge_pending(check: &Check, reading: &Reading<'_, PackageFacts>, now: Timestamp) -> Finding {
    let packages = reading.value;
    let security: Vec<_> = packages.pending.iter().filter(|package| package.security).collect();
    let others = packages.pending.len() - security.len();
    let lists = packages
        .lists_fetched
        .map_or_else(|| "package lists: none".to_owned(), |at| format!("package lists of {}", at.minutes()));
    let mut lines = vec![lists, format!("security updates: {}, other updates: {others}", security.len())];
    if !packages.held_back.is_empty() {
        lines.push(format!("held back: {}", packages.held_back.join(" ")));
    }
    lines.extend(
        security.iter().map(|package| format!("{} {} -> {}", package.name, package.installed, package.candidate)),
    );
    let evidence = vec![reading.evidence("apt-get -s upgrade", lines)];

    let refresh =
        Remedy::words("Fetch the package lists, then look again.").commands(["apt-get update"]).on(Wall::Upgrades);
    if !security.is_empty() {
        let words = "Read the notes of FusionPBX's Upgrade page, choose a quiet hour, then install them.";
        let remedy = Remedy::words(words).commands(["apt-get update", "apt-get upgrade"]).on(Wall::Upgrades).risky();
        let title = match security.len() {
            1 => "1 security update is pending".to_owned(),
            many => format!("{many} security updates are pending"),
        };
        return check.fail(check.severity, title, evidence, remedy);
    }
    match packages.lists_fetched {
        None => {
            let title = "No package lists were ever fetched, so nobody knows what is pending";
            check.fail(Severity::Medium, title, evidence, refresh)
        }
        Some(at) if now.since(at) > STALE => {
            let age = spoken(now.since(at));
            let title = format!("The package lists are {age} old, so newer updates are not known");
            check.fail(Severity::Medium, title, evidence, refresh)
        }
        Some(at) if at > now.plus(STALE) => {
            let title = "The package lists are dated in the future, so their age is not known";
            check.fail(Severity::Medium, title, evidence, refresh)
        }
        Some(_) => check.pass("No security updates are pending", evidence),
    }
}

/// What stands in the way of updates that install themselves; empty if nothing does.
fn obstacles(packages: &PackageFacts) -> Vec<String> {
    let values = |key: &str| {
        let wanted = key.to_ascii_lowercase();
        packages
            .automatic
            .iter()
            .filter(move |(name, _)| name.trim_end_matches("::").to_ascii_lowercase() == wanted)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    };
    // apt reads days, and since 1.5 also spans such as `12h` and the word `always`.
    let is_on = |key: &str| values(key).next_back().is_some_and(|value| !value.trim_start_matches('0').is_empty());
    let is_off = |key: &str| values(key).next_back().is_some_and(|value| value == "0");
    let mut missing = Vec::new();
    if !packages.unattended_installed {
        missing.push("the package unattended-upgrades is not installed".to_owned());
    }
    if is_off("APT::Periodic::Enable") {
        missing.push("APT::Periodic::Enable is 0".to_owned());
    }
    for key in ["APT::Periodic::Update-Package-Lists", "APT::Periodic::Unattended-Upgrade"] {
        if !is_on(key) {
            missing.push(format!("{key} is off"));
        }
    }
    let origins = ["Unattended-Upgrade::Origins-Pattern", "Unattended-Upgrade::Allowed-Origins"];
    let from_security = |value: &str| value.to_ascii_lowercase().contains("security");
    if !origins.into_iter().flat_map(values).any(from_security) {
        missing.push("no pattern in Unattended-Upgrade::Origins-Pattern lets Debian-Security in".to_owned());
    }
    missing
}

fn automatic(check: &Check, facts: &Facts) -> Vec<Finding> {
    each(check, facts, |reading| {
        let missing = obstacles(reading.value);
        if missing.is_empty() {
            let lines = reading.value.automatic.iter().filter(|(_, value)| !value.is_empty());
            let lines = lines.map(|(key, value)| format!("{key} \"{value}\""));
            let evidence = vec![reading.evidence("apt-config dump", lines)];
            return check.pass("Security updates are set to install themselves", evidence);
        }
        let remedy = Remedy::words("Install unattended-upgrades and switch it on.")
            .commands(["apt-get install unattended-upgrades", "dpkg-reconfigure -plow unattended-upgrades"]);
        let title = "Security updates do not install themselves";
        check.fail(check.severity, title, vec![reading.evidence("apt-config dump", missing)], remedy)
    })
}

fn restart(check: &Check, facts: &Facts) -> Vec<Finding> {
    each(check, facts, |reading| {
        let source = "/run/reboot-required";
        let Some(wanted_by) = &reading.value.reboot_wanted_by else {
            let evidence = reading.evidence(source, ["the file is not there".to_owned()]);
            return check.pass("No package asks for a restart", vec![evidence]);
        };
        let who = if wanted_by.is_empty() { "unknown packages".to_owned() } else { wanted_by.join(" ") };
        let remedy = Remedy::words("Restart the host in a quiet hour: every call in progress is cut.")
            .commands(["fs_cli -x 'show calls count'", "systemctl reboot"])
            .risky();
        let evidence = vec![reading.evidence(source, [format!("asked for by: {who}")])];
        check.fail(check.severity, "The host must be restarted to finish an update", evidence, remedy)
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::audit::facts::Source;
    use crate::audit::finding::Outcome;
    use crate::wire::answer::PendingPackage;

    pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_795_371_696);

    /// A host in good order, changed by `change`.
    pub(crate) fn facts_with(change: impl FnOnce(&mut PackageFacts)) -> Facts {
        let automatic = [
            ("APT::Periodic", ""),
            ("APT::Periodic::Update-Package-Lists", "1"),
            ("APT::Periodic::Unattended-Upgrade", "1"),
            ("Unattended-Upgrade::Origins-Pattern", ""),
            ("Unattended-Upgrade::Origins-Pattern::", "origin=Debian,codename=${distro_codename},label=Debian"),
            (
                "Unattended-Upgrade::Origins-Pattern::",
                "origin=Debian,codename=bookworm-security,label=Debian-Security",
            ),
        ];
        let mut value = PackageFacts {
            release: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            pending: Vec::new(),
            held_back: Vec::new(),
            lists_fetched: Some(NOW.minus(Duration::from_hours(2))),
            reboot_wanted_by: None,
            automatic: automatic.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
            unattended_installed: true,
        };
        change(&mut value);
        Facts { packages: Source::Known { at: NOW, value }, ..Facts::none(NOW) }
    }

    fn answer(id: &str, facts: &Facts) -> Finding {
        let check = CHECKS.iter().find(|check| check.id == id).unwrap();
        check.judge(facts).remove(0)
    }

    fn update(name: &str, security: bool) -> PendingPackage {
        let version = |text: &str| text.to_owned();
        PendingPackage { name: version(name), installed: version("1.0"), candidate: version("1.1"), security }
    }

    fn without(key: &str) -> Facts {
        facts_with(|packages| packages.automatic.retain(|(name, _)| !name.starts_with(key)))
    }

    #[test]
    fn a_host_in_good_order_passes() {
        for check in &CHECKS {
            assert_eq!(answer(check.id, &facts_with(|_| {})).outcome, Outcome::Pass, "{}", check.id);
        }
    }

    #[test]
    fn what_was_not_read_is_not_tested() {
        for check in &CHECKS {
            assert_eq!(answer(check.id, &Facts::none(NOW)).outcome, Outcome::NotTested, "{}", check.id);
        }
    }

    #[test]
    fn pending_security_updates_fail_and_are_named() {
        let facts = facts_with(|packages| packages.pending = vec![update("openssl", true), update("vim", false)]);

        let finding = answer("UP-03", &facts);

        assert_eq!((finding.outcome, finding.severity), (Outcome::Fail, Severity::High));
        assert_eq!(finding.title, "1 security update is pending");
        assert_eq!(finding.evidence[0].lines[1], "security updates: 1, other updates: 1");
        assert_eq!(finding.evidence[0].lines[2], "openssl 1.0 -> 1.1");
    }

    #[test]
    fn nothing_pending_in_stale_or_missing_lists_is_not_good() {
        let stale = facts_with(|packages| packages.lists_fetched = Some(NOW.minus(Duration::from_hours(120))));
        let none = facts_with(|packages| packages.lists_fetched = None);
        let ahead = facts_with(|packages| packages.lists_fetched = Some(NOW.plus(Duration::from_hours(90))));

        assert!(answer("UP-03", &stale).title.contains("5 days old"));
        assert_eq!(answer("UP-03", &stale).outcome, Outcome::Fail);
        assert_eq!(answer("UP-03", &none).outcome, Outcome::Fail);
        assert_eq!(answer("UP-03", &ahead).outcome, Outcome::Fail);
    }

    #[test]
    fn each_thing_that_keeps_updates_from_installing_themselves_is_named() {
        let off = |key: &'static str, value: &'static str| {
            facts_with(move |packages| packages.automatic.push((key.to_owned(), value.to_owned())))
        };
        let cases = [
            (facts_with(|packages| packages.unattended_installed = false), "not installed"),
            (off("APT::Periodic::Enable", "0"), "Enable is 0"),
            (off("APT::Periodic::Unattended-Upgrade", "0"), "Unattended-Upgrade is off"),
            (without("APT::Periodic::Update"), "Update-Package-Lists is off"),
            (without("Unattended-Upgrade::Origins"), "Debian-Security"),
        ];
        for (facts, words) in cases {
            let finding = answer("UP-05", &facts);
            assert_eq!(finding.outcome, Outcome::Fail, "{words}");
            assert!(finding.evidence[0].lines[0].contains(words), "{words}: {:?}", finding.evidence[0].lines);
        }
    }

    #[test]
    fn a_wanted_restart_names_who_wants_it() {
        let facts = facts_with(|packages| packages.reboot_wanted_by = Some(vec!["linux-image-amd64".to_owned()]));

        let finding = answer("UP-06", &facts);

        assert_eq!(finding.outcome, Outcome::Fail);
        assert_eq!(finding.evidence[0].lines, ["asked for by: linux-image-amd64"]);
    }
}
