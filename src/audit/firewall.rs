//! What the firewall lets through, as plain data: worked out once when it is read, so that checks and pages only look.

use serde::{Deserialize, Serialize};

use crate::firewall::address::{number, written};
use crate::firewall::matrix::{Cell, Matrix};
use crate::firewall::model::{Backend, Cause, CauseKind};
use crate::firewall::owner::owner;
use crate::firewall::reach::{Carried, Verdict};
use crate::firewall::zones::{Place, Zone};
use crate::firewall::{Family, Firewall, Snapshot};
use crate::wire::firewall::FirewallSaves;

/// The most rules that are kept for the page.
const MOST_RULES: usize = 5_000;

/// The firewall, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallFacts {
    /// What the agent read.
    pub saves: FirewallSaves,
    /// The places that packets come from.
    pub zones: Vec<ZoneFacts>,
    /// What listens, and who reaches it.
    pub services: Vec<ServiceFacts>,
    /// The rules, for reading.
    pub rules: Vec<RuleFacts>,
    /// How many rules there are in all.
    pub rule_count: usize,
    /// The backends that hold rules which do something.
    pub backends: Vec<String>,
    /// Why nothing is certain; empty when everything was read.
    pub doubts: Vec<String>,
}

/// One zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneFacts {
    /// `Internet`, `VPN`.
    pub place: String,
    /// Whether it is IPv6's.
    pub v6: bool,
    /// Its interface.
    pub interface: String,
    /// How many TCP ports are not closed to it, whether something listens or not.
    pub open_tcp_ports: u32,
    /// Whether the rules drop what neighbours need to find the host.
    pub no_neighbours: bool,
}

impl ZoneFacts {
    /// Whether it is the internet.
    #[must_use]
    pub fn is_internet(&self) -> bool {
        self.place == Place::Internet.words()
    }

    /// Whether it is the host itself.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.place == Place::Here.words()
    }
}

/// A socket that listens, with who reaches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFacts {
    /// Whether it is UDP.
    pub udp: bool,
    /// The port.
    pub port: u16,
    /// The address it is bound to; `*` for all.
    pub address: String,
    /// Who holds it.
    pub holder: String,
    /// For each zone what it gets; none where the socket is not of its family.
    pub reached: Vec<Option<ReachFacts>>,
}

/// What a zone gets at a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachFacts {
    /// `reachable`, `unreachable` or `depends`.
    pub verdict: String,
    /// Which addresses, or on what it depends; may be empty.
    pub words: String,
}

impl ReachFacts {
    /// Whether anyone of the zone gets through, or may.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.verdict != Verdict::Unreachable.words()
    }
}

/// A rule for reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFacts {
    /// Backend, family, table, chain.
    pub chain: String,
    /// Its number there, from 1.
    pub number: usize,
    /// As its tool prints it.
    pub text: String,
    /// Packets, where they are counted.
    pub packets: Option<u64>,
    /// Whose it is.
    pub owner: String,
}

/// The texts as a snapshot that questions can be asked of, what could not be read included.
#[must_use]
pub fn snapshot(saves: &FirewallSaves) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for file in &saves.files {
        snapshot.put(&file.name, file.text.clone());
    }
    snapshot
}

/// The rules, in doubt about all that could not be read.
#[must_use]
pub fn rules(saves: &FirewallSaves, snapshot: &Snapshot) -> Firewall {
    let mut firewall = snapshot.firewall();
    let unread = saves.unread.iter().filter(|unread| unread.name != "listening sockets");
    firewall.doubts.extend(
        unread.map(|unread| Cause { kind: CauseKind::Unknown, text: format!("{}: {}", unread.name, unread.reason) }),
    );
    firewall
}

