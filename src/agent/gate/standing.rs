//! Standing orders on disk: one file for each certificate that is kept without anybody's code.

use std::collections::BTreeSet;

use crate::agent::certificates::store::Store;
use crate::agent::place::{Place, PlaceError};
use crate::base::clock::Timestamp;
use crate::base::ids::CertificateId;
use crate::base::names::CertificateName;
use crate::wire::answer::PlacedOrder;
use crate::wire::grant::{Consumer, StandingOrder};
use crate::wire::request::Request;

/// The directory of the orders, inside the place.
pub(super) const ROOT: &str = "standing";

/// Keeps `order`. The one that stood for the same certificate gives way.
///
/// # Errors
/// The disk refused.
pub(super) fn place_order(place: &Place, order: StandingOrder, by: String, now: Timestamp) -> Result<(), PlaceError> {
    let spot = spot(&order);
    place.write(&spot, &serde_json::to_vec(&PlacedOrder { order, by, at: now }).unwrap_or_default())
}

/// Ends `order`; `false` if it does not stand.
///
/// # Errors
/// The disk refused.
pub(super) fn end_order(place: &Place, order: &StandingOrder) -> Result<bool, PlaceError> {
    let stands = placed(place)?.iter().any(|placed| placed.order == *order);
    if stands {
        place.remove(&spot(order))?;
    }
    Ok(stands)
}

/// The orders that stand. A file that cannot be understood allows nothing, and is named in the log.
///
/// # Errors
/// The disk refused.
pub(super) fn placed(place: &Place) -> Result<Vec<PlacedOrder>, PlaceError> {
    let mut orders = Vec::new();
    for name in place.list(ROOT)?.into_iter().filter(|name| name.ends_with(".json")) {
        let at = format!("{ROOT}/{name}");
        let Some(bytes) = place.read(&at)? else { continue };
        match serde_json::from_slice::<PlacedOrder>(&bytes) {
            Ok(placed) if spot(&placed.order) == at => orders.push(placed),
            _ => tracing::error!("{} holds no standing order and allows nothing", place.absolute(&at).display()),
        }
    }
    Ok(orders)
}

/// Whether an order that stands covers `request`.
///
/// # Errors
/// The disk refused.
pub(super) fn covers(place: &Place, store: Store<'_>, request: &Request) -> Result<bool, PlaceError> {
    let (wanted, names) = match request {
        Request::MakeKey { certificate, names, .. } => (*certificate, names.clone()),
        Request::Install { certificate, generation, .. } => match store.wish(*certificate, *generation) {
            Ok(wish) => (*certificate, wish.names),
            // Whoever carries it out says what is wrong with the number; here it covers nothing.
            Err(_) => return Ok(false),
        },
        _ => return Ok(false),
    };
    let is_install = matches!(request, Request::Install { .. });
    Ok(placed(place)?.iter().any(|placed| allows(&placed.order, wanted, &names, is_install)))
}

fn allows(order: &StandingOrder, wanted: CertificateId, wanted_names: &[CertificateName], is_install: bool) -> bool {
    let StandingOrder::Certificate { certificate, names, consumers } = order;
    let set = |names: &[CertificateName]| names.iter().cloned().collect::<BTreeSet<_>>();
    *certificate == wanted
        && names.len() == wanted_names.len()
        && set(names) == set(wanted_names)
        && (!is_install || consumers.contains(&Consumer::Nginx))
}

fn spot(order: &StandingOrder) -> String {
    match order {
        StandingOrder::Certificate { certificate, .. } => format!("{ROOT}/certificate-{certificate}.json"),
    }
}
