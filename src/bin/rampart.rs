//! The console and the command line.

fn main() {}
