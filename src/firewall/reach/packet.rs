//! What a packet carries on its way besides its addresses and ports.

use crate::firewall::model::state;

/// One packet of a conversation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leg {
    /// Whether it goes back to the client.
    pub(super) back: bool,
    /// Whether it is the first of its conversation, or the first back.
    pub(super) opens: bool,
    /// TCP flags.
    pub(super) flags: u128,
    /// ICMP type.
    pub(super) icmp: u128,
    /// The interface it came in by; 0 before there is one.
    pub(super) came: u128,
    /// The interface it leaves by; 0 before there is one.
    pub(super) leaves: u128,
    /// Going back, after the place where the translation is undone.
    pub(super) undone: bool,
}

/// How far connection tracking has come with a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tracked {
    /// It knows nothing of it.
    Not,
    /// It saw the first packet.
    Opened,
    /// It saw packets both ways.
    Answered,
}

/// A mark of which some bits may not be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    pub(super) value: u32,
    pub(super) known: u32,
}

impl Mark {
    pub(super) const NONE: Self = Self { value: 0, known: u32::MAX };
    pub(super) const UNKNOWN: Self = Self { value: 0, known: 0 };

    /// (old and not `clear`) xor `flip`.
    pub(super) fn changed(self, clear: u32, flip: u32) -> Self {
        let known = self.known | clear;
        Self { value: ((self.value & !clear) ^ flip) & known, known }
    }
}

/// Where a conversation was sent instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sent {
    pub(super) address: u128,
    /// None: the port stays.
    pub(super) port: Option<(u128, u128)>,
}

/// All that sets packets of one question apart, but for the client's address and the ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// What `ct state` says: one of the numbers in [`state`].
    pub(super) tracking: u128,
    pub(super) tracked: Tracked,
    pub(super) mark: Mark,
    pub(super) connection_mark: Mark,
    /// Where it is sent, as rules see it now.
    pub(super) destination: u128,
    /// The port as rules see it now, when it is not the one that was asked for.
    pub(super) port: Option<(u128, u128)>,
    /// What translation decided for this conversation.
    pub(super) sent: Option<Sent>,
    pub(super) source_translated: bool,
    /// The interface behind which the conversation's other end is; 0: it is the host itself.
    pub(super) beyond: u128,
}

impl State {
    pub(super) fn new(destination: u128) -> Self {
        Self {
            tracking: state::INVALID,
            tracked: Tracked::Not,
            mark: Mark::NONE,
            connection_mark: Mark::NONE,
            destination,
            port: None,
            sent: None,
            source_translated: false,
            beyond: 0,
        }
    }

    /// The next packet of the same conversation towards `destination`, before anything looked at it.
    pub(super) fn next(mut self, destination: u128) -> Self {
        self.tracking = state::INVALID;
        self.mark = Mark::NONE;
        self.destination = destination;
        self.port = None;
        self
    }

    /// On the way back, what answers is whoever the conversation was sent to.
    pub(super) fn translated_back(mut self, arrived: Self) -> Self {
        self.destination = arrived.destination;
        self.port = arrived.port;
        self
    }

    /// Does what translation decided.
    pub(super) fn translated(mut self) -> Self {
        if let Some(sent) = self.sent {
            self.destination = sent.address;
            self.port = sent.port;
        }
        self
    }

    /// Shows the packet to connection tracking.
    pub(super) fn track(mut self, leg: &Leg, tcp: bool, udp: bool) -> Self {
        if self.tracking == state::UNTRACKED {
            return self;
        }
        (self.tracking, self.tracked) = match (self.tracked, leg.back) {
            (Tracked::Not, false) => (state::NEW, Tracked::Opened),
            // What comes back on its own: UDP opens a conversation of its own, a SYN-ACK fits none, and an ACK without
            // any is picked up in the middle.
            (Tracked::Not, true) if udp || (tcp && !leg.opens) => (state::NEW, Tracked::Not),
            (Tracked::Not, true) => (state::INVALID, Tracked::Not),
            // An ACK where the SYN-ACK was never seen.
            (Tracked::Opened, false) => (state::INVALID, Tracked::Opened),
            (Tracked::Opened, true) | (Tracked::Answered, _) => (state::ESTABLISHED, Tracked::Answered),
        };
        self
    }
}

/// Packets by their state.
pub(super) type Flows = Vec<(State, crate::firewall::reach::region::Region)>;

/// Adds packets to those of the same state.
pub(super) fn add(flows: &mut Flows, state: State, region: crate::firewall::reach::region::Region) {
    if region.is_empty() {
        return;
    }
    match flows.iter_mut().find(|(known, _)| *known == state) {
        Some((_, known)) => known.add(region),
        None => flows.push((state, region)),
    }
}

/// Adds packets of several states.
pub(super) fn add_all(flows: &mut Flows, more: Flows) {
    for (state, region) in more {
        add(flows, state, region);
    }
}
