//! Proves names inside the zones that an operator approved, each in the way and with the credential chosen for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::acme::challenge::authority::{Authority, NameServer, Zone};
use crate::acme::challenge::front::HttpFront;
use crate::acme::challenge::provider::writer::{Spot, Writer};
use crate::acme::challenge::visible::{self, Patience};
use crate::acme::challenge::way::Way;
use crate::acme::challenge::{DnsError, Solver, TxtRecord};
use crate::base::names::Fqdn;
use crate::wire::proving::HttpFile;

/// How long an order looks for a record that somebody is to put in; the next one goes on where it was.
const BY_HAND: Duration = Duration::from_hours(4);

/// One zone, and who writes to it.
#[derive(Clone)]
pub struct ApprovedZone {
    /// Names in it may be ordered.
    pub zone: Fqdn,
    /// How they are proved.
    pub way: Way,
    /// Changes it, where the way needs that.
    pub writer: Option<Arc<dyn Writer>>,
    /// A server of one's own that takes the changes and may be the only one to know the zone: where nobody else speaks
    /// for it, this one is asked.
    pub primary: Option<SocketAddr>,
}

/// Writes challenge records where their aliases lead, with the credential of the zone that holds that place.
pub struct ApprovedZones {
    zones: Vec<ApprovedZone>,
    authority: Authority,
    patience: Patience,
    by_hand: Duration,
    front: Option<HttpFront>,
}

impl ApprovedZones {
    /// Talks to nobody yet.
    #[must_use]
    pub const fn new(zones: Vec<ApprovedZone>, authority: Authority, patience: Patience) -> Self {
        Self { zones, authority, patience, by_hand: BY_HAND, front: None }
    }

    /// The same, with somebody who puts files for HTTP-01.
    #[must_use]
    pub fn with_front(self, front: HttpFront) -> Self {
        Self { front: Some(front), ..self }
    }

    /// The file that `record` is, with who puts it; `None` for a record of DNS.
    fn as_file(&self, record: &TxtRecord) -> Option<(HttpFile, Option<&HttpFront>)> {
        record.file().map(|file| (file, self.front.as_ref()))
    }

    /// The same, with another wait for whoever puts records in by hand.
    #[must_use]
    pub fn by_hand_within(self, by_hand: Duration) -> Self {
        Self { by_hand, ..self }
    }

    /// Where `record` is to be written, and by whom.
    async fn place(&self, record: &TxtRecord) -> Result<(Zone, Spot, &Arc<dyn Writer>), DnsError> {
        let (owner, zone) = match record.target() {
            // Where it was written before: exactly that is taken away again, wherever the alias leads by now.
            Some(owner) => (owner.to_owned(), self.known(owner, self.authority.zone_of(owner).await)?),
            None => self.found(&record.name()).await?,
        };
        let writer = longest(&self.zones, &owner).and_then(|approved| approved.writer.as_ref()).ok_or_else(|| {
            if owner == record.name() {
                DnsError::NoZone { name: record.base().to_string() }
            } else {
                DnsError::Delegated { name: record.name(), target: owner.clone() }
            }
        })?;
        let spot = Spot { owner, zone: zone.apex.clone() };
        Ok((zone, spot, writer))
    }

    /// Where the aliases of `owner` end.
    async fn found(&self, owner: &str) -> Result<(String, Zone), DnsError> {
        match self.authority.follow(owner).await {
            Ok((target, zone)) => {
                let zone = self.known(&target, Ok(zone))?;
                Ok((target, zone))
            }
            Err(error) => self.known(owner, Err(error)).map(|zone| (owner.to_owned(), zone)),
        }
    }

    /// The zone of `owner` as it was found; or, where nobody knows it but a server of one's own, as that one has it.
    fn known(&self, owner: &str, found: Result<Zone, DnsError>) -> Result<Zone, DnsError> {
        let approved = longest(&self.zones, owner);
        let Some((apex, address)) = approved.and_then(|one| Some((one.zone.as_str(), one.primary?))) else {
            return found;
        };
        match found {
            Ok(zone) if zone.apex == apex => Ok(zone),
            Ok(_) | Err(_) => {
                let servers = vec![NameServer { name: "the primary server".to_owned(), address }];
                Ok(Zone { apex: apex.to_owned(), servers })
            }
        }
    }
}

fn no_front(record: &TxtRecord) -> DnsError {
    DnsError::NoZone { name: record.base().to_string() }
}

/// The longest of `zones` that holds `owner`.
fn longest<'a>(zones: &'a [ApprovedZone], owner: &str) -> Option<&'a ApprovedZone> {
    let holds = |zone: &Fqdn| {
        owner == zone.as_str() || owner.strip_suffix(zone.as_str()).is_some_and(|front| front.ends_with('.'))
    };
    zones.iter().filter(|one| holds(&one.zone)).max_by_key(|one| one.zone.as_str().len())
}

#[async_trait]
impl Solver for ApprovedZones {
    fn way(&self, base: &Fqdn) -> Way {
        longest(&self.zones, base.as_str()).map_or(Way::Dns01, |approved| approved.way)
    }

