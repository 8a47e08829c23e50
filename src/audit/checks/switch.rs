//! SW: FreeSWITCH's event socket, XML RPC, and what else of it opens a way in.

use crate::audit::check::Check;
use crate::audit::facts::{Facts, Reading, Untested};
use crate::audit::finding::{Evidence, Finding, Remedy, Severity, Wall};
use crate::audit::firewall::FirewallFacts;
use crate::wire::switch::{Answers, EventSocketFacts, Flaw, SecretFacts, XmlRpcFacts};

/// The questions.
pub(crate) const CHECKS: [Check; 4] = [
    Check {
        id: "SW-01",
        wall: Wall::XmlRpc,
        asset: "event socket",
        severity: Severity::Critical,
        asks: "whether the event socket can be reached from elsewhere",
        why: "Whoever signs in at the event socket runs commands on the host.",
        reference: "CVE-2019-19492",
        judge: event_socket_is_near,
    },
    Check {
        id: "SW-02",
        wall: Wall::XmlRpc,
        asset: "event socket",
        severity: Severity::Critical,
        asks: "whether the event socket has a password of its own, the same on both sides",
        why: "ClueCon is known to everybody. One hole in a web page that can speak to 127.0.0.1 is then a shell.",
        reference: "OWASP ASVS 5.0 V13.2.3; CVE-2019-19492",
        judge: event_socket_is_locked,
    },
    Check {
        id: "SW-03",
        wall: Wall::XmlRpc,
        asset: "mod_xml_rpc",
        severity: Severity::Critical,
        asks: "whether XML RPC is off, or has a password of its own and cannot be reached",
        why: "Whoever reaches XML RPC with its password runs commands on the host. It listens at every address, whatever is set.",
        reference: "CVE-2018-19911; CVE-2026-116785; FusionPBX documentation, Security, XML RPC",
        judge: xml_rpc_is_off,
    },
    Check {
        id: "SW-04",
        wall: Wall::XmlRpc,
        asset: "FreeSWITCH modules",
        severity: Severity::Critical,
        asks: "whether other modules of FreeSWITCH listen without need",
        why: "Each module that listens is a door of its own, with its own holes.",
        reference: "CVE-2026-49841",
        judge: no_other_doors,
    },
];

/// Modules that listen, and that FusionPBX does not need.
const DOORS: [&str; 4] = ["mod_verto", "mod_erlang_event", "mod_rtmp", "mod_event_multicast"];

/// The first version whose `mod_verto` has no known hole before sign-in.
const VERTO_MENDED: (u32, u32, u32) = (1, 11, 1);

