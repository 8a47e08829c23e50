//! Addresses that the SIP jails let pass for a while: which, in which jail, and until when. It is kept in the agent's own
//! place before fail2ban is told, so that an agent that was cut off still takes it back in time.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::agent::fail2ban::socket::{Fail2banError, Socket};
use crate::agent::place::{Place, PlaceError};
use crate::base::chain::Chain;
use crate::base::clock::Timestamp;

/// Where they lie in the place.
const DIRECTORY: &str = "fail2ban";

/// The file.
const PASSES: &str = "fail2ban/passes.json";

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pass {
    /// Whom.
    pub(super) address: IpAddr,
    /// Where.
    pub(super) jail: String,
    /// Until when, in seconds since 1970.
    pub(super) until: i64,
}

/// Those that are kept; none if there is no file.
///
/// # Errors
/// It cannot be read or understood.
pub(super) fn kept(place: &Place) -> Result<Vec<Pass>, String> {
    let bytes = place.read(PASSES).map_err(|error| Chain(&error).to_string())?;
    bytes.map_or(Ok(Vec::new()), |bytes| {
        serde_json::from_slice(&bytes).map_err(|error| format!("{PASSES} cannot be understood: {error}"))
    })
}

/// Keeps `passes` in place of what was kept.
///
/// # Errors
/// The disk refused.
pub(super) fn keep(place: &Place, passes: &[Pass]) -> Result<(), PlaceError> {
    if passes.is_empty() {
        return place.remove(PASSES);
    }
    place.create_directory(DIRECTORY)?;
    place.write(PASSES, &serde_json::to_vec(passes).unwrap_or_default())
}

/// Has every pass that is over at `now` taken back; those that remain. What fail2ban does not know any more, because it
/// was started again meanwhile, is gone too.
///
/// # Errors
/// fail2ban does not answer: then all stay, to be tried again.
pub(super) fn end_due(socket: &mut Socket, passes: Vec<Pass>, now: Timestamp) -> Result<Vec<Pass>, Fail2banError> {
    let (over, rest): (Vec<Pass>, Vec<Pass>) = passes.into_iter().partition(|pass| pass.until <= now.unix());
    for pass in &over {
        match socket.ask(&["set", &pass.jail, "delignoreip", &pass.address.to_string()]) {
            Ok(_) | Err(Fail2banError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(rest)
}
