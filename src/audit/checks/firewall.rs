//! FW: what the firewall lets through. DB-01 and SV-01: services that nobody but this host should reach.

use crate::audit::check::Check;
use crate::audit::facts::{Facts, Reading, Untested};
use crate::audit::finding::{Evidence, Finding, Remedy, Severity, Wall};
use crate::audit::firewall::{FirewallFacts, ServiceFacts, ZoneFacts};

/// The questions.
pub(crate) const CHECKS: [Check; 6] = [
    Check {
        id: "FW-01",
        wall: Wall::Firewall,
        asset: "IPv4",
        severity: Severity::Critical,
        asks: "whether the firewall drops what it does not know",
        why: "Without a default of drop every service that listens can be reached by everyone.",
        reference: "CIS Debian 12 v1.1.0 (Wazuh 33146, 33140, 33137, 33138)",
        judge: drops_v4,
    },
    Check {
        id: "FW-02",
        wall: Wall::Firewall,
        asset: "IPv6",
        severity: Severity::Critical,
        asks: "whether IPv6 is closed too, and can find its neighbours",
        why: "FusionPBX's installer sets rules for IPv4 only. Over IPv6 every port is then open.",
        reference: "CIS Debian 12 v1.1.0 (Wazuh 33150, 33151); RFC 4890",
        judge: drops_v6,
    },
    Check {
        id: "FW-03",
        wall: Wall::Firewall,
        asset: "host",
        severity: Severity::High,
        asks: "whether one backend alone holds the rules",
        why: "A packet must pass both backends' rules, and most tools show one of them only.",
        reference: "CIS Debian 12 v1.1.0 (Wazuh 33144)",
        judge: one_backend,
    },
    Check {
        id: "FW-04",
        wall: Wall::Firewall,
        asset: "host",
        severity: Severity::High,
        asks: "whether the internet reaches only what FusionPBX offers",
        why: "Each service that the internet reaches is tried by scanners within hours.",
        reference: "FusionPBX documentation, Security, Firewall",
        judge: only_what_is_offered,
    },
    Check {
        id: "DB-01",
        wall: Wall::Firewall,
        asset: "PostgreSQL",
        severity: Severity::Critical,
        asks: "whether PostgreSQL can be reached from elsewhere",
        why: "FusionPBX's role in PostgreSQL is a superuser. Its password is then all that stands before every tenant.",
        reference: "OWASP ASVS 5.0 V13.2.2",
        judge: database_is_near,
    },
    Check {
        id: "SV-01",
        wall: Wall::Firewall,
        asset: "memcached",
        severity: Severity::Critical,
        asks: "whether memcached can be reached from elsewhere",
        why: "memcached asks for no password, and holds FusionPBX's cached settings with their secrets.",
        reference: "FusionPBX's installer installs memcached",
        judge: memcached_is_near,
    },
];

/// What FusionPBX offers to the internet: ports, and whether they are UDP.
const OFFERED: [(u16, u16, bool); 8] = [
    (22, 22, false),
    (80, 80, false),
    (443, 443, false),
    (7443, 7443, false),
    (5060, 5091, false),
    (5060, 5091, true),
    (16384, 32768, true),
    (1194, 1194, true),
];

/// More open ports than these are no list of exceptions.
const HALF: u32 = 32_768;

fn read<'a>(check: &Check, facts: &'a Facts) -> Result<Reading<'a, FirewallFacts>, Vec<Finding>> {
    let reading = facts.firewall().map_err(|untested| vec![check.not_tested(&untested)])?;
    match reading.value.doubts.first() {
        Some(doubt) => {
            Err(vec![check.not_tested(&Untested { source: "firewall", at: reading.at, reason: doubt.clone() })])
        }
        None => Ok(reading),
    }
}

fn zone_lines<'a>(zones: impl Iterator<Item = &'a ZoneFacts>) -> Vec<String> {
    zones
        .map(|zone| format!("{} by {}: {} TCP ports are not closed", zone.place, zone.interface, zone.open_tcp_ports))
        .collect()
}

fn close() -> Remedy {
    Remedy::words("Set the policy of INPUT to drop, behind rules for what is offered. Keep a second session open.")
        .commands(["iptables-save", "ip6tables-save", "nft list ruleset"])
        .on(Wall::Firewall)
        .risky()
}

fn drops_v4(check: &Check, facts: &Facts) -> Vec<Finding> {
    drops(check, facts, false)
}

fn drops_v6(check: &Check, facts: &Facts) -> Vec<Finding> {
    drops(check, facts, true)
}

fn drops(check: &Check, facts: &Facts, v6: bool) -> Vec<Finding> {
    let reading = match read(check, facts) {
        Ok(reading) => reading,
        Err(findings) => return findings,
    };
    let outside: Vec<&ZoneFacts> =
        reading.value.zones.iter().filter(|zone| zone.is_internet() && zone.v6 == v6).collect();
    let evidence = vec![reading.evidence("firewall", zone_lines(outside.iter().copied()))];
    if outside.is_empty() {
        let title = if v6 {
            "The host has no IPv6 address that others know"
        } else {
            "The host has no IPv4 address that others know"
        };
        return vec![check.not_applicable(title, evidence)];
    }
    if outside.iter().any(|zone| zone.open_tcp_ports > HALF) {
        let title = if v6 {
            "Over IPv6 every port is open that is not closed one by one"
        } else {
            "Every port is open that is not closed one by one"
        };
        return vec![check.fail(Severity::Critical, title, evidence, close())];
    }
    if outside.iter().any(|zone| zone.no_neighbours && zone.open_tcp_ports > 0) {
        let words = "Allow ICMPv6 types 133 to 136 (router and neighbour discovery) before the drop.";
        let title = "IPv6 is dead: the rules drop neighbour discovery, whatever ports they allow";
        return vec![check.fail(Severity::Medium, title, evidence, Remedy::words(words).on(Wall::Firewall))];
    }
    vec![check.pass("What no rule allows is dropped", evidence)]
}

