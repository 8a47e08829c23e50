//! What a rule can compare of a packet, and the numbers that stand for words.

/// What a rule can compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// Source address.
    Source,
    /// Destination address.
    Destination,
    /// Source port.
    SourcePort,
    /// Destination port.
    DestinationPort,
    /// Protocol number of the fourth layer.
    Protocol,
    /// 2 for IPv4, 10 for IPv6.
    FamilyNumber,
    /// 0x0800 for IPv4, 0x86dd for IPv6.
    EtherType,
    /// The interface it came in by.
    InInterface,
    /// The interface it goes out by.
    OutInterface,
    /// ICMP type.
    IcmpType,
    /// ICMP code.
    IcmpCode,
    /// Connection tracking: one of the numbers in [`state`].
    State,
    /// 0 from who opened the connection, 1 back.
    Direction,
    /// Source of the connection's first packet.
    OriginalSource,
    /// Destination of the connection's first packet.
    OriginalDestination,
    /// Source port of the connection's first packet.
    OriginalSourcePort,
    /// Destination port of the connection's first packet.
    OriginalDestinationPort,
    /// Whether the destination was translated.
    DestinationTranslated,
    /// Whether the source was translated.
    SourceTranslated,
    /// The packet's mark.
    Mark,
    /// The connection's mark.
    ConnectionMark,
    /// TCP flags.
    TcpFlags,
    /// The kind of source address: one of the numbers in [`kind`].
    SourceKind,
    /// The kind of destination address.
    DestinationKind,
    /// 1 when an answer would leave by the interface that the packet came in by.
    ReversePath,
    /// 1 when the packet carries something beyond its headers, 0 when it opens or acknowledges only.
    Carries,
    /// 1 when an answer has any way at all.
    AnyReversePath,
}

/// Numbers for the states of connection tracking.
pub mod state {
    /// Not part of any connection, and cannot begin one.
    pub const INVALID: u128 = 0;
    /// Part of a connection that saw packets both ways.
    pub const ESTABLISHED: u128 = 1;
    /// Begins a connection that another one announced.
    pub const RELATED: u128 = 2;
    /// Begins a connection.
    pub const NEW: u128 = 3;
    /// Kept out of connection tracking.
    pub const UNTRACKED: u128 = 4;
}

/// Numbers for the kinds of addresses, as in `rtnetlink(7)`.
pub mod kind {
    /// Somewhere else.
    pub const UNICAST: u128 = 1;
    /// Ours.
    pub const LOCAL: u128 = 2;
    /// Everyone on a network.
    pub const BROADCAST: u128 = 3;
    /// A group.
    pub const MULTICAST: u128 = 5;
    /// No way there.
    pub const UNREACHABLE: u128 = 7;
}
