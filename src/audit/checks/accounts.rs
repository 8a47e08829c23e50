//! US-01, US-02, US-03, US-05: who may sign in to FusionPBX, and how.

use crate::audit::check::Check;
use crate::audit::facts::{Facts, Reading, Untested};
use crate::audit::finding::{Finding, Remedy, Severity, Wall};
use crate::fusionpbx::survey::{Part, UserFacts};

/// The questions.
pub(crate) const CHECKS: [Check; 4] = [
    Check {
        id: "US-01",
        wall: Wall::Passwords,
        asset: "FusionPBX accounts",
        severity: Severity::High,
        asks: "whether every account's password is hashed well",
        why: "A leaked table of MD5 hashes is read back into passwords within hours.",
        reference: "FusionPBX core/authentication, plugins/database.php; OWASP ASVS 5.0 V11.4.2",
        judge: hashes,
    },
    Check {
        id: "US-02",
        wall: Wall::Passwords,
        asset: "FusionPBX superadmins",
        severity: Severity::High,
        asks: "how many accounts are superadmin",
        why: "A superadmin may run commands on the host by design.",
        reference: "FusionPBX app/exec; OWASP ASVS 5.0 V8.2.1",
        judge: superadmins,
    },
    Check {
        id: "US-03",
        wall: Wall::Passwords,
        asset: "FusionPBX administrators",
        severity: Severity::High,
        asks: "whether administrators have a second factor",
        why: "With one factor a single leaked password is the whole server.",
        reference: "FusionPBX core/authentication, plugins/totp.php; OWASP ASVS 5.0 V6.3.3",
        judge: second_factor,
    },
    Check {
        id: "US-05",
        wall: Wall::Passwords,
        asset: "FusionPBX API keys",
        severity: Severity::High,
        asks: "whether accounts have an API key",
        why: "A key of more than 30 letters in a request signs in without password or second factor, and lies in the table in plain text.",
        reference: "FusionPBX core/authentication, plugins/database.php",
        judge: api_keys,
    },
];

/// More superadmins than this are too many to keep an eye on.
const FEW: u64 = 3;

fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

