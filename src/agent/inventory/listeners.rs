//! Who on this host speaks TLS. A server that speaks first does not, and is left alone; so are a few ports at which a client's
//! first words would only fill a log.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;

use crate::agent::freeswitch::listening;
use crate::agent::inventory::files::certificate;
use crate::tls::probe;
use crate::wire::inventory::FoundListener;

/// SSH, DNS, databases, caches, the event socket: none of them begins with TLS.
const NEVER: [u16; 9] = [22, 53, 3306, 5432, 5433, 6379, 8021, 9000, 11211];

/// Handshakes at once.
const AT_ONCE: usize = 8;

/// How long one may take.
const DEADLINE: Duration = Duration::from_secs(2);

/// The most listeners that are asked.
const MOST: usize = 200;

/// Asks each. Answers those that speak TLS, and how many do not.
pub(super) async fn read() -> (Vec<FoundListener>, u32) {
    let all = listening::all().unwrap_or_default();
    let total = all.len();
    let asked = all.into_iter().filter(|socket| !NEVER.contains(&socket.port())).take(MOST);
    let asked: Vec<SocketAddr> = asked.collect();
    let mut found: Vec<FoundListener> = futures_util::stream::iter(asked)
        .map(ask)
        .buffer_unordered(AT_ONCE)
        .filter_map(|found| async { found })
        .collect()
        .await;
    found.sort_by(|one, other| one.listener.cmp(&other.listener));
    let plain = u32::try_from(total.saturating_sub(found.len())).unwrap_or(u32::MAX);
    (found, plain)
}

async fn ask(socket: SocketAddr) -> Option<FoundListener> {
    let served = probe::without_name(listening::reachable(socket), DEADLINE).await.ok()?;
    Some(FoundListener {
        listener: socket.to_string(),
        served: certificate(&served.chain).ok()?,
        protocol: served.protocol,
    })
}
