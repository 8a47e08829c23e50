//! AC-01 to AC-03: the switch's access lists. An `allow` there stands in for a password.

use crate::audit::check::Check;
use crate::audit::facts::{Facts, Reading, Untested};
use crate::audit::finding::{Finding, Remedy, Severity, Wall};
use crate::audit::networks::{Range, open_to_all, public_runs};
use crate::fusionpbx::survey::AccessList;

/// The questions.
pub(crate) const CHECKS: [Check; 3] = [
    access("AC-01", Severity::Critical, "whether an access list lets in who is not on it", default_is_deny),
    access("AC-02", Severity::Critical, "whether an access list lets in everyone", not_everyone),
    access("AC-03", Severity::High, "whether wide public networks on access lists are explained", wide_is_explained),
];

/// The lists that FusionPBX's SIP profiles name as shipped (`apply-inbound-acl`); whether another is used is not read yet.
const NAMED_BY_PROFILES: [&str; 2] = ["providers", "domains"];

/// An unexplained run of public addresses may have as many as a /16.
const WIDEST_FOUR: u128 = 1 << 16;
/// An unexplained run of public addresses may have as many as a /32.
const WIDEST_SIX: u128 = 1 << 96;

const fn access(
    id: &'static str,
    severity: Severity,
    asks: &'static str,
    judge: fn(&Check, &Facts) -> Vec<Finding>,
) -> Check {
    Check {
        id,
        wall: Wall::Passwords,
        asset: "access lists",
        severity,
        asks,
        why: "A call from an address that a SIP profile's list allows is accepted without any password.",
        reference: "FusionPBX app/switch/resources/conf/sip_profiles, apply-inbound-acl; FreeSWITCH acl.conf",
        judge,
    }
}

fn name_of(list: &AccessList) -> String {
    format!("access list {}", list.name)
}

fn remedy(words: &str) -> Remedy {
    Remedy::words(format!("{words} In FusionPBX: Advanced, Access Controls. Then reload the list."))
        .commands(["fs_cli -x 'reloadacl'"])
        .risky()
}

