//! The agent: root behind one Unix socket.

fn main() {}
