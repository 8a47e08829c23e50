//! TL-03, and what TL-01 and TL-02 say of FreeSWITCH: its listeners, and the one file behind them.

use crate::audit::check::Check;
use crate::audit::checks::inventory;
use crate::audit::checks::lifetime::{Left, left};
use crate::audit::facts::{Facts, Reading, Untested};
use crate::audit::finding::{Evidence, Finding, Remedy, Severity, Wall};
use crate::wire::answer::LeafFacts;
use crate::wire::switch_tls::{BundleFacts, SwitchServed, TlsFacts};

/// The question.
pub(crate) const CHECKS: [Check; 1] = [Check {
    id: "TL-03",
    wall: Wall::Certificates,
    asset: "FreeSWITCH",
    severity: Severity::High,
    asks: "whether private keys fit their certificates and are closed to others",
    why: "FreeSWITCH takes a key that does not fit without a word, and then no phone can connect over TLS.",
    reference: "OWASP ASVS 5.0 V12.1; signalwire/freeswitch, tls_init_secure_ctx",
    judge: fit,
}];

/// Everybody else on the host.
const OTHERS: u32 = 0o007;

fn remedy() -> Remedy {
    Remedy::words(
        "Order a certificate for FreeSWITCH, or restart the profile that does not serve what lies on the disk.",
    )
    .on(Wall::Certificates)
}

/// What is known, where FreeSWITCH has a directory of certificates at all.
fn reading(facts: &Facts) -> Option<(Reading<'_, TlsFacts>, Evidence)> {
    let reading = facts.switch().ok()?;
    let tls = reading.value.tls.as_ref()?;
    let lines = tls.served.iter().map(line);
    let evidence = reading.evidence("FreeSWITCH's listeners", lines);
    Some((Reading { at: reading.at, value: tls, old: reading.old }, evidence))
}

fn line(seen: &SwitchServed) -> String {
    match &seen.outcome {
        Ok(leaf) => format!(
            "{}: serial {}, by {}, until {}",
            seen.listener,
            leaf.serial,
            leaf.issuer,
            leaf.not_after.minutes()
        ),
        Err(reason) => format!("{}: {reason}", seen.listener),
    }
}

/// TL-01 for FreeSWITCH; nothing where no profile speaks TLS.
pub(super) fn in_date(check: &Check, facts: &Facts) -> Vec<Finding> {
    let Some((reading, evidence)) = reading(facts) else { return Vec::new() };
    let judged = reading.value.served.iter().map(|seen| {
        let evidence = vec![evidence.clone()];
        let finding = match &seen.outcome {
            Ok(leaf) => match fault(leaf, facts) {
                Some((severity, words)) => {
                    check.fail(severity, format!("What FreeSWITCH serves {words}"), evidence, remedy())
                }
                None => check.pass("What FreeSWITCH serves is in date", evidence),
            },
            Err(reason) => check.fail(
                Severity::High,
                format!("No handshake works with FreeSWITCH: {reason}"),
                evidence,
                remedy(),
            ),
        };
        finding.about(&format!("FreeSWITCH at {}", seen.listener))
    });
    judged.collect()
}

fn fault(leaf: &LeafFacts, facts: &Facts) -> Option<(Severity, String)> {
    let until = leaf.not_after.minutes();
    match left(leaf, facts.now) {
        Left::Expired => Some((Severity::Critical, format!("expired on {until}"))),
        Left::NotYet => Some((Severity::High, format!("is valid only from {}", leaf.not_before.minutes()))),
        Left::Urgent => Some((Severity::High, format!("expires very soon, on {until}"))),
        Left::Short => Some((Severity::Medium, format!("expires soon, on {until}"))),
        Left::Enough => None,
    }
}

/// TL-02 for FreeSWITCH: whether each listener serves what lies on the disk.
pub(super) fn same(check: &Check, facts: &Facts) -> Vec<Finding> {
    let Some((reading, evidence)) = reading(facts) else { return Vec::new() };
    let tls = reading.value;
    if tls.served.is_empty() && tls.pending.is_none() {
        return Vec::new();
    }
    let others: Vec<&str> =
        tls.served.iter().filter(|seen| !seen.is_bundle).map(|seen| seen.listener.as_str()).collect();
    let finding = match (&tls.pending, others.as_slice()) {
        (Some(reason), _) => {
            let title = format!("FreeSWITCH's new certificate is not served yet: {reason}");
            check.fail(Severity::Medium, title, vec![evidence], remedy())
        }
        (None, []) => check.pass("FreeSWITCH serves what lies on the disk", vec![evidence]),
        (None, others) => {
            let title =
                format!("FreeSWITCH serves something else than lies on the disk, at {}", others.join(" and "));
            check.fail(check.severity, title, vec![evidence], remedy())
        }
    };
    vec![finding.about("FreeSWITCH")]
}

fn fit(check: &Check, facts: &Facts) -> Vec<Finding> {
    let mut findings = of_switch(check, facts);
    findings.extend(inventory::keys(check, facts));
    findings
}