fn users(check: &Check, facts: &Facts, judge: impl FnOnce(&Reading<'_, UserFacts>) -> Finding) -> Vec<Finding> {
    vec![match facts.part(|survey| &survey.users) {
        Ok(reading) => judge(&reading),
        Err(untested) => check.not_tested(&untested),
    }]
}

/// Judges a count that should be zero and may not have been readable.
fn none_of(
    check: &Check,
    facts: &Facts,
    pick: impl FnOnce(&UserFacts) -> &Part<u64>,
    holds: &str,
    fails: impl FnOnce(u64) -> (String, Remedy),
) -> Vec<Finding> {
    users(check, facts, |reading| {
        let count = match pick(reading.value) {
            Ok(count) => *count,
            Err(reason) => {
                return check.not_tested(&Untested { source: "v_users", at: reading.at, reason: reason.clone() });
            }
        };
        let line = format!("{count} of {}", counted(reading.value.enabled, "enabled account", "enabled accounts"));
        let evidence = vec![reading.evidence("v_users", [line])];
        if count == 0 {
            return check.pass(holds, evidence);
        }
        let (title, remedy) = fails(count);
        check.fail(check.severity, title, evidence, remedy)
    })
}

fn hashes(check: &Check, facts: &Facts) -> Vec<Finding> {
    none_of(
        check,
        facts,
        |users| &users.legacy_hashes,
        "Every account's password is hashed with bcrypt or argon2",
        |count| {
            let who = counted(count, "account has", "accounts have");
            let words = "Set a new password for them in FusionPBX, Accounts, Users, or have them sign in once: from 5.0 on FusionPBX then hashes anew.";
            (format!("{who} a password hashed with MD5"), Remedy::words(words))
        },
    )
}

fn superadmins(check: &Check, facts: &Facts) -> Vec<Finding> {
    users(check, facts, |reading| {
        let (count, names) = (reading.value.superadmin_count, &reading.value.superadmins);
        let evidence = vec![reading.evidence("v_user_groups, superadmin", names.iter().cloned())];
        let who = counted(count, "account is superadmin", "accounts are superadmin");
        if count <= FEW {
            return check.pass(who, evidence);
        }
        let words = "Leave two or three. Give the others the group admin of their tenant.";
        check.fail(check.severity, who, evidence, Remedy::words(words))
    })
}

fn second_factor(check: &Check, facts: &Facts) -> Vec<Finding> {
    none_of(
        check,
        facts,
        |users| &users.admins_without_totp,
        "Every administrator has a second factor",
        |count| {
            let who = counted(count, "administrator has", "administrators have");
            let words = "Enable totp in the default setting authentication, methods; each administrator then enrols at the next sign-in.";
            (format!("{who} no second factor"), Remedy::words(words))
        },
    )
}

fn api_keys(check: &Check, facts: &Facts) -> Vec<Finding> {
    none_of(
        check,
        facts,
        |users| &users.with_api_key,
        "No account has an API key",
        |count| {
            let who = counted(count, "account has", "accounts have");
            let words = "Remove the keys that no program uses; accept the rest by name, with an end date.";
            (format!("{who} an API key that goes round the second factor"), Remedy::words(words))
        },
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::audit::facts::Source;
    use crate::audit::finding::Outcome;
    use crate::base::clock::Timestamp;
    use crate::fusionpbx::survey::{EffectiveSetting, PolicyFacts, ProvisioningFacts, Role, Survey};
    use crate::fusionpbx::switch::SwitchSide;

    pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_795_371_696);

    pub(crate) fn setting(category: &str, subcategory: &str, value: &str) -> EffectiveSetting {
        EffectiveSetting {
            category: category.to_owned(),
            subcategory: subcategory.to_owned(),
            value: Some(value.to_owned()),
            enabled_rows: 1,
        }
    }

    /// A database in good order, changed by `change`.
    pub(crate) fn facts_with(change: impl FnOnce(&mut Survey)) -> Facts {
        let mut value = Survey {
            version: Some("5.5.7".to_owned()),
            role: Role {
                name: "rampart".to_owned(),
                superuser: false,
                may_write_settings: true,
                superusers: Vec::new(),
            },
            tenants: Ok(vec!["pbx.example.com".to_owned()]),
            policy: Ok(PolicyFacts {
                global: vec![
                    setting("extension", "password_length", "20"),
                    setting("extension", "password_strength", "4"),
                    setting("users", "password_length", "15"),
                    setting("voicemail", "password_length", "8"),
                ],
                weaker_tenants: 0,
                weaker_examples: Vec::new(),
            }),
            users: Ok(UserFacts {
                enabled: 12,
                superadmins: vec!["ada@pbx.example.com".to_owned()],
                superadmin_count: 1,
                admins_without_totp: Ok(0),
                legacy_hashes: Ok(0),
                with_api_key: Ok(0),
            }),
            provisioning: Ok(ProvisioningFacts {
                enabled: true,
                http_auth_enabled: true,
                has_username: true,
                has_password: true,
                networks: vec!["192.0.2.0/24".to_owned()],
                auto_insert: false,
            }),
            access_lists: Ok(Vec::new()),
            switch: Ok(SwitchSide::default()),
        };
        change(&mut value);
        Facts { fusionpbx: Source::Known { at: NOW, value }, ..Facts::none(NOW) }
    }

    fn with_users(change: impl FnOnce(&mut UserFacts)) -> Facts {
        facts_with(|survey| change(survey.users.as_mut().unwrap()))
    }

    fn answer(id: &str, facts: &Facts) -> Finding {
        CHECKS.iter().find(|check| check.id == id).unwrap().judge(facts).remove(0)
    }

    #[test]
    fn a_database_in_good_order_passes() {
        for check in &CHECKS {
            assert_eq!(answer(check.id, &facts_with(|_| {})).outcome, Outcome::Pass, "{}", check.id);
        }
    }

    #[test]
    fn each_fault_is_counted() {
        let cases = [
            ("US-01", with_users(|users| users.legacy_hashes = Ok(1)), "1 account has a password hashed with MD5"),
            ("US-02", with_users(|users| users.superadmin_count = 4), "4 accounts are superadmin"),
            (
                "US-03",
                with_users(|users| users.admins_without_totp = Ok(2)),
                "2 administrators have no second factor",
            ),
            (
                "US-05",
                with_users(|users| users.with_api_key = Ok(3)),
                "3 accounts have an API key that goes round the second factor",
            ),
        ];
        for (id, facts, title) in cases {
            let finding = answer(id, &facts);
            assert_eq!((finding.outcome, finding.title.as_str()), (Outcome::Fail, title));
        }
    }

    #[test]
    fn a_column_that_may_not_be_read_is_not_tested_and_the_rest_goes_on() {
        let facts =
            with_users(|users| users.legacy_hashes = Err("permission denied for v_users.password".to_owned()));

        assert_eq!(answer("US-01", &facts).outcome, Outcome::NotTested);
        assert_eq!(answer("US-01", &facts).evidence[0].lines, ["permission denied for v_users.password"]);
        assert_eq!(answer("US-03", &facts).outcome, Outcome::Pass);
    }

    #[test]
    fn what_was_not_read_is_not_tested() {
        let refused = facts_with(|survey| survey.users = Err("no table v_users".to_owned()));

        for check in &CHECKS {
            assert_eq!(answer(check.id, &refused).outcome, Outcome::NotTested, "{}", check.id);
            assert_eq!(answer(check.id, &Facts::none(NOW)).outcome, Outcome::NotTested, "{}", check.id);
        }
    }
}
