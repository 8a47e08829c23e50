//! Waits until every server of a zone shows a record. A CA asks whichever it likes: one that lags behind is enough to
//! lose the order.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use tracing::warn;

use crate::acme::challenge::DnsError;
use crate::acme::challenge::authority::{NameServer, Zone};
use crate::acme::challenge::lookup::{self, LookupError, has_a_way_to};

/// The pause between two looks at one server; doubled each time, up to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For servers that answer, but do not show the record.
    pub behind: Duration,
    /// For servers that do not answer at all. One of several may be dead for good; the CA then asks another.
    pub silent: Duration,
    /// For one answer.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { behind: Duration::from_mins(10), silent: Duration::from_secs(15), answer: Duration::from_secs(5) }
    }
}

enum Seen {
    Shows,
    Silent(String),
    Behind(String),
}

/// Returns when each server of `zone` that answers shows `value` at `owner`.
///
/// # Errors
/// One of them does not show it in time, or none of them answers.
pub async fn everywhere(zone: &Zone, owner: &str, value: &str, patience: Patience) -> Result<(), DnsError> {
    let start = Instant::now();
    let reachable: Vec<&NameServer> = zone.servers.iter().filter(|server| has_a_way_to(server.address)).collect();
    let looks = reachable.iter().map(|server| watch(server, owner, value, patience, start));
    let seen = join_all(looks).await;
    let (mut behind, mut silent, mut shows) = (Vec::new(), Vec::new(), 0_usize);
    for (server, seen) in reachable.iter().zip(seen) {
        match seen {
            Seen::Shows => shows += 1,
            Seen::Silent(reason) => silent.push(format!("{server}: {reason}")),
            Seen::Behind(reason) => behind.push(format!("{server}: {reason}")),
        }
    }
    if behind.is_empty() && shows > 0 {
        for server in silent {
            warn!("A name server of {} does not answer, {server}", zone.apex);
        }
        return Ok(());
    }
    let (name, after) = (owner.to_owned(), start.elapsed());
    let mut who = if behind.is_empty() { silent } else { behind };
    if who.is_empty() {
        who.push(format!("this host has no way to any server of {}", zone.apex));
    }
    Err(DnsError::NotEverywhere { name, after, servers: who.join("; ") })
}

/// The texts at `owner`, as each server of `zone` that answers shows them now. One that does not speak for the zone shows none.
///
/// # Errors
/// None of them answers.
pub async fn texts(zone: &Zone, owner: &str, patience: Patience) -> Result<Vec<Vec<String>>, DnsError> {
    let (mut seen, mut last) = (Vec::new(), format!("this host has no way to any server of {}", zone.apex));
    for server in zone.servers.iter().filter(|server| has_a_way_to(server.address)) {
        match lookup::txt(server.address, owner, patience.answer).await {
            Ok(answer) if answer.authoritative => seen.push(answer.values),
            Ok(_) => seen.push(Vec::new()),
            Err(error) => last = format!("{server}: {error}"),
        }
    }
    if seen.is_empty() {
        return Err(DnsError::NotEverywhere { name: owner.to_owned(), after: Duration::ZERO, servers: last });
    }
    Ok(seen)
}

async fn watch(server: &NameServer, owner: &str, value: &str, patience: Patience, start: Instant) -> Seen {
    let (mut pause, mut has_answered) = (FIRST_PAUSE, false);
    loop {
        let reason = match lookup::txt(server.address, owner, patience.answer).await {
            Ok(answer) if answer.authoritative && answer.values.iter().any(|text| text == value) => {
                return Seen::Shows;
            }
            Ok(answer) if answer.authoritative => {
                has_answered = true;
                format!("it has {} other values there", answer.values.len())
            }
            Ok(_) => {
                has_answered = true;
                "it does not speak for the zone".to_owned()
            }
            Err(error @ LookupError::Refused(_)) => {
                has_answered = true;
                error.to_string()
            }
            Err(error) => error.to_string(),
        };
        let limit = if has_answered { patience.behind } else { patience.silent };
        if start.elapsed() >= limit {
            return if has_answered { Seen::Behind(reason) } else { Seen::Silent(reason) };
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}
