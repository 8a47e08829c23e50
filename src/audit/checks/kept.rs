//! TL-02 and TL-05: whether what the agent keeps is what is served, and whether it is renewed in time.

use crate::audit::check::Check;
use crate::audit::checks::lifetime::late_from;
use crate::audit::checks::served::covers;
use crate::audit::checks::switch_tls;
use crate::audit::facts::{Facts, Reading, ServedName, Untested};
use crate::audit::finding::{Finding, Remedy, Severity, Wall};
use crate::base::clock::{Timestamp, spoken};
use crate::base::names::Fqdn;
use crate::wire::answer::{CertificateFacts, KeptCertificate, KeptGeneration};
use crate::wire::grant::Consumer;

/// The questions.
pub(crate) const CHECKS: [Check; 2] = [
    Check {
        id: "TL-02",
        wall: Wall::Certificates,
        asset: "kept certificates",
        severity: Severity::High,
        asks: "whether the certificate on disk is the one that is served",
        why: "A renewed file that no server has loaded expires on the wire while it looks fresh on disk.",
        reference: "signalwire/freeswitch issue 2287; nginx(8), reload",
        judge: same_as_served,
    },
    Check {
        id: "TL-05",
        wall: Wall::Certificates,
        asset: "kept certificates",
        severity: Severity::High,
        asks: "whether certificates are renewed in time",
        why: "Lifetimes shrink to 45 days and less: what is renewed late once is expired soon.",
        reference: "RFC 9773; CA/Browser Forum ballot SC-081",
        judge: renewed_in_time,
    },
];

/// The generation that nginx is told to serve.
fn current(kept: &KeptCertificate) -> Option<&KeptGeneration> {
    kept.generations.iter().find(|generation| Some(generation.generation) == kept.current)
}

fn name_of(kept: &KeptCertificate, generation: &KeptGeneration) -> String {
    let first = generation.leaf.names.first().map_or("(no name)", String::as_str);
    format!("certificate {} ({first})", kept.certificate)
}

/// One finding for each certificate in force, of one consumer or of all; one for all where none is.
fn each(
    check: &Check,
    facts: &Facts,
    consumers: impl Into<Option<Consumer>>,
    judge: impl Fn(&Reading<'_, CertificateFacts>, &KeptGeneration) -> Finding,
) -> Vec<Finding> {
    let reading = match facts.kept() {
        Ok(reading) => reading,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    let wanted = consumers.into();
    let mut findings = Vec::new();
    for kept in &reading.value.kept {
        let consumer = kept.consumer.unwrap_or(Consumer::Nginx);
        if wanted.is_some_and(|wanted| wanted != consumer) {
            continue;
        }
        match (current(kept), kept.current) {
            (Some(generation), _) => {
                findings.push(judge(&reading, generation).about(&name_of(kept, generation)));
            }
            (None, Some(generation)) => {
                let reason = format!("generation {} is in force but not among those on disk", generation.0);
                let untested = Untested { source: "the agent's certificates", at: reading.at, reason };
                findings.push(check.not_tested(&untested).about(&format!("certificate {}", kept.certificate)));
            }
            (None, None) => {}
        }
    }
    if findings.is_empty() {
        let evidence = vec![reading.evidence("the agent's certificates", ["none is in force".to_owned()])];
        findings.push(check.not_applicable("Rampart keeps no certificate in force yet", evidence));
    }
    findings
}

fn same_as_served(check: &Check, facts: &Facts) -> Vec<Finding> {
    let mut findings = each(check, facts, Consumer::Nginx, |reading, generation| match facts.served() {
        Err(untested) => check.not_tested(&untested),
        Ok(served) => {
            let in_force: Vec<&KeptGeneration> = reading.value.kept.iter().filter_map(current).collect();
            let handshakes = served.value.handshakes.iter();
            let seen: Vec<Seen<'_>> =
                handshakes.filter_map(|handshake| compare(handshake, generation, &in_force)).collect();
            judge_seen(check, &served.evidence("handshakes", seen.iter().map(Seen::line)), generation, &seen)
        }
    });
    findings.extend(switch_tls::same(check, facts));
    findings
}

/// What one handshake says about one certificate that covers its name.
enum Seen<'a> {
    /// It was served.
    Same(&'a ServedName),
    /// Another that Rampart keeps in force for the same name was served.
    Sibling(&'a ServedName),
    /// Something else was served.
    Other(&'a ServedName, &'a str),
    /// Nothing was.
    Nothing(&'a ServedName, &'a str),
}

impl Seen<'_> {
    fn line(&self) -> String {
        let said = |served: &ServedName, words: &str| format!("{} on {}: {words}", served.name, served.listener);
        match self {
            Self::Same(served) => said(served, "the same serial"),
            Self::Sibling(served) => said(served, "another certificate that Rampart keeps for this name"),
            Self::Other(served, serial) => said(served, &format!("serial {serial}")),
            Self::Nothing(served, reason) => said(served, reason),
        }
    }
}

/// `None` where the handshake's name is not one of this certificate's.
fn compare<'a>(
    served: &'a ServedName,
    generation: &KeptGeneration,
    in_force: &[&KeptGeneration],
) -> Option<Seen<'a>> {
    let name = Fqdn::parse(&served.name).ok().filter(|name| covers(&generation.leaf, name))?;
    let leaf = match &served.outcome {
        Ok(leaf) => leaf,
        Err(reason) => return Some(Seen::Nothing(served, reason)),
    };
    let is_sibling = |other: &&KeptGeneration| other.leaf.serial == leaf.serial && covers(&other.leaf, &name);
    Some(if leaf.serial == generation.leaf.serial {
        Seen::Same(served)
    } else if in_force.iter().any(is_sibling) {
        Seen::Sibling(served)
    } else {
        Seen::Other(served, &leaf.serial)
    })
}

