//! Where packets come from: the host itself, the networks on its interfaces, VPNs, private networks, the internet.

use crate::firewall::address::{self, Family};
use crate::firewall::host::Host;
use crate::firewall::ranges::Ranges;

/// A place that packets come from, for one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// What kind of place.
    pub place: Place,
    /// IPv4 or IPv6.
    pub family: Family,
    /// The interface that its packets come in by.
    pub interface: String,
    /// Its addresses.
    pub clients: Ranges,
    /// The address of ours that it knows.
    pub destination: u128,
}

/// The kinds of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Everyone.
    Internet,
    /// Private addresses behind the interface that leads to the internet, but not on its own network.
    Private,
    /// The network on an interface.
    Network,
    /// A VPN.
    Vpn,
    /// Containers and virtual machines on this host.
    Containers,
    /// The host itself.
    Here,
}

impl Place {
    /// What people call it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Internet => "Internet",
            Self::Private => "Private addresses",
            Self::Network => "Network",
            Self::Vpn => "VPN",
            Self::Containers => "Containers",
            Self::Here => "This host",
        }
    }
}

/// The zones of a host. An interface without an address has none; where no route leads to the internet, the internet
/// is behind the first interface with a network, since nobody can tell that it is not.
#[must_use]
pub fn zones(host: &Host, family: Family) -> Vec<Zone> {
    let mut zones = Vec::new();
    let private = private(family);
    let (ways, _) = host.ways(family);
    let outside = ways.iter().find(|(_, set)| set.has(somewhere(family))).map(|(name, _)| name.clone());
    let plain = host
        .interfaces
        .iter()
        .find(|one| !one.loopback && kind(&one.name) == Place::Network)
        .map(|one| one.name.clone());
    let outside = outside.or(plain);
    let own = host.own(family);
    let networks = |name: &str| {
        let on = host.addresses(family).filter(|(interface, ..)| *interface == name);
        let spans = on.map(|(_, number, length)| address::prefix(family, number, length)).collect();
        Ranges::join(spans).minus(&own)
    };
    let link_local = link_local(family);
    for interface in &host.interfaces {
        let name = interface.name.as_str();
        let mut addresses = host.addresses(family).filter(|(on, ..)| *on == name).map(|(_, number, _)| number);
        if interface.loopback {
            let Some(destination) = addresses.next() else { continue };
            let clients = Ranges::one(destination);
            zones.push(Zone { place: Place::Here, family, interface: name.to_owned(), clients, destination });
            continue;
        }
        let Some(destination) = addresses.find(|number| !link_local.has(*number)) else { continue };
        let on = networks(name).minus(&link_local);
        let mut add = |place: Place, clients: Ranges| {
            if !clients.is_empty() {
                zones.push(Zone { place, family, interface: name.to_owned(), clients, destination });
            }
        };
        if outside.as_deref() == Some(name) {
            let world = family.everyone().minus(&private).minus(&special(family)).minus(&on).minus(&own);
            add(Place::Internet, world);
            add(Place::Private, private.minus(&on).minus(&own).minus(&link_local));
        }
        add(kind(name), on);
    }
    zones.sort_by_key(|zone| zone.place);
    zones
}

/// What an interface's name says.
fn kind(name: &str) -> Place {
    let begins = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
    if begins(&["wg", "tun", "tap", "ppp", "ipsec", "tailscale", "zt", "vti", "xfrm", "nebula"]) {
        Place::Vpn
    } else if begins(&["docker", "br-", "veth", "virbr", "cni", "flannel", "lxc", "lxd", "podman", "vnet"]) {
        Place::Containers
    } else {
        Place::Network
    }
}

/// An address that nobody has a route to but the one to everywhere: one of a root name server.
fn somewhere(family: Family) -> u128 {
    match family {
        Family::V4 => 0xc629_0004,
        Family::V6 => 0x2001_0503_ba3e_0000_0000_0000_0002_0030,
    }
}

fn link_local(family: Family) -> Ranges {
    let (first, last) = match family {
        Family::V4 => address::prefix(family, 0xa9fe_0000, 16),
        Family::V6 => address::prefix(family, 0xfe80 << 112, 10),
    };
    Ranges::span(first, last)
}

/// RFC 1918, RFC 6598, RFC 4193.
fn private(family: Family) -> Ranges {
    let parts: &[&str] = match family {
        Family::V4 => &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"],
        Family::V6 => &["fc00::/7"],
    };
    joined(parts)
}

/// What never comes from the internet: RFC 6890 and multicast.
fn special(family: Family) -> Ranges {
    let parts: &[&str] = match family {
        Family::V4 => &["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"],
        Family::V6 => &["::/8", "fe80::/10", "ff00::/8"],
    };
    joined(parts)
}

fn joined(texts: &[&str]) -> Ranges {
    let parts = texts.iter().filter_map(|text| address::parse(text));
    Ranges::join(parts.flat_map(|(_, ranges)| ranges.parts().to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::{Place, zones};
    use crate::firewall::address::{Family, number};
    use crate::firewall::host::Host;

    #[test]
    fn every_address_belongs_to_one_zone_of_its_interface() {
        let addresses = r#"[{"ifname":"lo","flags":["LOOPBACK"],"addr_info":[{"local":"127.0.0.1","prefixlen":8}]},
            {"ifname":"eth0","addr_info":[{"local":"192.0.2.1","prefixlen":24}]},
            {"ifname":"wg0","addr_info":[{"local":"10.8.0.1","prefixlen":24}]}]"#;
        let host = Host::read(
            addresses,
            "default via 192.0.2.254 dev eth0\n10.8.0.0/24 dev wg0\n192.0.2.0/24 dev eth0\n",
            "",
            "",
        );

        let zones = zones(&host, Family::V4);

        let places: Vec<(Place, &str)> = zones.iter().map(|zone| (zone.place, zone.interface.as_str())).collect();
        let wanted = [
            (Place::Internet, "eth0"),
            (Place::Private, "eth0"),
            (Place::Network, "eth0"),
            (Place::Vpn, "wg0"),
            (Place::Here, "lo"),
        ];
        assert_eq!(places, wanted);
        let of = |ip: &str| {
            let ip = number(ip.parse().expect("an address"));
            zones.iter().filter(|zone| zone.clients.has(ip)).map(|zone| zone.place).collect::<Vec<_>>()
        };
        assert_eq!(of("203.0.113.9"), [Place::Internet]);
        assert_eq!(of("192.0.2.9"), [Place::Network]);
        // A VPN's address may also be forged on the outer interface.
        assert_eq!(of("10.8.0.2"), [Place::Private, Place::Vpn]);
    }
}
