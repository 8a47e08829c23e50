//! The way of a conversation through the kernel: there, back, and for TCP there and back once more.
//! Source for the order of places: `include/uapi/linux/netfilter_ipv4.h`, `net/netfilter/nf_nat_core.c`.

use std::sync::Arc;

use crate::firewall::address::Family;
use crate::firewall::host::{self, Host};
use crate::firewall::model::{Cause, CauseKind, Firewall, Hook, Scope, state};
use crate::firewall::ranges::Ranges;

use crate::firewall::reach::asking::Asking;
use crate::firewall::reach::neighbours::Neighbours;
use crate::firewall::reach::packet::{Flows, Leg, State, add, add_all};
use crate::firewall::reach::question::{Carried, Question};
use crate::firewall::reach::reached::{Arrival, At, Decision, Reached};
use crate::firewall::reach::region::{Area, Region};
use crate::firewall::reach::sort::Sorted;

/// A question on its way.
pub(super) struct Journey<'a> {
    pub(super) firewall: &'a Firewall,
    host: &'a Host,
    pub(super) question: &'a Question,
    pub(super) asking: Asking<'a>,
    pub(super) record: bool,
    yes: Region,
    pub(super) no: Region,
    opened: Region,
    doubts: Vec<(Cause, Region)>,
    decisions: Vec<Decision>,
    arrivals: Vec<(Arrival, Region)>,
    /// Whether packets are at a place before connection tracking.
    pub(super) untracked_yet: bool,
}

impl<'a> Journey<'a> {
    pub(super) fn new(firewall: &'a Firewall, host: &'a Host, question: &'a Question, record: bool) -> Self {
        let translates = firewall.chains.iter().any(|chain| chain.base.as_ref().is_some_and(|base| base.translates));
        let forwarding = translates || !host.is_own(question.family, question.destination);
        let sorted = Sorted::new(firewall, question, forwarding);
        let asking = Asking::new(host, question, &sorted);
        let none = asking.none();
        Self {
            firewall,
            host,
            question,
            asking,
            record,
            yes: none.clone(),
            no: none.clone(),
            opened: none,
            doubts: Vec::new(),
            decisions: Vec::new(),
            arrivals: Vec::new(),
            untracked_yet: false,
        }
    }

    /// Sends all packets of the question, and their answers.
    pub(super) fn travel(mut self) -> Reached {
        let tcp = self.question.carried == Carried::Tcp;
        let mut flows = vec![(State::new(self.question.destination), self.asking.all())];
        self.unreadable(&mut flows);
        let v6 = self.question.family == Family::V6;
        let leg = Leg {
            back: false,
            opens: true,
            flags: 0x02,
            icmp: if v6 { 128 } else { 8 },
            came: 0,
            leaves: 0,
            undone: false,
        };
        let answer = Leg { back: true, flags: 0x12, icmp: if v6 { 129 } else { 0 }, ..leg };
        let arrived = self.there(flows, leg);
        for (state, region) in arrived.iter().filter(|(state, _)| state.sent.is_some()) {
            self.arrivals.push(((state.destination, state.port), region.clone()));
        }
        let mut flows = self.back(arrived, answer);
        if tcp {
            for (_, region) in &flows {
                self.opened.add(region.clone());
            }
            let next =
                flows.into_iter().map(|(state, region)| (state.next(self.question.destination), region)).collect();
            let more = Leg { opens: false, flags: 0x10, ..leg };
            let arrived = self.there(next, more);
            flows = self.back(arrived, Leg { flags: 0x18, opens: false, ..answer });
        }
        for (_, region) in flows {
            self.yes.add(region);
        }
        Reached {
            clients: self.asking.clients,
            ports: self.asking.ports,
            client_ports: self.asking.client_ports,
            yes: self.yes,
            no: self.no,
            opened: self.opened,
            doubts: self.doubts,
            decisions: self.decisions,
            arrivals: self.arrivals,
            ported: self.question.carried.has_ports(),
        }
    }

    /// A neighbour's question for our hardware address, and our answer. Connection tracking leaves both alone
    /// (`nf_conntrack_icmpv6.c`), and nothing routes them.
    pub(super) fn solicit(mut self) -> Neighbours {
        let interface = self.question.interface_number();
        let start = State { tracking: state::UNTRACKED, ..State::new(self.question.destination) };
        let mut flows = vec![(start, self.asking.all())];
        self.unreadable(&mut flows);
        let leg = Leg { back: false, opens: true, flags: 0, icmp: 135, came: interface, leaves: 0, undone: false };
        let flows = self.at(Hook::Ingress, (i32::MIN, i32::MAX), flows, &leg);
        let flows = self.at(Hook::Prerouting, (i32::MIN, i32::MAX), flows, &leg);
        let flows = self.at(Hook::Input, (i32::MIN, i32::MAX), flows, &leg);
        let leg = Leg { back: true, icmp: 136, came: 0, leaves: interface, ..leg };
        let flows = self.at(Hook::Output, (i32::MIN, i32::MAX), flows, &leg);
        let flows = self.at(Hook::Postrouting, (i32::MIN, i32::MAX), flows, &leg);
        let flows = self.at(Hook::Egress, (i32::MIN, i32::MAX), flows, &leg);
        match (flows.is_empty(), self.no.is_empty()) {
            (true, _) => Neighbours::Dropped,
            (false, true) => Neighbours::Found,
            (false, false) => Neighbours::Depends,
        }
    }

