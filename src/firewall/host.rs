//! What a verdict rests on besides rules: the host's addresses, its routes, and the kernel's settings.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

use crate::firewall::address::{self, Family};
use crate::firewall::model::kind;
use crate::firewall::ranges::Ranges;

/// A host's addresses, routes and kernel settings.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Interfaces and what stands on them.
    pub interfaces: Vec<Interface>,
    /// IPv4 and IPv6 routes of the main table.
    routes: Vec<Route>,
    /// Kernel settings by name.
    settings: BTreeMap<String, String>,
    /// Whether more than the main table decides where a packet goes.
    pub other_tables: bool,
}

/// One interface.
#[derive(Clone, Debug, Default)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its addresses with the lengths of their networks, in the kernel's order.
    pub addresses: Vec<(IpAddr, u32)>,
    /// The bridge that it is a port of.
    pub bridge: Option<String>,
    /// Whether it is the loopback.
    pub loopback: bool,
    /// Whether neighbours on it find each other's hardware addresses, as on Ethernet.
    pub ethernet: bool,
}

#[derive(Clone, Debug)]
struct Route {
    family: Family,
    length: u32,
    span: (u128, u128),
    metric: u32,
    /// None: there is no way there, by order.
    devices: Vec<String>,
}

impl Host {
    /// Reads `ip -j addr`, `ip route` with `# v6` and `ip -6 route` behind it, `sysctl` lines and `ip rule`.
    /// What cannot be read is as if it were not there: without addresses nothing is ours.
    #[must_use]
    pub fn read(addresses: &str, routes: &str, settings: &str, rules: &str) -> Self {
        let settings = settings
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect();
        // Three rules stand in IPv4 and two in IPv6 before anyone adds one.
        let other_tables = rules.lines().any(|line| {
            let line = line.trim();
            let usual = ["lookup local", "lookup main", "lookup default"].iter().any(|end| line.ends_with(end));
            !(line.is_empty() || line.starts_with('#') || usual && line.contains("from all lookup"))
        });
        Self { interfaces: interfaces(addresses), routes: read_routes(routes), settings, other_tables }
    }

    /// Whether `number` is one of the host's own addresses.
    #[must_use]
    pub fn is_own(&self, family: Family, number: u128) -> bool {
        self.own(family).has(number)
    }

    /// The host's own addresses, the whole loopback network with them.
    #[must_use]
    pub fn own(&self, family: Family) -> Ranges {
        let mut own: Vec<_> = self.addresses(family).map(|(_, number, _)| (number, number)).collect();
        own.push(loopback(family));
        Ranges::join(own)
    }

    /// Every address of a family: interface, number, length of its network.
    pub fn addresses(&self, family: Family) -> impl Iterator<Item = (&str, u128, u32)> {
        self.interfaces.iter().flat_map(move |interface| {
            let ours = interface.addresses.iter().filter(move |(ip, _)| Family::of(*ip) == family);
            ours.map(|(ip, length)| (interface.name.as_str(), address::number(*ip), *length))
        })
    }

    /// The first address on an interface, where REDIRECT sends a packet.
    #[must_use]
    pub fn first_on(&self, family: Family, interface: u128) -> Option<u128> {
        let mut on = self.addresses(family).filter(|(name, ..)| address::interface(name) == interface);
        let link_local = address::prefix(Family::V6, 0xfe80 << 112, 10);
        on.find(|(_, number, _)| family == Family::V4 || !(link_local.0..=link_local.1).contains(number))
            .map(|(_, number, _)| number)
    }

    /// The addresses to which packets leave by each interface, and those to which there is no way.
    #[must_use]
    pub fn ways(&self, family: Family) -> (Vec<(String, Ranges)>, Ranges) {
        let mut routes: Vec<&Route> = self.routes.iter().filter(|route| route.family == family).collect();
        routes.sort_by_key(|route| (std::cmp::Reverse(route.length), route.metric));
        let mut taken = Ranges::none();
        let mut ways: BTreeMap<String, Vec<(u128, u128)>> = BTreeMap::new();
        for route in routes {
            let free = Ranges::span(route.span.0, route.span.1).minus(&taken);
            for device in &route.devices {
                ways.entry(device.clone()).or_default().extend_from_slice(free.parts());
            }
            taken = taken.or(&free);
        }
        let ways: Vec<_> = ways.into_iter().map(|(name, parts)| (name, Ranges::join(parts))).collect();
        let reached = ways.iter().flat_map(|(_, set)| set.parts().to_vec()).collect();
        (ways, family.everyone().minus(&Ranges::join(reached)))
    }

