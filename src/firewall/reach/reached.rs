//! The answer: which packets arrive, which do not, and on what the others depend.

use crate::firewall::model::Cause;
use crate::firewall::ranges::Ranges;

use crate::firewall::reach::classes::Classes;
use crate::firewall::reach::region::Region;

/// Whether packets arrive and their answers come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// They do.
    Reachable,
    /// They do not.
    Unreachable,
    /// It depends on something that rules alone cannot tell.
    Depends,
}

impl Verdict {
    /// What people call it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::Unreachable => "unreachable",
            Self::Depends => "depends",
        }
    }
}

/// Where something was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// By a rule: the chain's place in the rule set and the rule's place in it.
    Rule {
        /// The chain.
        chain: usize,
        /// The rule.
        rule: usize,
    },
    /// By a chain's policy.
    Policy {
        /// The chain.
        chain: usize,
    },
    /// By the kernel itself.
    Kernel(&'static str),
}

/// One decision on the way.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Where.
    pub at: At,
    /// Whether the packet was on its way back to the client.
    pub back: bool,
    /// Whether it was the first packet in its direction.
    pub opens: bool,
    /// `Some(true)`: it went on; `Some(false)`: it was dropped; none: it was sent through another chain.
    pub passed: Option<bool>,
    pub(super) region: Region,
}

/// An address, and a span of ports when it is not the port that was asked for.
pub type Arrival = (u128, Option<(u128, u128)>);

/// The answer to a question.
#[derive(Debug)]
pub struct Reached {
    pub(super) clients: Classes,
    pub(super) ports: Classes,
    pub(super) client_ports: Classes,
    /// Packets for which everything may go through.
    pub(super) yes: Region,
    /// Packets that may be dropped somewhere.
    pub(super) no: Region,
    /// Packets whose connection may open.
    pub(super) opened: Region,
    pub(super) doubts: Vec<(Cause, Region)>,
    pub(super) decisions: Vec<Decision>,
    /// Where conversations were sent instead of where they were sent to: the address, the port, and which of them.
    pub(super) arrivals: Vec<(Arrival, Region)>,
    pub(super) ported: bool,
}

impl Reached {
    /// The verdict for one client, port and client port. None when the question did not ask for it.
    #[must_use]
    pub fn verdict(&self, client: u128, port: u128, client_port: u128) -> Option<Verdict> {
        let (client, cell) = self.cell(client, port, client_port)?;
        Some(self.of_cell(client, cell))
    }

    fn cell(&self, client: u128, port: u128, client_port: u128) -> Option<(usize, usize)> {
        let (port, client_port) = if self.ported { (port, client_port) } else { (0, 0) };
        let cell = self.ports.class(port)? * self.client_ports.count() + self.client_ports.class(client_port)?;
        Some((self.clients.class(client)?, cell))
    }

    fn of_cell(&self, client: usize, cell: usize) -> Verdict {
        let opened = self.opened.has(client, cell);
        match (self.yes.has(client, cell), self.no.has(client, cell)) {
            (true, false) => Verdict::Reachable,
            (false, _) if !opened => Verdict::Unreachable,
            _ => Verdict::Depends,
        }
    }

    /// The verdict for a client and a port from any of these client ports: the same for all, or depends.
    #[must_use]
    pub fn from_ports(&self, client: u128, port: u128, client_ports: &Ranges) -> Option<Verdict> {
        let width = self.client_ports.count();
        let port = self.ports.class(if self.ported { port } else { 0 })?;
        let client = self.clients.class(client)?;
        let wanted = self.client_ports.mask(client_ports).possible;
        let classes: Vec<usize> = if self.ported { wanted.to_vec() } else { (0..width).collect() };
        let mut all = classes.into_iter().map(|at| self.of_cell(client, port * width + at));
        let first = all.next()?;
        Some(if all.all(|verdict| verdict == first) { first } else { Verdict::Depends })
    }

    /// The clients with each verdict at one port.
    #[must_use]
    pub fn clients_by_verdict(&self, port: u128) -> Vec<(Verdict, Ranges)> {
        let width = self.client_ports.count();
        let Some(port) = self.ports.class(if self.ported { port } else { 0 }) else { return Vec::new() };
        let verdict = |client: usize| {
            let mut all = (0..width).map(|at| self.of_cell(client, port * width + at));
            let first = all.next().unwrap_or(Verdict::Depends);
            if all.all(|verdict| verdict == first) { first } else { Verdict::Depends }
        };
        let verdicts: Vec<Verdict> = (0..self.clients.count()).map(verdict).collect();
        [Verdict::Reachable, Verdict::Depends, Verdict::Unreachable]
            .into_iter()
            .map(|wanted| (wanted, self.clients.numbers(|client| verdicts[client] == wanted)))
            .filter(|(_, clients)| !clients.is_empty())
            .collect()
    }

    /// The ports at which any client gets anything but *unreachable*.
    #[must_use]
    pub fn open_ports(&self) -> Ranges {
        let width = self.client_ports.count();
        let open =
            |cell: usize| (0..self.clients.count()).any(|client| self.of_cell(client, cell) != Verdict::Unreachable);
        self.ports.numbers(|port| (port * width..(port + 1) * width).any(open))
    }

    /// What an uncertain verdict depends on.
    #[must_use]
    pub fn causes(&self, client: u128, port: u128, client_port: u128) -> Vec<&Cause> {
        let Some((client, cell)) = self.cell(client, port, client_port) else { return Vec::new() };
        let mut causes: Vec<&Cause> =
            self.doubts.iter().filter(|(_, region)| region.has(client, cell)).map(|(cause, _)| cause).collect();
        causes.sort();
        causes.dedup();
        causes
    }

    /// Whether the connection opens and then nothing can flow over it.
    #[must_use]
    pub fn half_open(&self, client: u128, port: u128, client_port: u128) -> bool {
        self.cell(client, port, client_port)
            .is_some_and(|(client, cell)| self.opened.has(client, cell) && !self.yes.has(client, cell))
    }

    /// The decisions about one packet, in order. Empty unless the question was asked with a record.
    pub fn path(&self, client: u128, port: u128, client_port: u128) -> impl Iterator<Item = &Decision> {
        let cell = self.cell(client, port, client_port);
        self.decisions.iter().filter(move |one| cell.is_some_and(|(client, cell)| one.region.has(client, cell)))
    }

    /// Where one conversation really ends, if that is not where it was sent to.
    #[must_use]
    pub fn arrival(&self, client: u128, port: u128, client_port: u128) -> Option<Arrival> {
        let (client, cell) = self.cell(client, port, client_port)?;
        self.arrivals.iter().find(|(_, region)| region.has(client, cell)).map(|(arrival, _)| *arrival)
    }
}