fn judge_seen(
    check: &Check,
    evidence: &crate::audit::finding::Evidence,
    generation: &KeptGeneration,
    seen: &[Seen<'_>],
) -> Finding {
    let serial = &generation.leaf.serial;
    if seen.iter().any(|seen| matches!(seen, Seen::Other(..))) {
        let remedy = Remedy::words("Reload nginx, then look again.").commands(["nginx -t && nginx -s reload"]);
        let title = format!("The certificate on disk, serial {serial}, is not the one that is served");
        return check.fail(check.severity, title, vec![evidence.clone()], remedy.on(Wall::Certificates));
    }
    let is_same = |seen: &Seen<'_>| matches!(seen, Seen::Same(_));
    let is_silent = |seen: &Seen<'_>| matches!(seen, Seen::Nothing(..));
    if !seen.iter().any(is_same) || seen.iter().any(is_silent) {
        let reason = evidence.lines.first().cloned().unwrap_or_else(|| "no handshake asked for its names".to_owned());
        return check.not_tested(&Untested { source: "handshakes", at: evidence.at, reason });
    }
    check.pass(format!("The certificate on disk, serial {serial}, is the one that is served"), vec![evidence.clone()])
}

fn renewed_in_time(check: &Check, facts: &Facts) -> Vec<Finding> {
    each(check, facts, None, |reading, generation| judge_age(check, reading, generation, facts.now))
}

fn judge_age(
    check: &Check,
    reading: &Reading<'_, CertificateFacts>,
    generation: &KeptGeneration,
    now: Timestamp,
) -> Finding {
    let leaf = &generation.leaf;
    let late = late_from(leaf);
    let evidence = vec![reading.evidence(
        "the agent's certificates",
        [
            format!(
                "generation {}, serial {}, valid until {}",
                generation.generation.0,
                leaf.serial,
                leaf.not_after.minutes()
            ),
            format!("a renewal counts as late from {}", late.minutes()),
        ],
    )];
    let remedy = Remedy::words("Look at the last order on the Certificates page: it says what the CA answered.")
        .on(Wall::Certificates);
    if now >= leaf.not_after {
        let title = format!("The certificate expired {} ago", spoken(now.since(leaf.not_after)));
        check.fail(Severity::Critical, title, evidence, remedy)
    } else if now >= late {
        let title = format!("The renewal is {} late", spoken(now.since(late)));
        check.fail(check.severity, title, evidence, remedy)
    } else {
        check.pass("No renewal is late", evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::accounts::tests::NOW;
    use crate::audit::checks::served::tests::{facts, leaf, shown};
    use crate::audit::facts::Source;
    use crate::audit::finding::Outcome;
    use crate::base::ids::CertificateId;
    use crate::wire::answer::LeafFacts;
    use crate::wire::request::Generation;

    fn kept(id: i64, leaf: LeafFacts) -> KeptCertificate {
        let generation = Generation(1);
        KeptCertificate {
            consumer: None,
            certificate: CertificateId(id),
            current: Some(generation),
            generations: vec![KeptGeneration { generation, leaf }],
        }
    }

    fn with_serial(serial: &str, leaf: LeafFacts) -> LeafFacts {
        LeafFacts { serial: serial.to_owned(), ..leaf }
    }

    fn host(certificates: Vec<KeptCertificate>, handshakes: Vec<ServedName>) -> Facts {
        let value = CertificateFacts {
            listeners: vec!["127.0.0.1:443".to_owned()],
            zones: vec!["example.com".to_owned()],
            kept: certificates,
            standing: Vec::new(),
        };
        Facts { kept: Source::Known { at: NOW, value }, ..facts(&[], handshakes) }
    }

    fn outcomes(id: &str, facts: &Facts) -> Vec<Outcome> {
        let check = CHECKS.iter().find(|check| check.id == id).unwrap();
        check.judge(facts).into_iter().map(|finding| finding.outcome).collect()
    }

    fn wild(days: u32) -> LeafFacts {
        leaf(&["*.example.com", "example.com"], days)
    }

    #[test]
    fn the_serial_on_disk_is_the_serial_served() {
        let facts = host(vec![kept(1, wild(60))], vec![shown("a.example.com", wild(60))]);

        assert_eq!(outcomes("TL-02", &facts), [Outcome::Pass]);
    }

    #[test]
    fn an_old_serial_on_one_name_fails() {
        let old = with_serial("0099", wild(5));
        let facts =
            host(vec![kept(1, wild(60))], vec![shown("a.example.com", wild(60)), shown("b.example.com", old)]);

        assert_eq!(outcomes("TL-02", &facts), [Outcome::Fail]);
    }

    #[test]
    fn two_kept_certificates_for_one_name_do_not_accuse_each_other() {
        let exact = with_serial("07", leaf(&["a.example.com"], 60));
        let handshakes = vec![shown("a.example.com", exact.clone()), shown("b.example.com", wild(60))];
        let facts = host(vec![kept(1, wild(60)), kept(2, exact)], handshakes);

        assert_eq!(outcomes("TL-02", &facts), [Outcome::Pass, Outcome::Pass]);
    }

    #[test]
    fn a_name_nobody_asked_for_or_that_stayed_silent_is_not_tested() {
        let mut silent = shown("a.example.com", wild(60));
        silent.outcome = Err("connection refused".to_owned());

        assert_eq!(outcomes("TL-02", &host(vec![kept(1, wild(60))], vec![])), [Outcome::NotTested]);
        assert_eq!(outcomes("TL-02", &host(vec![kept(1, wild(60))], vec![silent])), [Outcome::NotTested]);
    }

    #[test]
    fn a_renewal_that_is_late_fails_and_an_expired_certificate_is_critical() {
        let mut expired = wild(1);
        expired.not_after = NOW.minus(std::time::Duration::from_hours(1));

        assert_eq!(outcomes("TL-05", &host(vec![kept(1, wild(25))], vec![])), [Outcome::Pass]);
        assert_eq!(outcomes("TL-05", &host(vec![kept(1, wild(20))], vec![])), [Outcome::Fail]);
        let finding = CHECKS[1].judge(&host(vec![kept(1, expired)], vec![])).remove(0);
        assert_eq!((finding.outcome, finding.severity), (Outcome::Fail, Severity::Critical));
        assert_eq!(finding.asset, "certificate 1 (*.example.com)");
    }

    #[test]
    fn nothing_in_force_is_not_applicable_and_nothing_read_is_not_tested() {
        let mut lost = kept(1, wild(60));
        lost.current = Some(Generation(9));

        for check in &CHECKS {
            assert_eq!(outcomes(check.id, &host(vec![], vec![])), [Outcome::NotApplicable]);
            assert_eq!(outcomes(check.id, &host(vec![lost.clone()], vec![])), [Outcome::NotTested]);
            assert_eq!(outcomes(check.id, &Facts::none(NOW)), [Outcome::NotTested]);
        }
    }
}
