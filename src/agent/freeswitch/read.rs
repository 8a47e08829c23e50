//! What FreeSWITCH's files, the kernel and the running program say. No secret leaves here: each is judged.

use crate::agent::config::FreeSwitchConfig;
use crate::agent::freeswitch::files::Ground;
use crate::agent::freeswitch::judge::{Marks, is_shipped};
use crate::agent::freeswitch::session::{
    EVENT_SOCKET, EVENT_SOCKET_CONF, EVENT_SOCKET_PORT, file, open as open_session,
};
use crate::agent::freeswitch::xml::{Xml, XmlError};
use crate::agent::freeswitch::{config_conf, http, listening};
use crate::base::chain::{Chain, printable};
use crate::base::secret::Secret;
use crate::wire::switch::{
    Answers, ConfigConfFacts, DatabaseSide, EventSocketFacts, Flaw, RunningFacts, SecretFacts, SwitchFacts,
    XmlRpcFacts,
};

/// XML RPC's file, the name of the settings in it, and the port that is taken if none is set.
pub(super) const XML_RPC: &str = "xml_rpc.conf.xml";
pub(super) const XML_RPC_CONF: &str = "xml_rpc.conf";
pub(super) const XML_RPC_PORT: u16 = 8080;

/// The list of modules that are loaded at the start.
pub(super) const MODULES: &str = "modules.conf.xml";

/// FusionPBX's file, in its own directory.
pub(super) const CONFIG_CONF: &str = "config.conf";

/// The modules that FreeSWITCH is asked for: each opens a way in.
const ASKED: [&str; 7] = [
    "mod_xml_rpc",
    "mod_event_socket",
    "mod_verto",
    "mod_httapi",
    "mod_erlang_event",
    "mod_rtmp",
    "mod_event_multicast",
];

/// Reads everything; `database` is compared with the files.
pub(super) fn read(config: &FreeSwitchConfig, marks: &Marks, database: Option<&DatabaseSide>) -> SwitchFacts {
    let mut facts = SwitchFacts {
        xml_rpc: xml_rpc(config, marks),
        event_socket: event_socket(config, marks),
        at_start: file(config, MODULES)
            .and_then(|(_, found, xml)| xml.modules().map_err(|error| format!("{}: {error}", found.facts.path))),
        config_conf: of_config_conf(config, marks),
        shipped_variables: shipped_variables(config),
        running: running(config),
        compared: database.is_some(),
        tls: None,
    };
    compare(&mut facts, marks, config, database);
    facts
}

fn xml_rpc(config: &FreeSwitchConfig, marks: &Marks) -> Result<XmlRpcFacts, String> {
    let (_, found, xml) = file(config, XML_RPC)?;
    let get =
        |name: &str| setting(&xml, XML_RPC_CONF, name).map_err(|error| format!("{}: {error}", found.facts.path));
    let port = match get("http-port")? {
        None => Some(XML_RPC_PORT),
        Some(text) => text.expose().trim().parse().ok(),
    };
    let listening = port.map(listening::at_port).unwrap_or_default();
    Ok(XmlRpcFacts {
        port,
        realm: get("auth-realm")?.as_ref().map(said),
        user: get("auth-user")?.as_ref().map(said),
        password: marks.judge(get("auth-pass")?.as_ref()),
        websocket: get("enable-websocket")?.is_some_and(|value| is_true(value.expose())),
        preprocessed: xml.is_preprocessed(),
        answers: if listening.is_empty() { Answers::Nobody } else { port.map_or(Answers::Nobody, http::who) },
        listening: listening::words(&listening),
        file: found.facts,
    })
}

fn event_socket(config: &FreeSwitchConfig, marks: &Marks) -> Result<EventSocketFacts, String> {
    let (_, found, xml) = file(config, EVENT_SOCKET)?;
    let get =
        |name: &str| setting(&xml, EVENT_SOCKET_CONF, name).map_err(|error| format!("{}: {error}", found.facts.path));
    let port = match get("listen-port")? {
        None => Some(EVENT_SOCKET_PORT),
        Some(text) => text.expose().trim().parse().ok(),
    };
    Ok(EventSocketFacts {
        address: get("listen-ip")?.as_ref().map(said),
        port,
        acl: get("apply-inbound-acl")?.as_ref().map(said),
        password: marks.judge(get("password")?.as_ref()),
        preprocessed: xml.is_preprocessed(),
        listening: listening::words(&port.map(listening::at_port).unwrap_or_default()),
        file: found.facts,
    })
}

