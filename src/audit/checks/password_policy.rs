//! CR-07: how long the passwords are that FusionPBX makes and asks for.

use crate::audit::check::Check;
use crate::audit::facts::{Facts, Reading, Untested};
use crate::audit::finding::{Finding, Remedy, Severity, Wall};
use crate::fusionpbx::survey::{EffectiveSetting, PolicyFacts};

/// The question.
pub(crate) const CHECKS: [Check; 1] = [Check {
    id: "CR-07",
    wall: Wall::Passwords,
    asset: "password policy",
    severity: Severity::Medium,
    asks: "whether new passwords are long enough",
    why: "SIP passwords are guessed by machines around the clock, and a voicemail PIN opens a way to call out.",
    reference: "OWASP ASVS 5.0 V6.2.1; NIST SP 800-63B-4 section 3.1.1; FusionPBX documentation, Security",
    judge: policy,
}];

/// One kind of password: its category, how it is called, and the least length.
const KINDS: [(&str, &str, u64); 3] =
    [("extension", "extension passwords", 20), ("users", "user passwords", 15), ("voicemail", "voicemail PINs", 6)];

/// Below 3 FusionPBX draws SIP passwords from digits, or digits and lower case alone.
const LEAST_STRENGTH: u64 = 3;

fn policy(check: &Check, facts: &Facts) -> Vec<Finding> {
    let reading = match facts.part(|survey| &survey.policy) {
        Ok(reading) => reading,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    let mut findings: Vec<Finding> = KINDS.iter().map(|kind| judge_kind(check, &reading, *kind)).collect();
    findings.extend(duplicates(check, &reading));
    findings.push(tenants(check, &reading));
    findings
}

fn shown(setting: &EffectiveSetting) -> String {
    let value = setting.value.as_deref().unwrap_or("(not set)");
    format!("{}.{} = {value}", setting.category, setting.subcategory)
}

fn find<'a>(policy: &'a PolicyFacts, category: &str, subcategory: &str) -> Option<&'a EffectiveSetting> {
    let of = |category: &str| {
        policy.global.iter().find(|setting| setting.category == category && setting.subcategory == subcategory)
    };
    // FusionPBX 4.4 reads other categories; they decide only where today's have no value.
    let former = match category {
        "extension" => of("security"),
        "users" => of("user"),
        _ => None,
    };
    let today = of(category);
    today.filter(|setting| setting.value.is_some()).or(former.filter(|setting| setting.value.is_some())).or(today)
}

fn remedy() -> Remedy {
    Remedy::words(
        "Raise it on the Passwords page. Passwords that exist already stay as they are until they are changed.",
    )
    .on(Wall::Passwords)
}

fn judge_kind(
    check: &Check,
    reading: &Reading<'_, PolicyFacts>,
    (category, spoken, least): (&str, &str, u64),
) -> Finding {
    let Some(length) = find(reading.value, category, "password_length") else {
        let reason = format!("FusionPBX has no setting {category}.password_length");
        let untested = Untested { source: "v_default_settings", at: reading.at, reason };
        return check.not_tested(&untested).about(spoken);
    };
    let strength = find(reading.value, category, "password_strength").filter(|_| category == "extension");
    let lines =
        [Some(length), strength].into_iter().flatten().map(shown).chain([format!("should be at least {least}")]);
    let evidence = vec![reading.evidence("v_default_settings", lines)];
    let fail = |title: String| check.fail(check.severity, title, evidence.clone(), remedy());
    let number =
        |setting: &EffectiveSetting| setting.value.as_deref().and_then(|value| value.trim().parse::<u64>().ok());
    let finding = match (&length.value, number(length)) {
        (None, _) => fail(format!("No length is set for {spoken}")),
        (Some(_), None) => fail(format!("The length set for {spoken} is no number")),
        (Some(_), Some(set)) if set < least => fail(format!("New {spoken} are {set} long, {least} would be enough")),
        (Some(_), Some(set)) => match strength.filter(|strength| strength.value.is_some()) {
            Some(strength) if number(strength).is_none_or(|set| set < LEAST_STRENGTH) => {
                fail(format!("New {spoken} are drawn from too few kinds of letters"))
            }
            _ => check.pass(format!("New {spoken} are {set} long"), evidence),
        },
    };
    finding.about(spoken)
}