    /// While some of the rules could not be read, every packet may be dropped by them.
    fn unreadable(&mut self, flows: &mut Flows) {
        let mut doubts = self.firewall.doubts.clone();
        let bridged = self.host.interfaces.iter().any(|one| one.bridge.as_deref() == Some(&self.question.interface));
        let acts = |scope: Scope| {
            let chains =
                self.firewall.chains.iter().filter(move |chain| chain.scope == scope && chain.base.is_some());
            chains
                .into_iter()
                .any(|chain| !chain.rules.is_empty() || chain.base.as_ref().is_some_and(|base| base.drops))
        };
        if bridged && acts(Scope::Bridge) {
            doubts.push(Cause { kind: CauseKind::Unknown, text: "the rules of the bridge".to_owned() });
        }
        if !doubts.is_empty() {
            let all = self.asking.all();
            self.no.add(all.clone());
            self.doubt(doubts, &all);
        }
        flows.retain(|(_, region)| !region.is_empty());
    }

    /// From the client to where the conversation ends.
    fn there(&mut self, flows: Flows, leg: Leg) -> Flows {
        if self.question.is_from_here() {
            return self.outward(flows, leg);
        }
        let leg = Leg { came: self.question.interface_number(), ..leg };
        let flows = self.at(Hook::Ingress, (i32::MIN, i32::MAX), flows, &leg);
        let flows = self.prerouting(flows, leg);
        let mut arrived = Flows::new();
        for (state, region) in self.checked(flows, &leg) {
            let here = self.host.is_own(self.question.family, state.destination);
            let on = if here { self.input(vec![(state, region)], leg) } else { self.through(state, region, leg) };
            add_all(&mut arrived, on);
        }
        arrived
    }

    /// From a program on the host: out, and in again by the loopback unless it was sent elsewhere.
    fn outward(&mut self, flows: Flows, leg: Leg) -> Flows {
        let lo = self.question.interface_number();
        let leg = Leg { leaves: lo, ..leg };
        let flows = self.output(flows, leg);
        let mut arrived = Flows::new();
        for (mut state, region) in flows {
            if self.host.is_own(self.question.family, state.destination) {
                let flows = self.postrouting(vec![(state, region)], leg);
                let leg = Leg { came: lo, leaves: 0, ..leg };
                let flows = self.arrives(flows, leg);
                add_all(&mut arrived, flows);
                continue;
            }
            let Some(leaves) = self.way_to(state.destination) else {
                self.kernel("there is no way to where it is sent", &leg, region);
                continue;
            };
            state.beyond = leaves;
            let flows = self.postrouting(vec![(state, region)], Leg { leaves, ..leg });
            add_all(&mut arrived, flows);
        }
        arrived
    }

    /// Comes in by the loopback: tracked and translated already.
    fn arrives(&mut self, flows: Flows, leg: Leg) -> Flows {
        let flows = self.at(Hook::Ingress, (i32::MIN, i32::MAX), flows, &leg);
        let flows = self.at(Hook::Prerouting, (i32::MIN, i32::MAX), flows, &leg);
        self.input(flows, leg)
    }

    /// From where the conversation ends back to the client.
    fn back(&mut self, flows: Flows, leg: Leg) -> Flows {
        let lo = self.question.interface_number();
        let mut home = Flows::new();
        for (state, region) in flows {
            let state = state.next(state.destination).translated_back(state);
            if self.question.is_from_here() {
                let flows = match state.beyond {
                    0 => {
                        let leg = Leg { leaves: lo, ..leg };
                        let flows = self.output(vec![(state, region)], leg);
                        let flows = self.postrouting(flows, leg);
                        let leg = Leg { came: lo, leaves: 0, undone: true, ..leg };
                        self.arrives(flows, leg)
                    }
                    beyond => {
                        let leg = Leg { came: beyond, ..leg };
                        let flows = self.at(Hook::Ingress, (i32::MIN, i32::MAX), vec![(state, region)], &leg);
                        let flows = self.prerouting(flows, leg);
                        self.input(flows, leg)
                    }
                };
                add_all(&mut home, flows);
                continue;
            }
            for (leaves, region) in self.leaving(region, &leg) {
                let flows = self.leaves(state, region, Leg { leaves, ..leg });
                add_all(&mut home, flows);
            }
        }
        home
    }

    fn leaves(&mut self, state: State, region: Region, leg: Leg) -> Flows {
        let flows = vec![(state, region)];
        let flows = if state.beyond == 0 {
            self.output(flows, leg)
        } else {
            let came = Leg { came: state.beyond, leaves: 0, ..leg };
            let flows = self.at(Hook::Ingress, (i32::MIN, i32::MAX), flows, &came);
            let flows = self.prerouting(flows, came);
            let through = Leg { came: state.beyond, ..leg };
            self.at(Hook::Forward, (i32::MIN, i32::MAX), flows, &through)
        };
        self.postrouting(flows, leg)
    }

