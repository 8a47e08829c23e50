//! What is asked: which packets, from where, to which address.

use crate::firewall::address::{self, Family};
use crate::firewall::ranges::Ranges;

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Carried {
    /// TCP: a connection is opened, and data comes back.
    Tcp,
    /// UDP: a packet, and one back.
    Udp,
    /// A ping, and its answer.
    Echo,
    /// Another protocol, by number, without ports.
    Other(u8),
}

impl Carried {
    /// The protocol's number.
    #[must_use]
    pub fn number(self, family: Family) -> u128 {
        match (self, family) {
            (Self::Tcp, _) => 6,
            (Self::Udp, _) => 17,
            (Self::Echo, Family::V4) => 1,
            (Self::Echo, Family::V6) => 58,
            (Self::Other(number), _) => u128::from(number),
        }
    }

    /// Whether there are ports.
    #[must_use]
    pub fn has_ports(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }
}

/// Which packets.
#[derive(Clone, Debug)]
pub struct Question {
    /// IPv4 or IPv6.
    pub family: Family,
    /// What they carry.
    pub carried: Carried,
    /// The interface that they come in by; `lo` means from the host itself.
    pub interface: String,
    /// The address that they are sent to.
    pub destination: u128,
    /// The addresses that they come from.
    pub clients: Ranges,
    /// The ports that they are sent to.
    pub ports: Ranges,
    /// The ports that they come from.
    pub client_ports: Ranges,
}

impl Question {
    /// The ports that a program gets on any ordinary system when it opens a connection: where IANA's dynamic ports
    /// (RFC 6335 section 6) and Linux's own choice (`ip_local_port_range`) agree.
    #[must_use]
    pub fn ordinary_ports() -> Ranges {
        Ranges::span(49152, 60999)
    }

    /// One of them, for which a path is shown.
    #[must_use]
    pub fn shown_port() -> u128 {
        50_000
    }

    /// Every port.
    #[must_use]
    pub fn all_ports() -> Ranges {
        Ranges::span(0, 65535)
    }

    /// Whether the packets come from the host itself.
    pub(super) fn is_from_here(&self) -> bool {
        self.interface == "lo"
    }

    pub(super) fn interface_number(&self) -> u128 {
        address::interface(&self.interface)
    }
}