/// One finding for each list that is not good; one for all of them if every one is.
fn each_list(
    check: &Check,
    facts: &Facts,
    holds: &str,
    judge: impl Fn(&Reading<'_, Vec<AccessList>>, &AccessList) -> Option<Finding>,
) -> Vec<Finding> {
    let reading = match facts.part(|survey| &survey.access_lists) {
        Ok(reading) => reading,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    if reading.value.is_empty() {
        let evidence = reading.evidence("v_access_controls", ["no list".to_owned()]);
        return vec![check.not_applicable("There are no access lists", vec![evidence])];
    }
    let wrong: Vec<Finding> = reading.value.iter().filter_map(|list| judge(&reading, list)).collect();
    if wrong.is_empty() {
        let lines = reading.value.iter().map(|list| {
            let allowed: Vec<&str> = list.allows.iter().map(|(network, _)| network.as_str()).collect();
            format!(
                "{}: default {}, allows {}",
                list.name,
                list.default,
                if allowed.is_empty() { "none".to_owned() } else { allowed.join(" ") }
            )
        });
        return vec![check.pass(holds, vec![reading.evidence("v_access_controls, v_access_control_nodes", lines)])];
    }
    wrong
}

fn default_is_deny(check: &Check, facts: &Facts) -> Vec<Finding> {
    each_list(check, facts, "Every access list denies who is not on it", |reading, list| {
        if list.default.trim().eq_ignore_ascii_case("deny") {
            return None;
        }
        let used = NAMED_BY_PROFILES.contains(&list.name.as_str());
        let lines = [
            format!("{}: access_control_default = {}", list.name, list.default),
            if used {
                "SIP profiles name this list as shipped"
            } else {
                "whether a SIP profile uses this list is not read yet"
            }
            .to_owned(),
        ];
        let severity = if used { check.severity } else { Severity::High };
        let title = format!("The access list {} lets in everyone who is not on it", list.name);
        let evidence = vec![reading.evidence("v_access_controls", lines)];
        Some(check.fail(severity, title, evidence, remedy("Set the list's default to deny.")).about(&name_of(list)))
    })
}

fn not_everyone(check: &Check, facts: &Facts) -> Vec<Finding> {
    each_list(check, facts, "No access list lets in everyone", |reading, list| {
        let (ranges, unread) = parse_all(list.allows.iter().map(|(network, _)| network.as_str()));
        let open = open_to_all(&ranges);
        if !open.is_empty() {
            let lines = list
                .allows
                .iter()
                .map(|(network, description)| format!("{}: allow {network} ({description})", list.name));
            let title = format!("The access list {} lets in every {} address", list.name, open.join(" and "));
            let evidence = vec![reading.evidence("v_access_control_nodes", lines)];
            let remedy = remedy("Keep only the addresses of your providers.");
            return Some(check.fail(check.severity, title, evidence, remedy).about(&name_of(list)));
        }
        unreadable(check, reading, list, &unread)
    })
}

fn wide_is_explained(check: &Check, facts: &Facts) -> Vec<Finding> {
    each_list(check, facts, "Every wide public network on an access list is explained", |reading, list| {
        let unexplained = || {
            list.allows
                .iter()
                .filter(|(_, description)| description.trim().is_empty())
                .map(|(network, _)| network.as_str())
        };
        let (ranges, unread) = parse_all(unexplained());
        let is_wide = |run: &Range| run.size() > if run.six { WIDEST_SIX } else { WIDEST_FOUR };
        if public_runs(&ranges).iter().any(is_wide) {
            let lines = unexplained().map(|network| format!("{}: allow {network}, no description", list.name));
            let title = format!("The access list {} allows wide public networks and does not say why", list.name);
            let evidence = vec![reading.evidence("v_access_control_nodes", lines)];
            let remedy = remedy("Narrow them, or write beside each whose they are.");
            return Some(check.fail(check.severity, title, evidence, remedy).about(&name_of(list)));
        }
        unreadable(check, reading, list, &unread)
    })
}

/// The networks that could be read, and those that could not.
fn parse_all<'a>(networks: impl Iterator<Item = &'a str>) -> (Vec<Range>, Vec<&'a str>) {
    let mut unread = Vec::new();
    let mut ranges = Vec::new();
    for network in networks.filter(|network| !network.trim().is_empty()) {
        match Range::parse(network) {
            Some(range) => ranges.push(range),
            None => unread.push(network),
        }
    }
    (ranges, unread)
}

fn unreadable(
    check: &Check,
    reading: &Reading<'_, Vec<AccessList>>,
    list: &AccessList,
    unread: &[&str],
) -> Option<Finding> {
    let first = unread.first()?;
    let reason = format!("{} entries of {} are no networks, such as {first}", unread.len(), list.name);
    let untested = Untested { source: "v_access_control_nodes", at: reading.at, reason };
    Some(check.not_tested(&untested).about(&name_of(list)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::accounts::tests::facts_with;
    use crate::audit::finding::Outcome;
    use crate::base::clock::Timestamp;

    fn list(name: &str, default: &str, allows: &[(&str, &str)]) -> AccessList {
        let allows = allows.iter().map(|(network, words)| ((*network).to_owned(), (*words).to_owned())).collect();
        AccessList { name: name.to_owned(), default: default.to_owned(), allows }
    }

    fn answers(id: &str, lists: Vec<AccessList>) -> Vec<Finding> {
        let facts = facts_with(|survey| survey.access_lists = Ok(lists));
        CHECKS.iter().find(|check| check.id == id).unwrap().judge(&facts)
    }

    fn outcomes(findings: &[Finding]) -> Vec<(&str, Outcome)> {
        findings.iter().map(|finding| (finding.asset.as_str(), finding.outcome)).collect()
    }

    #[test]
    fn lists_as_a_late_fusionpbx_ships_them_pass() {
        for check in &CHECKS {
            let lists = vec![
                list("rfc1918", "deny", &[("10.0.0.0/8", ""), ("172.16.0.0/12", ""), ("192.168.0.0/16", "")]),
                list("providers", "deny", &[]),
            ];
            assert_eq!(outcomes(&answers(check.id, lists)), [("access lists", Outcome::Pass)], "{}", check.id);
        }
    }

    #[test]
    fn a_default_of_allow_fails_and_is_worst_where_profiles_use_the_list() {
        let findings = answers(
            "AC-01",
            vec![list("providers", "allow", &[]), list("lan", "Allow", &[]), list("ok", "deny", &[])],
        );

        assert_eq!(findings.len(), 2);
        assert_eq!((findings[0].outcome, findings[0].severity), (Outcome::Fail, Severity::Critical));
        assert_eq!((findings[1].asset.as_str(), findings[1].severity), ("access list lan", Severity::High));
    }

    #[test]
    fn halves_of_the_internet_count_as_everyone() {
        let halves = list("providers", "deny", &[("0.0.0.0/1", "carrier"), ("128.0.0.0/1", "carrier")]);

        let finding = answers("AC-02", vec![halves]).remove(0);

        assert_eq!((finding.outcome, finding.severity), (Outcome::Fail, Severity::Critical));
        assert_eq!(finding.title, "The access list providers lets in every IPv4 address");
    }

    #[test]
    fn a_wide_public_network_needs_a_description() {
        let explained = list("providers", "deny", &[("8.0.0.0/9", "the carrier's own")]);
        let neighbours = list("office", "deny", &[("8.8.0.0/16", ""), ("8.9.0.0/16", "")]);

        assert_eq!(outcomes(&answers("AC-03", vec![explained])), [("access lists", Outcome::Pass)]);
        assert_eq!(outcomes(&answers("AC-03", vec![neighbours])), [("access list office", Outcome::Fail)]);
    }

    #[test]
    fn an_entry_that_is_no_network_keeps_the_answer_open() {
        let odd = || vec![list("providers", "deny", &[("sip.example.com", "")])];

        for id in ["AC-02", "AC-03"] {
            assert_eq!(outcomes(&answers(id, odd())), [("access list providers", Outcome::NotTested)]);
        }
    }

    #[test]
    fn without_lists_there_is_nothing_to_ask() {
        assert_eq!(outcomes(&answers("AC-01", Vec::new())), [("access lists", Outcome::NotApplicable)]);
    }

    #[test]
    fn what_was_not_read_is_not_tested() {
        let refused = facts_with(|survey| survey.access_lists = Err("permission denied".to_owned()));

        for check in &CHECKS {
            for facts in [&refused, &Facts::none(Timestamp::from_unix(0))] {
                assert_eq!(check.judge(facts)[0].outcome, Outcome::NotTested, "{}", check.id);
            }
        }
    }
}
