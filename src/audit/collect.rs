//! Reading the sources: each answers with what it said or why it could not be read, never with nothing.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};

use crate::audit::facts::{ServedFacts, ServedName, Source};
use crate::audit::firewall::{self, FirewallFacts};
use crate::base::chain::Chain;
use crate::base::clock::{Clock, Timestamp};
use crate::base::names::Fqdn;
use crate::fusionpbx::FusionPbx;
use crate::fusionpbx::survey::Survey;
use crate::host::{Agent, AgentError};
use crate::tls::leaf::is_self_signed;
use crate::tls::probe;
use crate::wire::answer::{CertificateFacts, Hello, PackageFacts, SshFacts};
use crate::wire::carried::Carried;
use crate::wire::inventory::Inventory;
use crate::wire::switch::{DatabaseSide, SwitchFacts};

/// How long one handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Handshakes at once: nginx has real visitors too.
const AT_ONCE: usize = 4;

fn source<T>(at: Timestamp, answer: Result<T, AgentError>) -> Source<T> {
    match answer {
        Ok(value) => Source::Known { at, value },
        Err(error) => Source::Unknown { at, reason: Chain(&error).to_string() },
    }
}

/// The agent's introduction.
pub async fn agent(agent: &Agent, clock: &dyn Clock) -> Source<Hello> {
    source(clock.now(), agent.hello().await)
}

/// sshd's settings.
pub async fn ssh(agent: &Agent, clock: &dyn Clock) -> Source<SshFacts> {
    source(clock.now(), agent.ssh().await)
}

/// Debian's packages.
pub async fn packages(agent: &Agent, clock: &dyn Clock) -> Source<PackageFacts> {
    source(clock.now(), agent.packages().await)
}

/// Certificates that the agent keeps.
pub async fn kept(agent: &Agent, clock: &dyn Clock) -> Source<CertificateFacts> {
    source(clock.now(), agent.certificates().await)
}

/// Every certificate of the host.
pub async fn inventory(agent: &Agent, clock: &dyn Clock) -> Source<Inventory> {
    source(clock.now(), agent.inventory().await)
}

/// FreeSWITCH, compared with what FusionPBX's database holds of it.
pub async fn switch(agent: &Agent, database: Result<&FusionPbx, &String>, clock: &dyn Clock) -> Source<SwitchFacts> {
    let side = match database {
        // What cannot be read there is not compared, and the answer says so.
        Ok(database) => database.switch_secrets().await.ok().flatten(),
        Err(_) => None,
    };
    let side = side.map(|side| DatabaseSide {
        xml_rpc: side.xml_rpc.map(Carried),
        event_socket: side.event_socket.map(Carried),
    });
    source(clock.now(), agent.switch(side).await)
}

/// The firewall. Who reaches what is worked out on a thread of its own: a large rule set takes a second.
pub async fn firewall(agent: &Agent, clock: &dyn Clock) -> Source<FirewallFacts> {
    let at = clock.now();
    let saves = match agent.firewall().await {
        Ok(saves) => saves,
        Err(error) => return Source::Unknown { at, reason: Chain(&error).to_string() },
    };
    match tokio::task::spawn_blocking(move || firewall::judge(saves)).await {
        Ok(value) => Source::Known { at, value },
        Err(_) => Source::Unknown { at, reason: "the rules could not be worked out; the log says more".to_owned() },
    }
}

/// FusionPBX's database; `Err` says why it was not found at all.
pub async fn fusionpbx(database: Result<&FusionPbx, &String>, clock: &dyn Clock) -> Source<Survey> {
    let at = clock.now();
    let surveyed = match database {
        Ok(database) => database.survey().await.map_err(|error| Chain(&error).to_string()),
        Err(reason) => Err(reason.clone()),
    };
    match surveyed {
        Ok(value) => Source::Known { at, value },
        Err(reason) => Source::Unknown { at, reason },
    }
}

/// Shakes hands for each of `names` with each listener that the agent names.
pub async fn served(kept: &Source<CertificateFacts>, names: Vec<Fqdn>, clock: &dyn Clock) -> Source<ServedFacts> {
    let at = clock.now();
    let listeners = match kept {
        Source::Known { value, .. } => &value.listeners,
        Source::Unknown { reason, .. } => return Source::Unknown { at, reason: reason.clone() },
        Source::NotYet => return Source::NotYet,
    };
    if listeners.is_empty() {
        let reason = "the agent's settings name no listener ([nginx] listeners)".to_owned();
        return Source::Unknown { at, reason };
    }
    let mut tries = Vec::with_capacity(listeners.len() * names.len());
    for listener in listeners {
        tries.extend(names.iter().map(|name| (listener.clone(), name.clone())));
    }
    let handshakes = stream::iter(tries).map(|(listener, name)| shake(listener, name)).buffered(AT_ONCE).collect();
    Source::Known { at, value: ServedFacts { handshakes: handshakes.await } }
}

async fn shake(listener: String, name: Fqdn) -> ServedName {
    let seen = match listener.parse::<SocketAddr>() {
        Ok(address) => probe::handshake(address, &name, HANDSHAKE).await.map_err(|error| Chain(&error).to_string()),
        Err(_) => Err("the listener is no address and port".to_owned()),
    };
    let leaf = seen.as_ref().ok().and_then(|served| served.chain.first());
    let self_signed = leaf.is_some_and(|der| is_self_signed(der));
    ServedName { listener, name: name.to_string(), outcome: seen.map(|served| served.leaf), self_signed }
}
