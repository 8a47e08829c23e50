//! Who reaches what: packets in sets, sent through every chain of every backend, there and back.
//!
//! `question` is what is asked, `reached` the answer. `classes` puts together what no rule tells apart, `region` is a set
//! of packets in such classes, `sort` finds out which classes a rule speaks of. `packet` is what a packet carries on its
//! way, `value` what a rule sees of it, `asking` for which packets a condition holds. `chains` takes packets through one chain, `places` through the
//! chains of one place, `way` through the kernel: ingress, raw, connection tracking, translation, routing, filter, and the
//! answer back out. `neighbours` asks for IPv6's
//! neighbour discovery.
//!
//! A packet is kept in every place where it might be. What a rule cannot tell leaves it in two places at once, and
//! at the end a packet that may arrive and may be dropped *depends*. So an answer is never a guess.

mod asking;
mod chains;
mod classes;
mod neighbours;
mod packet;
mod places;
mod question;
mod reached;
mod region;
mod sort;
mod value;
mod way;

pub use neighbours::{Neighbours, neighbours};
pub use question::{Carried, Question};
pub use reached::{Arrival, At, Decision, Reached, Verdict};

use crate::firewall::host::Host;
use crate::firewall::model::Firewall;

/// Sends the packets of a question through the rules.
#[must_use]
pub fn reach(firewall: &Firewall, host: &Host, question: &Question, record: bool) -> Reached {
    way::Journey::new(firewall, host, question, record).travel()
}

#[cfg(test)]
mod tests;
