//! Changes XML RPC's port, realm, user and password.
//!
//! `mod_xml_rpc` is touched only while it really listens: if it could not have its port, it says that it is loaded, and the
//! next `unload` or `reload` ends FreeSWITCH and every call with it (seen on 1.10.12 and 1.11.2).

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use crate::agent::config::FreeSwitchConfig;
use crate::agent::freeswitch::armed::{Act, Edit, Which};
use crate::agent::freeswitch::change::{Hands, carry_out, secret, unable};
use crate::agent::freeswitch::esl::{EslError, EventSocket, refused};
use crate::agent::freeswitch::http::{self, Credentials};
use crate::agent::freeswitch::listening;
use crate::agent::freeswitch::read::{XML_RPC, XML_RPC_CONF, XML_RPC_PORT};
use crate::agent::freeswitch::session::{self, door, enter, file};
use crate::agent::freeswitch::xml::{Xml, is_variable};
use crate::base::chain::Chain;
use crate::base::secret::Secret;
use crate::wire::answer::Refusal;
use crate::wire::carried::Carried;
use crate::wire::switch::{Answers, SwitchChanged, XmlRpcChange};

/// The module.
pub(super) const MODULE: &str = "mod_xml_rpc";

/// How long a change may take to show.
const SHOWS: Duration = Duration::from_secs(8);

/// Between two looks.
const BETWEEN: Duration = Duration::from_millis(50);

/// Why the module is left alone.
const DEAF: &str = "mod_xml_rpc is loaded and does not listen at its port; to reload or unload it now would end FreeSWITCH and \
                    every call. It needs a planned restart of FreeSWITCH";

/// What `xml_rpc.conf.xml` sets.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) port: u16,
    pub(super) realm: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret<String>>,
}

impl Settings {
    /// # Errors
    /// A value makes no sense, or stands elsewhere.
    pub(super) fn of(xml: &Xml) -> Result<Self, String> {
        let get = |name: &str| {
            let value = xml.setting(XML_RPC_CONF, name).map_err(|error| error.to_string())?;
            match value {
                Some(value) if is_variable(value.expose()) => Err(format!("{name} depends on a variable")),
                value => Ok(value),
            }
        };
        let port = get("http-port")?.map_or(Ok(XML_RPC_PORT), |port| port.expose().trim().parse());
        Ok(Self {
            port: port.map_err(|_| "http-port is no port".to_owned())?,
            realm: get("auth-realm")?.map(|realm| realm.expose().clone()),
            user: get("auth-user")?.map(|user| user.expose().clone()),
            password: get("auth-pass")?,
        })
    }

    fn of_bytes(bytes: &Secret<Vec<u8>>) -> Result<Self, String> {
        Self::of(&Xml::parse(bytes).map_err(|error| error.to_string())?)
    }

    /// What lets somebody in, if anything does.
    pub(super) fn credentials(&self) -> Option<Credentials> {
        let (user, password) = (self.user.clone()?, self.password.clone()?);
        (!password.expose().is_empty()).then_some(Credentials { user, password })
    }

    fn is_complete(&self) -> bool {
        let is_set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        is_set(&self.realm) && is_set(&self.user) && self.credentials().is_some()
    }
}

/// Changes it.
///
/// # Errors
/// It was refused and nothing was touched, or it did not prove itself and was taken back.
pub(super) fn change(hands: Hands<'_>, wanted: &XmlRpcChange) -> Result<SwitchChanged, Refusal> {
    let (ground, found, xml) = file(hands.config, XML_RPC).map_err(unable)?;
    let old = Settings::of(&xml).map_err(|error| unable(format!("{}: {error}", found.facts.path)))?;
    let (new, made) = planned(&old, wanted, hands)?;
    let running = running(hands.config, &old)?;
    if new.port != old.port {
        free(new.port)?;
    }
    let next = xml.with(XML_RPC_CONF, &values(wanted, &new));
    let next = next.map_err(|error| unable(format!("{}: {error}", found.facts.path)))?;
    if next.expose() == found.bytes.expose() {
        return Err(Refusal::NotAllowed { reason: "that is how it stands already".to_owned() });
    }
    let edits = [Edit { which: Which::XmlRpc, ground, found, next }];
    carry_out(hands, (Act::XmlRpc, running == Running::Loaded), &edits, || match running {
        Running::Not => Ok(()),
        Running::Loaded => {
            // Looked at again: time has passed.
            listens(old.port)?;
            if new.port != old.port {
                free(new.port).map_err(|refusal| refusal.to_string())?;
            }
            reload(hands.config)?;
            until(|| in_force(&new, &old))
        }
    })?;
    let mut changed = SwitchChanged::default();
    if made {
        changed.secret = new.password.map(Carried);
    }
    if let Running::Not = running {
        changed.notes.push("mod_xml_rpc is not loaded: the change takes effect when it is.".to_owned());
    }
    Ok(changed)
}

