//! Changes the event socket's password in every place that holds it: FreeSWITCH's file, and FusionPBX's `config.conf` where
//! FusionPBX keeps it there (5.2 and later).

use crate::agent::config::FreeSwitchConfig;
use crate::agent::freeswitch::armed::{Act, Edit, Which};
use crate::agent::freeswitch::change::{Hands, carry_out, secret, unable};
use crate::agent::freeswitch::config_conf;
use crate::agent::freeswitch::esl::{EslError, EventSocket, refused};
use crate::agent::freeswitch::files::Ground;
use crate::agent::freeswitch::read::CONFIG_CONF;
use crate::agent::freeswitch::session::{Door, EVENT_SOCKET, EVENT_SOCKET_CONF, door, enter, file};
use crate::agent::freeswitch::xml::Xml;
use crate::agent::freeswitch::xml_rpc::until;
use crate::base::chain::Chain;
use crate::base::secret::Secret;
use crate::wire::answer::Refusal;
use crate::wire::carried::Carried;
use crate::wire::switch::{FusionPbxSide, NewSecret, SwitchChanged};

/// FusionPBX's programs that stay signed in at the event socket, and read its password when they start.
const SERVICES: [&str; 11] = [
    "active_calls",
    "active_conferences",
    "email_queue",
    "event_guard",
    "fax_queue",
    "maintenance_service",
    "system_status",
    "transcribe_queue",
    "websockets",
    "xml_cdr",
    "conference_control",
];

/// Where units that FusionPBX installs lie.
const UNITS: &str = "/etc/systemd/system";

/// Changes it.
///
/// # Errors
/// It was refused and nothing was touched, or it did not prove itself and was taken back.
pub(super) fn change(hands: Hands<'_>, wanted: &NewSecret, side: FusionPbxSide) -> Result<SwitchChanged, Refusal> {
    let old = door(hands.config).map_err(unable)?;
    let (password, made) = secret(wanted, hands.random)?;
    if old.password.expose() == password.expose() {
        return Err(Refusal::NotAllowed { reason: "that is the password already".to_owned() });
    }
    // What FreeSWITCH runs with must be what its file says, or there is nothing to go back to.
    enter(&old).map_err(|error| unable(Chain(&error).to_string()))?;
    let new = Door { address: old.address, password };
    let edits = edits(hands.config, &new.password, side)?;
    carry_out(hands, (Act::EventSocket, true), &edits, || {
        reload(&old)?;
        until(|| in_force(&new, &old))
    })?;
    let mut changed = SwitchChanged { restart: services(), ..SwitchChanged::default() };
    if side == FusionPbxSide::Database {
        changed.notes.push("FusionPBX keeps its own copy in v_settings: it must get the same password.".to_owned());
    }
    changed.secret = (made || side == FusionPbxSide::Database).then_some(Carried(new.password));
    Ok(changed)
}

fn edits(config: &FreeSwitchConfig, password: &Secret<String>, side: FusionPbxSide) -> Result<Vec<Edit>, Refusal> {
    let (ground, found, xml) = file(config, EVENT_SOCKET).map_err(unable)?;
    let next = xml.with(EVENT_SOCKET_CONF, &[("password", password.clone())]);
    let next = next.map_err(|error| unable(format!("{}: {error}", found.facts.path)))?;
    let mut edits = vec![Edit { which: Which::EventSocket, ground, found, next }];
    if side == FusionPbxSide::ConfigConf {
        let failed = |error| unable(Chain(&error).to_string());
        let ground = Ground::open(&config.fusionpbx, None).map_err(failed)?;
        let found = ground.read(CONFIG_CONF).map_err(failed)?;
        let next = config_conf::with_password(&found.bytes, password);
        edits.push(Edit { which: Which::ConfigConf, ground, found, next });
    }
    Ok(edits)
}

/// Every connection is cut by it, ours too.
fn reload(door: &Door) -> Result<(), String> {
    let mut socket = enter(door).map_err(|error| Chain(&error).to_string())?;
    match socket.api("reload mod_event_socket") {
        Ok(answer) => match refused(&answer) {
            Some(words) => Err(format!("FreeSWITCH did not reload mod_event_socket: {words}")),
            None => Ok(()),
        },
        Err(EslError::Message(_)) => Ok(()),
        Err(error) => Err(Chain(&error).to_string()),
    }
}

/// Whether the event socket takes what `own` says, and not what `other` says.
fn in_force(own: &Door, other: &Door) -> Result<(), String> {
    enter(own).map(drop).map_err(|error: EslError| format!("the new state does not show: {}", Chain(&error)))?;
    match enter(other) {
        Err(EslError::WrongPassword) => Ok(()),
        Ok(EventSocket { .. }) => Err("the event socket still takes the other password".to_owned()),
        Err(error) => Err(Chain(&error).to_string()),
    }
}

/// Has the running FreeSWITCH take the password of `former` again, after the files were put back from `next`.
///
/// # Errors
/// It does not, and says why.
pub(super) fn settle(
    config: &FreeSwitchConfig,
    former: &Secret<Vec<u8>>,
    next: &Secret<Vec<u8>>,
) -> Result<(), String> {
    let address = door(config)?.address;
    let side = |bytes: &Secret<Vec<u8>>| -> Result<Door, String> {
        let xml = Xml::parse(bytes).map_err(|error| error.to_string())?;
        let password = xml.setting(EVENT_SOCKET_CONF, "password").map_err(|error| error.to_string())?;
        Ok(Door { address, password: password.unwrap_or_else(|| Secret::new("ClueCon".to_owned())) })
    };
    let (former, next) = (side(former)?, side(next)?);
    // A reload may be under way: either of the two is taken soon.
    until(|| match (enter(&former), enter(&next)) {
        (Err(EslError::Unreachable { address, .. }), _) => {
            Err(format!("the event socket at {address} cannot be reached"))
        }
        (Err(_), Err(error)) => Err(Chain(&error).to_string()),
        _ => Ok(()),
    })
    .map_err(|reason| format!("the files are as before, but {reason}"))?;
    if enter(&next).is_ok() {
        reload(&next)?;
    }
    until(|| in_force(&former, &next))
}

fn services() -> Vec<String> {
    let is_there = |name: &str| std::path::Path::new(UNITS).join(format!("{name}.service")).exists();
    SERVICES.into_iter().filter(|name| is_there(name)).map(str::to_owned).collect()
}
