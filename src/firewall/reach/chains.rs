//! Takes packets through one chain, rule by rule, and through the chains that it jumps to.

use crate::firewall::model::{Action, Cause, CauseKind, Field, Marked, Rule, Step, state};
use crate::firewall::ranges::Ranges;

use crate::firewall::reach::asking::Plain;
use crate::firewall::reach::packet::{Flows, Leg, Mark, Sent, State, add, add_all};
use crate::firewall::reach::reached::At;
use crate::firewall::reach::region::{Area, Region};
use crate::firewall::reach::way::Journey;

/// Jumps within jumps: the kernel allows 16 in nftables, and iptables refuses loops when rules are loaded.
const DEEPEST: usize = 64;

/// More states than this at one place are made fewer by forgetting marks.
const MOST_STATES: usize = 48;

/// Where packets of a chain went, other than on to its next rule.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Accepted: done with this base chain.
    pub(super) accepted: Flows,
    /// Back to the chain that jumped here.
    returned: Flows,
}

impl Journey<'_> {
    /// Takes packets through a base chain. What is left of them goes on along the way.
    pub(super) fn base(&mut self, chain: usize, flows: Flows, leg: &Leg) -> Flows {
        let mut left = Left::default();
        let fallen = self.chain(chain, flows, leg, &mut left, 0);
        let drops = self.firewall.chains[chain].base.as_ref().is_some_and(|base| base.drops);
        let mut on = left.accepted;
        for (state, region) in fallen.into_iter().chain(left.returned) {
            self.decide(At::Policy { chain }, leg, !drops, &region);
            if drops {
                self.dropped(region);
            } else {
                add(&mut on, state, region);
            }
        }
        on
    }

    /// Takes packets through a chain and hands back those that fall off its end.
    fn chain(&mut self, chain: usize, mut flows: Flows, leg: &Leg, left: &mut Left, depth: usize) -> Flows {
        let firewall = self.firewall;
        if depth > DEEPEST {
            for (state, region) in &flows {
                let cause = Cause { kind: CauseKind::Unknown, text: "jumps without end".to_owned() };
                self.anything(cause, *state, region, left);
            }
            return flows;
        }
        let mut mine = Left::default();
        for (number, rule) in firewall.chains[chain].rules.iter().enumerate() {
            if flows.is_empty() {
                break;
            }
            if !rule.acts() {
                continue;
            }
            let mut changed = Flows::new();
            let at = At::Rule { chain, rule: number };
            for (state, region) in &mut flows {
                self.rule(at, rule, *state, region, leg, depth, &mut changed, &mut mine);
            }
            flows.retain(|(_, region)| !region.is_empty());
            for (state, region) in changed {
                add(&mut flows, state, region);
            }
            if flows.len() > MOST_STATES {
                flows = forget_marks(flows);
            }
        }
        for (state, region) in mine.accepted {
            add(&mut left.accepted, state, region);
        }
        // What returned goes on where this chain was jumped from, like what fell off its end.
        for (state, region) in mine.returned {
            add(&mut flows, state, region);
        }
        flows
    }

    /// One rule for packets of one state. What the rule does not keep stays in `live` or goes to `on`.
    #[expect(clippy::too_many_arguments, reason = "the whole place of a packet; a struct would only rename them")]
    fn rule(
        &mut self,
        at: At,
        rule: &Rule,
        state: State,
        live: &mut Region,
        leg: &Leg,
        depth: usize,
        on: &mut Flows,
        left: &mut Left,
    ) {
        // What the packet itself settles comes first: most rules speak of another protocol, interface or state.
        let mut asked =
            rule.steps.iter().map_while(|step| if let Step::If(condition) = step { Some(condition) } else { None });
        if asked.any(|condition| self.asking.refuses(condition, &state, leg)) {
            return;
        }
        let mut area = Area::default();
        let mut steps = rule.steps.iter();
        let first = loop {
            let Some(step) = steps.next() else { return };
            let Step::If(condition) = step else { break step };
            match self.asking.plain(condition, &state, leg) {
                Plain::Is(true) => {}
                Plain::Is(false) => return,
                Plain::In(more) => area = area.and(more),
                Plain::Else => break step,
            }
            if area.is_nothing() {
                return;
            }
        };
        if !self.record {
            // Most rules end here. Their packets go where they belong without a stop.
            let into = match first {
                Step::Do(Action::Drop | Action::Reject) => Some(&mut self.no),
                Step::Do(Action::Accept) => Some(of_state(&mut left.accepted, state, live)),
                Step::Do(Action::Return) => Some(of_state(&mut left.returned, state, live)),
                _ => None,
            };
            if let Some(into) = into {
                live.pour(&area, into);
                return;
            }
        }
        let mut current = self.asking.none();
        if !live.pour(&area, &mut current) {
            return;
        }
        let mut flows = vec![(state, current)];
        for step in std::iter::once(first).chain(steps) {
            match step {
                Step::If(condition) => {
                    let mut kept = Flows::new();
                    for (state, region) in flows {
                        let mut causes = Vec::new();
                        let (may, must) = self.asking.regions(condition, &state, leg, &region, &mut causes);
                        self.doubt(causes, &may.minus(&must));
                        add(on, state, region.minus(&must));
                        add(&mut kept, state, may);
                    }
                    flows = kept;
                }
                Step::Do(action) => flows = self.action(at, action, flows, leg, depth, on, left),
            }
            if flows.is_empty() {
                return;
            }
        }
        for (state, region) in flows {
            add(on, state, region);
        }
    }

    /// Does one action to packets, and hands back those that stay in the rule.
    #[expect(clippy::too_many_arguments, reason = "the whole place of a packet; a struct would only rename them")]
    fn action(
        &mut self,
        at: At,
        action: &Action,
        flows: Flows,
        leg: &Leg,
        depth: usize,
        on: &mut Flows,
        left: &mut Left,
    ) -> Flows {
        match action {
            Action::Continue => return flows,
            Action::Mark(..) | Action::MarkUnknown(_) | Action::CopyMark { .. } | Action::Untrack => {
                let mut changed = Flows::new();
                for (state, region) in flows {
                    add(&mut changed, self.change(state, action), region);
                }
                return changed;
            }
            Action::Accept | Action::Destination(..) | Action::Redirect(_) | Action::Source => {
                for (state, region) in flows {
                    self.decide(at, leg, true, &region);
                    if let Some(state) = self.sent(state, action, leg) {
                        add(&mut left.accepted, state, region);
                    } else {
                        let text = "a redirect to an interface whose address is not known".to_owned();
                        self.anything(Cause { kind: CauseKind::Unknown, text }, state, &region, left);
                    }
                }
            }
            Action::Drop | Action::Reject => {
                for (_, region) in flows {
                    self.decide(at, leg, false, &region);
                    self.dropped(region);
                }
            }
            Action::Return => add_all(&mut left.returned, flows),
            Action::Jump(chain) | Action::Goto(chain) => {
                for (_, region) in &flows {
                    self.pass(at, leg, region);
                }
                let fallen = self.chain(*chain, flows, leg, left, depth + 1);
                add_all(if matches!(action, Action::Jump(_)) { on } else { &mut left.returned }, fallen);
            }
            Action::Choose(fields, entries) => {
                for (state, mut rest) in flows {
                    for (entry, action) in entries.iter() {
                        let may = self.chosen(fields, entry, &state, leg, &mut rest);
                        if may.is_empty() {
                            continue;
                        }
                        for (state, region) in self.action(at, action, vec![(state, may)], leg, depth, on, left) {
                            add(on, state, region);
                        }
                    }
                    add(on, state, rest);
                }
            }
            Action::Unsure(cause) => {
                for (state, region) in flows {
                    self.anything(cause.clone(), state, &region, left);
                    add(on, state, region);
                }
            }
        }
        Flows::new()
    }

    /// The packets that an entry of a map may hold; those that it surely holds are taken out of `rest`.
    fn chosen(&mut self, fields: &[Field], entry: &[Ranges], state: &State, leg: &Leg, rest: &mut Region) -> Region {
        let (may, must) = self.asking.entry(fields, entry, state, leg, rest);
        let text = "a map asked for something that this packet does not have".to_owned();
        self.doubt(vec![Cause { kind: CauseKind::Unknown, text }], &may.minus(&must));
        *rest = rest.minus(&must);
        may
    }

    /// Packets that may be accepted here as well as dropped.
    fn anything(&mut self, cause: Cause, state: State, region: &Region, left: &mut Left) {
        self.doubt(vec![cause], region);
        self.dropped(region.clone());
        add(&mut left.accepted, state, region.clone());
    }

    fn change(&self, mut state: State, action: &Action) -> State {
        match action {
            Action::Mark(Marked::Packet, clear, flip) => state.mark = state.mark.changed(*clear, *flip),
            Action::Mark(Marked::Connection, clear, flip) => {
                state.connection_mark = state.connection_mark.changed(*clear, *flip);
            }
            Action::MarkUnknown(Marked::Packet) => state.mark = Mark::UNKNOWN,
            Action::MarkUnknown(Marked::Connection) => state.connection_mark = Mark::UNKNOWN,
            Action::CopyMark { to: Marked::Packet } => state.mark = state.connection_mark,
            Action::CopyMark { to: Marked::Connection } => state.connection_mark = state.mark,
            // Only what connection tracking has not seen yet can be kept out of it.
            Action::Untrack if state.tracking == state::INVALID && self.untracked_yet => {
                state.tracking = state::UNTRACKED;
            }
            _ => {}
        }
        state
    }

    /// The state after a translation, or the same after an accept. None: nobody can tell where it goes.
    fn sent(&self, mut state: State, action: &Action, leg: &Leg) -> Option<State> {
        let to = match action {
            Action::Destination(address, port) => Sent { address: address.unwrap_or(state.destination), port: *port },
            Action::Redirect(port) => Sent { address: self.redirected(leg)?, port: *port },
            Action::Source => {
                state.source_translated = true;
                return Some(state);
            }
            _ => return Some(state),
        };
        state.sent = Some(to);
        Some(state.translated())
    }
}

/// The packets of one state among flows, made empty if there are none yet.
fn of_state<'f>(flows: &'f mut Flows, state: State, like: &Region) -> &'f mut Region {
    let at = flows.iter().position(|(known, _)| *known == state).unwrap_or_else(|| {
        flows.push((state, like.emptied()));
        flows.len() - 1
    });
    &mut flows[at].1
}

fn forget_marks(flows: Flows) -> Flows {
    let mut fewer = Flows::new();
    for (mut state, region) in flows {
        (state.mark, state.connection_mark) = (Mark::UNKNOWN, Mark::UNKNOWN);
        add(&mut fewer, state, region);
    }
    fewer
}

#[cfg(test)]
mod tests {
    use crate::firewall::reach::packet::Mark;

    #[test]
    fn a_mark_is_known_again_where_it_was_set() {
        let mark = Mark::UNKNOWN.changed(0xff, 0x07);

        assert_eq!((mark.value, mark.known), (7, 0xff));
        assert_eq!(Mark::NONE.changed(0, 1).changed(u32::MAX, 5), Mark { value: 5, known: u32::MAX });
    }
}
