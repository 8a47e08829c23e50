//! PV-01, PV-02, PV-04: whether phones' configurations, with the SIP passwords in them, are handed to strangers.

use crate::audit::check::Check;
use crate::audit::facts::{Facts, Reading, Untested};
use crate::audit::finding::{Finding, Remedy, Severity, Wall};
use crate::audit::networks::{Range, open_to_all};
use crate::fusionpbx::survey::ProvisioningFacts;

const REFERENCE: &str = "FusionPBX app/provision/index.php and app_config.php";

/// The questions.
pub(crate) const CHECKS: [Check; 3] = [
    Check {
        id: "PV-01",
        wall: Wall::Passwords,
        asset: "provisioning",
        severity: Severity::Critical,
        asks: "whether provisioning asks for a password",
        why: "A phone's configuration holds its SIP password, and its address is a hardware number that can be guessed.",
        reference: REFERENCE,
        judge: asks_for_a_password,
    },
    Check {
        id: "PV-02",
        wall: Wall::Passwords,
        asset: "provisioning",
        severity: Severity::Medium,
        asks: "whether provisioning is kept to known networks",
        why: "With a list of networks a leaked provisioning password is worth nothing elsewhere.",
        reference: REFERENCE,
        judge: known_networks,
    },
    Check {
        id: "PV-04",
        wall: Wall::Passwords,
        asset: "provisioning",
        severity: Severity::High,
        asks: "whether unknown phones enter themselves",
        why: "With this on, whoever asks with an unknown hardware number becomes a device of the tenant.",
        reference: REFERENCE,
        judge: no_self_entry,
    },
];

fn lines(facts: &ProvisioningFacts) -> Vec<String> {
    let set = |has: bool| if has { "set" } else { "not set" };
    vec![
        format!("provision.enabled = {}", facts.enabled),
        format!("provision.http_auth_enabled = {}", facts.http_auth_enabled),
        format!("provision.http_auth_username is {}", set(facts.has_username)),
        format!("provision.http_auth_password is {}", set(facts.has_password)),
        format!(
            "provision.cidr = {}",
            if facts.networks.is_empty() { "(none)".to_owned() } else { facts.networks.join(" ") }
        ),
        "these are the global settings; a tenant's own are not read yet".to_owned(),
    ]
}

/// FusionPBX asks for a password only where a user name is set, whatever `http_auth_enabled` says.
const fn has_password(facts: &ProvisioningFacts) -> bool {
    facts.http_auth_enabled && facts.has_username && facts.has_password
}

