//! What lay in FreeSWITCH's directory before, kept in the agent's own place until the new certificate is served.
//!
//! There are two marks. `armed.json` is there while a switch is not proved: an agent that finds it when it starts was cut off,
//! and goes back. `pending.json` is there while FreeSWITCH cannot take the new file up without a restart: the file is good and
//! stays, and the way back is kept for the restart.

use serde::{Deserialize, Serialize};

use crate::agent::certificates::in_force;
use crate::agent::freeswitch::files::{FileError, Found, Ground};
use crate::agent::freeswitch::tls::ground::{BUNDLE, LINKS, Lies, owner_of_bundle};
use crate::agent::place::{Place, PlaceError};
use crate::base::encoding::sha256_hex;
use crate::base::ids::CertificateId;
use crate::base::secret::Secret;
use crate::wire::grant::Consumer;
use crate::wire::request::Generation;
use crate::wire::switch::FileFacts;

/// Where it lies in the place.
const ROOT: &str = "switch-tls";

/// Why the way back cannot be kept or gone.
#[derive(Debug, thiserror::Error)]
pub(super) enum WayBackError {
    /// The agent's own place.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// FreeSWITCH's directory.
    #[error(transparent)]
    Ground(#[from] FileError),
    /// A name is a directory or something else that cannot be put back.
    #[error("{name} in FreeSWITCH's directory of certificates is {found}: move it away first")]
    Strange {
        /// The name.
        name: &'static str,
        /// What lies there.
        found: String,
    },
    /// A mark of ours was changed by somebody else.
    #[error("what the agent keeps of FreeSWITCH's former certificate is spoiled")]
    Spoiled,
}

/// Which of the two marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not proved.
    Armed,
    /// Good, and waiting for a restart.
    Pending,
}

impl Stage {
    const fn spot(self) -> &'static str {
        match self {
            Self::Armed => "switch-tls/armed.json",
            Self::Pending => "switch-tls/pending.json",
        }
    }
}

/// A switch that is not over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Mark {
    /// What was put there.
    pub(super) certificate: CertificateId,
    /// Which generation of it.
    pub(super) generation: Generation,
    /// The SHA-256 of the new `all.pem`.
    bundle: String,
    /// What lay at each name before.
    former: Vec<Former>,
    /// Why it waits; empty while it does not.
    #[serde(default)]
    pub(super) reason: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Former {
    name: String,
    lies: Lies,
    owner: u32,
    group: u32,
    mode: u32,
}

/// The mark of `stage`, if there is one.
///
/// # Errors
/// The disk refused, or it is spoiled.
pub(super) fn mark(place: &Place, stage: Stage) -> Result<Option<Mark>, WayBackError> {
    let Some(bytes) = place.read(stage.spot())? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|_| WayBackError::Spoiled)
}

/// Keeps what lies there now, and then sets the mark. Where a switch is pending, what lay there before that one stays the
/// way back: it is what FreeSWITCH still serves.
///
/// # Errors
/// The disk refused, or something there could not be put back: then nothing may be changed.
pub(super) fn arm(
    place: &Place,
    ground: &Ground,
    (certificate, generation): (CertificateId, Generation),
    bundle: &Secret<Vec<u8>>,
) -> Result<(), WayBackError> {
    place.create_directory(ROOT)?;
    let former = match mark(place, Stage::Pending)? {
        Some(pending) if is_ours(ground, &pending)? => pending.former,
        _ => names().map(|name| keep(place, ground, name)).collect::<Result<_, _>>()?,
    };
    let bundle = sha256_hex(bundle.expose());
    write(place, Stage::Armed, &Mark { certificate, generation, bundle, former, reason: String::new() })?;
    Ok(place.remove(Stage::Pending.spot())?)
}

/// The new certificate is not served yet, and for a good reason: the mark says so from now on.
///
/// # Errors
/// The disk refused.
pub(super) fn wait(place: &Place, reason: &str) -> Result<(), WayBackError> {
    if let Some(mark) = mark(place, Stage::Armed)? {
        write(place, Stage::Pending, &Mark { reason: reason.to_owned(), ..mark })?;
    }
    Ok(place.remove(Stage::Armed.spot())?)
}

/// The new certificate is served: nothing of the former one is kept any more.
///
/// # Errors
/// The disk refused.
pub(super) fn settle(place: &Place) -> Result<(), WayBackError> {
    for stage in [Stage::Armed, Stage::Pending] {
        place.remove(stage.spot())?;
    }
    for name in names() {
        place.remove(&kept(name))?;
    }
    Ok(())
}

