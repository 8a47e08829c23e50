//! What FreeSWITCH's TLS listeners serve, by a handshake with each. FreeSWITCH has one certificate for all names: which name
//! is asked for makes no difference.

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::chain::Chain;
use crate::base::names::Fqdn;
use crate::tls::probe::{self, Served};

/// How long one handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(3);

/// How long FreeSWITCH may take until it serves the former certificate again.
const BACK: Duration = Duration::from_secs(5);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What one listener serves, or why nothing was seen.
pub(super) type Seen = (SocketAddr, Result<Served, String>);

/// Asks each of `listeners` once, all at the same time.
pub(super) async fn look(listeners: &[SocketAddr], name: &Fqdn) -> Vec<Seen> {
    let each = listeners.iter().map(|listener| async move {
        let served = probe::handshake(*listener, name, HANDSHAKE).await;
        (*listener, served.map_err(|error| Chain(&error).to_string()))
    });
    futures_util::future::join_all(each).await
}

/// Whether every listener serves what it served `before`; those that served nothing then do not count.
pub(super) fn is_unchanged(before: &[Seen], now: &[Seen]) -> bool {
    before.iter().all(|(listener, then)| {
        let Ok(then) = then else { return true };
        now.iter().any(|(other, seen)| {
            other == listener && seen.as_ref().is_ok_and(|seen| seen.chain.first() == then.chain.first())
        })
    })
}

/// Waits until every listener serves again what it served `before`; false if that does not come within some seconds.
pub(super) async fn until_unchanged(before: &[Seen], name: &Fqdn) -> bool {
    let listeners: Vec<SocketAddr> = before.iter().map(|(listener, _)| *listener).collect();
    let end = tokio::time::Instant::now() + BACK;
    loop {
        if is_unchanged(before, &look(&listeners, name).await) {
            return true;
        }
        if tokio::time::Instant::now() >= end {
            return false;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
