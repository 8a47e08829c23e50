//! CR-01 to CR-06, CR-08, CR-09, US-04, US-06 to US-10: what the last audit of credentials found.

use crate::audit::check::Check;
use crate::audit::credentials::{CredentialFacts, Found};
use crate::audit::facts::{Facts, Reading, Untested};
use crate::audit::finding::{Evidence, Finding, Remedy, Severity, Wall};
use crate::policy::secrets::{Reason, Weight};

/// The source as evidence names it.
const SOURCE: &str = "the audit of credentials";

const fn check(id: &'static str, asset: &'static str, severity: Severity) -> Check {
    Check { id, wall: Wall::Passwords, asset, severity, asks: "", why: "", reference: "", judge: credentials }
}

/// The questions.
pub(crate) const CHECKS: [Check; 14] = [
    Check {
        asks: "whether SIP secrets and phones' passwords are long and unlike what is tried first",
        why: "Machines guess SIP secrets around the clock; with one they make calls on the owner's account.",
        reference: "OWASP ASVS 5.0 V6.2.1, V6.2.4; FusionPBX documentation, Security",
        ..check("CR-01", "SIP secrets", Severity::Critical)
    },
    Check {
        asks: "whether a SIP secret follows from its extension, its domain or the keyboard",
        why: "An extension's own number is the first guess of every scanner.",
        reference: "OWASP ASVS 5.0 V6.2.4; FusionPBX documentation, Security",
        ..check("CR-02", "SIP secrets", Severity::Critical)
    },
    Check {
        asks: "whether a secret is used at two places",
        why: "One lost phone then opens all the others, and one tenant's leak is another tenant's.",
        reference: "OWASP ASVS 5.0 V13.2.3",
        ..check("CR-03", "SIP secrets", Severity::High)
    },
    Check {
        asks: "whether a SIP secret is the voicemail PIN or an account's password too",
        why: "A PIN is told to people, a phone's secret can be read from the phone; whoever has one then has the others.",
        reference: "OWASP ASVS 5.0 V13.2.3",
        ..check("CR-04", "SIP secrets", Severity::High)
    },
    Check {
        asks: "whether voicemail PINs are guessed by hand",
        why: "Who gets into a mailbox from outside hears its messages, and may call on from there.",
        reference: "FusionPBX pull request 2439",
        ..check("CR-05", "voicemail PINs", Severity::Critical)
    },
    Check {
        asks: "whether a mailbox has no PIN",
        why: "A mailbox without a PIN is open to whoever reaches its menu.",
        reference: "FusionPBX pull request 2439",
        ..check("CR-06", "voicemail PINs", Severity::High)
    },
    Check {
        asks: "whether PINs of conferences, agents and features are guessed by hand",
        why: "A feature PIN lets a stranger call out, a conference PIN lets one listen.",
        reference: "FusionPBX app/pin_numbers, app/conference_centers, app/call_centers",
        ..check("CR-08", "PINs", Severity::Medium)
    },
    Check {
        asks: "whether trunks' passwords are strong and used once",
        why: "A trunk's password is the account at the carrier: calls with it are billed.",
        reference: "FusionPBX app/gateways",
        ..check("CR-09", "trunks", Severity::Medium)
    },
    Check {
        asks: "whether accounts are used at all",
        why: "An account that nobody uses is one whose misuse nobody notices.",
        reference: "FusionPBX v_user_logs; OWASP ASVS 5.0 V6.3.2",
        ..check("US-04", "FusionPBX accounts", Severity::Medium)
    },
    Check {
        asks: "whether accounts have names that are tried first, or share an e-mail address",
        why: "With a known name half of the guess is done; with a shared address one person resets another's password.",
        reference: "OWASP ASVS 5.0 V6.3.2",
        ..check("US-06", "FusionPBX accounts", Severity::Medium)
    },
    Check {
        asks: "whether superadmins may sign in from certain addresses only",
        why: "A superadmin's password that leaks is then worth nothing elsewhere.",
        reference: "FusionPBX core/authentication, setting domain.cidr; OWASP ASVS 5.0 V6.3.2",
        judge: anywhere,
        ..check("US-07", "FusionPBX superadmins", Severity::Medium)
    },
    Check {
        asks: "whether sign-ins are tried again and again from one address",
        why: "Whoever may try for ever gets in at last.",
        reference: "FusionPBX v_user_logs; OWASP ASVS 5.0 V6.3.1",
        judge: bursts,
        ..check("US-09", "FusionPBX sign-in", Severity::Medium)
    },
    Check {
        asks: "whether FusionPBX lets someone in past the password",
        why: "A reset key or a remembered browser signs in without the password.",
        reference: "FusionPBX core/default_settings, login.password_reset_key, login.remember_me",
        judge: login,
        ..check("US-08", "FusionPBX sign-in", Severity::Low)
    },
    Check {
        asks: "whether only superadmins may run commands, edit scripts or ask the database",
        why: "Such a permission is root's by one more step, whatever the group is called.",
        reference: "CVE-2019-15029; FusionPBX app/exec",
        judge: powers,
        ..check("US-10", "FusionPBX groups", Severity::Critical)
    },
];

