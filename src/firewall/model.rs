//! One form for every backend's rules: chains of conditions and actions over numbers.

use std::sync::Arc;

use crate::firewall::address::Family;
pub use crate::firewall::field::{Field, kind, state};
use crate::firewall::ranges::Ranges;

/// Every rule of a host, whichever tools put them there.
#[derive(Clone, Debug, Default)]
pub struct Firewall {
    /// All chains. A jump names one by its place here.
    pub chains: Vec<Chain>,
    /// What could not be read. While this is not empty, no answer is certain.
    pub doubts: Vec<Cause>,
    /// What was left out because it has no effect, and why.
    pub notes: Vec<String>,
}

/// Who keeps a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Backend {
    /// iptables over the old kernel interface.
    Legacy,
    /// iptables commands over nftables.
    IptablesNft,
    /// nftables itself.
    Nft,
}

impl Backend {
    /// What people call it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Legacy => "iptables-legacy",
            Self::IptablesNft => "iptables-nft",
            Self::Nft => "nftables",
        }
    }
}

/// Which packets come to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
    /// Both.
    Both,
    /// Frames on a bridge.
    Bridge,
    /// ARP.
    Arp,
}

impl Scope {
    /// Whether packets of `family` come here.
    #[must_use]
    pub fn holds(self, family: Family) -> bool {
        match self {
            Self::V4 => family == Family::V4,
            Self::V6 => family == Family::V6,
            Self::Both => true,
            Self::Bridge | Self::Arp => false,
        }
    }

    /// The word that iptables and nft have for it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::V4 => "ip",
            Self::V6 => "ip6",
            Self::Both => "inet",
            Self::Bridge => "bridge",
            Self::Arp => "arp",
        }
    }
}

/// A chain.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Who keeps it.
    pub backend: Backend,
    /// Which packets come to its table.
    pub scope: Scope,
    /// The table.
    pub table: String,
    /// The chain.
    pub name: String,
    /// Where the kernel calls it; a chain without is reached by jumps only.
    pub base: Option<Base>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

impl Chain {
    /// `nftables inet filter input`.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} {} {} {}", self.backend.words(), self.scope.words(), self.table, self.name)
    }
}

/// Where and when the kernel calls a base chain.
#[derive(Clone, Debug)]
pub struct Base {
    /// The place on a packet's way.
    pub hook: Hook,
    /// Smaller comes first.
    pub priority: i32,
    /// Whether it translates addresses: such a chain sees only the first packet of a connection.
    pub translates: bool,
    /// Whether what falls off its end is dropped.
    pub drops: bool,
    /// The interfaces that it stands at, for ingress and egress.
    pub devices: Ranges,
}

/// A place on a packet's way through the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hook {
    /// Where the frame came in, before all else.
    Ingress,
    /// Before routing.
    Prerouting,
    /// To the host itself.
    Input,
    /// Through the host.
    Forward,
    /// From the host itself.
    Output,
    /// After routing.
    Postrouting,
    /// Where the frame goes out, after all else.
    Egress,
}

/// A rule: steps, done one after the other until a condition fails.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// What it asks and does.
    pub steps: Vec<Step>,
    /// As its tool prints it.
    pub text: String,
    /// Packets and bytes, where its tool counts them.
    pub counters: Option<(u64, u64)>,
    /// The comment that stands on it.
    pub comment: Option<String>,
}

impl Rule {
    /// Whether it can change where a packet ends up; a rule that only counts or logs cannot.
    #[must_use]
    pub fn acts(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Do(action) if *action != Action::Continue))
    }
}

/// One step of a rule.
#[derive(Clone, Debug)]
pub enum Step {
    /// Go on only with packets for which this holds.
    If(Condition),
    /// Do this to the packets that came so far.
    Do(Action),
}

/// Several fields compared at once with a list of entries, one set of numbers for each field.
pub type Entries = Arc<Vec<Vec<Ranges>>>;