    fn authority(&self) -> Option<&Authority> {
        Some(&self.authority)
    }

    async fn texts(&self, owner: &str) -> Result<Vec<Vec<String>>, DnsError> {
        let (target, zone) = self.found(owner).await?;
        visible::texts(&zone, &target, self.patience).await
    }

    async fn locate(&self, record: TxtRecord) -> Result<TxtRecord, DnsError> {
        if record.file().is_some() {
            return Ok(record);
        }
        let (_, spot, _) = self.place(&record).await?;
        Ok(record.at(spot.owner))
    }

    fn holds_one_value(&self, record: &TxtRecord) -> bool {
        let owner = record.target().map_or_else(|| record.name(), ToOwned::to_owned);
        longest(&self.zones, &owner)
            .and_then(|approved| approved.writer.as_ref())
            .is_some_and(|one| one.holds_one_value())
    }

    async fn present(&self, record: &TxtRecord) -> Result<(), DnsError> {
        if let Some((file, front)) = self.as_file(record) {
            return front.ok_or_else(|| no_front(record))?.put(&file).await;
        }
        let (_, spot, writer) = self.place(record).await?;
        writer.add(&spot, record.value()).await
    }

    async fn ready(&self, record: &TxtRecord) -> Result<(), DnsError> {
        // Followed from the start again: what the CA will see is what its own look finds.
        if let Some((file, front)) = self.as_file(record) {
            return front.ok_or_else(|| no_front(record))?.is_served(&file).await;
        }
        let (owner, zone) = self.found(&record.name()).await?;
        let is_by_hand = self.way(record.base()) == Way::Manual;
        let patience = if is_by_hand { Patience { behind: self.by_hand, ..self.patience } } else { self.patience };
        match visible::everywhere(&zone, &owner, record.value(), patience).await {
            Err(DnsError::NotEverywhere { after, servers, .. }) if is_by_hand => {
                Err(DnsError::ByHand { owner, value: record.value().to_owned(), after, servers })
            }
            outcome => outcome,
        }
    }

    async fn clear(&self, record: &TxtRecord) -> Result<(), DnsError> {
        if let Some((file, front)) = self.as_file(record) {
            return front.ok_or_else(|| no_front(record))?.remove(&file).await;
        }
        let (_, spot, writer) = self.place(record).await?;
        writer.remove(&spot, record.value()).await
    }
}

/// Writes nothing: a person does.
#[derive(Clone, Copy, Debug)]
pub struct ByHand;

#[async_trait]
impl Writer for ByHand {
    async fn add(&self, _: &Spot, _: &str) -> Result<(), DnsError> {
        Ok(())
    }

    async fn remove(&self, _: &Spot, _: &str) -> Result<(), DnsError> {
        Ok(())
    }
}

/// Hands each name to the solver of the longest zone that holds it.
pub struct Routed(Vec<(Fqdn, Arc<dyn Solver>)>);

impl Routed {
    /// `solvers` by zone; among equal zones the first counts.
    #[must_use]
    pub const fn new(solvers: Vec<(Fqdn, Arc<dyn Solver>)>) -> Self {
        Self(solvers)
    }

    fn holding(&self, base: &Fqdn) -> Option<&dyn Solver> {
        let held = self.0.iter().rev().filter(|(zone, _)| base.is_within(zone));
        held.max_by_key(|(zone, _)| zone.as_str().len()).map(|(_, solver)| &**solver)
    }

    fn of(&self, record: &TxtRecord) -> Result<&dyn Solver, DnsError> {
        self.holding(record.base()).ok_or_else(|| DnsError::NoZone { name: record.base().to_string() })
    }
}

#[async_trait]
impl Solver for Routed {
    fn way(&self, base: &Fqdn) -> Way {
        self.holding(base).map_or(Way::Dns01, |solver| solver.way(base))
    }

    fn authority(&self) -> Option<&Authority> {
        self.0.iter().find_map(|(_, solver)| solver.authority())
    }

    async fn texts(&self, owner: &str) -> Result<Vec<Vec<String>>, DnsError> {
        let base = owner.split_once('.').and_then(|(_, base)| Fqdn::parse(base).ok());
        match base.as_ref().and_then(|base| self.holding(base)) {
            Some(solver) => solver.texts(owner).await,
            None => Err(DnsError::NoZone { name: owner.to_owned() }),
        }
    }

    async fn locate(&self, record: TxtRecord) -> Result<TxtRecord, DnsError> {
        self.of(&record)?.locate(record).await
    }

    fn holds_one_value(&self, record: &TxtRecord) -> bool {
        self.of(record).is_ok_and(|solver| solver.holds_one_value(record))
    }

    async fn present(&self, record: &TxtRecord) -> Result<(), DnsError> {
        self.of(record)?.present(record).await
    }

    async fn ready(&self, record: &TxtRecord) -> Result<(), DnsError> {
        self.of(record)?.ready(record).await
    }

    async fn clear(&self, record: &TxtRecord) -> Result<(), DnsError> {
        self.of(record)?.clear(record).await
    }
}
