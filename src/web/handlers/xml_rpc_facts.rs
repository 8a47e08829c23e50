//! What is known of FreeSWITCH, in words for the page *XML RPC*.

use crate::audit::facts::Source;
use crate::audit::walls::Walls;
use crate::base::chain::printable;
use crate::base::clock::Timestamp;
use crate::fusionpbx::switch::SwitchSide;
use crate::web::pages::xml_rpc::{SwitchForms, SwitchGroup, SwitchView};
use crate::web::view;
use crate::wire::switch::{
    Answers, ConfigConfFacts, EventSocketFacts, FileFacts, RunningFacts, SecretFacts, SwitchFacts, XmlRpcFacts,
};

type Rows = Vec<(String, String)>;

/// Everything that is known.
pub(super) fn view(facts: &SwitchFacts, walls: &Walls, at: Timestamp) -> SwitchView {
    let group = |title: &str, rows: Result<Rows, String>| SwitchGroup {
        title: title.to_owned(),
        rows: rows.map_err(|reason| printable(&reason)),
    };
    let side = match &walls.facts.fusionpbx {
        Source::Known { value, .. } => value.switch.as_ref().map_err(Clone::clone),
        Source::Unknown { reason, .. } => Err(reason.clone()),
        Source::NotYet => Err("nobody has looked yet".to_owned()),
    };
    // Without a file the ports are those that the modules take by themselves.
    let xml_rpc_port = facts.xml_rpc.as_ref().ok().and_then(|facts| facts.port).unwrap_or(8080);
    let event_socket_port = facts.event_socket.as_ref().ok().and_then(|facts| facts.port).unwrap_or(8021);
    SwitchView {
        source: format!("FreeSWITCH's files, the kernel and the event socket, read {}", at.minutes()),
        groups: vec![
            group("XML RPC", part(&facts.xml_rpc, xml_rpc)),
            group("Event socket", part(&facts.event_socket, event_socket)),
            group("The running FreeSWITCH", part(&facts.running, running)),
            group("FusionPBX's config.conf", part(&facts.config_conf, config_conf)),
            group("FusionPBX's database", side.map(|side| database(side, facts))),
            group("Who can reach XML RPC", reached(walls, xml_rpc_port)),
            group("Who can reach the event socket", reached(walls, event_socket_port)),
        ],
    }
}

/// What each place gets at a TCP port of this host, as the firewall's facts have it.
fn reached(walls: &Walls, port: u16) -> Result<Rows, String> {
    let (firewall, at) = view::known(&walls.facts.firewall).map_err(|reason| {
        format!("{reason}; XML RPC listens at every address, whatever is set: only a firewall limits it")
    })?;
    if !firewall.doubts.is_empty() {
        return Err(firewall.doubts.join("; "));
    }
    let services: Vec<_> = firewall.services.iter().filter(|one| !one.udp && one.port == port).collect();
    if services.is_empty() {
        return Ok(vec![("Nobody".to_owned(), format!("nothing listened at TCP port {port}, {}", at.minutes()))]);
    }
    let rows = services.iter().flat_map(|service| {
        let zones = firewall.zones.iter().zip(&service.reached);
        zones.filter_map(|(zone, reached)| {
            let family = if zone.v6 { "IPv6" } else { "IPv4" };
            let reached = reached.as_ref()?;
            let words = [reached.verdict.as_str(), reached.words.as_str()].map(printable).join(" ");
            Some((format!("{}, {family} by {}", zone.place, printable(&zone.interface)), words.trim_end().to_owned()))
        })
    });
    Ok(rows.collect())
}

/// The forms, filled with what holds.
pub(super) fn forms(facts: &SwitchFacts) -> SwitchForms {
    let own = facts.xml_rpc.as_ref().ok();
    let has = |list: &[String]| list.iter().any(|module| module == "mod_xml_rpc");
    let at_start = facts.at_start.as_ref().ok().map(|list| has(list));
    let text = |value: Option<&String>| value.map(|value| printable(value)).unwrap_or_default();
    SwitchForms {
        port: own.and_then(|own| own.port).map(|port| port.to_string()).unwrap_or_default(),
        realm: text(own.and_then(|own| own.realm.as_ref())),
        user: text(own.and_then(|own| own.user.as_ref())),
        fault: None,
        is_loaded: facts.running.as_ref().ok().map(|running| has(&running.loaded)),
        at_start,
        modules_sql: modules_sql(!at_start.unwrap_or(true)),
    }
}