/// The tables that a check rests on, and its answers.
struct Question {
    tables: &'static [&'static str],
    holds: &'static str,
    /// After `3 places: `.
    fails: &'static str,
    remedy: &'static str,
}

const SIP: &[&str] = &["v_extensions", "v_device_lines", "v_devices"];
const ROTATE: &str = "Make new ones under the policy in force, and have the phones fetch them.";

fn question(id: &str) -> Question {
    let ask = |tables, holds, fails, remedy| Question { tables, holds, fails, remedy };
    match id {
        "CR-01" => ask(SIP, "No secret is short or tried first", "short, or tried first", ROTATE),
        "CR-02" => ask(SIP, "No secret follows from what is known", "following from what is known", ROTATE),
        "CR-03" => ask(SIP, "No secret is used twice", "with a secret that is used elsewhere too", ROTATE),
        "CR-04" => ask(
            &["v_extensions", "v_voicemails", "v_extension_users"],
            "No SIP secret is a voicemail PIN or an account's password",
            "where two of SIP secret, PIN and password are the same",
            "Make new ones, unlike each other.",
        ),
        "CR-05" => ask(
            &["v_voicemails"],
            "No voicemail PIN is guessed by hand",
            "with a PIN that is guessed by hand",
            "Set PINs of at least six digits that follow from nothing, and raise voicemail.password_length.",
        ),
        "CR-06" => ask(
            &["v_voicemails"],
            "Every mailbox has a PIN",
            "without a PIN",
            "Set a PIN, or switch the mailbox off.",
        ),
        "CR-08" => ask(
            &["v_pin_numbers", "v_conference_rooms", "v_conferences", "v_call_center_agents"],
            "No such PIN is guessed by hand",
            "with a PIN that is guessed by hand",
            "Set PINs of at least six digits that follow from nothing.",
        ),
        "CR-09" => ask(
            &["v_gateways"],
            "Every trunk has a password of its own that is strong",
            "with a weak or shared trunk password",
            "Have the carrier set a new one.",
        ),
        "US-04" => ask(
            &["v_users", "v_user_logs"],
            "Every account was used in the last 90 days",
            "not used for 90 days, or never",
            "Disable the accounts that nobody needs.",
        ),
        _ => ask(
            &["v_users"],
            "No account has a name that is tried first, or another's address",
            "with a name that is tried first, or another's address",
            "Give each person an account, a name and an address of their own.",
        ),
    }
}

/// Why a table was not looked at.
fn gaps<'a>(facts: &'a CredentialFacts, tables: &'a [&'a str]) -> impl Iterator<Item = (&'a str, &'a str)> {
    let wanted = facts.not_tested.iter().filter(|(table, _)| tables.contains(&table.as_str()));
    wanted.map(|(table, reason)| (table.as_str(), reason.as_str()))
}

