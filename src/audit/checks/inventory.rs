//! WB-01, and what TL-01 and TL-03 say of certificates that Rampart does not keep: found on the host, whoever put them there.

use crate::audit::check::Check;
use crate::audit::checks::lifetime::{Left, left};
use crate::audit::facts::{Facts, Untested};
use crate::audit::finding::{Finding, Remedy, Severity, Wall};
use crate::wire::inventory::{FoundFile, FoundListener};

/// The question.
pub(crate) const CHECKS: [Check; 1] = [Check {
    id: "WB-01",
    wall: Wall::Certificates,
    asset: "nginx",
    severity: Severity::Medium,
    asks: "whether nginx is told to speak TLS 1.2 and 1.3 only",
    why: "TLS 1.0 and 1.1 are broken. FusionPBX's site allows them; that OpenSSL 3 refuses them today is luck.",
    reference: "RFC 8996; OWASP ASVS 5.0 V12.1.1",
    judge: protocols,
}];

/// Everybody else on the host.
const OTHERS: u32 = 0o007;

/// Protocols that nothing should speak any more, as nginx spells them.
const OLD: [&str; 4] = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1"];

fn protocols(check: &Check, facts: &Facts) -> Vec<Finding> {
    let reading = match facts.inventory() {
        Ok(reading) => reading,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    let untested =
        |reason: &str| check.not_tested(&Untested { source: "nginx -T", at: reading.at, reason: reason.to_owned() });
    vec![match &reading.value.nginx_protocols {
        None => untested("the agent's settings name no nginx"),
        Some(Err(reason)) => untested(reason),
        Some(Ok(lines)) => {
            let evidence =
                vec![reading.evidence("nginx -T", lines.iter().map(|line| format!("ssl_protocols {line}")))];
            let old = lines.iter().flat_map(|line| line.split_whitespace()).find(|word| OLD.contains(word));
            match old {
                Some(old) => {
                    let words =
                        "Write ssl_protocols TLSv1.2 TLSv1.3; in that server block, once no phone needs more.";
                    let title = format!("nginx is told to speak {old}");
                    check.fail(check.severity, title, evidence, Remedy::words(words).on(Wall::Certificates))
                }
                None => check.pass("nginx is told to speak TLS 1.2 and 1.3 only", evidence),
            }
        }
    }]
}

/// TL-01 for every other listener: those that the agent's settings name, and FreeSWITCH's, are judged by their names.
pub(super) fn other_listeners(check: &Check, facts: &Facts) -> Vec<Finding> {
    let Ok(reading) = facts.inventory() else { return Vec::new() };
    let known: Vec<u16> = known_ports(facts);
    let others = reading
        .value
        .listeners
        .iter()
        .filter(|found| port(&found.listener).is_none_or(|port| !known.contains(&port)));
    let judged = others.map(|found| {
        let line = line(found);
        let evidence = vec![reading.evidence("a handshake without a name", [line])];
        let remedy = || {
            Remedy::words(
                "Find out whose listener it is, and give it a certificate; Every certificate shows the file.",
            )
            .on(Wall::Certificates)
        };
        let finding = match left(&found.served.leaf, facts.now) {
            Left::Expired => check.fail(Severity::High, "Its certificate has expired", evidence, remedy()),
            Left::NotYet => check.fail(Severity::Medium, "Its certificate is not valid yet", evidence, remedy()),
            Left::Urgent => check.fail(Severity::Medium, "Its certificate ends within a week", evidence, remedy()),
            Left::Short | Left::Enough => check.pass("Its certificate is in date", evidence),
        };
        finding.about(&format!("listener {}", found.listener))
    });
    judged.collect()
}

fn known_ports(facts: &Facts) -> Vec<u16> {
    let nginx = facts.kept().map(|reading| reading.value.listeners.clone()).unwrap_or_default();
    let switch = facts.switch().ok().and_then(|reading| reading.value.tls.as_ref());
    let switch = switch.map(|tls| tls.served.iter().map(|seen| seen.listener.clone()).collect()).unwrap_or_default();
    [nginx, switch].concat().iter().filter_map(|listener| port(listener)).collect()
}

fn port(listener: &str) -> Option<u16> {
    listener.rsplit_once(':')?.1.parse().ok()
}

fn line(found: &FoundListener) -> String {
    let leaf = &found.served.leaf;
    let names = leaf.names.join(" ");
    format!("{}: {names}, by {}, until {}", found.listener, leaf.issuer, leaf.not_after.minutes())
}

/// TL-03 for every key that was found.
pub(super) fn keys(check: &Check, facts: &Facts) -> Vec<Finding> {
    let Ok(reading) = facts.inventory() else { return Vec::new() };
    let mut open = Vec::new();
    let mut other = Vec::new();
    for file in &reading.value.files {
        let Some(key) = &file.key else { continue };
        // FreeSWITCH's own file is judged beside its listeners.
        if file.used_by.iter().any(|who| who == "FreeSWITCH") {
            continue;
        }
        if key.file.mode & OTHERS != 0 {
            open.push(key_line(file));
        }
        if file.content.is_ok() && !key.fits {
            other.push(key_line(file));
        }
    }
    let finding = |severity, lines: Vec<String>, title: &str| {
        let evidence = vec![reading.evidence("files on the host", lines)];
        let words = "chmod 0600 the key, or give the certificate its own key; Every certificate shows each file.";
        check.fail(severity, title, evidence, Remedy::words(words).on(Wall::Certificates)).about("private keys")
    };
    let mut findings = Vec::new();
    if !open.is_empty() {
        let title = format!("{} private keys can be read by everybody on the host", open.len());
        findings.push(finding(Severity::High, open, &title));
    }
    if !other.is_empty() {
        findings.push(finding(Severity::Medium, other, "A key does not belong to the certificate beside it"));
    }
    if findings.is_empty() {
        let count = reading.value.files.iter().filter(|file| file.key.is_some()).count();
        let evidence = vec![reading.evidence("files on the host", [format!("{count} keys were found")])];
        findings
            .push(check.pass("Every private key that was found is closed to others", evidence).about("private keys"));
    }
    findings
}

fn key_line(file: &FoundFile) -> String {
    let key = file.key.as_ref().map(|key| {
        format!("{}, uid {}, gid {}, mode {:04o}", key.file.path, key.file.owner, key.group, key.file.mode)
    });
    format!("{} ({})", key.unwrap_or_default(), file.used_by.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::accounts::tests::NOW;
    use crate::audit::checks::served::tests::leaf;
    use crate::audit::facts::Source;
    use crate::audit::finding::Outcome;
    use crate::wire::inventory::{FoundCertificate, FoundKey, Inventory};
    use crate::wire::switch::FileFacts;

    fn certificate(days: u32) -> FoundCertificate {
        let leaf = leaf(&["a.example.com"], days);
        FoundCertificate { leaf, fingerprint: "ab".to_owned(), certificates: 2, self_signed: false }
    }

    fn host(days: u32, mode: u32, fits: bool, protocols: &str) -> Facts {
        let file = FileFacts { path: "/etc/ssl/private/nginx.key".to_owned(), owner: 0, mode };
        let found = Inventory {
            files: vec![FoundFile {
                path: "/etc/ssl/certs/nginx.crt".to_owned(),
                used_by: vec!["nginx".to_owned()],
                content: Ok(certificate(days)),
                key: Some(FoundKey { file, group: 0, fits }),
            }],
            listeners: vec![FoundListener {
                listener: "0.0.0.0:8443".to_owned(),
                served: certificate(days),
                protocol: "TLS 1.3".to_owned(),
            }],
            nginx_protocols: Some(Ok(vec![protocols.to_owned()])),
            ..Inventory::default()
        };
        Facts { inventory: Source::Known { at: NOW, value: found }, ..Facts::none(NOW) }
    }

    fn outcome(judge: fn(&Check, &Facts) -> Vec<Finding>, facts: &Facts) -> (Outcome, Severity) {
        let finding = judge(&CHECKS[0], facts).remove(0);
        (finding.outcome, finding.severity)
    }

    #[test]
    fn a_host_in_order_passes_and_one_that_was_not_read_is_not_tested() {
        let good = host(60, 0o640, true, "TLSv1.2 TLSv1.3");

        for judge in [protocols, other_listeners, keys] {
            assert_eq!(outcome(judge, &good).0, Outcome::Pass);
        }
        assert_eq!(outcome(protocols, &Facts::none(NOW)).0, Outcome::NotTested);
        assert!(keys(&CHECKS[0], &Facts::none(NOW)).is_empty());
    }

    #[test]
    fn old_protocols_open_keys_and_expired_listeners_are_found() {
        assert_eq!(outcome(protocols, &host(60, 0o640, true, "TLSv1 TLSv1.2")), (Outcome::Fail, Severity::Medium));
        assert_eq!(outcome(keys, &host(60, 0o644, true, "TLSv1.2")), (Outcome::Fail, Severity::High));
        assert_eq!(outcome(keys, &host(60, 0o600, false, "TLSv1.2")), (Outcome::Fail, Severity::Medium));
        assert_eq!(outcome(other_listeners, &host(0, 0o600, true, "TLSv1.2")), (Outcome::Fail, Severity::High));
    }
}
