//! Who reaches each port from each zone: the whole answer at once.

use std::collections::HashMap;

use crate::firewall::address::Family;
use crate::firewall::host::Host;
use crate::firewall::model::{Cause, Firewall};
use crate::firewall::ranges::Ranges;
use crate::firewall::reach::{Carried, Neighbours, Question, Reached, Verdict, neighbours, reach};
use crate::firewall::zones::{Zone, zones};

/// The answer for every zone, for TCP and UDP, on all ports.
#[derive(Debug)]
pub struct Matrix {
    /// IPv4's zones, then IPv6's.
    pub zones: Vec<Zone>,
    answers: HashMap<(usize, Carried, u128), Reached>,
    dead: Vec<bool>,
}

/// What one zone gets at one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The verdict for all of the zone; *depends* when its addresses are treated differently.
    pub verdict: Verdict,
    /// The addresses that reach it, or may.
    pub open: Ranges,
    /// Whether every address of the zone is treated alike.
    pub alike: bool,
    /// What it depends on.
    pub causes: Vec<Cause>,
    /// The ports allow it, and the rules drop what IPv6 needs to find a neighbour.
    pub no_neighbours: bool,
}

impl Matrix {
    /// Asks for every zone at the address of ours that it knows, and at `more` addresses to which something is bound.
    #[must_use]
    pub fn new(firewall: &Firewall, host: &Host, more: &[(Family, u128)]) -> Self {
        let all: Vec<Zone> = [Family::V4, Family::V6].into_iter().flat_map(|family| zones(host, family)).collect();
        let (mut answers, mut dead) = (HashMap::new(), Vec::new());
        for (place, zone) in all.iter().enumerate() {
            let bound = more.iter().filter(|(family, _)| *family == zone.family).map(|(_, number)| *number);
            let mut destinations: Vec<u128> = bound.chain([zone.destination]).collect();
            destinations.sort_unstable();
            destinations.dedup();
            for destination in destinations {
                for carried in [Carried::Tcp, Carried::Udp] {
                    let reached = reach(firewall, host, &question(zone, carried, destination), false);
                    answers.insert((place, carried, destination), reached);
                }
            }
            dead.push(zone.family == Family::V6 && neighbours(firewall, host, &zone.interface) != Neighbours::Found);
        }
        Self { zones: all, answers, dead }
    }

    /// What a zone gets at a port, at the address it knows or at another one. None when nobody asked for that address.
    #[must_use]
    pub fn cell(&self, zone: usize, carried: Carried, destination: Option<u128>, port: u16) -> Option<Cell> {
        let of = self.zones.get(zone)?;
        let port = u128::from(port);
        let reached = self.answers.get(&(zone, carried, destination.unwrap_or(of.destination)))?;
        let by_verdict = reached.clients_by_verdict(port);
        let alike = by_verdict.len() == 1;
        let verdict = if alike { by_verdict.first()?.0 } else { Verdict::Depends };
        let open = by_verdict.iter().filter(|(verdict, _)| *verdict != Verdict::Unreachable);
        let open = open.fold(Ranges::none(), |all, (_, clients)| all.or(clients));
        let mut causes: Vec<Cause> = Vec::new();
        for (_, clients) in by_verdict.iter().filter(|(verdict, _)| *verdict == Verdict::Depends) {
            let client = clients.first()?;
            causes.extend(reached.causes(client, port, Question::shown_port()).into_iter().cloned());
        }
        let no_neighbours = verdict != Verdict::Unreachable && self.dead.get(zone).copied().unwrap_or(false);
        Some(Cell { verdict, open, alike, causes, no_neighbours })
    }

    /// Whether the rules drop what a zone's neighbours need to find the host.
    #[must_use]
    pub fn has_no_neighbours(&self, zone: usize) -> bool {
        self.dead.get(zone).copied().unwrap_or(false)
    }

    /// The ports at which a zone gets anything but *unreachable*, whether something listens there or not.
    #[must_use]
    pub fn open_ports(&self, zone: usize, carried: Carried) -> Option<Ranges> {
        let destination = self.zones.get(zone)?.destination;
        Some(self.answers.get(&(zone, carried, destination))?.open_ports())
    }
}

fn question(zone: &Zone, carried: Carried, destination: u128) -> Question {
    Question {
        family: zone.family,
        carried,
        interface: zone.interface.clone(),
        destination,
        clients: zone.clients.clone(),
        ports: Question::all_ports(),
        client_ports: Question::all_ports(),
    }
}
