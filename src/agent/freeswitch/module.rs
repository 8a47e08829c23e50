//! Loads and unloads `mod_xml_rpc`, and says whether FreeSWITCH loads it when it starts.

use crate::agent::freeswitch::armed::{Act, Edit, Which};
use crate::agent::freeswitch::change::{Hands, carry_out, unable};
use crate::agent::freeswitch::esl::refused;
use crate::agent::freeswitch::http;
use crate::agent::freeswitch::judge::is_shipped;
use crate::agent::freeswitch::read::{MODULES, XML_RPC};
use crate::agent::freeswitch::session::{self, file};
use crate::agent::freeswitch::xml_rpc::{
    MODULE, Settings, free, in_force, is_loaded, listens, load as load_module, until,
};
use crate::base::chain::Chain;
use crate::wire::answer::Refusal;
use crate::wire::switch::{Answers, SwitchChanged};

/// Loads it, unless it would be open to everybody.
///
/// # Errors
/// It was refused, or does not do what its file says.
pub(super) fn load(hands: Hands<'_>) -> Result<SwitchChanged, Refusal> {
    let (_, _, xml) = file(hands.config, XML_RPC).map_err(unable)?;
    let settings = Settings::of(&xml).map_err(unable)?;
    let password = settings.credentials().map(|credentials| credentials.password);
    if settings.realm.as_ref().is_none_or(String::is_empty) || password.is_none_or(|own| is_shipped(own.expose())) {
        let reason =
            "set a realm, a user and a password of its own first: as it stands, anybody could come in".to_owned();
        return Err(Refusal::NotAllowed { reason });
    }
    let mut socket = session::open(hands.config).map_err(unable)?;
    if is_loaded(&mut socket).map_err(unable)? {
        return Err(Refusal::NotAllowed { reason: "it is loaded already".to_owned() });
    }
    free(settings.port)?;
    load_module(&mut socket).map_err(unable)?;
    let nothing = Settings { user: None, password: None, ..settings.clone() };
    match until(|| in_force(&settings, &nothing)) {
        Ok(()) => Ok(SwitchChanged::default()),
        // Unloading it is safe only while it listens.
        Err(reason) if listens(settings.port).is_ok() => match unload(hands) {
            Ok(_) => Err(Refusal::RolledBack { reason }),
            Err(more) => Err(unable(format!("{reason}; and {more}"))),
        },
        Err(reason) => Err(unable(format!(
            "{reason}. It is loaded and must not be unloaded or reloaded: FreeSWITCH would end, and every call with it. Plan a \
             restart of FreeSWITCH"
        ))),
    }
}

/// Unloads it.
///
/// # Errors
/// It is not loaded, does not listen, or FreeSWITCH said no.
pub(super) fn unload(hands: Hands<'_>) -> Result<SwitchChanged, Refusal> {
    let (_, _, xml) = file(hands.config, XML_RPC).map_err(unable)?;
    let settings = Settings::of(&xml).map_err(unable)?;
    let mut socket = session::open(hands.config).map_err(unable)?;
    if !is_loaded(&mut socket).map_err(unable)? {
        return Err(Refusal::NotAllowed { reason: "it is not loaded".to_owned() });
    }
    listens(settings.port).map_err(unable)?;
    let answer = socket.api(&format!("unload {MODULE}")).map_err(|error| unable(Chain(&error).to_string()))?;
    if let Some(words) = refused(&answer) {
        return Err(unable(format!("FreeSWITCH did not unload mod_xml_rpc: {words}")));
    }
    until(|| match http::who(settings.port) {
        Answers::XmlRpc | Answers::OpenXmlRpc => Err(format!("XML RPC still answers at port {}", settings.port)),
        Answers::Nobody | Answers::SomebodyElse => Ok(()),
    })
    .map_err(unable)?;
    Ok(SwitchChanged::default())
}

/// Writes into `modules.conf.xml` whether it is loaded at the start. FusionPBX writes that file anew from `v_modules`.
///
/// # Errors
/// The file cannot be changed, or says so already.
pub(super) fn at_start(hands: Hands<'_>, is_loaded: bool) -> Result<SwitchChanged, Refusal> {
    let (ground, found, xml) = file(hands.config, MODULES).map_err(unable)?;
    let next = xml.with_module(MODULE, is_loaded);
    let next = next.map_err(|error| unable(format!("{}: {error}", found.facts.path)))?;
    if next.expose() == found.bytes.expose() {
        return Err(Refusal::NotAllowed { reason: "that is how it stands already".to_owned() });
    }
    let edits = [Edit { which: Which::Modules, ground, found, next }];
    carry_out(hands, (Act::AtStart, false), &edits, || {
        let (_, _, xml) = file(hands.config, MODULES)?;
        let modules = xml.modules().map_err(|error| error.to_string())?;
        let is_so = modules.iter().any(|module| module == MODULE) == is_loaded;
        if is_so { Ok(()) } else { Err("the file does not say what was written".to_owned()) }
    })?;
    let note = "FusionPBX writes modules.conf.xml anew from its list of modules (v_modules): change it there too.";
    Ok(SwitchChanged { notes: vec![note.to_owned()], ..SwitchChanged::default() })
}
