//! How many files, and so connections, the console may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;

use crate::app::places::Most;

/// Kept back from connections: the store, FusionPBX's database, probes, the agent, the log.
const KEPT: usize = 256;

/// More connections than this are of no use to the people who look after one host.
const MOST: usize = 2_048;

/// Browsers open six to one host name; an office behind one address has several browsers.
const EACH: usize = 64;

/// Raises what is allowed now to what may be allowed at most (getrlimit(2)), and says how many connections that is good
/// for.
#[must_use]
pub fn most_connections(behind_nginx: bool) -> Most {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1_024, 1_024));
    let allowed = match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(error) => {
            warn!("Only {soft} files may be open at once: {error}");
            soft
        }
    };
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
    Most { all: allowed.saturating_sub(KEPT).clamp(KEPT, MOST), each: EACH, spare_loopback: behind_nginx }
}