fn planned(old: &Settings, wanted: &XmlRpcChange, hands: Hands<'_>) -> Result<(Settings, bool), Refusal> {
    let not_allowed = |reason: &str| Refusal::NotAllowed { reason: reason.to_owned() };
    let mut new = old.clone();
    let mut made = false;
    if let Some(port) = wanted.port {
        // FreeSWITCH runs as the web server's user.
        new.port = Some(port).filter(|port| *port >= 1024).ok_or_else(|| not_allowed("a port of 1024 or above"))?;
    }
    new.realm = wanted.realm.as_ref().map(ToString::to_string).or(new.realm);
    new.user = wanted.user.as_ref().map(ToString::to_string).or(new.user);
    if let Some(password) = &wanted.password {
        let (password, is_made) = secret(password, hands.random)?;
        if old.password.as_ref().is_some_and(|old| old.expose() == password.expose()) {
            return Err(not_allowed("that is the password already"));
        }
        (new.password, made) = (Some(password), is_made);
    }
    if !new.is_complete() {
        return Err(not_allowed(
            "realm, user and password must all be set, or XML RPC is open; name those that are missing",
        ));
    }
    Ok((new, made))
}

/// The parameters that are written: those that were asked for.
fn values(wanted: &XmlRpcChange, new: &Settings) -> Vec<(&'static str, Secret<String>)> {
    let text = |value: &Option<String>| value.clone().map(Secret::new);
    let all = [
        ("http-port", wanted.port.map(|port| Secret::new(port.to_string()))),
        ("auth-realm", wanted.realm.as_ref().and_then(|_| text(&new.realm))),
        ("auth-user", wanted.user.as_ref().and_then(|_| text(&new.user))),
        ("auth-pass", wanted.password.as_ref().and_then(|_| new.password.clone())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Whether the module runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Running {
    /// FreeSWITCH does not, or runs without it.
    Not,
    /// It is loaded and listens.
    Loaded,
}

/// Whether the module may be touched.
///
/// # Errors
/// It may not, or that cannot be known.
pub(super) fn running(config: &FreeSwitchConfig, settings: &Settings) -> Result<Running, Refusal> {
    let door = door(config).map_err(unable)?;
    let mut socket = match enter(&door) {
        Ok(socket) => socket,
        Err(EslError::Unreachable { .. }) if http::who(settings.port) == Answers::Nobody => return Ok(Running::Not),
        Err(error) => return Err(unable(Chain(&error).to_string())),
    };
    if !is_loaded(&mut socket).map_err(unable)? {
        return Ok(Running::Not);
    }
    listens(settings.port).map_err(unable)?;
    Ok(Running::Loaded)
}

pub(super) fn is_loaded(socket: &mut EventSocket) -> Result<bool, String> {
    let answer = socket.api(&format!("module_exists {MODULE}")).map_err(|error| Chain(&error).to_string())?;
    match answer.trim() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("FreeSWITCH does not say whether mod_xml_rpc is loaded".to_owned()),
    }
}

/// # Errors
/// Nobody answers there as `mod_xml_rpc`: it must be left alone.
pub(super) fn listens(port: u16) -> Result<(), String> {
    if is_ours(http::who(port)) { Ok(()) } else { Err(DEAF.to_owned()) }
}

const fn is_ours(answers: Answers) -> bool {
    matches!(answers, Answers::XmlRpc | Answers::OpenXmlRpc)
}

/// # Errors
/// Somebody has the port.
pub(super) fn free(port: u16) -> Result<(), Refusal> {
    let taken = || Refusal::NotAllowed { reason: format!("port {port} is taken by another program") };
    if !listening::at_port(port).is_empty() {
        return Err(taken());
    }
    TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))).map(drop).map_err(|_| taken())
}