    /// Whether any route of the family is known, so that having none says something.
    #[must_use]
    pub fn knows_routes(&self, family: Family) -> bool {
        !self.other_tables && self.routes.iter().any(|route| route.family == family)
    }

    /// The kind of an IPv4 or IPv6 address as this host sees it: one of the numbers in [`kind`].
    #[must_use]
    pub fn kinds(&self, family: Family) -> Vec<(u128, Ranges)> {
        let own = self.own(family);
        let everyone = family.everyone();
        let (broadcast, multicast) = match family {
            Family::V4 => {
                let mut all = vec![(u128::from(u32::MAX), u128::from(u32::MAX))];
                for (_, number, length) in self.addresses(family).filter(|(.., length)| *length < 31) {
                    let (_, last) = address::prefix(family, number, length);
                    all.push((last, last));
                }
                (Ranges::join(all), Ranges::span(0xe000_0000, 0xefff_ffff))
            }
            Family::V6 => {
                let (first, last) = address::prefix(family, 0xff << 120, 8);
                (Ranges::none(), Ranges::span(first, last))
            }
        };
        let special = own.or(&broadcast).or(&multicast);
        let mut elsewhere = everyone.minus(&special);
        let mut kinds = vec![(kind::LOCAL, own), (kind::BROADCAST, broadcast), (kind::MULTICAST, multicast)];
        if family == Family::V6 && self.knows_routes(family) {
            let lost = self.ways(family).1.and(&elsewhere);
            elsewhere = elsewhere.minus(&lost);
            kinds.push((kind::UNREACHABLE, lost));
        }
        kinds.push((kind::UNICAST, elsewhere));
        kinds
    }

    /// The source check in force on an interface: the stricter of `all` and its own. IPv4 only.
    #[must_use]
    pub fn source_check(&self, interface: &str) -> u32 {
        let read = |name: &str| self.setting(&format!("net.ipv4.conf.{name}.rp_filter")).unwrap_or(0);
        read("all").max(read(interface))
    }

    /// Whether the host passes packets on.
    #[must_use]
    pub fn forwards(&self, family: Family) -> bool {
        let names: &[&str] = match family {
            Family::V4 => &["net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"],
            Family::V6 => &["net.ipv6.conf.all.forwarding"],
        };
        names.iter().any(|name| self.setting(name).is_some_and(|value| value > 0))
    }

    /// Whether packets from outside may be sent to 127.0.0.0/8.
    #[must_use]
    pub fn routes_loopback(&self, interface: &str) -> bool {
        let read = |name: &str| self.setting(&format!("net.ipv4.conf.{name}.route_localnet")).unwrap_or(0);
        read("all").max(read(interface)) > 0
    }

    fn setting(&self, name: &str) -> Option<u32> {
        self.settings.get(name)?.parse().ok()
    }
}

/// The addresses that never leave a host.
#[must_use]
pub fn loopback(family: Family) -> (u128, u128) {
    match family {
        Family::V4 => (0x7f00_0000, 0x7fff_ffff),
        Family::V6 => (1, 1),
    }
}

#[derive(Deserialize)]
struct Link {
    ifname: String,
    master: Option<String>,
    #[serde(rename = "link_type")]
    kind: Option<String>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    addr_info: Vec<AddressLine>,
}

#[derive(Deserialize)]
struct AddressLine {
    local: Option<String>,
    #[serde(default)]
    prefixlen: u32,
}

fn interfaces(json: &str) -> Vec<Interface> {
    let links: Vec<Link> = serde_json::from_str(json).unwrap_or_default();
    let read = |link: Link| {
        let loopback = link.ifname == "lo" || link.flags.iter().any(|flag| flag == "LOOPBACK");
        let listed = link.addr_info.into_iter();
        let addresses = listed.filter_map(|line| Some((line.local?.parse().ok()?, line.prefixlen))).collect();
        let ethernet = link.kind.is_none_or(|kind| kind == "ether") && !loopback;
        Interface { name: link.ifname, addresses, bridge: link.master, loopback, ethernet }
    };
    links.into_iter().map(read).collect()
}