/// Works out who reaches what.
#[must_use]
pub fn judge(saves: FirewallSaves) -> FirewallFacts {
    let snapshot = snapshot(&saves);
    let (firewall, host) = (rules(&saves, &snapshot), snapshot.host());
    let bound = saves.listening.iter().filter(|one| !one.at.ip().is_unspecified());
    let bound: Vec<(Family, u128)> = bound.map(|one| (Family::of(one.at.ip()), number(one.at.ip()))).collect();
    let matrix = Matrix::new(&firewall, &host, &bound);
    let zones = matrix.zones.iter().enumerate().map(|(at, zone)| zone_facts(&matrix, at, zone)).collect();
    let services = services(&saves, &matrix);
    let acting = |backend: Backend| {
        let mut chains = firewall.chains.iter().filter(|chain| chain.backend == backend);
        chains.any(|chain| chain.rules.iter().any(crate::firewall::model::Rule::acts))
    };
    let backends = [Backend::Legacy, Backend::IptablesNft, Backend::Nft];
    FirewallFacts {
        zones,
        services,
        rules: rule_facts(&firewall),
        rule_count: firewall.chains.iter().map(|chain| chain.rules.len()).sum(),
        backends: backends.into_iter().filter(|one| acting(*one)).map(|one| one.words().to_owned()).collect(),
        doubts: firewall.doubts.iter().map(|doubt| doubt.text.clone()).collect(),
        saves,
    }
}

fn zone_facts(matrix: &Matrix, at: usize, zone: &Zone) -> ZoneFacts {
    let open = matrix.open_ports(at, Carried::Tcp);
    let count =
        open.iter().flat_map(|ports| ports.parts().to_vec()).map(|(first, last)| last - first + 1).sum::<u128>();
    ZoneFacts {
        place: zone.place.words().to_owned(),
        v6: zone.family == Family::V6,
        interface: zone.interface.clone(),
        open_tcp_ports: u32::try_from(count).unwrap_or(u32::MAX),
        no_neighbours: matrix.has_no_neighbours(at),
    }
}

fn services(saves: &FirewallSaves, matrix: &Matrix) -> Vec<ServiceFacts> {
    let mut services: Vec<ServiceFacts> = Vec::new();
    for one in &saves.listening {
        let ip = one.at.ip();
        let address = if ip.is_unspecified() { "*".to_owned() } else { ip.to_string() };
        let holder = if one.programs.is_empty() { one.user.clone() } else { one.programs.join(", ") };
        let reached = matrix.zones.iter().enumerate().map(|(at, zone)| {
            // A socket bound to :: takes IPv4 too, unless it says otherwise, which the kernel's list does not tell.
            let takes = Family::of(ip) == zone.family || (ip.is_unspecified() && ip.is_ipv6());
            let carried = if one.udp { Carried::Udp } else { Carried::Tcp };
            let destination = (!ip.is_unspecified()).then(|| number(ip));
            let cell = matrix.cell(at, carried, destination, one.at.port()).filter(|_| takes)?;
            Some(reach_facts(zone, &cell))
        });
        let reached: Vec<Option<ReachFacts>> = reached.collect();
        let same = services.iter_mut().find(|known| {
            (known.udp, known.port, &known.address, &known.holder) == (one.udp, one.at.port(), &address, &holder)
        });
        match same {
            // IPv4's socket and IPv6's are one service.
            Some(known) => {
                for (mine, theirs) in known.reached.iter_mut().zip(reached) {
                    *mine = mine.take().or(theirs);
                }
            }
            None => services.push(ServiceFacts { udp: one.udp, port: one.at.port(), address, holder, reached }),
        }
    }
    services.sort_by_key(|service| (service.port, service.udp));
    services
}

fn reach_facts(zone: &Zone, cell: &Cell) -> ReachFacts {
    let words = if !cell.alike {
        let parts: Vec<String> =
            cell.open.parts().iter().take(3).map(|(first, last)| written(zone.family, *first, *last)).collect();
        let more = cell.open.parts().len().saturating_sub(3);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("only from some: {}{more}", parts.join(", "))
    } else if let Some(cause) = cell.causes.first() {
        format!("on {}", cause.kind.words())
    } else if cell.verdict == Verdict::Depends {
        "on the port that the sender uses".to_owned()
    } else if cell.no_neighbours {
        "neighbour discovery is dropped".to_owned()
    } else {
        String::new()
    };
    ReachFacts { verdict: cell.verdict.words().to_owned(), words }
}

fn rule_facts(firewall: &Firewall) -> Vec<RuleFacts> {
    let all = firewall.chains.iter().flat_map(|chain| {
        chain.rules.iter().enumerate().map(move |(at, rule)| RuleFacts {
            chain: chain.words(),
            number: at + 1,
            text: rule.text.clone(),
            packets: rule.counters.map(|(packets, _)| packets),
            owner: owner(chain, rule).words().to_owned(),
        })
    });
    all.take(MOST_RULES).collect()
}
