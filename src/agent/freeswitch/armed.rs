//! The way back of a change: what each file held before and what it was to hold, kept in the agent's own place until the
//! change is proved. An agent that finds it when it starts was cut off in between, and goes back.

use serde::{Deserialize, Serialize};

use crate::agent::config::FreeSwitchConfig;
use crate::agent::freeswitch::files::{FileError, Found, Ground};
use crate::agent::freeswitch::read::{CONFIG_CONF, MODULES, XML_RPC};
use crate::agent::freeswitch::session::{AUTOLOAD, EVENT_SOCKET};
use crate::agent::place::{Place, PlaceError};
use crate::base::chain::Chain;
use crate::base::secret::Secret;
use crate::wire::switch::FileFacts;

/// Where it lies in the place.
const DIRECTORY: &str = "switch";

/// The mark: while it is there, a change is not proved.
const ARMED: &str = "switch/armed.json";

/// What is being changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Act {
    /// XML RPC's port, realm, user or password.
    XmlRpc,
    /// The event socket's password.
    EventSocket,
    /// What is loaded at the start.
    AtStart,
}

/// A file that is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Which {
    XmlRpc,
    EventSocket,
    ConfigConf,
    Modules,
}

impl Which {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::XmlRpc => XML_RPC,
            Self::EventSocket => EVENT_SOCKET,
            Self::ConfigConf => CONFIG_CONF,
            Self::Modules => MODULES,
        }
    }

    pub(super) fn ground(self, config: &FreeSwitchConfig) -> Result<Ground, FileError> {
        match self {
            Self::ConfigConf => Ground::open(&config.fusionpbx, None),
            Self::XmlRpc | Self::EventSocket | Self::Modules => Ground::open(&config.conf, Some(AUTOLOAD)),
        }
    }
}

/// One file as it was, and as it is to be.
pub(super) struct Edit {
    pub(super) which: Which,
    pub(super) ground: Ground,
    pub(super) found: Found,
    pub(super) next: Secret<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct Mark {
    act: Act,
    /// Whether the module was loaded before.
    was_loaded: bool,
    files: Vec<MarkedFile>,
}

#[derive(Serialize, Deserialize)]
struct MarkedFile {
    which: Which,
    facts: FileFacts,
    group: u32,
}

/// A change that was taken back on the disk.
pub(super) struct Back {
    pub(super) act: Act,
    /// Whether the module was loaded before.
    pub(super) was_loaded: bool,
    /// What the files held before, and hold again.
    pub(super) former: Vec<(Which, Secret<Vec<u8>>)>,
    /// What they were to hold.
    pub(super) next: Vec<(Which, Secret<Vec<u8>>)>,
    /// Files that somebody else wrote meanwhile; they were left alone.
    pub(super) foreign: Vec<String>,
}

impl Back {
    /// The bytes of one file.
    pub(super) fn pick(side: &[(Which, Secret<Vec<u8>>)], which: Which) -> Option<&Secret<Vec<u8>>> {
        side.iter().find(|(own, _)| *own == which).map(|(_, bytes)| bytes)
    }
}

/// Keeps the way back, and then sets the mark.
///
/// # Errors
/// The disk refused: then nothing may be changed.
pub(super) fn arm(place: &Place, (act, was_loaded): (Act, bool), edits: &[Edit]) -> Result<(), PlaceError> {
    place.create_directory(DIRECTORY)?;
    let mut files = Vec::new();
    for edit in edits {
        place.write(&spot("former", edit.which), edit.found.bytes.expose())?;
        place.write(&spot("next", edit.which), edit.next.expose())?;
        files.push(MarkedFile { which: edit.which, facts: edit.found.facts.clone(), group: edit.found.group });
    }
    place.write(ARMED, &serde_json::to_vec(&Mark { act, was_loaded, files }).unwrap_or_default())
}

/// Takes the mark away, and with it the secrets that were kept.
///
/// # Errors
/// The disk refused: then the change would be taken back at the next start.
pub(super) fn disarm(place: &Place) -> Result<(), PlaceError> {
    place.remove(ARMED)?;
    for which in [Which::XmlRpc, Which::EventSocket, Which::ConfigConf, Which::Modules] {
        place.remove(&spot("former", which))?;
        place.remove(&spot("next", which))?;
    }
    Ok(())
}

/// Puts every file back as it was, if there is a mark. The mark stays, for [`disarm`].
///
/// # Errors
/// The mark or the disk cannot be used.
pub(super) fn put_back(place: &Place, config: &FreeSwitchConfig) -> Result<Option<Back>, String> {
    let failed = |error: PlaceError| Chain(&error).to_string();
    let Some(mark) = place.read(ARMED).map_err(failed)? else {
        return Ok(None);
    };
    let spoiled = || format!("{} is spoiled", place.absolute(ARMED).display());
    let mark: Mark = serde_json::from_slice(&mark).map_err(|_| spoiled())?;
    let mut back = Back {
        act: mark.act,
        was_loaded: mark.was_loaded,
        former: Vec::new(),
        next: Vec::new(),
        foreign: Vec::new(),
    };
    for MarkedFile { which, facts, group } in mark.files {
        let kept = |side| place.read(&spot(side, which)).map_err(failed)?.map(Secret::new).ok_or_else(spoiled);
        let (former, next) = (kept("former")?, kept("next")?);
        let put = || -> Result<bool, FileError> {
            let ground = which.ground(config)?;
            let now = ground.read(which.name())?;
            if now.bytes.expose() == next.expose() {
                let like = Found { bytes: Secret::new(Vec::new()), facts: facts.clone(), group };
                ground.put(which.name(), &like, &former)?;
                return Ok(true);
            }
            Ok(now.bytes.expose() == former.expose())
        };
        if !put().map_err(|error| Chain(&error).to_string())? {
            back.foreign.push(facts.path);
        }
        back.former.push((which, former));
        back.next.push((which, next));
    }
    Ok(Some(back))
}

fn spot(side: &str, which: Which) -> String {
    format!("{DIRECTORY}/{side}-{}", which.name())
}
