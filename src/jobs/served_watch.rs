//! Watches what is served: every 20 seconds a handshake for each certificate in force. Something else that shows twice in a
//! row is in the trail and on the pages within 60 s.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::{Notify, watch};
use tracing::{error, info};

use crate::audit::facts::Source;
use crate::audit::walls::Walls;
use crate::base::chain::Chain;
use crate::base::names::{CertificateName, Fqdn};
use crate::base::role::Reach;
use crate::deeds::Deeds;
use crate::store::StoreError;
use crate::store::certificates::CertificateRow;
use crate::tls::probe;
use crate::wire::grant::Consumer;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(20);

/// Handshakes of one look; with more, each look takes the next ones.
const MOST: usize = 200;

/// Handshakes at once.
const AT_ONCE: usize = 4;

/// How long one may take.
const HANDSHAKE: Duration = Duration::from_secs(3);

/// What works here.
pub struct ServedWatch {
    /// Our own tables, and the trail.
    pub deeds: Deeds,
    /// Where listeners are.
    pub walls: watch::Receiver<Arc<Walls>>,
    /// Asks for a look of the sweep.
    pub look_again: Arc<Notify>,
    /// What was seen wrong: once, or noted already.
    pub seen: BTreeMap<String, Wrong>,
    /// Where the next look begins.
    pub next: usize,
}

/// Something else is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    serial: String,
    is_noted: bool,
}

/// One handshake to make.
struct Ask {
    listener: SocketAddr,
    name: Fqdn,
    wanted: String,
}

impl ServedWatch {
    /// Runs until `stopping` turns true.
    pub async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        while !*stopping.borrow() {
            if let Err(error) = self.look().await {
                error!("What is served could not be watched: {}", Chain(&error));
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = stopping.changed() => {}
            }
        }
    }

    /// One look. Answers how many changes were noted.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn look(&mut self) -> Result<usize, StoreError> {
        let rows = self.deeds.store.certificates(&Reach::Everything).await?;
        let asks = self.asks(&rows);
        let seen: Vec<(Ask, Option<String>)> = futures_util::stream::iter(asks)
            .map(|ask| async move {
                let served = probe::handshake(ask.listener, &ask.name, HANDSHAKE).await;
                let serial = served.ok().map(|served| served.leaf.serial);
                (ask, serial)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut noted = 0;
        for (ask, serial) in seen {
            // Who does not answer is the sweep's to say: nginx may be starting anew.
            let Some(serial) = serial else { continue };
            noted += usize::from(self.judge(&ask, serial).await?);
        }
        if noted > 0 {
            self.look_again.notify_one();
        }
        Ok(noted)
    }

    async fn judge(&mut self, ask: &Ask, serial: String) -> Result<bool, StoreError> {
        let subject = format!("{} for {}", ask.listener, ask.name);
        if serial == ask.wanted {
            let Some(wrong) = self.seen.remove(&subject).filter(|wrong| wrong.is_noted) else { return Ok(false) };
            self.deeds.note_served(&subject, (&wrong.serial, &serial), None).await?;
            info!("{subject}: the right certificate is served again");
            return Ok(true);
        }
        match self.seen.get_mut(&subject) {
            Some(wrong) if wrong.serial == serial && wrong.is_noted => return Ok(false),
            // A renewal is on the wire a moment before it is in the store: the second look counts.
            Some(wrong) if wrong.serial == serial => wrong.is_noted = true,
            _ => {
                self.seen.insert(subject, Wrong { serial, is_noted: false });
                return Ok(false);
            }
        }
        error!("{subject}: something else is served, serial {serial}");
        let reason = "something else is served than Rampart put in force";
        self.deeds.note_served(&subject, (&ask.wanted, &serial), Some(reason)).await?;
        Ok(true)
    }

    /// What to ask this time.
    fn asks(&mut self, rows: &[CertificateRow]) -> Vec<Ask> {
        let walls = self.walls.borrow().clone();
        let nginx = match &walls.facts.kept {
            Source::Known { value, .. } => addresses(value.listeners.iter()),
            _ => Vec::new(),
        };
        let switch = match &walls.facts.switch {
            Source::Known { value, .. } => value.tls.as_ref(),
            _ => None,
        };
        // What waits for a restart is known already.
        let switch = switch.filter(|tls| tls.pending.is_none());
        let switch = switch.map(|tls| addresses(tls.served.iter().map(|seen| &seen.listener))).unwrap_or_default();
        let mut all = Vec::new();
        for row in rows {
            let Some(in_force) = &row.in_force else { continue };
            let Some(name) = row.names.first().and_then(asked_for) else { continue };
            let listeners = match row.consumer {
                Consumer::Nginx => &nginx,
                Consumer::FreeSwitch => &switch,
            };
            let ask = |listener: &SocketAddr| Ask {
                listener: *listener,
                name: name.clone(),
                wanted: in_force.serial.clone(),
            };
            all.extend(listeners.iter().map(ask));
        }
        if all.len() > MOST {
            let begin = self.next % all.len();
            all.rotate_left(begin);
            all.truncate(MOST);
            self.next = begin + MOST;
        }
        all
    }
}

fn addresses<'a>(listeners: impl Iterator<Item = &'a String>) -> Vec<SocketAddr> {
    listeners.filter_map(|listener| listener.parse().ok()).collect()
}

/// What a client asks for to get this certificate.
fn asked_for(name: &CertificateName) -> Option<Fqdn> {
    if name.is_wildcard() {
        Fqdn::parse(&format!("rampart-proof.{}", name.base())).ok()
    } else {
        Some(name.base().clone())
    }
}