fn credentials(check: &Check, facts: &Facts) -> Vec<Finding> {
    let reading = match facts.credentials() {
        Ok(reading) => reading,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    let question = question(check.id);
    let none = Found::default();
    let found = reading.value.found.get(check.id).unwrap_or(&none);
    let mut evidence = vec![evidence(&reading, &question, found)];
    if let Some(trunks) =
        reading.value.plain_trunks.as_ref().filter(|trunks| check.id == "CR-09" && !trunks.is_empty())
    {
        // Whether the carrier takes TLS stands nowhere on this host.
        let words =
            "whoever listens on the way can guess these trunks' passwords at leisure; ask the carrier for TLS";
        evidence.push(reading.evidence("v_gateways", [words.to_owned()].into_iter().chain(trunks.iter().cloned())));
    }
    if found.places > 0 {
        let places = if found.places == 1 { "1 place".to_owned() } else { format!("{} places", found.places) };
        let remedy = Remedy::words(question.remedy).on(Wall::Passwords);
        let severity = worst(found).max(check.severity);
        return vec![check.fail(severity, format!("{places} {}", question.fails), evidence, remedy)];
    }
    // A table that this FusionPBX does not have holds no secret; one that may not be read may hold any.
    let is_missing = |reason: &str| reason.starts_with("this FusionPBX has no table");
    let blocking = gaps(reading.value, question.tables).find(|(_, reason)| !is_missing(reason));
    let was_judged = question.tables.iter().any(|table| reading.value.judged.contains_key(*table));
    let first = gaps(reading.value, question.tables).next();
    match (blocking.or(first.filter(|_| !was_judged)), was_judged) {
        (Some((table, reason)), _) => {
            let reason = format!("{table}: {reason}");
            vec![check.not_tested(&Untested { source: SOURCE, at: reading.at, reason })]
        }
        (None, true) => vec![check.pass(question.holds, evidence)],
        (None, false) => {
            let reason = "nothing of it was judged".to_owned();
            vec![check.not_tested(&Untested { source: SOURCE, at: reading.at, reason })]
        }
    }
}

/// How bad the worst of the reasons is.
fn worst(found: &Found) -> Severity {
    let weight = found.reasons.keys().filter_map(|name| Some(Reason::find(name)?.weight(true))).min();
    match weight.unwrap_or(Weight::Low) {
        Weight::Critical => Severity::Critical,
        Weight::High => Severity::High,
        Weight::Medium => Severity::Medium,
        Weight::Low => Severity::Low,
        Weight::Info => Severity::Info,
    }
}

fn evidence(reading: &Reading<'_, CredentialFacts>, question: &Question, found: &Found) -> Evidence {
    let facts = reading.value;
    let judged = question.tables.iter().filter_map(|table| {
        let count = facts.judged.get(*table)?;
        Some(format!("{table}: {count} judged"))
    });
    let reasons = found.reasons.iter().map(|(name, count)| {
        let words = Reason::find(name).map_or("", |reason| reason.about().words);
        format!("{count} {name}: {words}")
    });
    let disabled = (found.disabled > 0).then(|| format!("{} more are switched off", found.disabled));
    let gaps = gaps(facts, question.tables).map(|(table, reason)| format!("{table} was not looked at: {reason}"));
    let examples = found.examples.iter().cloned();
    reading.evidence(SOURCE, judged.chain(reasons).chain(disabled).chain(gaps).chain(examples))
}

/// Picks lines out of the facts; `None` where they were not looked at.
type Pick = fn(&CredentialFacts) -> Option<&Vec<String>>;

/// Judges lines of which there should be none.
fn no_lines(
    check: &Check,
    facts: &Facts,
    (table, pick): (&str, Pick),
    holds: &str,
    (fails, remedy): (&str, &str),
) -> Vec<Finding> {
    let reading = match facts.credentials() {
        Ok(reading) => reading,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    let Some(lines) = pick(reading.value) else {
        let reason = gaps(reading.value, &[table]).map(|(table, reason)| format!("{table}: {reason}")).next();
        let reason = reason.unwrap_or_else(|| format!("{table} was not looked at"));
        return vec![check.not_tested(&Untested { source: SOURCE, at: reading.at, reason })];
    };
    let evidence = vec![reading.evidence(table, lines.iter().cloned())];
    vec![if lines.is_empty() {
        check.pass(holds, evidence)
    } else {
        check.fail(check.severity, fails, evidence, Remedy::words(remedy))
    }]
}

fn login(check: &Check, facts: &Facts) -> Vec<Finding> {
    let remedy = "Switch the settings off in FusionPBX, Advanced, Default Settings, login, unless they are needed.";
    let holds = "Nobody is let in past the password";
    no_lines(
        check,
        facts,
        ("v_default_settings", |facts| facts.login.as_ref()),
        holds,
        ("FusionPBX lets someone in past the password", remedy),
    )
}

fn anywhere(check: &Check, facts: &Facts) -> Vec<Finding> {
    let remedy =
        "Set the default setting domain, cidr, or the user's own, to the networks that superadmins sign in from.";
    let fails = "Superadmins may sign in from any address";
    let holds = "Every superadmin is held to certain addresses";
    no_lines(check, facts, ("v_users", |facts| facts.anywhere.as_ref()), holds, (fails, remedy))
}

fn bursts(check: &Check, facts: &Facts) -> Vec<Finding> {
    let remedy = "Ban the addresses, and see that fail2ban's jail for FusionPBX reads its log.";
    let fails = "Sign-ins are tried again and again";
    let holds = "No address had more than 20 sign-ins refused within an hour of the last day";
    no_lines(check, facts, ("v_user_logs", |facts| facts.bursts.as_ref()), holds, (fails, remedy))
}

fn powers(check: &Check, facts: &Facts) -> Vec<Finding> {
    let remedy = "Take these permissions from the groups in FusionPBX, Advanced, Group Manager.";
    let fails = "Groups beside superadmin may run commands, edit scripts or ask the database";
    let holds = "Only superadmins may run commands, edit scripts or ask the database";
    no_lines(check, facts, ("v_group_permissions", |facts| facts.powers.as_ref()), holds, (fails, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::facts::Source;
    use crate::audit::finding::Outcome;
    use crate::base::clock::Timestamp;

    const NOW: Timestamp = Timestamp::from_unix(1_795_371_696);

    const TABLES: [&str; 10] = [
        "v_extensions",
        "v_extension_users",
        "v_device_lines",
        "v_devices",
        "v_voicemails",
        "v_gateways",
        "v_conferences",
        "v_users",
        "v_user_logs",
        "v_pin_numbers",
    ];

    fn facts(change: impl FnOnce(&mut CredentialFacts)) -> Facts {
        let mut value = CredentialFacts {
            judged: TABLES.map(|table| (table.to_owned(), 12)).into(),
            powers: Some(Vec::new()),
            login: Some(Vec::new()),
            anywhere: Some(Vec::new()),
            bursts: Some(Vec::new()),
            plain_trunks: Some(Vec::new()),
            ..CredentialFacts::default()
        };
        change(&mut value);
        Facts { credentials: Source::Known { at: NOW, value }, ..Facts::none(NOW) }
    }

    fn answer(check: &Check, facts: &Facts) -> Finding {
        check.judge(facts).remove(0)
    }

    #[test]
    fn where_nothing_is_wrong_every_check_passes_and_without_a_run_none_is_tested() {
        for check in &CHECKS {
            assert_eq!(answer(check, &facts(|_| {})).outcome, Outcome::Pass, "{}", check.id);
            assert_eq!(answer(check, &Facts::none(NOW)).outcome, Outcome::NotTested, "{}", check.id);
            let old = Facts { now: NOW.plus(std::time::Duration::from_hours(25)), ..facts(|_| {}) };
            assert_eq!(answer(check, &old).outcome, Outcome::NotTested, "{}", check.id);
        }
    }

    #[test]
    fn what_was_found_is_counted_and_named() {
        for check in CHECKS.iter().filter(|check| !["US-07", "US-08", "US-09", "US-10"].contains(&check.id)) {
            let found = Found {
                places: 2,
                disabled: 1,
                reasons: [("too-short".to_owned(), 3)].into(),
                examples: vec!["v_extensions 101@north: too-short".to_owned()],
            };
            let finding = answer(check, &facts(|facts| drop(facts.found.insert(check.id.to_owned(), found))));

            assert_eq!(finding.outcome, Outcome::Fail, "{}", check.id);
            assert!(finding.title.starts_with("2 places "), "{}", finding.title);
            let lines = finding.evidence[0].lines.join("\n");
            assert!(lines.contains("101@north") && lines.contains("1 more are switched off"), "{lines}");
        }
    }

    #[test]
    fn a_table_that_may_not_be_read_is_not_tested_and_one_that_does_not_exist_is_nothing_to_judge() {
        let refused = facts(|facts| {
            facts.judged.remove("v_voicemails");
            facts.judged.remove("v_pin_numbers");
            let gap = |table: &str, reason: &str| (table.to_owned(), reason.to_owned());
            facts.not_tested = vec![
                gap("v_voicemails", "not permitted: no grant to read v_voicemails.voicemail_password"),
                gap("v_pin_numbers", "this FusionPBX has no table v_pin_numbers"),
            ];
        });
        let of = |id| answer(CHECKS.iter().find(|check| check.id == id).unwrap(), &refused);

        assert_eq!(of("CR-05").outcome, Outcome::NotTested);
        assert!(of("CR-05").evidence[0].lines[0].contains("no grant to read"));
        assert_eq!(of("CR-04").outcome, Outcome::NotTested);
        assert_eq!(of("CR-08").outcome, Outcome::Pass);
        assert_eq!(of("CR-01").outcome, Outcome::Pass);
    }

    #[test]
    fn powers_and_ways_round_the_password_are_named() {
        let faulty = facts(|facts| {
            facts.powers = Some(vec!["admin: exec_view".to_owned()]);
            facts.login = None;
        });
        let of = |id| answer(CHECKS.iter().find(|check| check.id == id).unwrap(), &faulty);

        assert_eq!(of("US-10").evidence[0].lines, ["admin: exec_view"]);
        assert_eq!(of("US-08").outcome, Outcome::NotTested);
    }
}
