//! Which numbers the rules tell apart, so that classes can be made of all the others.

use std::collections::HashSet;
use std::sync::Arc;

use crate::firewall::model::{Action, Condition, Field, Firewall, Hook, Step};
use crate::firewall::ranges::Ranges;

use crate::firewall::reach::question::Question;

/// The sets that rules compare clients, ports and client ports with.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) clients: Vec<Arc<Ranges>>,
    pub(super) ports: Vec<Arc<Ranges>>,
    pub(super) client_ports: Vec<Arc<Ranges>>,
    seen: HashSet<(usize, u8)>,
}

impl Sorted {
    /// Looks at every rule that a packet of the question may meet, on its way there or back.
    pub(super) fn new(firewall: &Firewall, question: &Question, forwarding: bool) -> Self {
        let mut sorted = Self::default();
        let mut open = Vec::new();
        for (place, chain) in firewall.chains.iter().enumerate() {
            let Some(base) = chain.base.as_ref().filter(|_| chain.scope.holds(question.family)) else { continue };
            let here = question.is_from_here();
            let (there, back) = match base.hook {
                Hook::Ingress | Hook::Prerouting => (true, here || forwarding),
                Hook::Input => (true, here),
                Hook::Forward => (forwarding, forwarding),
                Hook::Output => (here, true),
                Hook::Postrouting | Hook::Egress => (here || forwarding, true),
            };
            open.extend(there.then_some((place, false)));
            open.extend(back.then_some((place, true)));
        }
        let mut done = HashSet::new();
        while let Some((place, back)) = open.pop() {
            if !done.insert((place, back)) {
                continue;
            }
            let Some(chain) = firewall.chains.get(place) else { continue };
            for rule in chain.rules.iter().filter(|rule| rule.acts()) {
                if rule.steps.iter().any(|step| matches!(step, Step::If(condition) if apart(condition, question))) {
                    continue;
                }
                for step in &rule.steps {
                    match step {
                        Step::If(condition) => sorted.condition(condition, back),
                        Step::Do(action) => sorted.action(action, back, &mut open),
                    }
                }
            }
        }
        sorted
    }

    fn action(&mut self, action: &Action, back: bool, open: &mut Vec<(usize, bool)>) {
        match action {
            Action::Jump(place) | Action::Goto(place) => open.push((*place, back)),
            Action::Choose(fields, entries) => {
                for (entry, action) in entries.iter() {
                    for (field, set) in fields.iter().zip(entry) {
                        self.set(*field, back, set);
                    }
                    self.action(action, back, open);
                }
            }
            _ => {}
        }
    }

    fn condition(&mut self, condition: &Condition, back: bool) {
        match condition {
            Condition::In(field, set) => {
                let Some(which) = which(*field, back) else { return };
                if self.seen.insert((Arc::as_ptr(set).addr(), which)) {
                    self.list(which).push(set.clone());
                }
            }
            Condition::Tuple(fields, entries) => {
                for entry in entries.iter() {
                    for (field, set) in fields.iter().zip(entry) {
                        self.set(*field, back, set);
                    }
                }
            }
            Condition::Not(inner) => self.condition(inner, back),
            Condition::All(all) | Condition::Any(all) => all.iter().for_each(|one| self.condition(one, back)),
            Condition::Masked(..) | Condition::Unsure(_) => {}
        }
    }

    fn set(&mut self, field: Field, back: bool, set: &Ranges) {
        if let Some(which) = which(field, back) {
            self.list(which).push(Arc::new(set.clone()));
        }
    }

    fn list(&mut self, which: u8) -> &mut Vec<Arc<Ranges>> {
        match which {
            0 => &mut self.clients,
            1 => &mut self.ports,
            _ => &mut self.client_ports,
        }
    }
}

/// Whether a condition keeps all packets of the question out by protocol or family.
fn apart(condition: &Condition, question: &Question) -> bool {
    let Condition::In(field, set) = condition else { return false };
    match field {
        Field::Protocol => !set.has(question.carried.number(question.family)),
        Field::FamilyNumber => !set.has(if question.family.bits() == 32 { 2 } else { 10 }),
        _ => false,
    }
}

fn which(field: Field, back: bool) -> Option<u8> {
    match (field, back) {
        (Field::Source, false) | (Field::Destination, true) | (Field::OriginalSource, _) => Some(0),
        (Field::DestinationPort, false) | (Field::SourcePort, true) | (Field::OriginalDestinationPort, _) => Some(1),
        (Field::SourcePort, false) | (Field::DestinationPort, true) | (Field::OriginalSourcePort, _) => Some(2),
        _ => None,
    }
}
