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
    // A file that a kill left beside the one it was to become has another ending.
    let is_whole = |name: &String| std::path::Path::new(name).extension().is_some_and(|ending| ending == "json");
    for name in place.list(ROOT)?.into_iter().filter(is_whole) {
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
    let (wanted, names, consumer) = match request {
        Request::MakeKey { certificate, names, .. } => (*certificate, Some(names.clone()), None),
        Request::Install { certificate, generation, consumer, .. } => {
            // Whoever carries it out says what is wrong with a generation that has no key.
            (*certificate, store.wish(*certificate, *generation).ok().map(|wish| wish.names), Some(*consumer))
        }
        _ => return Ok(false),
    };
    let wish = Wish { certificate: wanted, names, consumer };
    Ok(placed(place)?.iter().any(|placed| wish.is_within(&placed.order)))
}

/// What a request wants of a standing order.
struct Wish {
    certificate: CertificateId,
    names: Option<Vec<CertificateName>>,
    /// Who is to serve it, for an install.
    consumer: Option<Consumer>,
}

impl Wish {
    fn is_within(&self, order: &StandingOrder) -> bool {
        let StandingOrder::Certificate { certificate, names, consumers } = order;
        let set = |names: &[CertificateName]| names.iter().cloned().collect::<BTreeSet<_>>();
        *certificate == self.certificate
            && self.names.as_ref().is_none_or(|own| own.len() == names.len() && set(own) == set(names))
            && self.consumer.is_none_or(|wanted| consumers.contains(&wanted))
    }
}

fn spot(order: &StandingOrder) -> String {
    match order {
        StandingOrder::Certificate { certificate, .. } => format!("{ROOT}/certificate-{certificate}.json"),
    }
}
