//! Looks at every wall in the background, so that no page waits for a probe: reads the sources, keeps what they said,
//! judges it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, watch};
use tracing::{error, info};

use crate::audit::collect;
use crate::audit::facts::{Facts, Source};
use crate::audit::walls::Walls;
use crate::base::chain::Chain;
use crate::base::names::Fqdn;
use crate::base::role::Reach;
use crate::deeds::Deeds;
use crate::deeds::credentials;
use crate::fusionpbx::FusionPbx;
use crate::host::Agent;

/// Above so many names, handshakes are made at most once an hour.
const MANY_NAMES: usize = 500;

/// Where the facts come from.
#[derive(Clone)]
pub struct Sources {
    /// The agent.
    pub agent: Agent,
    /// FusionPBX's database, or why it was not found.
    pub fusionpbx: Result<FusionPbx, String>,
}

/// What the sweep works with.
pub struct Sweep {
    /// Keeps the facts.
    pub deeds: Deeds,
    /// Where they come from.
    pub sources: Sources,
    /// Between two looks.
    pub interval: Duration,
    /// Asks for a look now.
    pub wanted: Arc<Notify>,
    /// Gets what was judged.
    pub walls: watch::Sender<Arc<Walls>>,
}

impl Sweep {
    /// Runs until `stopping` turns true.
    pub async fn run(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let mut is_asked_for = true;
        while !*stopping.borrow() {
            self.look(is_asked_for).await;
            is_asked_for = tokio::select! {
                () = self.wanted.notified() => true,
                () = tokio::time::sleep(self.interval) => false,
                _ = stopping.changed() => false,
            };
        }
    }

    /// Reads every source once; each is judged as soon as it is there.
    pub async fn look(&self, is_asked_for: bool) {
        let clock = self.deeds.clock.as_ref();
        let Sources { agent, fusionpbx } = &self.sources;
        let (hello, ssh, kept, survey, switch) = tokio::join!(
            collect::agent(agent, clock),
            collect::ssh(agent, clock),
            collect::kept(agent, clock),
            collect::fusionpbx(fusionpbx.as_ref(), clock),
            collect::switch(agent, fusionpbx.as_ref(), clock),
        );
        self.keep("ssh", &ssh).await;
        let credentials = recall(&self.deeds, credentials::FACT).await;
        self.keep("fusionpbx", &survey).await;
        self.keep("switch", &switch).await;
        self.publish(|facts| {
            facts.agent = hello;
            facts.ssh = ssh;
            facts.kept = kept;
            facts.fusionpbx = survey;
            facts.credentials = credentials;
            facts.switch = switch;
        });
        // Not kept: it is read anew at every start, and would be megabytes.
        let firewall = collect::firewall(agent, clock).await;
        self.publish(|facts| facts.firewall = firewall);
        let packages = collect::packages(agent, clock).await;
        self.keep("packages", &packages).await;
        self.publish(|facts| facts.packages = packages);
        self.look_at_served(is_asked_for).await;
        self.look_at_inventory(is_asked_for).await;
    }

    /// Once an hour at most, unless somebody asks: it shakes hands with every listener of the host.
    async fn look_at_inventory(&self, is_asked_for: bool) {
        let now = self.deeds.clock.now();
        let is_recent = matches!(&self.walls.borrow().facts.inventory, Source::Known { at, .. } if now.since(*at) < Duration::from_hours(1));
        if is_recent && !is_asked_for {
            return;
        }
        let inventory = collect::inventory(&self.sources.agent, self.deeds.clock.as_ref()).await;
        self.keep("inventory", &inventory).await;
        self.publish(|facts| facts.inventory = inventory);
    }

    async fn look_at_served(&self, is_asked_for: bool) {
        let facts = self.walls.borrow().facts.clone();
        let now = self.deeds.clock.now();
        let names = self.names(&facts).await;
        let is_recent = matches!(&facts.served, Source::Known { at, .. } if now.since(*at) < Duration::from_hours(1));
        if names.len() > MANY_NAMES && is_recent && !is_asked_for {
            return;
        }
        let served = collect::served(&facts.kept, names, self.deeds.clock.as_ref()).await;
        self.keep("served", &served).await;
        self.publish(|facts| facts.served = served);
    }

    /// Every tenant's name, and one for every certificate.
    async fn names(&self, facts: &Facts) -> Vec<Fqdn> {
        let mut names = BTreeSet::new();
        if let Source::Known { value, .. } = &facts.fusionpbx
            && let Ok(tenants) = &value.tenants
        {
            names.extend(tenants.iter().filter_map(|tenant| Fqdn::parse(tenant).ok()));
        }
        match self.deeds.store.certificates(&Reach::Everything).await {
            Ok(rows) => names.extend(rows.iter().flat_map(|row| row.names.iter().map(|name| name.base().clone()))),
            Err(error) => error!("Certificates could not be read for the handshakes: {}", Chain(&error)),
        }
        names.into_iter().collect()
    }

    fn publish(&self, change: impl FnOnce(&mut Facts)) {
        let mut facts = self.walls.borrow().facts.clone();
        change(&mut facts);
        facts.now = self.deeds.clock.now();
        self.walls.send_replace(Arc::new(Walls::of(facts)));
    }

    async fn keep<T: Serialize + Sync>(&self, name: &str, source: &Source<T>) {
        let Ok(body) = serde_json::to_string(source) else { return };
        if let Err(error) = self.deeds.store.keep_fact(name, &body).await {
            error!("What {name} said could not be kept: {}", Chain(&error));
        }
    }
}

/// The facts of the last run, so that a restart forgets nothing. What cannot be read any more counts as not read.
pub async fn remembered(deeds: &Deeds) -> Facts {
    let mut facts = Facts::none(deeds.clock.now());
    facts.ssh = recall(deeds, "ssh").await;
    facts.packages = recall(deeds, "packages").await;
    facts.served = recall(deeds, "served").await;
    facts.inventory = recall(deeds, "inventory").await;
    facts.fusionpbx = recall(deeds, "fusionpbx").await;
    facts.credentials = recall(deeds, credentials::FACT).await;
    facts.switch = recall(deeds, "switch").await;
    facts
}

async fn recall<T: DeserializeOwned>(deeds: &Deeds, name: &str) -> Source<T> {
    match deeds.store.kept_fact(name).await {
        Ok(Some(body)) => serde_json::from_str(&body).unwrap_or_else(|_| {
            info!("What {name} said was written by another version; it is read anew");
            Source::NotYet
        }),
        Ok(None) => Source::NotYet,
        Err(error) => {
            let reason = Chain(&error).to_string();
            Source::Unknown { at: deeds.clock.now(), reason }
        }
    }
}

/// One look at everything, for a command that prints it.
pub async fn look_once(deeds: Deeds, sources: Sources) -> Walls {
    let (walls, seen) = watch::channel(Arc::new(Walls::of(Facts::none(deeds.clock.now()))));
    let sweep = Sweep { deeds, sources, interval: Duration::ZERO, wanted: Arc::new(Notify::new()), walls };
    sweep.look(true).await;
    seen.borrow().as_ref().clone()
}
