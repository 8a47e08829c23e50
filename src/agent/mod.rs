//! Floor: agent.