/// What makes FusionPBX's own list of modules say the same.
pub(super) fn modules_sql(is_loaded: bool) -> String {
    format!("UPDATE v_modules SET module_enabled = '{is_loaded}' WHERE module_name = 'mod_xml_rpc';")
}

fn part<T>(part: &Result<T, String>, rows: impl FnOnce(&T) -> Rows) -> Result<Rows, String> {
    part.as_ref().map(rows).map_err(Clone::clone)
}

fn pair(name: &str, value: impl AsRef<str>) -> (String, String) {
    (name.to_owned(), printable(value.as_ref()))
}

fn set(value: Option<&String>) -> String {
    value.cloned().unwrap_or_else(|| "not set".to_owned())
}

fn port(value: Option<u16>) -> String {
    value.map_or_else(|| "not set, or no port".to_owned(), |port| port.to_string())
}

fn password(secret: &SecretFacts) -> String {
    let flaws: Vec<&str> = secret.flaws.iter().map(|flaw| flaw.spoken()).collect();
    if flaws.is_empty() { "has no fault that is looked for".to_owned() } else { flaws.join("; ") }
}

fn listed(addresses: &[String]) -> String {
    if addresses.is_empty() { "nowhere".to_owned() } else { addresses.join(", ") }
}

fn file(facts: &FileFacts) -> (String, String) {
    pair("File", format!("{}, owned by uid {}, mode {:04o}", facts.path, facts.owner, facts.mode))
}

fn xml_rpc(own: &XmlRpcFacts) -> Rows {
    let answers = match own.answers {
        Answers::Nobody => "nobody",
        Answers::XmlRpc => "XML RPC, which asks for a password",
        Answers::OpenXmlRpc => "XML RPC, which asks for no password",
        Answers::SomebodyElse => "another program",
    };
    let mut rows = vec![
        pair("Port", port(own.port)),
        pair("Listens at", listed(&own.listening)),
        pair("Who answers there", answers),
        pair("Realm", own.realm.clone().unwrap_or_else(|| "not set: everything is open".to_owned())),
        pair("User", set(own.user.as_ref())),
        pair("Password", password(&own.password)),
        pair("/socket without a password", if own.websocket { "yes" } else { "no" }),
    ];
    rows.extend(own.preprocessed.then(|| pair("Preprocessor", "has work in this file: what holds may differ")));
    rows.push(file(&own.file));
    rows
}

fn event_socket(own: &EventSocketFacts) -> Rows {
    let mut rows = vec![
        pair("Address", set(own.address.as_ref())),
        pair("Port", port(own.port)),
        pair("Listens at", listed(&own.listening)),
        pair("Access list", own.acl.clone().unwrap_or_else(|| "not set: this host only (loopback.auto)".to_owned())),
        pair("Password", password(&own.password)),
    ];
    rows.extend(own.preprocessed.then(|| pair("Preprocessor", "has work in this file: what holds may differ")));
    rows.push(file(&own.file));
    rows
}

fn running(own: &RunningFacts) -> Rows {
    let loaded = if own.loaded.is_empty() { "none of them".to_owned() } else { own.loaded.join(", ") };
    vec![pair("Version", &own.version), pair("Loaded, of those that listen", loaded)]
}

fn config_conf(own: &ConfigConfFacts) -> Rows {
    vec![pair("Host", set(own.host.as_ref())), pair("Password", password(&own.password)), file(&own.file)]
}

fn database(side: &SwitchSide, facts: &SwitchFacts) -> Rows {
    let at_start = match side.at_start {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not in its list",
    };
    let mut rows = vec![pair("mod_xml_rpc at the start (v_modules)", at_start)];
    if let Some(kept) = &side.kept {
        let own = facts.xml_rpc.as_ref().ok();
        let beside = |kept: Option<&String>, held: Option<String>| match (kept, held) {
            (Some(kept), Some(held)) if *kept != held => format!("{kept}; a save in FusionPBX writes it over {held}"),
            (kept, _) => set(kept),
        };
        let held = own.and_then(|own| own.port).map(|port| port.to_string());
        rows.push(pair("XML RPC's port (v_settings)", beside(kept.xml_rpc_port.as_ref(), held)));
        let held = own.and_then(|own| own.realm.clone());
        rows.push(pair("XML RPC's realm (v_settings)", beside(kept.xml_rpc_realm.as_ref(), held)));
        let held = own.and_then(|own| own.user.clone());
        rows.push(pair("XML RPC's user (v_settings)", beside(kept.xml_rpc_user.as_ref(), held)));
        let words = if facts.compared { "compared: see Password above" } else { "not compared this time" };
        rows.push(pair("Passwords (v_settings)", words));
    }
    rows
}
