//! The agent's fail2ban: where its socket is, and what is remembered between two requests.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use crate::agent::fail2ban::passes::{self, Pass};
use crate::agent::fail2ban::socket::{Fail2banError, Socket};
use crate::agent::place::Place;
use crate::base::chain::Chain;
use crate::base::clock::{Clock, Timestamp};
use crate::wire::answer::Refusal;
use crate::wire::jails::{LetPass, MOST_ADDRESSES, MOST_MINUTES, Passing};

/// Between two looks whether a pass is over.
const LOOK: Duration = Duration::from_secs(1);

/// Between two tries while fail2ban does not answer.
const AGAIN: Duration = Duration::from_secs(30);

/// fail2ban as the agent reaches it.
#[derive(Clone)]
pub(in crate::agent) struct Fail2ban {
    socket: PathBuf,
    place: Arc<Place>,
    clock: Arc<dyn Clock>,
    /// The passes that are kept in the place; held while they are changed.
    passes: Arc<Mutex<Vec<Pass>>>,
}

impl Fail2ban {
    /// With its socket; passes are kept in `place`.
    pub(in crate::agent) fn new(socket: PathBuf, place: Arc<Place>, clock: Arc<dyn Clock>) -> Self {
        let kept = passes::kept(&place).unwrap_or_else(|reason| {
            warn!("Addresses that fail2ban lets pass may stay so until it is started again: {reason}");
            Vec::new()
        });
        Self { socket, place, clock, passes: Arc::new(Mutex::new(kept)) }
    }

    /// Has the SIP jails, those that read FreeSWITCH's log, let `wanted` pass for a while. What a jail lets pass anyway is
    /// left alone, so that it stays when the while is over.
    pub(in crate::agent) async fn let_pass(&self, wanted: LetPass) -> Result<Passing, Refusal> {
        let own = self.clone();
        let done = tokio::task::spawn_blocking(move || own.try_let_pass(&wanted)).await;
        done.unwrap_or_else(|_| Err(Refusal::Unable { reason: "the work on fail2ban came to a bad end".to_owned() }))
    }

    fn try_let_pass(&self, wanted: &LetPass) -> Result<Passing, Refusal> {
        bounded(wanted)?;
        let unable = |error: Fail2banError| Refusal::Unable { reason: Chain(&error).to_string() };
        let mut passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut socket = Socket::open(&self.socket).map_err(unable)?;
        let jails = sip_jails(&mut socket).map_err(unable)?;
        let until = self.clock.now().plus(Duration::from_mins(wanted.minutes.into()));
        let mut added = Vec::new();
        for jail in &jails {
            let already = socket.texts(&["get", jail, "ignoreip"]).map_err(unable)?;
            for address in &wanted.addresses {
                let is_ours = passes.iter().any(|pass| pass.jail == *jail && pass.address == *address);
                if is_ours || !already.contains(&address.to_string()) {
                    added.push(Pass { address: *address, jail: jail.clone(), until: until.unix() });
                }
            }
        }
        let is_added = |pass: &Pass| added.iter().any(|new| (&new.jail, new.address) == (&pass.jail, pass.address));
        let others = passes.iter().filter(|pass| !is_added(pass)).cloned();
        let next: Vec<Pass> = others.chain(added.iter().cloned()).collect();
        passes::keep(&self.place, &next).map_err(|error| Refusal::Unable { reason: Chain(&error).to_string() })?;
        *passes = next;
        for Pass { address, jail, .. } in &added {
            socket.ask(&["set", jail, "addignoreip", &address.to_string()]).map_err(unable)?;
        }
        Ok(Passing { jails, until })
    }

    /// Takes passes back when they are over; goes on for ever.
    pub(in crate::agent) async fn watch(self) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if !self.is_something_over() {
                continue;
            }
            let own = self.clone();
            let ended = tokio::task::spawn_blocking(move || own.end_due(own.clock.now())).await;
            if let Ok(Err(reason)) = ended {
                warn!("Addresses are let pass by fail2ban for longer than they should: {reason}");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    fn is_something_over(&self) -> bool {
        let now = self.clock.now().unix();
        self.passes.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|pass| pass.until <= now)
    }

    fn end_due(&self, now: Timestamp) -> Result<(), String> {
        let mut passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        let words = |error: Fail2banError| Chain(&error).to_string();
        let mut socket = Socket::open(&self.socket).map_err(words)?;
        let rest = passes::end_due(&mut socket, passes.clone(), now).map_err(words)?;
        passes::keep(&self.place, &rest).map_err(|error| Chain(&error).to_string())?;
        info!("{} passes of fail2ban's jails are over", passes.len() - rest.len());
        *passes = rest;
        Ok(())
    }
}

fn bounded(wanted: &LetPass) -> Result<(), Refusal> {
    let allowed = (1..=MOST_ADDRESSES).contains(&wanted.addresses.len())
        && (1..=MOST_MINUTES).contains(&wanted.minutes)
        && !wanted.addresses.iter().any(IpAddr::is_unspecified);
    if allowed {
        return Ok(());
    }
    let reason =
        format!("between 1 and {MOST_ADDRESSES} addresses at a time, for between 1 and {MOST_MINUTES} minutes");
    Err(Refusal::NotAllowed { reason })
}

/// The jails that read FreeSWITCH's log, whatever they are called.
fn sip_jails(socket: &mut Socket) -> Result<Vec<String>, Fail2banError> {
    let mut found = Vec::new();
    for jail in socket.jails()? {
        let logs = socket.texts(&["get", &jail, "logpath"])?;
        if logs.iter().any(|log| is_of_freeswitch(log)) {
            found.push(jail);
        }
    }
    Ok(found)
}

fn is_of_freeswitch(log: &str) -> bool {
    log.split('/').any(|part| part == "freeswitch" || part.starts_with("freeswitch.log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jail_is_a_sip_jail_by_the_log_that_it_reads() {
        for log in
            ["/var/log/freeswitch/freeswitch.log", "/usr/local/freeswitch/log/x.log", "/srv/log/freeswitch.log.1"]
        {
            assert!(is_of_freeswitch(log), "{log}");
        }
        for log in ["/var/log/auth.log", "/var/log/nginx/access.log", "/var/log/not-freeswitch.txt"] {
            assert!(!is_of_freeswitch(log), "{log}");
        }
    }
}
