//! The firewall on the root side: `read` runs the save tools, `listening` asks the kernel what listens.

pub(super) mod listening;
pub(super) mod read;
