//! The places on a packet's way where chains stand, each in the order of their priorities.

use crate::firewall::model::{Hook, state};
use crate::firewall::reach::packet::{Flows, Leg, State, add, add_all};
use crate::firewall::reach::question::Carried;
use crate::firewall::reach::way::Journey;

/// Where connection tracking and the two translations stand among the priorities of chains.
const TRACKING: i32 = -200;
const DESTINATION: i32 = -100;
const SOURCE: i32 = 100;

impl Journey<'_> {
    pub(super) fn prerouting(&mut self, flows: Flows, leg: Leg) -> Flows {
        self.tracked_place(Hook::Prerouting, flows, leg)
    }

    pub(super) fn output(&mut self, flows: Flows, leg: Leg) -> Flows {
        self.tracked_place(Hook::Output, flows, leg)
    }

    /// Raw chains, connection tracking, mangle chains, translation of destinations, and the rest.
    fn tracked_place(&mut self, hook: Hook, flows: Flows, leg: Leg) -> Flows {
        self.untracked_yet = true;
        let flows = self.at(hook, (i32::MIN, TRACKING - 1), flows, &leg);
        self.untracked_yet = false;
        let (tcp, udp) = (self.question.carried == Carried::Tcp, self.question.carried == Carried::Udp);
        let mut seen = Flows::new();
        for (state, region) in flows {
            add(&mut seen, state.track(&leg, tcp, udp), region);
        }
        let flows = self.at(hook, (TRACKING, DESTINATION), seen, &leg);
        let flows = self.translate(hook, flows, &leg);
        self.at(hook, (DESTINATION + 1, i32::MAX), flows, &leg)
    }

    pub(super) fn input(&mut self, flows: Flows, leg: Leg) -> Flows {
        let flows = self.at(Hook::Input, (i32::MIN, SOURCE), flows, &leg);
        let flows = self.translate(Hook::Input, flows, &leg);
        self.at(Hook::Input, (SOURCE + 1, i32::MAX), flows, &leg)
    }

    pub(super) fn postrouting(&mut self, flows: Flows, leg: Leg) -> Flows {
        let flows = self.at(Hook::Postrouting, (i32::MIN, SOURCE), flows, &leg);
        let flows = self.translate(Hook::Postrouting, flows, &leg);
        let leg = Leg { undone: leg.back, ..leg };
        let flows = self.at(Hook::Postrouting, (SOURCE + 1, i32::MAX), flows, &leg);
        self.at(Hook::Egress, (i32::MIN, i32::MAX), flows, &leg)
    }

    /// Translation: the first packet of a conversation asks the chains, the others get what was decided then.
    fn translate(&mut self, hook: Hook, flows: Flows, leg: &Leg) -> Flows {
        let mut on = Flows::new();
        for (state, region) in flows {
            let first = state.tracking == state::NEW && !leg.back && leg.opens;
            if first {
                let asked = self.ask_chains(hook, vec![(state, region)], leg);
                add_all(&mut on, asked);
            } else if state.tracking == state::ESTABLISHED && !leg.back && hook != Hook::Input {
                add(&mut on, state.translated(), region);
            } else {
                add(&mut on, state, region);
            }
        }
        on
    }

    fn ask_chains(&mut self, hook: Hook, flows: Flows, leg: &Leg) -> Flows {
        let (mut waiting, mut done) = (flows, Flows::new());
        for chain in self.chains(hook, true, (i32::MIN, i32::MAX), leg) {
            let before: Vec<State> = waiting.iter().map(|(state, _)| *state).collect();
            let after = self.base(chain, waiting, leg);
            waiting = Flows::new();
            for (state, region) in after {
                let decided = !before
                    .iter()
                    .any(|old| old.sent == state.sent && old.source_translated == state.source_translated);
                add(if decided { &mut done } else { &mut waiting }, state, region);
            }
        }
        add_all(&mut done, waiting);
        done
    }

    /// Takes packets through all chains of one place within a span of priorities.
    pub(super) fn at(&mut self, hook: Hook, priorities: (i32, i32), flows: Flows, leg: &Leg) -> Flows {
        let mut flows = flows;
        for chain in self.chains(hook, false, priorities, leg) {
            if flows.is_empty() {
                break;
            }
            flows = self.base(chain, flows, leg);
        }
        flows
    }

    fn chains(&self, hook: Hook, translates: bool, priorities: (i32, i32), leg: &Leg) -> Vec<usize> {
        let mut found: Vec<(i32, usize)> = Vec::new();
        for (place, chain) in self.firewall.chains.iter().enumerate() {
            let Some(base) = chain.base.as_ref().filter(|_| chain.scope.holds(self.question.family)) else {
                continue;
            };
            let device = if hook == Hook::Egress { leg.leaves } else { leg.came };
            let there =
                !matches!(hook, Hook::Ingress | Hook::Egress) || base.devices.is_empty() || base.devices.has(device);
            let within = (priorities.0..=priorities.1).contains(&base.priority);
            if base.hook == hook && base.translates == translates && within && there {
                found.push((base.priority, place));
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, place)| place).collect()
    }
}