fn reload(config: &FreeSwitchConfig) -> Result<(), String> {
    let mut socket = session::open(config)?;
    match socket.api(&format!("reload {MODULE}")) {
        Ok(answer) => match refused(&answer) {
            Some(words) => Err(format!("FreeSWITCH did not reload mod_xml_rpc: {words}")),
            None => Ok(()),
        },
        // It may have been done all the same: what holds shows.
        Err(EslError::Message(_)) => Ok(()),
        Err(error) => Err(Chain(&error).to_string()),
    }
}

/// Looks until `holds` is content, or long enough.
pub(super) fn until(holds: impl Fn() -> Result<(), String>) -> Result<(), String> {
    let start = Instant::now();
    loop {
        match holds() {
            Err(_) if start.elapsed() < SHOWS => std::thread::sleep(BETWEEN),
            outcome => return outcome,
        }
    }
}

/// Whether `own` is what XML RPC does, and `other` is not.
pub(super) fn in_force(own: &Settings, other: &Settings) -> Result<(), String> {
    let answers = http::who(own.port);
    if own.realm.is_none() {
        return if answers == Answers::OpenXmlRpc { Ok(()) } else { Err("XML RPC is not as it was".to_owned()) };
    }
    match answers {
        Answers::XmlRpc => {}
        Answers::OpenXmlRpc => return Err(format!("XML RPC asks for no password at port {}", own.port)),
        Answers::Nobody | Answers::SomebodyElse => {
            return Err(format!("XML RPC does not answer at port {}", own.port));
        }
    }
    let status = |credentials: &Credentials| http::sign_in(own.port, Some(credentials)).map(|said| said.status);
    let asked = http::sign_in(own.port, None).and_then(|said| said.realm);
    if asked.as_ref() != own.realm.as_ref() {
        return Err("XML RPC asks for a password under another realm".to_owned());
    }
    let credentials = own.credentials();
    if let Some(credentials) = &credentials
        && status(credentials) != Some(200)
    {
        return Err("XML RPC does not take the password".to_owned());
    }
    let is_same =
        |one: &Credentials, two: &Credentials| one.user == two.user && one.password.expose() == two.password.expose();
    let differs = |old: &Credentials| !credentials.as_ref().is_some_and(|new| is_same(new, old));
    if let Some(old) = other.credentials().filter(differs)
        && status(&old) != Some(401)
    {
        return Err("XML RPC still takes the other password".to_owned());
    }
    if own.port != other.port && is_ours(http::who(other.port)) {
        return Err(format!("XML RPC still answers at port {}", other.port));
    }
    Ok(())
}

/// Has the running module do what `former` says, after the file was put back from `next`.
///
/// # Errors
/// It does not, and says why.
pub(super) fn settle(
    config: &FreeSwitchConfig,
    (former, next): (&Secret<Vec<u8>>, &Secret<Vec<u8>>),
    was_loaded: bool,
) -> Result<(), String> {
    if !was_loaded {
        return Ok(());
    }
    let (former, next) = (Settings::of_bytes(former)?, Settings::of_bytes(next)?);
    let mut socket =
        enter(&door(config)?).map_err(|error| format!("the file is as before, but {}", Chain(&error)))?;
    if !is_loaded(&mut socket)? {
        free(former.port).map_err(|refusal| format!("the file is as before, but {refusal}"))?;
        load(&mut socket)?;
    } else if in_force(&former, &next).is_err() {
        if listens(former.port).is_err() {
            listens(next.port).map_err(|deaf| format!("the file is as before, but {deaf}"))?;
        }
        reload(config)?;
    }
    until(|| in_force(&former, &next))
}

/// Loads it.
///
/// # Errors
/// FreeSWITCH's own words.
pub(super) fn load(socket: &mut EventSocket) -> Result<(), String> {
    let answer = socket.api(&format!("load {MODULE}")).map_err(|error| Chain(&error).to_string())?;
    refused(&answer).map_or(Ok(()), |words| Err(format!("FreeSWITCH did not load mod_xml_rpc: {words}")))
}