/// Puts back what lay there before, if there is a mark of `stage`; then nothing is kept. Answers whose certificate it was,
/// and the names that somebody else changed meanwhile: those are left alone.
///
/// # Errors
/// The disk refused: the way back is still kept.
pub(super) fn go(place: &Place, ground: &Ground, stage: Stage) -> Result<Option<(Mark, Vec<String>)>, WayBackError> {
    let Some(mark) = mark(place, stage)? else { return Ok(None) };
    let mut foreign = Vec::new();
    for former in &mark.former {
        let Former { name, lies, owner, group, mode } = former;
        ground.sweep(name);
        let is_own = if name == BUNDLE {
            is_bundle(ground, &mark.bundle)?
        } else {
            ground.lies(name)? == Lies::Link(BUNDLE.to_owned())
        };
        let now = ground.lies(name)?;
        if !is_own {
            // Not switched yet, or already back; else somebody else was here.
            if now != *lies || (name == BUNDLE && !is_former(place, ground, lies)?) {
                foreign.push(name.clone());
            }
            continue;
        }
        match lies {
            Lies::Nothing => drop(ground.remove(name)?),
            Lies::Link(_) if now == *lies => {}
            Lies::Link(target) => ground.put_link(name, target)?,
            Lies::File => {
                let bytes = place.read(&kept(name))?.map(Secret::new).ok_or(WayBackError::Spoiled)?;
                let facts = FileFacts { path: String::new(), owner: *owner, mode: *mode };
                ground.put(name, &Found { bytes: Secret::new(Vec::new()), facts, group: *group }, &bytes)?;
            }
            Lies::Other => return Err(WayBackError::Spoiled),
        }
    }
    in_force::take_back(place, Consumer::FreeSwitch, (mark.certificate, mark.generation))?;
    settle(place)?;
    Ok(Some((mark, foreign)))
}

/// Whether the `all.pem` of `mark` still lies there.
pub(super) fn is_ours(ground: &Ground, mark: &Mark) -> Result<bool, FileError> {
    is_bundle(ground, &mark.bundle)
}

fn is_bundle(ground: &Ground, digest: &str) -> Result<bool, FileError> {
    match ground.lies(BUNDLE)? {
        Lies::File => Ok(sha256_hex(ground.read(BUNDLE)?.bytes.expose()) == digest),
        _ => Ok(false),
    }
}

fn is_former(place: &Place, ground: &Ground, lies: &Lies) -> Result<bool, WayBackError> {
    if *lies != Lies::File {
        return Ok(true);
    }
    let kept = place.read(&kept(BUNDLE))?.ok_or(WayBackError::Spoiled)?;
    Ok(ground.read(BUNDLE)?.bytes.expose() == &kept)
}

/// The links first: whoever reads through one of them meanwhile reads a whole file either way.
fn names() -> impl Iterator<Item = &'static str> {
    LINKS.into_iter().chain([BUNDLE])
}

fn keep(place: &Place, ground: &Ground, name: &'static str) -> Result<Former, WayBackError> {
    let lies = ground.lies(name)?;
    let plain = |lies| Former { name: name.to_owned(), lies, owner: 0, group: 0, mode: 0 };
    match lies {
        Lies::File => {
            let found = ground.read(name)?;
            place.write(&kept(name), found.bytes.expose())?;
            let FileFacts { owner, mode, .. } = found.facts;
            Ok(Former { name: name.to_owned(), lies: Lies::File, owner, group: found.group, mode })
        }
        Lies::Other => Err(WayBackError::Strange { name, found: lies.spoken() }),
        lies => Ok(plain(lies)),
    }
}

fn kept(name: &str) -> String {
    format!("{ROOT}/former-{name}")
}

fn write(place: &Place, stage: Stage, mark: &Mark) -> Result<(), PlaceError> {
    place.write(stage.spot(), &serde_json::to_vec(mark).unwrap_or_default())
}

/// Puts the bundle, and has every name lead to it. The bundle comes first: a name that leads to it never leads to nothing.
///
/// # Errors
/// The disk refused.
pub(super) fn put(ground: &Ground, bundle: &Secret<Vec<u8>>) -> Result<(), FileError> {
    ground.put(BUNDLE, &owner_of_bundle(ground)?, bundle)?;
    for name in LINKS {
        if ground.lies(name)? != Lies::Link(BUNDLE.to_owned()) {
            ground.put_link(name, BUNDLE)?;
        }
    }
    Ok(())
}