fn of_config_conf(config: &FreeSwitchConfig, marks: &Marks) -> Result<ConfigConfFacts, String> {
    let found = Ground::open(&config.fusionpbx, None).and_then(|ground| ground.read(CONFIG_CONF));
    let found = found.map_err(|error| Chain(&error).to_string())?;
    let text = Secret::new(String::from_utf8_lossy(found.bytes.expose()).into_owned());
    let get = |key: &str| config_conf::event_socket(text.expose(), key);
    Ok(ConfigConfFacts {
        host: get("host").map(|host| printable(&host)),
        port: get("port").and_then(|port| port.parse().ok()),
        password: marks.judge(get("password").map(Secret::new).as_ref()),
        file: found.facts,
    })
}

fn shipped_variables(config: &FreeSwitchConfig) -> Result<Vec<String>, String> {
    let found = Ground::open(&config.conf, None).and_then(|ground| ground.read("vars.xml"));
    let found = found.map_err(|error| Chain(&error).to_string())?;
    let xml = Xml::parse(&found.bytes);
    let variables = xml.and_then(|xml| xml.variables()).map_err(|error| format!("{}: {error}", found.facts.path))?;
    let shipped = variables
        .into_iter()
        .filter(|(name, value)| name.to_ascii_lowercase().contains("password") && is_shipped(value.expose()));
    Ok(shipped.map(|(name, _)| printable(&name)).take(50).collect())
}

fn running(config: &FreeSwitchConfig) -> Result<RunningFacts, String> {
    let failed = |error| Chain(&error).to_string();
    let mut socket = open_session(config)?;
    let version = socket.api("version short").map_err(failed)?;
    let mut loaded = Vec::new();
    for module in ASKED {
        if socket.api(&format!("module_exists {module}")).map_err(failed)?.trim() == "true" {
            loaded.push(module.to_owned());
        }
    }
    Ok(RunningFacts { version: printable(version.trim()).chars().take(100).collect(), loaded })
}

/// Adds what only shows where two secrets lie side by side.
fn compare(facts: &mut SwitchFacts, marks: &Marks, config: &FreeSwitchConfig, database: Option<&DatabaseSide>) {
    let SwitchFacts { xml_rpc, event_socket, config_conf, .. } = facts;
    let own = Ground::open(&config.fusionpbx, None).and_then(|ground| ground.read(CONFIG_CONF)).ok();
    let own = own.map(|found| Secret::new(String::from_utf8_lossy(found.bytes.expose()).into_owned()));
    let of_database = own.and_then(|text| {
        let value = config_conf::value(text.expose(), "database.0.password").filter(|value| !value.is_empty())?;
        Some(marks.judge(Some(&Secret::new(value.to_owned()))))
    });
    let side = |pick: fn(&DatabaseSide) -> Option<&crate::wire::carried::Carried>| {
        database.and_then(pick).map(|carried| marks.judge(Some(&carried.0)))
    };
    let xml_rpc_mark = xml_rpc.as_ref().ok().and_then(|facts| facts.password.mark.clone());
    let event_socket_mark = event_socket.as_ref().ok().and_then(|facts| facts.password.mark.clone());
    let add = |secret: &mut SecretFacts, other: &Option<String>, database_side: Option<SecretFacts>| {
        let same = |mark: &Option<String>| mark.is_some() && *mark == secret.mark;
        let mut more = Vec::new();
        if of_database.as_ref().is_some_and(|database| same(&database.mark)) {
            more.push(Flaw::EqualsDatabase);
        }
        if same(other) {
            more.push(Flaw::EqualsOther);
        }
        if database_side.is_some_and(|side| secret.mark.is_some() && !same(&side.mark)) {
            more.push(Flaw::SidesDiffer);
        }
        secret.flaws.extend(more);
    };
    if let Ok(facts) = xml_rpc {
        add(&mut facts.password, &event_socket_mark, side(|side| side.xml_rpc.as_ref()));
    }
    if let Ok(facts) = event_socket {
        add(&mut facts.password, &xml_rpc_mark, side(|side| side.event_socket.as_ref()));
    }
    if let Ok(facts) = config_conf {
        // What FusionPBX 5.2 and later use where the key is missing.
        let missing = || marks.judge(Some(&Secret::new("ClueCon".to_owned()))).mark;
        let used = facts.password.mark.clone().or_else(missing);
        if event_socket_mark.is_some() && used != event_socket_mark {
            facts.password.flaws.push(Flaw::SidesDiffer);
        }
    }
}

fn setting(xml: &Xml, configuration: &'static str, name: &str) -> Result<Option<Secret<String>>, XmlError> {
    xml.setting(configuration, name)
}

/// A value that is no secret, as it may go on a page.
fn said(value: &Secret<String>) -> String {
    printable(value.expose()).chars().take(200).collect()
}

/// FreeSWITCH's `switch_true`.
fn is_true(value: &str) -> bool {
    ["yes", "on", "true", "t", "enabled", "active", "allow"].iter().any(|word| word.eq_ignore_ascii_case(value))
        || value.parse::<i64>().is_ok_and(|number| number != 0)
}
