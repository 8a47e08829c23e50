//! Where the event socket of this host is, and how to sign in: FreeSWITCH's own file says it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::agent::config::FreeSwitchConfig;
use crate::agent::freeswitch::esl::{EslError, EventSocket};
use crate::agent::freeswitch::files::{Found, Ground};
use crate::agent::freeswitch::listening;
use crate::agent::freeswitch::xml::{Xml, is_variable};
use crate::base::chain::Chain;
use crate::base::secret::Secret;

/// The directory of FreeSWITCH's settings files in its own.
pub(super) const AUTOLOAD: &str = "autoload_configs";

/// The event socket's file.
pub(super) const EVENT_SOCKET: &str = "event_socket.conf.xml";

/// The name of the settings in it.
pub(super) const EVENT_SOCKET_CONF: &str = "event_socket.conf";

/// The port that `mod_event_socket` takes if none is set.
pub(super) const EVENT_SOCKET_PORT: u16 = 8021;

/// How long one conversation may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The event socket as its file describes it.
pub(super) struct Door {
    /// Where to connect.
    pub(super) address: SocketAddr,
    /// What to say there.
    pub(super) password: Secret<String>,
}

/// The file, as bytes and understood.
///
/// # Errors
/// It cannot be read, or is no XML.
pub(super) fn file(config: &FreeSwitchConfig, name: &str) -> Result<(Ground, Found, Xml), String> {
    let ground = Ground::open(&config.conf, Some(AUTOLOAD)).map_err(|error| Chain(&error).to_string())?;
    let found = ground.read(name).map_err(|error| Chain(&error).to_string())?;
    let xml = Xml::parse(&found.bytes).map_err(|error| format!("{}: {error}", found.facts.path))?;
    Ok((ground, found, xml))
}

/// What the file says.
///
/// # Errors
/// It cannot be read, its password stands elsewhere, or it names an address that is not this host's.
pub(super) fn door(config: &FreeSwitchConfig) -> Result<Door, String> {
    let (_, found, xml) = file(config, EVENT_SOCKET)?;
    let get = |name| xml.setting(EVENT_SOCKET_CONF, name).map_err(|error| format!("{}: {error}", found.facts.path));
    let port = get("listen-port")?.map_or(Ok(EVENT_SOCKET_PORT), |port| port.expose().trim().parse());
    let port = port.map_err(|_| format!("{}: listen-port is no port", found.facts.path))?;
    let address = match get("listen-ip")? {
        Some(text) => text.expose().trim().parse::<IpAddr>().unwrap_or(Ipv4Addr::LOCALHOST.into()),
        None => Ipv4Addr::LOCALHOST.into(),
    };
    let password = get("password")?.unwrap_or_else(|| Secret::new("ClueCon".to_owned()));
    if is_variable(password.expose()) {
        return Err(format!("{}: the password depends on a variable", found.facts.path));
    }
    Ok(Door { address: local(address, port)?, password })
}

/// The address of this host that stands for `address`. The file belongs to the web server's user: nothing is said to
/// another host because it says so.
fn local(address: IpAddr, port: u16) -> Result<SocketAddr, String> {
    if address.is_unspecified() {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let socket = SocketAddr::new(address, port);
    if address.is_loopback() || listening::at_port(port).contains(&socket) {
        return Ok(socket);
    }
    Err(format!("nothing on this host listens at {socket}, where event_socket.conf.xml puts the event socket"))
}

/// Signs in.
///
/// # Errors
/// As [`door`], or in the words of the event socket.
pub(super) fn open(config: &FreeSwitchConfig) -> Result<EventSocket, String> {
    let door = door(config)?;
    enter(&door).map_err(|error| Chain(&error).to_string())
}

/// Signs in with what `door` says.
///
/// # Errors
/// As [`EslError`].
pub(super) fn enter(door: &Door) -> Result<EventSocket, EslError> {
    EventSocket::open(door.address, &door.password, PATIENCE)
}