fn duplicates(check: &Check, reading: &Reading<'_, PolicyFacts>) -> Option<Finding> {
    let double: Vec<String> = reading
        .value
        .global
        .iter()
        .filter(|setting| setting.enabled_rows > 1)
        .map(|setting| format!("{}.{}: {} enabled rows", setting.category, setting.subcategory, setting.enabled_rows))
        .collect();
    if double.is_empty() {
        return None;
    }
    let words = "Disable all but one row of each in FusionPBX, Advanced, Default Settings: which one wins depends on their order alone.";
    let evidence = vec![reading.evidence("v_default_settings", double)];
    let title = "Password settings have several enabled rows";
    Some(
        check.fail(Severity::Low, title, evidence, Remedy::words(words).on(Wall::Passwords)).about("double settings"),
    )
}

fn tenants(check: &Check, reading: &Reading<'_, PolicyFacts>) -> Finding {
    let count = reading.value.weaker_tenants;
    if count == 0 {
        let evidence =
            reading.evidence("v_domain_settings", ["no enabled row is weaker than the global value".to_owned()]);
        return check.pass("No tenant is weaker than the global settings", vec![evidence]).about("tenants");
    }
    let title = if count == 1 {
        "1 tenant has a weaker password setting than the global one".to_owned()
    } else {
        format!("{count} tenants have weaker password settings than the global ones")
    };
    let evidence = vec![reading.evidence("v_domain_settings", reading.value.weaker_examples.iter().cloned())];
    check.fail(check.severity, title, evidence, remedy()).about("tenants")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::accounts::tests::{NOW, facts_with, setting};
    use crate::audit::finding::Outcome;

    fn answers(change: impl FnOnce(&mut PolicyFacts)) -> Vec<Finding> {
        CHECKS[0].judge(&facts_with(|survey| change(survey.policy.as_mut().unwrap())))
    }

    fn about<'a>(findings: &'a [Finding], asset: &str) -> &'a Finding {
        findings.iter().find(|finding| finding.asset == asset).unwrap()
    }

    #[test]
    fn a_policy_in_good_order_passes_for_each_kind_and_for_tenants() {
        let findings = answers(|_| {});

        assert_eq!(findings.len(), 4);
        assert!(findings.iter().all(|finding| finding.outcome == Outcome::Pass));
    }

    #[test]
    fn a_short_length_fails_for_its_kind_alone() {
        let findings = answers(|policy| policy.global[2] = setting("users", "password_length", "12"));

        assert_eq!(about(&findings, "user passwords").title, "New user passwords are 12 long, 15 would be enough");
        assert_eq!(about(&findings, "extension passwords").outcome, Outcome::Pass);
    }

    #[test]
    fn a_length_that_is_unset_or_no_number_fails() {
        for value in [None, Some("twenty".to_owned()), Some("-1".to_owned())] {
            let findings = answers(|policy| policy.global[0].value = value);
            assert_eq!(about(&findings, "extension passwords").outcome, Outcome::Fail);
        }
    }

    #[test]
    fn a_long_password_of_digits_alone_fails() {
        let findings = answers(|policy| policy.global[1] = setting("extension", "password_strength", "1"));

        assert_eq!(about(&findings, "extension passwords").outcome, Outcome::Fail);
    }

    #[test]
    fn an_old_fusionpbx_is_judged_by_the_settings_that_it_reads() {
        let findings = answers(|policy| {
            policy.global[0].value = None;
            policy.global[1].value = None;
            policy.global.push(setting("security", "password_length", "10"));
            policy.global.push(setting("security", "password_strength", "4"));
        });

        let finding = about(&findings, "extension passwords");
        assert_eq!(finding.title, "New extension passwords are 10 long, 20 would be enough");
        assert_eq!(finding.evidence[0].lines[0], "security.password_length = 10");
    }

    #[test]
    fn weaker_tenants_and_double_rows_are_reported() {
        let findings = answers(|policy| {
            policy.global[3].enabled_rows = 2;
            policy.weaker_tenants = 2;
            policy.weaker_examples = vec!["a.example.com: extension.password_length = 4".to_owned()];
        });

        assert_eq!(about(&findings, "tenants").outcome, Outcome::Fail);
        assert_eq!(
            about(&findings, "double settings").evidence[0].lines,
            ["voicemail.password_length: 2 enabled rows"]
        );
    }

    #[test]
    fn what_was_not_read_is_not_tested() {
        let refused = facts_with(|survey| survey.policy = Err("no table v_default_settings".to_owned()));
        let missing = answers(|policy| policy.global.retain(|setting| setting.category != "users"));

        assert_eq!(CHECKS[0].judge(&refused)[0].outcome, Outcome::NotTested);
        assert_eq!(CHECKS[0].judge(&Facts::none(NOW))[0].outcome, Outcome::NotTested);
        assert_eq!(about(&missing, "user passwords").outcome, Outcome::NotTested);
    }
}