fn read_routes(text: &str) -> Vec<Route> {
    let mut family = Family::V4;
    let mut routes: Vec<Route> = Vec::new();
    for line in text.lines() {
        if line.trim() == "# v6" {
            family = Family::V6;
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let after =
            |word: &str| words.iter().position(|found| *found == word).and_then(|at| words.get(at + 1)).copied();
        if words.first() == Some(&"nexthop") {
            if let (Some(route), Some(device)) = (routes.last_mut(), after("dev")) {
                route.devices.push(device.to_owned());
            }
            continue;
        }
        if after("table").is_some_and(|table| table != "main") {
            continue;
        }
        let closed = matches!(words.first(), Some(&("unreachable" | "blackhole" | "prohibit" | "throw")));
        let typed = closed || words.first() == Some(&"unicast");
        let Some(target) = words.get(usize::from(typed)) else { continue };
        let everyone = family.everyone().parts().first().copied().unwrap_or_default();
        let span = match *target {
            "default" => everyone,
            target => match address::parse(target) {
                Some((found, ranges)) if found == family => ranges.parts().first().copied().unwrap_or_default(),
                _ => continue,
            },
        };
        let length = (span.1 - span.0).checked_add(1).map_or(0, |size| family.bits() - size.trailing_zeros());
        let device = after("dev").filter(|_| !closed).map(str::to_owned);
        let metric = after("metric").and_then(|metric| metric.parse().ok()).unwrap_or(0);
        routes.push(Route { family, length, span, metric, devices: device.into_iter().collect() });
    }
    routes
}

#[cfg(test)]
mod tests {
    use super::Host;
    use crate::firewall::address::{Family, number};
    use crate::firewall::ranges::Ranges;

    const ADDRESSES: &str = r#"[{"ifname":"lo","flags":["LOOPBACK"],"addr_info":[{"local":"127.0.0.1","prefixlen":8}]},
        {"ifname":"eth0","flags":[],"addr_info":[{"local":"192.0.2.1","prefixlen":24},{"local":"fe80::1","prefixlen":64},
        {"local":"2001:db8::1","prefixlen":64}]}]"#;
    const ROUTES: &str = "default via 192.0.2.254 dev eth0 metric 100\n10.0.0.0/8 dev wg0 scope link\nblackhole 10.9.0.0/16\n\
        192.0.2.0/24 dev eth0 proto kernel\n# v6\n2001:db8::/64 dev eth0 proto kernel\n";

    fn ip(text: &str) -> u128 {
        number(text.parse().expect("an address"))
    }

    #[test]
    fn the_longest_route_says_where_a_packet_leaves() {
        let host = Host::read(ADDRESSES, ROUTES, "", "");

        let (ways, lost) = host.ways(Family::V4);
        let by = |name: &str| ways.iter().find(|way| way.0 == name).expect("a way").1.clone();

        assert!(by("eth0").has(ip("203.0.113.9")) && by("eth0").has(ip("192.0.2.7")));
        assert!(by("wg0").has(ip("10.8.0.2")) && !by("wg0").has(ip("10.9.0.2")));
        assert_eq!(lost, Ranges::span(ip("10.9.0.0"), ip("10.9.255.255")));
        assert!(host.ways(Family::V6).1.has(ip("2001:db8:1::1")));
    }

    #[test]
    fn what_is_ours_is_known_and_a_redirect_finds_the_first_global_address() {
        let host =
            Host::read(ADDRESSES, ROUTES, "net.ipv4.conf.all.rp_filter=0\nnet.ipv4.conf.eth0.rp_filter = 1\n", "");
        let eth0 = crate::firewall::address::interface("eth0");

        assert!(host.is_own(Family::V4, ip("127.9.9.9")) && host.is_own(Family::V6, ip("2001:db8::1")));
        assert_eq!(host.first_on(Family::V6, eth0), Some(ip("2001:db8::1")));
        assert_eq!((host.source_check("eth0"), host.source_check("wg0")), (1, 0));
        assert!(!host.forwards(Family::V4));
    }

    #[test]
    fn rules_of_routing_beyond_the_usual_three_are_noticed() {
        let usual = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n";

        assert!(!Host::read("", "", "", usual).other_tables);
        assert!(
            Host::read("", "", "", &format!("{usual}32765:\tnot from all fwmark 0xca6c lookup 51820\n")).other_tables
        );
    }
}