fn event_socket_is_near(check: &Check, facts: &Facts) -> Vec<Finding> {
    let reading = match facts.switch_part(|switch| &switch.event_socket) {
        Ok(reading) => reading,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    let socket = reading.value;
    let evidence = vec![reading.evidence(&socket.file.path, socket_lines(socket))];
    if socket.preprocessed {
        return vec![unsure(check, &reading, "the file has X-PRE-PROCESS lines, which can change what it says")];
    }
    let written = socket.address.as_deref().unwrap_or_default();
    let is_near = |address: &str| address.starts_with("127.") || address.starts_with("[::1]") || address == "::1";
    let far: Vec<&String> = socket.listening.iter().filter(|address| !is_near(address)).collect();
    if socket.acl.as_ref().is_some_and(|acl| !acl.is_empty()) {
        return vec![check.pass("The event socket asks an access list", evidence)];
    }
    if far.is_empty() && (is_near(written) || (written == "localhost")) {
        return vec![check.pass("The event socket listens on this host only", evidence)];
    }
    let remedy = Remedy::words(
        "Set listen-ip to 127.0.0.1 in event_socket.conf.xml, or name a list in apply-inbound-acl; then reload mod_event_socket.",
    )
    .commands(["fs_cli -x 'reload mod_event_socket'"])
    .on(Wall::XmlRpc);
    let title =
        "The event socket listens at addresses that others reach; only FreeSWITCH's built-in list turns them away";
    vec![check.fail(Severity::High, title, evidence, remedy)]
}

fn event_socket_is_locked(check: &Check, facts: &Facts) -> Vec<Finding> {
    let reading = match facts.switch_part(|switch| &switch.event_socket) {
        Ok(reading) => reading,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    let socket = reading.value;
    let mut evidence = vec![reading.evidence(&socket.file.path, password_lines(&socket.password))];
    if socket.password.flaws.contains(&Flaw::DependsOnVariable) {
        return vec![unsure(check, &reading, "the password depends on a variable")];
    }
    let remedy = || {
        let words = "Change the event socket's password: Rampart changes it in FreeSWITCH and in FusionPBX together.";
        Remedy::words(words).on(Wall::XmlRpc)
    };
    if let Some(severity) = worst(&socket.password) {
        let title = format!("The event socket's password {}", spoken(&socket.password));
        return vec![check.fail(severity, title, evidence, remedy())];
    }
    // From 5.2 on FusionPBX's side is config.conf; before, the database, which the agent has compared.
    let is_in_database = facts.part(|survey| &survey.switch).is_ok_and(|side| side.value.kept.is_some());
    let conf = facts.switch_part(|switch| &switch.config_conf).ok().filter(|_| !is_in_database);
    evidence
        .extend(conf.as_ref().map(|conf| conf.evidence(&conf.value.file.path, password_lines(&conf.value.password))));
    let differs = |secret: &SecretFacts| secret.flaws.contains(&Flaw::SidesDiffer);
    if differs(&socket.password) || conf.is_some_and(|conf| differs(&conf.value.password)) {
        let title = "FusionPBX holds another password of the event socket than FreeSWITCH";
        return vec![check.fail(Severity::Medium, title, evidence, remedy())];
    }
    vec![check.pass("The event socket has a password of its own", evidence)]
}

fn xml_rpc_is_off(check: &Check, facts: &Facts) -> Vec<Finding> {
    let running = match facts.switch_part(|switch| &switch.running) {
        Ok(reading) => reading,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    let is_loaded = running.value.loaded.iter().any(|module| module == "mod_xml_rpc");
    let loaded_words = format!("loaded now: {}", if is_loaded { "mod_xml_rpc" } else { "not mod_xml_rpc" });
    let mut evidence = vec![running.evidence("event socket", [loaded_words])];
    let at_start = facts.switch_part(|switch| &switch.at_start);
    let side = facts.part(|survey| &survey.switch).ok().and_then(|side| side.value.at_start);
    let in_file = at_start.as_ref().is_ok_and(|list| list.value.iter().any(|module| module == "mod_xml_rpc"));
    let starts = in_file || side == Some(true);
    if let Ok(list) = &at_start {
        let words = if in_file { "loads mod_xml_rpc" } else { "does not load mod_xml_rpc" };
        evidence.push(list.evidence("modules.conf.xml", [words.to_owned()]));
    }
    if !is_loaded && !starts {
        return match at_start {
            Ok(_) => vec![check.pass("XML RPC is off, now and at the next start", evidence)],
            Err(untested) => vec![check.not_tested(&untested)],
        };
    }
    let file = match facts.switch_part(|switch| &switch.xml_rpc) {
        Ok(file) => file,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    evidence.push(file.evidence(&file.value.file.path, xml_rpc_lines(file.value)));
    judge_xml_rpc(check, &file, (is_loaded, facts.firewall()), evidence)
}

fn judge_xml_rpc(
    check: &Check,
    file: &Reading<'_, XmlRpcFacts>,
    (is_loaded, firewall): (bool, Result<Reading<'_, FirewallFacts>, Untested>),
    evidence: Vec<Evidence>,
) -> Vec<Finding> {
    let own = file.value;
    let off = || {
        Remedy::words("Turn it off now and at the start, or give it a password of its own and close its port.")
            .commands(["fs_cli -x 'module_exists mod_xml_rpc'"])
            .on(Wall::XmlRpc)
    };
    if is_loaded && matches!(own.answers, Answers::Nobody | Answers::SomebodyElse) {
        let title = "mod_xml_rpc is loaded and does not listen: to unload or reload it would end FreeSWITCH";
        let remedy =
            Remedy::words("Do not touch the module. Free its port, and restart FreeSWITCH when no call is up.")
                .risky();
        return vec![check.fail(Severity::High, title, evidence, remedy)];
    }
    if (is_loaded && own.answers == Answers::OpenXmlRpc) || own.realm.as_ref().is_none_or(String::is_empty) {
        let title = "XML RPC asks for no password: auth-realm is missing";
        return vec![check.fail(Severity::Critical, title, evidence, off())];
    }
    if own.preprocessed || own.password.flaws.contains(&Flaw::DependsOnVariable) {
        return vec![unsure(check, file, "what holds depends on a variable or on X-PRE-PROCESS lines")];
    }
    if let Some(severity) = worst(&own.password) {
        let title = format!("XML RPC's password {}", spoken(&own.password));
        return vec![check.fail(severity, title, evidence, off())];
    }
    if own.websocket {
        let title = "XML RPC serves /socket without a password (enable-websocket)";
        return vec![check.fail(Severity::High, title, evidence, off())];
    }
    if !is_loaded {
        return vec![check.pass("XML RPC is off now, and has a password of its own for the next start", evidence)];
    }
    judge_port(check, file, firewall, evidence)
}

/// It runs with a password of its own: what is left is who reaches its port.
fn judge_port(
    check: &Check,
    file: &Reading<'_, XmlRpcFacts>,
    firewall: Result<Reading<'_, FirewallFacts>, Untested>,
    mut evidence: Vec<Evidence>,
) -> Vec<Finding> {
    let firewall = match firewall {
        Ok(firewall) if firewall.value.doubts.is_empty() => firewall,
        Ok(firewall) => return vec![unsure(check, file, &firewall.value.doubts.join("; "))],
        Err(untested) => {
            let reason =
                format!("it has a password of its own; whether its port is closed is not known: {}", untested.reason);
            return vec![unsure(check, file, &reason)];
        }
    };
    let services = firewall.value.services.iter().filter(|one| !one.udp && Some(one.port) == file.value.port);
    let zones = services.flat_map(|one| firewall.value.zones.iter().zip(&one.reached));
    let open = zones.filter(|(zone, reached)| {
        zone.is_internet() && reached.as_ref().is_some_and(crate::audit::firewall::ReachFacts::is_open)
    });
    let lines: Vec<String> =
        open.map(|(zone, _)| format!("its port is open to the internet by {}", zone.interface)).collect();
    let closed = lines.is_empty();
    let lines = if closed { vec!["its port is closed to the internet".to_owned()] } else { lines };
    evidence.push(firewall.evidence("firewall", lines));
    if closed {
        return vec![check.pass("XML RPC has a password of its own, and the internet does not reach it", evidence)];
    }
    let remedy =
        Remedy::words("Close its port to all but the addresses that need it, or turn it off.").on(Wall::Firewall);
    vec![check.fail(
        Severity::High,
        "The internet reaches XML RPC; only its password stands before it",
        evidence,
        remedy,
    )]
}

fn no_other_doors(check: &Check, facts: &Facts) -> Vec<Finding> {
    let reading = match facts.switch_part(|switch| &switch.running) {
        Ok(reading) => reading,
        Err(untested) => return vec![check.not_tested(&untested)],
    };
    let doors: Vec<&str> =
        reading.value.loaded.iter().map(String::as_str).filter(|module| DOORS.contains(module)).collect();
    let lines =
        [format!("version {}", reading.value.version), format!("loaded: {}", reading.value.loaded.join(", "))];
    let evidence = vec![reading.evidence("event socket", lines)];
    if doors.is_empty() {
        return vec![check.pass("No other module of FreeSWITCH that is asked for listens", evidence)];
    }
    let is_mended = version(&reading.value.version).is_some_and(|version| version >= VERTO_MENDED);
    let remedy = Remedy::words("Turn off in FusionPBX, Advanced, Modules, what nobody uses; then unload it.")
        .commands(doors.iter().map(|module| format!("fs_cli -x 'unload {module}'")))
        .risky();
    let (severity, words) = if doors.contains(&"mod_verto") && !is_mended {
        (Severity::Critical, " (this version of mod_verto has a hole before sign-in)")
    } else {
        (Severity::High, "")
    };
    vec![check.fail(
        severity,
        format!("Modules that listen are loaded: {}{words}", doors.join(", ")),
        evidence,
        remedy,
    )]
}

/// `1.10.12-release` as numbers.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    let mut parts = text.split('.');
    Some((digits(parts.next()?)?, digits(parts.next()?)?, digits(parts.next()?)?))
}

fn worst(secret: &SecretFacts) -> Option<Severity> {
    let grade = |flaw: &Flaw| match flaw {
        Flaw::Missing | Flaw::Empty | Flaw::Shipped => Some(Severity::Critical),
        Flaw::Short | Flaw::OneClass | Flaw::EqualsDatabase => Some(Severity::High),
        Flaw::EqualsOther => Some(Severity::Medium),
        Flaw::DependsOnVariable | Flaw::SidesDiffer => None,
    };
    // The worst comes first in the order of severities.
    secret.flaws.iter().filter_map(grade).min()
}

/// What the worst flaws are, in words.
fn spoken(secret: &SecretFacts) -> String {
    let words: Vec<&str> =
        secret.flaws.iter().filter(|flaw| flaw.is_weak()).map(|flaw| flaw.spoken()).take(2).collect();
    words.join(" and ")
}

fn unsure<T>(check: &Check, reading: &Reading<'_, T>, reason: &str) -> Finding {
    check.not_tested(&Untested { source: "FreeSWITCH", at: reading.at, reason: reason.to_owned() })
}

fn password_lines(secret: &SecretFacts) -> Vec<String> {
    let flaws: Vec<String> = secret.flaws.iter().map(|flaw| format!("the password {}", flaw.spoken())).collect();
    if flaws.is_empty() { vec!["the password has no fault that is looked for".to_owned()] } else { flaws }
}

fn socket_lines(socket: &EventSocketFacts) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
    vec![
        format!("listen-ip {}", text(&socket.address)),
        format!("apply-inbound-acl {}", text(&socket.acl)),
        format!("listens at {}", listed(&socket.listening)),
    ]
}

fn xml_rpc_lines(own: &XmlRpcFacts) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
    let mut lines = vec![
        format!("http-port {}", own.port.map_or_else(|| "no number".to_owned(), |port| port.to_string())),
        format!("auth-realm {}", text(&own.realm)),
        format!("auth-user {}", text(&own.user)),
        format!("listens at {}", listed(&own.listening)),
    ];
    lines.extend(password_lines(&own.password));
    lines
}

fn listed(addresses: &[String]) -> String {
    if addresses.is_empty() { "no address".to_owned() } else { addresses.join(", ") }
}

#[cfg(test)]
#[path = "switch_tests.rs"]
pub(crate) mod tests;