fn of_switch(check: &Check, facts: &Facts) -> Vec<Finding> {
    let reading = match facts.switch() {
        Ok(reading) => reading,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    let Some(tls) = &reading.value.tls else {
        let evidence = vec![reading.evidence("FreeSWITCH's files", ["no directory of certificates".to_owned()])];
        return vec![check.not_applicable("FreeSWITCH has no certificates", evidence)];
    };
    let bundle = match &tls.bundle {
        Ok(bundle) => bundle,
        Err(reason) => {
            let untested = Untested { source: "FreeSWITCH's files", at: reading.at, reason: reason.clone() };
            return vec![check.not_tested(&untested)];
        }
    };
    let file = &bundle.file;
    let lines = [
        format!("{}, owned by uid {}, mode {:04o}", file.path, file.owner, file.mode),
        format!("{}, {} certificates, key fits: {}", bundle.leaf.key, bundle.certificates, bundle.key_matches),
    ];
    let names = tls.names.iter().map(|(name, lies)| format!("{name}: {lies}"));
    let evidence = vec![reading.evidence("FreeSWITCH's files", lines.into_iter().chain(names))];
    let faults = faults(bundle, &tls.names);
    vec![match faults.first() {
        None => check.pass("FreeSWITCH's key fits its certificate, and is closed to others", evidence),
        Some((severity, title)) => check.fail(*severity, title, evidence, remedy()),
    }]
}

/// Worst first.
fn faults(bundle: &BundleFacts, names: &[(String, String)]) -> Vec<(Severity, String)> {
    let mut faults = Vec::new();
    if !bundle.key_matches {
        faults.push((
            Severity::High,
            "FreeSWITCH's key does not fit its certificate: no TLS connection works".to_owned(),
        ));
    }
    if names.iter().any(|(name, lies)| name == "cafile.pem" && lies != "nothing") {
        let title = "A cafile.pem takes the place of the chain: clients get FreeSWITCH's leaf alone".to_owned();
        faults.push((Severity::Medium, title));
    }
    if bundle.file.mode & OTHERS != 0 {
        let title = format!("FreeSWITCH's key can be read by everybody (mode {:04o})", bundle.file.mode);
        faults.push((Severity::Medium, title));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::accounts::tests::NOW;
    use crate::audit::checks::served::tests::leaf;
    use crate::audit::checks::switch::tests::in_order;
    use crate::audit::facts::Source;
    use crate::audit::finding::Outcome;
    use crate::wire::switch::FileFacts;

    fn tls() -> TlsFacts {
        let file = |path: &str, mode| FileFacts { path: path.to_owned(), owner: 33, mode };
        TlsFacts {
            directory: file("/etc/freeswitch/tls", 0o755),
            bundle: Ok(BundleFacts {
                file: file("/etc/freeswitch/tls/all.pem", 0o640),
                leaf: leaf(&["sip.example.com"], 60),
                certificates: 2,
                key_matches: true,
            }),
            names: vec![("cafile.pem".to_owned(), "nothing".to_owned())],
            profiles: Ok(Vec::new()),
            served: vec![SwitchServed {
                listener: "127.0.0.1:5061".to_owned(),
                outcome: Ok(leaf(&["sip.example.com"], 60)),
                is_bundle: true,
                certificates: 2,
            }],
            ours: None,
            pending: None,
        }
    }

    fn host(change: impl FnOnce(&mut TlsFacts)) -> Facts {
        let (mut switch, mut own) = (in_order(), tls());
        change(&mut own);
        switch.tls = Some(own);
        Facts { switch: Source::Known { at: NOW, value: switch }, ..Facts::none(NOW) }
    }

    fn judged(judge: fn(&Check, &Facts) -> Vec<Finding>, facts: &Facts) -> Vec<(Outcome, Severity)> {
        judge(&CHECKS[0], facts).into_iter().map(|finding| (finding.outcome, finding.severity)).collect()
    }

    #[test]
    fn a_freeswitch_in_order_passes_and_one_that_was_not_read_is_not_tested() {
        for judge in [in_date, same, fit] {
            assert_eq!(judged(judge, &host(|_| {})), [(Outcome::Pass, Severity::High)]);
        }
        assert_eq!(judged(fit, &Facts::none(NOW)), [(Outcome::NotTested, Severity::High)]);
        assert!(judged(in_date, &Facts::none(NOW)).is_empty() && judged(same, &Facts::none(NOW)).is_empty());
        let unread = host(|tls| tls.bundle = Err("no such file".to_owned()));
        assert_eq!(judged(fit, &unread), [(Outcome::NotTested, Severity::High)]);
    }

    #[test]
    fn an_expired_certificate_and_a_failed_handshake_are_found() {
        let expired = host(|tls| tls.served[0].outcome = Ok(leaf(&["sip.example.com"], 0)));
        let broken = host(|tls| tls.served[0].outcome = Err("the handshake failed".to_owned()));

        assert_eq!(judged(in_date, &expired), [(Outcome::Fail, Severity::Critical)]);
        assert_eq!(judged(in_date, &broken), [(Outcome::Fail, Severity::High)]);
    }

    #[test]
    fn something_else_on_the_wire_and_something_that_waits_are_found() {
        let other = host(|tls| tls.served[0].is_bundle = false);
        let waits = host(|tls| tls.pending = Some("it has no reloadcert".to_owned()));

        assert_eq!(judged(same, &other), [(Outcome::Fail, Severity::High)]);
        assert_eq!(judged(same, &waits), [(Outcome::Fail, Severity::Medium)]);
    }

    #[test]
    fn a_key_that_does_not_fit_or_that_everybody_can_read_is_found() {
        let bundle = |change: fn(&mut BundleFacts)| host(|tls| change(tls.bundle.as_mut().unwrap()));

        assert_eq!(judged(fit, &bundle(|own| own.key_matches = false)), [(Outcome::Fail, Severity::High)]);
        assert_eq!(judged(fit, &bundle(|own| own.file.mode = 0o644)), [(Outcome::Fail, Severity::Medium)]);
        let chain = host(|tls| tls.names[0].1 = "a file".to_owned());
        assert_eq!(judged(fit, &chain), [(Outcome::Fail, Severity::Medium)]);
    }
}
