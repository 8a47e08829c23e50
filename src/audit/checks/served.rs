//! TL-01: what the listeners serve, and whether every tenant's name is covered by it.

use std::collections::{BTreeMap, HashMap};

use crate::audit::check::Check;
use crate::audit::checks::lifetime::{Left, left};
use crate::audit::checks::{inventory, switch_tls};
use crate::audit::facts::{Facts, Reading, ServedFacts, ServedName, Untested};
use crate::audit::finding::{Finding, Remedy, Severity, Wall};
use crate::base::clock::Timestamp;
use crate::base::names::{CertificateName, Fqdn};
use crate::wire::answer::LeafFacts;

/// The question.
pub(crate) const CHECKS: [Check; 1] = [Check {
    id: "TL-01",
    wall: Wall::Certificates,
    asset: "tenant names",
    severity: Severity::High,
    asks: "whether every name is served with a valid certificate that covers it",
    why: "A certificate that is expired, self-signed or made for another name teaches people to click warnings away, and stops phones.",
    reference: "RFC 9525 section 6; OWASP ASVS 5.0 V12.2.2; Lynis CRYP-7902",
    judge: served,
}];

fn served(check: &Check, facts: &Facts) -> Vec<Finding> {
    let reading = match facts.served() {
        Ok(reading) => reading,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    let mut findings = vec![coverage(check, facts, &reading)];
    let mut by_listener: BTreeMap<&str, Vec<&ServedName>> = BTreeMap::new();
    for handshake in &reading.value.handshakes {
        by_listener.entry(&handshake.listener).or_default().push(handshake);
    }
    findings.extend(by_listener.into_iter().map(|(listener, handshakes)| {
        judge_listener(check, facts.now, &reading, &handshakes).about(&format!("listener {listener}"))
    }));
    findings.extend(switch_tls::in_date(check, facts));
    findings.extend(inventory::other_listeners(check, facts));
    findings
}

/// Whether a client that asks for `host` accepts `leaf`, by its names alone.
pub(crate) fn covers(leaf: &LeafFacts, host: &Fqdn) -> bool {
    leaf.names.iter().filter_map(|name| CertificateName::parse(name).ok()).any(|name| name.covers(host))
}

fn remedy() -> Remedy {
    Remedy::words("Order a certificate for the names that lack one, on the Certificates page.").on(Wall::Certificates)
}

/// What is known of one tenant's name.
enum Coverage {
    Covered,
    Bare(String),
    Unseen(String),
}

fn coverage(check: &Check, facts: &Facts, reading: &Reading<'_, ServedFacts>) -> Finding {
    let tenants = match facts.part(|survey| &survey.tenants) {
        Ok(tenants) => tenants,
        Err(untested) => return check.not_tested(&untested),
    };
    let mut shown: HashMap<String, Vec<&ServedName>> = HashMap::new();
    for handshake in &reading.value.handshakes {
        shown.entry(handshake.name.to_ascii_lowercase()).or_default().push(handshake);
    }
    let (mut bare, mut unseen, mut covered) = (Vec::new(), Vec::new(), 0_usize);
    for tenant in tenants.value {
        match one_tenant(tenant, &shown) {
            Coverage::Covered => covered += 1,
            Coverage::Bare(line) => bare.push(line),
            Coverage::Unseen(line) => unseen.push(line),
        }
    }
    let total = tenants.value.len();
    let count = format!("{covered} of {total} tenant names are covered by what is served");
    if !bare.is_empty() {
        let title = match bare.len() {
            1 => "1 tenant name is served without a certificate that covers it".to_owned(),
            many => format!("{many} tenant names are served without a certificate that covers them"),
        };
        let evidence = vec![reading.evidence("handshakes", [count].into_iter().chain(bare))];
        return check.fail(check.severity, title, evidence, remedy());
    }
    if let Some(first) = unseen.first() {
        let reason = format!("{} of {total} tenant names were not seen, such as {first}", unseen.len());
        return check.not_tested(&Untested { source: "handshakes", at: reading.at, reason });
    }
    let evidence = vec![reading.evidence("handshakes", [count])];
    if total == 0 {
        return check.not_applicable("FusionPBX has no tenants", evidence);
    }
    check.pass("Every tenant name is covered by what is served", evidence)
}

fn one_tenant(tenant: &str, shown: &HashMap<String, Vec<&ServedName>>) -> Coverage {
    let Ok(name) = Fqdn::parse(tenant) else {
        return Coverage::Bare(format!("{tenant}: not a name that a certificate can carry"));
    };
    let handshakes = shown.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
    let mut failed = None;
    let mut seen = false;
    for handshake in handshakes {
        match &handshake.outcome {
            Ok(leaf) if covers(leaf, &name) => seen = true,
            Ok(leaf) => {
                let names = leaf.names.join(" ");
                return Coverage::Bare(format!("{tenant}: {} serves {names}", handshake.listener));
            }
            Err(reason) => failed = Some(format!("{tenant}: {}: {reason}", handshake.listener)),
        }
    }
    // One listener that could not be asked may serve something else.
    match failed {
        Some(line) => Coverage::Unseen(line),
        None if seen => Coverage::Covered,
        None => Coverage::Unseen(format!("{tenant}: nobody asked for it")),
    }
}

/// The worst that one listener shows: dates and self-signed leaves.
fn judge_listener(
    check: &Check,
    now: Timestamp,
    reading: &Reading<'_, ServedFacts>,
    handshakes: &[&ServedName],
) -> Finding {
    let mut lines = Vec::new();
    let mut worst: Option<(Severity, String)> = None;
    let mut silent = None;
    for handshake in handshakes {
        let name = &handshake.name;
        let leaf = match &handshake.outcome {
            Ok(leaf) => leaf,
            Err(reason) => {
                silent = silent.or_else(|| Some(format!("{name}: {reason}")));
                continue;
            }
        };
        lines.push(format!("{name}: serial {}, by {}, until {}", leaf.serial, leaf.issuer, leaf.not_after.minutes()));
        if let Some((severity, words)) = fault(leaf, handshake.self_signed, now)
            && worst.as_ref().is_none_or(|(known, _)| severity < *known)
        {
            worst = Some((severity, format!("The certificate served for {name} {words}")));
        }
    }
    let evidence = vec![reading.evidence("handshakes", lines)];
    if let Some((severity, title)) = worst {
        return check.fail(severity, title, evidence, remedy());
    }
    if let Some(reason) = silent {
        return check.not_tested(&Untested { source: "handshakes", at: reading.at, reason });
    }
    check.pass("Everything served here is in date and signed by another", evidence)
}

fn fault(leaf: &LeafFacts, self_signed: bool, now: Timestamp) -> Option<(Severity, String)> {
    match left(leaf, now) {
        Left::Expired => Some((Severity::Critical, format!("expired on {}", leaf.not_after.minutes()))),
        Left::NotYet => Some((Severity::High, format!("is valid only from {}", leaf.not_before.minutes()))),
        _ if self_signed => Some((Severity::High, "is self-signed".to_owned())),
        Left::Urgent => Some((Severity::High, format!("expires very soon, on {}", leaf.not_after.minutes()))),
        Left::Short => Some((Severity::Medium, format!("expires soon, on {}", leaf.not_after.minutes()))),
        Left::Enough => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::audit::checks::accounts::tests::{NOW, facts_with};
    use crate::audit::facts::Source;
    use crate::audit::finding::Outcome;

    const DAY: Duration = Duration::from_hours(24);

    /// A leaf of 90 days for `names`, with `days` left.
    pub(crate) fn leaf(names: &[&str], days: u32) -> LeafFacts {
        let not_after = NOW.plus(DAY * days);
        LeafFacts {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            issuer: "Example CA R1".to_owned(),
            serial: "03a1".to_owned(),
            not_before: not_after.minus(DAY * 90),
            not_after,
            key: "RSA 2048".to_owned(),
        }
    }

    pub(crate) fn shown(name: &str, leaf: LeafFacts) -> ServedName {
        ServedName {
            listener: "127.0.0.1:443".to_owned(),
            name: name.to_owned(),
            outcome: Ok(leaf),
            self_signed: false,
        }
    }

    /// A server with `tenants`, on which `handshakes` were made.
    pub(crate) fn facts(tenants: &[&str], handshakes: Vec<ServedName>) -> Facts {
        let tenants = tenants.iter().map(|name| (*name).to_owned()).collect();
        let served = Source::Known { at: NOW, value: ServedFacts { handshakes } };
        Facts { served, ..facts_with(|survey| survey.tenants = Ok(tenants)) }
    }

    fn outcomes(facts: &Facts) -> Vec<(String, Outcome, Severity)> {
        CHECKS[0].judge(facts).into_iter().map(|found| (found.asset, found.outcome, found.severity)).collect()
    }

    fn listener(handshake: ServedName) -> (Outcome, Severity) {
        let findings = outcomes(&facts(&[], vec![handshake]));
        (findings[1].1, findings[1].2)
    }

    #[test]
    fn a_wildcard_in_date_covers_its_tenants() {
        let handshakes = ["a.example.com", "b.example.com"].map(|name| shown(name, leaf(&["*.example.com"], 60)));

        let findings = outcomes(&facts(&["a.example.com", "B.example.com"], handshakes.to_vec()));

        assert!(findings.iter().all(|(_, outcome, _)| *outcome == Outcome::Pass), "{findings:?}");
        assert_eq!(findings.len(), 2);
    }

    #[test]
    fn a_tenant_served_with_another_name_fails() {
        let facts = facts(&["a.example.com"], vec![shown("a.example.com", leaf(&["pbx.example.com"], 60))]);

        let finding = CHECKS[0].judge(&facts).remove(0);

        assert_eq!(finding.title, "1 tenant name is served without a certificate that covers it");
        assert_eq!(finding.evidence[0].lines[1], "a.example.com: 127.0.0.1:443 serves pbx.example.com");
    }

    #[test]
    fn a_tenant_nobody_asked_for_or_that_did_not_answer_is_not_tested() {
        let mut mute = shown("a.example.com", leaf(&["a.example.com"], 60));
        mute.outcome = Err("connection refused".to_owned());

        for facts in [facts(&["a.example.com"], vec![]), facts(&["a.example.com"], vec![mute])] {
            assert!(outcomes(&facts).iter().all(|(_, outcome, _)| *outcome == Outcome::NotTested));
        }
    }

    #[test]
    fn a_tenant_whose_name_no_certificate_can_carry_is_bare() {
        assert_eq!(outcomes(&facts(&["192.0.2.7"], vec![]))[0].1, Outcome::Fail);
    }

    #[test]
    fn dates_and_self_signed_leaves_are_judged_by_how_near_the_end_is() {
        let plain = |days| listener(shown("a.example.com", leaf(&["a.example.com"], days)));
        let own = ServedName { self_signed: true, ..shown("a.example.com", leaf(&["a.example.com"], 60)) };
        let mut old = leaf(&["a.example.com"], 0);
        old.not_after = NOW.minus(DAY);

        assert_eq!(plain(60), (Outcome::Pass, Severity::High));
        assert_eq!(plain(20), (Outcome::Fail, Severity::Medium));
        assert_eq!(plain(6), (Outcome::Fail, Severity::High));
        assert_eq!(listener(shown("a.example.com", old)), (Outcome::Fail, Severity::Critical));
        assert_eq!(listener(own), (Outcome::Fail, Severity::High));
    }

    #[test]
    fn what_was_not_read_is_not_tested() {
        let unread = Facts {
            fusionpbx: Source::NotYet,
            ..facts(&[], vec![shown("a.example.com", leaf(&["a.example.com"], 60))])
        };

        assert_eq!(CHECKS[0].judge(&Facts::none(NOW))[0].outcome, Outcome::NotTested);
        assert_eq!(outcomes(&unread)[0].1, Outcome::NotTested);
        assert_eq!(outcomes(&unread)[1].1, Outcome::Pass);
    }
}