fn one_backend(check: &Check, facts: &Facts) -> Vec<Finding> {
    let reading = match read(check, facts) {
        Ok(reading) => reading,
        Err(findings) => return findings,
    };
    let backends = &reading.value.backends;
    let evidence = vec![reading.evidence("firewall", [format!("rules in: {}", listed(backends))])];
    let both = backends.iter().any(|one| one == "iptables-legacy") && backends.len() > 1;
    if !both {
        return vec![check.pass("Rules stand in one backend", evidence)];
    }
    let words = "Move all rules to one backend. Until then read both: a packet must pass each.";
    vec![check.fail(
        Severity::High,
        "Rules stand in both backends",
        evidence,
        Remedy::words(words).on(Wall::Firewall).risky(),
    )]
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The zones that reach a service, or may.
fn open_to<'a>(
    facts: &'a FirewallFacts,
    service: &ServiceFacts,
    wanted: impl Fn(&ZoneFacts) -> bool,
) -> Vec<&'a ZoneFacts> {
    let zones = facts.zones.iter().zip(&service.reached);
    let open = zones.filter(|(_, reached)| reached.as_ref().is_some_and(crate::audit::firewall::ReachFacts::is_open));
    open.map(|(zone, _)| zone).filter(|zone| wanted(zone)).collect()
}

fn service_line(service: &ServiceFacts, zones: &[&ZoneFacts]) -> String {
    let protocol = if service.udp { "udp" } else { "tcp" };
    let from: Vec<String> = zones
        .iter()
        .map(|zone| format!("{} over {} by {}", zone.place, if zone.v6 { "IPv6" } else { "IPv4" }, zone.interface))
        .collect();
    format!("{protocol} {} at {} ({}) from {}", service.port, service.address, service.holder, from.join("; "))
}

fn only_what_is_offered(check: &Check, facts: &Facts) -> Vec<Finding> {
    let reading = match read(check, facts) {
        Ok(reading) => reading,
        Err(findings) => return findings,
    };
    let offered = |service: &ServiceFacts| {
        OFFERED.iter().any(|(first, last, udp)| *udp == service.udp && (*first..=*last).contains(&service.port))
    };
    let mut lines = Vec::new();
    for service in reading.value.services.iter().filter(|service| !offered(service)) {
        let zones = open_to(reading.value, service, ZoneFacts::is_internet);
        if !zones.is_empty() {
            lines.push(service_line(service, &zones));
        }
    }
    if lines.is_empty() {
        let all = format!("{} sockets that listen", reading.value.services.len());
        let evidence = vec![reading.evidence("firewall", [all])];
        return vec![check.pass("The internet reaches only what FusionPBX offers", evidence)];
    }
    let title = match lines.len() {
        1 => "The internet reaches a service that FusionPBX does not offer".to_owned(),
        count => format!("The internet reaches {count} services that FusionPBX does not offer"),
    };
    let evidence: Vec<Evidence> = vec![reading.evidence("firewall", lines)];
    let words = "Bind what only this host needs to 127.0.0.1, and close the rest in the firewall.";
    vec![check.fail(Severity::High, title, evidence, Remedy::words(words).commands(["ss -lntup"]).on(Wall::Firewall))]
}

fn database_is_near(check: &Check, facts: &Facts) -> Vec<Finding> {
    is_near(
        check,
        facts,
        5432,
        "PostgreSQL",
        "Set listen_addresses to localhost in postgresql.conf, and close port 5432.",
    )
}

fn memcached_is_near(check: &Check, facts: &Facts) -> Vec<Finding> {
    is_near(check, facts, 11211, "memcached", "Set -l 127.0.0.1 and -U 0 in /etc/memcached.conf, and restart it.")
}

fn is_near(check: &Check, facts: &Facts, port: u16, name: &str, words: &str) -> Vec<Finding> {
    let reading = match read(check, facts) {
        Ok(reading) => reading,
        Err(findings) => return findings,
    };
    let at_port: Vec<&ServiceFacts> = reading.value.services.iter().filter(|service| service.port == port).collect();
    let mut lines = Vec::new();
    let mut internet = false;
    for service in &at_port {
        let zones = open_to(reading.value, service, |zone| !zone.is_here());
        internet |= zones.iter().any(|zone| zone.is_internet());
        if !zones.is_empty() {
            lines.push(service_line(service, &zones));
        }
    }
    if lines.is_empty() {
        let seen = if at_port.is_empty() {
            format!("nothing listens at port {port}")
        } else {
            format!("port {port} is closed to all but this host")
        };
        return vec![
            check
                .pass(format!("{name} cannot be reached from elsewhere"), vec![reading.evidence("firewall", [seen])]),
        ];
    }
    let evidence = vec![reading.evidence("firewall", lines)];
    let (severity, from) =
        if internet { (Severity::Critical, "the internet") } else { (Severity::Medium, "other networks") };
    vec![check.fail(
        severity,
        format!("{name} can be reached from {from}"),
        evidence,
        Remedy::words(words).on(Wall::Firewall),
    )]
}

#[cfg(test)]
#[path = "firewall_tests.rs"]
pub(crate) mod tests;