/// What a rule asks.
#[derive(Clone, Debug)]
pub enum Condition {
    /// The field's number is in the set.
    In(Field, Arc<Ranges>),
    /// The field's number, cut down to these bits, is in the set.
    Masked(Field, u128, Arc<Ranges>),
    /// One entry holds all fields.
    Tuple(Vec<Field>, Entries),
    /// It does not hold.
    Not(Box<Condition>),
    /// All hold; an empty list holds always.
    All(Vec<Condition>),
    /// One holds; an empty list never holds.
    Any(Vec<Condition>),
    /// Nobody can say without the packet or the kernel's memory.
    Unsure(Cause),
}

impl Condition {
    /// The field is in the set.
    #[must_use]
    pub fn within(field: Field, ranges: Ranges) -> Self {
        Self::In(field, Arc::new(ranges))
    }

    /// The field is this number.
    #[must_use]
    pub fn is(field: Field, value: u128) -> Self {
        Self::within(field, Ranges::one(value))
    }

    /// The opposite when `negated`.
    #[must_use]
    pub fn negated_if(self, negated: bool) -> Self {
        if negated { Self::Not(Box::new(self)) } else { self }
    }

    /// Holds never.
    #[must_use]
    pub fn never() -> Self {
        Self::Any(Vec::new())
    }

    /// Holds always.
    #[must_use]
    pub fn always() -> Self {
        Self::All(Vec::new())
    }

    /// Nobody can say.
    #[must_use]
    pub fn unsure(kind: CauseKind, text: &str) -> Self {
        Self::Unsure(Cause { kind, text: text.to_owned() })
    }
}

/// What an uncertain answer depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause {
    /// The kind of thing.
    pub kind: CauseKind,
    /// The match or target, as its tool prints it.
    pub text: String,
}

/// The kinds of things that rules alone cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CauseKind {
    /// What the packet carries.
    Payload,
    /// How many came before, and when.
    Rate,
    /// The time of day.
    Time,
    /// A header that the sender sets as it likes: hop count, length, class, hardware address.
    Header,
    /// A set that packets fill, or that another program fills as it goes.
    Changing,
    /// A program that is asked for each packet.
    Program,
    /// A match or target that is not known here.
    Unknown,
    /// The connection opens, but nothing can flow over it.
    HalfOpen,
}

impl CauseKind {
    /// What people call it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Payload => "what the packet carries",
            Self::Rate => "how many packets came before",
            Self::Time => "the time",
            Self::Header => "what the sender writes into the packet's header",
            Self::Changing => "a set that changes with the traffic",
            Self::Program => "a program that is asked for each packet",
            Self::Unknown => "a match that Rampart does not know",
            Self::HalfOpen => "whether a connection that opens but carries nothing counts",
        }
    }
}

/// What a rule does to a packet.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Nothing that changes its way.
    Continue,
    /// Done with this base chain; the next one may still drop it.
    Accept,
    /// Gone.
    Drop,
    /// Gone, and the sender is told.
    Reject,
    /// Back to the chain that jumped here.
    Return,
    /// To that chain, and back here after it.
    Jump(usize),
    /// To that chain, and after it back to where this chain was jumped from.
    Goto(usize),
    /// The first entry that holds the fields says what to do; none: go on.
    Choose(Vec<Field>, Arc<Vec<(Vec<Ranges>, Action)>>),
    /// Change the mark: the new one is (old and not `clear`) xor `flip`.
    Mark(Marked, u32, u32),
    /// Change the mark to something that cannot be told.
    MarkUnknown(Marked),
    /// Copy the packet's mark to the connection's, or back.
    CopyMark {
        /// Where it goes.
        to: Marked,
    },
    /// Keep the packet out of connection tracking.
    Untrack,
    /// Send the connection elsewhere: to an address (none: the same), at a port (none: the same).
    Destination(Option<u128>, Option<(u128, u128)>),
    /// Send the connection to this host, at a port (none: the same).
    Redirect(Option<(u128, u128)>),
    /// Translate the source.
    Source,
    /// Might accept, drop, or go on.
    Unsure(Cause),
}

/// What carries a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// The packet.
    Packet,
    /// The connection.
    Connection,
}