    /// Packets for the client, by the interface that they leave by. Where routes are not known they leave where they came.
    fn leaving(&mut self, mut region: Region, leg: &Leg) -> Vec<(u128, Region)> {
        if !self.asking.knows_routes {
            return vec![(self.question.interface_number(), region)];
        }
        let mut parts = Vec::new();
        for (interface, set) in self.asking.ways.clone() {
            let area = self.asking.of_clients(&set);
            let mut part = self.asking.none();
            if region.pour(&area, &mut part) {
                parts.push((interface, part));
            }
        }
        if !region.is_empty() {
            self.kernel("there is no way back to the sender", leg, region);
        }
        parts
    }

    fn way_to(&self, destination: u128) -> Option<u128> {
        self.asking.ways.iter().find(|(_, set)| set.has(destination)).map(|(interface, _)| *interface)
    }

    /// What the kernel itself refuses when it looks for a packet's way.
    fn checked(&mut self, flows: Flows, leg: &Leg) -> Flows {
        let (question, host) = (self.question, self.host);
        let mut on = Flows::new();
        for (state, mut region) in flows {
            let (first, last) = host::loopback(question.family);
            let to_loopback = (first..=last).contains(&state.destination);
            if to_loopback && !(question.family == Family::V4 && host.routes_loopback(&question.interface)) {
                self.kernel("packets from outside to the loopback are refused", leg, region);
                continue;
            }
            let own = match question.family {
                // The kernel refuses its own addresses as senders; for IPv6 it refuses ::1 only.
                Family::V4 => Arc::new(host.own(Family::V4)),
                Family::V6 => Arc::new(Ranges::one(1)),
            };
            region = self.refuse(region, &own, "a sender with an address of this host is refused", leg);
            if question.family == Family::V4 && self.asking.knows_routes {
                let by = self.asking.ways.iter().find(|(interface, _)| *interface == leg.came);
                let wrong = match host.source_check(&question.interface) {
                    0 => None,
                    1 => Some(Arc::new(by.map_or_else(Ranges::none, |(_, set)| set.as_ref().clone()).inverse())),
                    _ => Some(self.asking.lost.clone()),
                };
                if let Some(wrong) = wrong {
                    let why = "the source check (rp_filter) refuses a sender whose way back is not this interface";
                    region = self.refuse(region, &wrong, why, leg);
                }
            }
            add(&mut on, state, region);
        }
        on
    }

    fn refuse(&mut self, mut region: Region, clients: &Arc<Ranges>, why: &'static str, leg: &Leg) -> Region {
        let mask = self.asking.clients.mask(clients);
        let area = Area { clients: Some(mask.possible), cells: None };
        let mut refused = self.asking.none();
        if region.pour(&area, &mut refused) {
            self.kernel(why, leg, refused);
        }
        region
    }

    fn through(&mut self, mut state: State, region: Region, leg: Leg) -> Flows {
        if !self.host.forwards(self.question.family) {
            self.kernel("the host does not pass packets on", &leg, region);
            return Flows::new();
        }
        let Some(leaves) = self.way_to(state.destination) else {
            self.kernel("there is no way to where it is sent", &leg, region);
            return Flows::new();
        };
        state.beyond = leaves;
        let leg = Leg { leaves, ..leg };
        let flows = self.at(Hook::Forward, (i32::MIN, i32::MAX), vec![(state, region)], &leg);
        self.postrouting(flows, leg)
    }

    /// Where REDIRECT sends a packet: the loopback for what the host sends, else the first address of the interface.
    pub(super) fn redirected(&self, leg: &Leg) -> Option<u128> {
        if leg.came == 0 {
            return Some(if self.question.family == Family::V4 { 0x7f00_0001 } else { 1 });
        }
        self.host.first_on(self.question.family, leg.came)
    }

    pub(super) fn dropped(&mut self, region: Region) {
        self.no.add(region);
    }

    fn kernel(&mut self, why: &'static str, leg: &Leg, region: Region) {
        self.decide(At::Kernel(why), leg, false, &region);
        self.dropped(region);
    }

    pub(super) fn doubt(&mut self, causes: Vec<Cause>, region: &Region) {
        if region.is_empty() {
            return;
        }
        for cause in causes {
            match self.doubts.iter_mut().find(|(known, _)| *known == cause) {
                Some((_, known)) => known.add(region.clone()),
                None => self.doubts.push((cause, region.clone())),
            }
        }
    }

    pub(super) fn decide(&mut self, at: At, leg: &Leg, passed: bool, region: &Region) {
        self.note(at, leg, Some(passed), region);
    }

    pub(super) fn pass(&mut self, at: At, leg: &Leg, region: &Region) {
        self.note(at, leg, None, region);
    }

    fn note(&mut self, at: At, leg: &Leg, passed: Option<bool>, region: &Region) {
        if self.record && !region.is_empty() {
            let Leg { back, opens, .. } = *leg;
            self.decisions.push(Decision { at, back, opens, passed, region: region.clone() });
        }
    }
}
