//! IPv6 finds the hardware address of a neighbour with `ICMPv6`. Rules that drop these packets leave a host without IPv6,
//! whatever ports they allow.

use crate::firewall::address::{self, Family};
use crate::firewall::host::Host;
use crate::firewall::model::Firewall;
use crate::firewall::ranges::Ranges;

use crate::firewall::reach::question::{Carried, Question};
use crate::firewall::reach::way::Journey;

/// Whether neighbours on an interface can find this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbours {
    /// They can.
    Found,
    /// Their question, or our answer, is dropped.
    Dropped,
    /// It depends.
    Depends,
}

/// The addresses that only ever stand on one link, and one of the groups that a neighbour's question is sent to.
const LINK_LOCAL: u128 = 0xfe80 << 112;
const SOLICITED: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0001;

/// Asks whether neighbour solicitations come in and advertisements go out on `interface`: from link-local addresses, as
/// routers ask, and from the networks on the link, as neighbours do.
#[must_use]
pub fn neighbours(firewall: &Firewall, host: &Host, interface: &str) -> Neighbours {
    if !host.interfaces.iter().any(|one| one.name == interface && one.ethernet) {
        return Neighbours::Found;
    }
    let mut asking = vec![address::prefix(Family::V6, LINK_LOCAL, 10)];
    let on = host.addresses(Family::V6).filter(|(name, ..)| *name == interface);
    asking.extend(on.map(|(_, number, length)| address::prefix(Family::V6, number, length)));
    let question = Question {
        family: Family::V6,
        carried: Carried::Echo,
        interface: interface.to_owned(),
        destination: SOLICITED,
        clients: Ranges::join(asking).minus(&host.own(Family::V6)),
        ports: Ranges::one(0),
        client_ports: Ranges::one(0),
    };
    Journey::new(firewall, host, &question, false).solicit()
}
