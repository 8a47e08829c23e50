//! Enrolment codes: root prints one on the host, an operator types it into the console, and whoever has it may put a
//! second factor in force for that operator, once, within half an hour.
//!
//! Each is a file in the place, named by the digest of its code. The agent need not run while it is made, and the console
//! has no part in it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agent::gate::code::{digest, enrolment_code};
use crate::agent::place::{Place, PlaceError};
use crate::base::clock::Timestamp;
use crate::base::names::OperatorName;
use crate::base::rng::Random;
use crate::wire::carried::Carried;

/// An enrolment code works for this long.
pub const LIFETIME: Duration = Duration::from_mins(30);

/// The directory of the codes, inside the place.
pub(super) const ROOT: &str = "invitations";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Invitation {
    operator: OperatorName,
    until: Timestamp,
}

/// Makes an enrolment code for `operator` in the agent's place at `path`, beside an agent that may be running.
///
/// # Errors
/// The place is not ours alone, or the disk refused.
pub fn invite(
    path: &Path,
    operator: &OperatorName,
    now: Timestamp,
    random: &Arc<dyn Random>,
) -> Result<Carried, PlaceError> {
    let place = Place::beside(path, Arc::clone(random))?;
    place.create_directory(ROOT)?;
    tidy(&place, now)?;
    let code = enrolment_code(random.as_ref());
    let invitation = Invitation { operator: operator.clone(), until: now.plus(LIFETIME) };
    place.write(&spot(&digest(code.expose())), &serde_json::to_vec(&invitation).unwrap_or_default())?;
    Ok(code)
}

/// The digest of `code`, if it is an enrolment code for `operator` that still works.
///
/// # Errors
/// The disk refused.
pub(super) fn open(
    place: &Place,
    operator: &OperatorName,
    code: &Carried,
    now: Timestamp,
) -> Result<Option<String>, PlaceError> {
    let digest = digest(code.expose());
    let Some(bytes) = place.read(&spot(&digest))? else { return Ok(None) };
    let is_good = serde_json::from_slice::<Invitation>(&bytes)
        .is_ok_and(|invitation| invitation.operator == *operator && now < invitation.until);
    Ok(is_good.then_some(digest))
}

/// Takes away the enrolment code with this digest.
///
/// # Errors
/// The disk refused.
pub(super) fn close(place: &Place, digest: &str) -> Result<(), PlaceError> {
    place.remove(&spot(digest))
}

/// Takes away what has expired.
fn tidy(place: &Place, now: Timestamp) -> Result<(), PlaceError> {
    for name in place.list(ROOT)? {
        let spot = format!("{ROOT}/{name}");
        let Some(bytes) = place.read(&spot)? else { continue };
        if !serde_json::from_slice::<Invitation>(&bytes).is_ok_and(|invitation| now < invitation.until) {
            place.remove(&spot)?;
        }
    }
    Ok(())
}

fn spot(digest: &str) -> String {
    format!("{ROOT}/{digest}.json")
}
