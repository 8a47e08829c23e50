//! One change of FreeSWITCH: the way back is kept, the files are written, the change takes effect and is proved; else the
//! files are put back and the former state is proved.

use crate::agent::config::FreeSwitchConfig;
use crate::agent::freeswitch::armed::{self, Act, Back, Edit, Which};
use crate::agent::freeswitch::{event_socket, xml_rpc};
use crate::agent::place::Place;
use crate::base::chain::Chain;
use crate::base::rng::{Random, below};
use crate::base::secret::Secret;
use crate::wire::answer::Refusal;
use crate::wire::switch::NewSecret;
use crate::wire::typed;

/// The letters of a secret that the agent makes: none that is read for another.
const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// So many of them: 186 bits.
const LENGTH: usize = 32;

/// Whether the former state holds again, or what does not.
pub(super) type Settled = Result<(), String>;

/// What a change works with.
#[derive(Clone, Copy)]
pub(super) struct Hands<'a> {
    pub(super) config: &'a FreeSwitchConfig,
    pub(super) place: &'a Place,
    pub(super) random: &'a dyn Random,
}

/// Writes `edits`, has them take `effect`, and goes back if that fails. `act` says what it is, and whether the module that
/// reads the files is loaded.
///
/// # Errors
/// [`Refusal::RolledBack`] if the former state holds again; [`Refusal::Unable`] says what does not.
pub(super) fn carry_out(
    hands: Hands<'_>,
    act: (Act, bool),
    edits: &[Edit],
    effect: impl FnOnce() -> Result<(), String>,
) -> Result<(), Refusal> {
    // A way back that could not be gone earlier comes first: there is room for one.
    if let Some(settled) = go_back(hands).map_err(unable)? {
        settled.map_err(unable)?;
    }
    armed::arm(hands.place, act, edits)?;
    let written = edits.iter().try_for_each(|edit| edit.ground.replace(edit.which.name(), &edit.found, &edit.next));
    let done = written.map_err(|error| Chain(&error).to_string()).and_then(|()| effect());
    let Err(reason) = done else {
        return Ok(armed::disarm(hands.place)?);
    };
    Err(match go_back(hands).map(|back| back.unwrap_or(Ok(()))) {
        Ok(Ok(())) => Refusal::RolledBack { reason },
        Ok(Err(more)) | Err(more) => unable(format!("{reason}; and {more}")),
    })
}

/// Goes back to what was before a change that is not proved; `None` if there is none. Says what does not stand as
/// before.
///
/// # Errors
/// The mark or the disk cannot be used; the way back is still kept.
pub(super) fn go_back(hands: Hands<'_>) -> Result<Option<Settled>, String> {
    let Some(back) = armed::put_back(hands.place, hands.config)? else {
        return Ok(None);
    };
    let settled = if back.foreign.is_empty() {
        settle(hands.config, &back)
    } else {
        Err(format!("somebody else changed {} meanwhile, so it was left as it is", back.foreign.join(" and ")))
    };
    armed::disarm(hands.place).map_err(|error| Chain(&error).to_string())?;
    Ok(Some(settled))
}

/// Has the running FreeSWITCH do again what the files say again.
fn settle(config: &FreeSwitchConfig, back: &Back) -> Result<(), String> {
    let sides = |which| Back::pick(&back.former, which).zip(Back::pick(&back.next, which));
    match back.act {
        Act::AtStart => Ok(()),
        Act::XmlRpc => sides(Which::XmlRpc)
            .map_or(Ok(()), |(former, next)| xml_rpc::settle(config, (former, next), back.was_loaded)),
        Act::EventSocket => {
            sides(Which::EventSocket).map_or(Ok(()), |(former, next)| event_socket::settle(config, former, next))
        }
    }
}

/// The secret to set; `true` if it was made here and must be said.
///
/// # Errors
/// What was typed is too short, known to everybody, or has letters that one of the files or protocols has its own use for.
pub(super) fn secret(wanted: &NewSecret, random: &dyn Random) -> Result<(Secret<String>, bool), Refusal> {
    let NewSecret::Typed(typed) = wanted else {
        let bound = u32::try_from(ALPHABET.len()).unwrap_or_default();
        let letter = || ALPHABET.get(below(random, bound) as usize).copied().map_or('x', char::from);
        return Ok((Secret::new((0..LENGTH).map(|_| letter()).collect()), true));
    };
    let typed = typed.expose();
    let Some(reason) = typed::fault(typed) else {
        return Ok((Secret::new(typed.clone()), false));
    };
    Err(Refusal::NotAllowed { reason: reason.to_owned() })
}

pub(super) const fn unable(reason: String) -> Refusal {
    Refusal::Unable { reason }
}