fn each(
    check: &Check,
    facts: &Facts,
    judge: impl FnOnce(&Reading<'_, ProvisioningFacts>) -> Finding,
) -> Vec<Finding> {
    vec![match facts.part(|survey| &survey.provisioning) {
        Ok(reading) => judge(&reading),
        Err(untested) => check.not_tested(&untested),
    }]
}

fn default_settings(words: &str) -> Remedy {
    Remedy::words(format!("{words} In FusionPBX: Advanced, Default Settings, Provision.")).risky()
}

fn asks_for_a_password(check: &Check, facts: &Facts) -> Vec<Finding> {
    each(check, facts, |reading| {
        let evidence = vec![reading.evidence("v_default_settings", lines(reading.value))];
        if !reading.value.enabled {
            return check.pass("Provisioning is off in the global settings", evidence);
        }
        if has_password(reading.value) {
            return check.pass("Provisioning asks for a user name and a password", evidence);
        }
        let remedy = default_settings(
            "Set http_auth_enabled, http_auth_username and http_auth_password, and give the phones both before.",
        );
        check.fail(check.severity, "Provisioning hands SIP passwords to whoever asks", evidence, remedy)
    })
}

fn known_networks(check: &Check, facts: &Facts) -> Vec<Finding> {
    each(check, facts, |reading| {
        let networks = &reading.value.networks;
        let evidence = || vec![reading.evidence("v_default_settings", lines(reading.value))];
        let ranges: Vec<Range> = networks.iter().filter_map(|network| Range::parse(network)).collect();
        let open = open_to_all(&ranges);
        let remedy = || default_settings("Set cidr to the networks in which your phones stand.");
        if !reading.value.enabled {
            check.pass("Provisioning is off in the global settings", evidence())
        } else if !open.is_empty() {
            let title = format!("Provisioning's list of networks lets in every {} address", open.join(" and "));
            check.fail(check.severity, title, evidence(), remedy())
        } else if ranges.len() < networks.len() {
            let reason = "provision.cidr holds an entry that is no network".to_owned();
            check.not_tested(&Untested { source: "v_default_settings", at: reading.at, reason })
        } else if !networks.is_empty() {
            check.pass("Provisioning is kept to known networks", evidence())
        } else if has_password(reading.value) {
            check.pass("Provisioning is open to every network, behind a password", evidence())
        } else {
            check.fail(check.severity, "Provisioning is open to every network", evidence(), remedy())
        }
    })
}

fn no_self_entry(check: &Check, facts: &Facts) -> Vec<Finding> {
    each(check, facts, |reading| {
        let line = format!("provision.auto_insert_enabled = {}", reading.value.auto_insert);
        let evidence = vec![reading.evidence("v_default_settings", [line])];
        if !reading.value.auto_insert {
            return check.pass("Unknown phones do not enter themselves", evidence);
        }
        let remedy = default_settings("Disable auto_insert_enabled.");
        check.fail(check.severity, "Unknown phones enter themselves as devices", evidence, remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::accounts::tests::{NOW, facts_with};
    use crate::audit::finding::Outcome;

    fn answer(id: &str, change: impl FnOnce(&mut ProvisioningFacts)) -> Finding {
        let facts = facts_with(|survey| change(survey.provisioning.as_mut().unwrap()));
        CHECKS.iter().find(|check| check.id == id).unwrap().judge(&facts).remove(0)
    }

    #[test]
    fn provisioning_in_good_order_passes() {
        for check in &CHECKS {
            assert_eq!(answer(check.id, |_| {}).outcome, Outcome::Pass, "{}", check.id);
        }
    }

    #[test]
    fn each_missing_part_of_the_password_leaves_it_open() {
        let cases: [fn(&mut ProvisioningFacts); 3] = [
            |facts| facts.http_auth_enabled = false,
            |facts| facts.has_username = false,
            |facts| facts.has_password = false,
        ];
        for change in cases {
            let finding = answer("PV-01", change);
            assert_eq!((finding.outcome, finding.severity), (Outcome::Fail, Severity::Critical));
        }
    }

    #[test]
    fn provisioning_that_is_off_hands_out_nothing_and_says_whose_setting_that_is() {
        let finding = answer("PV-01", |facts| {
            facts.enabled = false;
            facts.has_username = false;
        });

        assert_eq!(finding.title, "Provisioning is off in the global settings");
        assert!(finding.evidence[0].lines.last().unwrap().contains("tenant's own are not read yet"));
    }

    #[test]
    fn networks_that_let_in_everyone_are_no_limit() {
        let halves = answer("PV-02", |facts| facts.networks = vec!["0.0.0.0/1".to_owned(), "128.0.0.0/1".to_owned()]);
        let odd = answer("PV-02", |facts| facts.networks = vec!["office".to_owned()]);
        let none = answer("PV-02", |facts| {
            facts.networks.clear();
            facts.has_password = false;
        });

        assert_eq!(halves.outcome, Outcome::Fail);
        assert_eq!(odd.outcome, Outcome::NotTested);
        assert_eq!(none.outcome, Outcome::Fail);
        assert_eq!(answer("PV-02", |facts| facts.networks.clear()).outcome, Outcome::Pass);
    }

    #[test]
    fn phones_that_enter_themselves_fail() {
        assert_eq!(answer("PV-04", |facts| facts.auto_insert = true).outcome, Outcome::Fail);
    }

    #[test]
    fn what_was_not_read_is_not_tested() {
        let refused = facts_with(|survey| survey.provisioning = Err("permission denied".to_owned()));

        for check in &CHECKS {
            assert_eq!(check.judge(&refused)[0].outcome, Outcome::NotTested, "{}", check.id);
            assert_eq!(check.judge(&Facts::none(NOW))[0].outcome, Outcome::NotTested, "{}", check.id);
        }
    }
}
