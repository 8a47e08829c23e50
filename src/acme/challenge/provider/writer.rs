//! Writing one TXT value beside the others at its name, and taking exactly that one away again.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use dns_update::{DnsRecord, DnsRecordType, DnsUpdater, Error};

use crate::acme::challenge::DnsError;
use crate::acme::challenge::provider::redact::Unsaid;
use crate::acme::challenge::provider::{Provider, Values};
use crate::acme::challenge::rfc2136::{Rfc2136, Rfc2136Settings, TsigAlgorithm};
use crate::base::encoding::from_base64;
use crate::base::secret::Secret;

/// How long a resolver may keep a challenge record, in seconds. Services that want more take more.
const TTL: u32 = 60;

/// How long one change may take, with everything that a service is asked for it.
const DEADLINE: Duration = Duration::from_secs(90);

/// Where a record is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The name that holds it, without a trailing dot.
    pub owner: String,
    /// The apex of the zone that holds that name, without a trailing dot.
    pub zone: String,
}

/// Someone who can change a zone.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Whether only one value can stand at a name.
    fn holds_one_value(&self) -> bool {
        false
    }

    /// Adds `value` at `spot`; other values stay. Adding it twice is the same as once.
    async fn add(&self, spot: &Spot, value: &str) -> Result<(), DnsError>;

    /// Takes exactly `value` away; other values stay. Taking away what is not there is no error.
    async fn remove(&self, spot: &Spot, value: &str) -> Result<(), DnsError>;
}

/// Opens the service for one credential, which errors call `credential`. Talks to nobody yet.
///
/// # Errors
/// A value is of no use: no base64, no number, no key.
pub fn open(provider: &'static Provider, values: &Values, credential: &str) -> Result<Arc<dyn Writer>, DnsError> {
    let who = format!("{} (credential {credential})", provider.label);
    let unsaid = Unsaid::of(provider, values);
    if provider.id == "rfc2136" {
        return Ok(Arc::new(Rfc2136::new(rfc2136_settings(values).map_err(|reason| unusable(&who, reason))?)?));
    }
    let updater = (provider.open)(values).map_err(|error| unusable(&who, unsaid.out_of(&format!("{error}"))))?;
    Ok(Arc::new(Service { updater, who, unsaid, holds_one_value: provider.holds_one_value }))
}

fn unusable(who: &str, reason: impl Into<String>) -> DnsError {
    DnsError::Credential { who: who.to_owned(), reason: reason.into() }
}

fn rfc2136_settings(values: &Values) -> Result<Rfc2136Settings, &'static str> {
    let server: SocketAddr = values.get("server").parse().map_err(|_| "the server is no address with a port")?;
    let key = from_base64(values.get("key")).filter(|key| !key.is_empty()).ok_or("the TSIG key is no base64")?;
    let mut settings = Rfc2136Settings::new(server, Vec::new(), values.get("key_name").to_owned(), Secret::new(key));
    settings.algorithm = match values.get("algorithm") {
        "hmac-sha384" => TsigAlgorithm::HmacSha384,
        "hmac-sha512" => TsigAlgorithm::HmacSha512,
        _ => TsigAlgorithm::HmacSha256,
    };
    Ok(settings)
}

/// The list's own way to it; [`open`] takes ours, which tells a refused key from a refused change.
pub(super) fn open_rfc2136(values: &Values) -> dns_update::Result<DnsUpdater> {
    let settings = rfc2136_settings(values).map_err(|reason| Error::Parse(reason.to_owned()))?;
    Rfc2136::updater(&settings)
}

/// A service that is spoken to through dns-update.
struct Service {
    updater: DnsUpdater,
    who: String,
    unsaid: Unsaid,
    holds_one_value: bool,
}

impl Service {
    fn failed(&self, spot: &Spot, error: &Error) -> DnsError {
        let (who, zone) = (self.who.clone(), spot.zone.clone());
        match error {
            Error::Unauthorized => DnsError::Credential { who, reason: "the service does not accept it".to_owned() },
            Error::NotFound => DnsError::Service { who, zone, reason: "it does not have that zone".to_owned() },
            other => DnsError::Service { who, zone, reason: self.unsaid.out_of(&other.to_string()) },
        }
    }

    async fn in_time<T>(
        &self,
        spot: &Spot,
        change: impl Future<Output = dns_update::Result<T>> + Send,
    ) -> Result<T, DnsError> {
        match tokio::time::timeout(DEADLINE, change).await {
            Ok(outcome) => outcome.map_err(|error| self.failed(spot, &error)),
            Err(_) => Err(self.too_slow(spot)),
        }
    }

    fn too_slow(&self, spot: &Spot) -> DnsError {
        let reason = format!("it was not done within {} s", DEADLINE.as_secs());
        DnsError::Service { who: self.who.clone(), zone: spot.zone.clone(), reason }
    }

    /// The texts at the name now; `None` where the service cannot say.
    async fn texts(&self, spot: &Spot) -> Option<Vec<String>> {
        let (name, zone) = (spot.owner.as_str(), spot.zone.as_str());
        let listed = self.in_time(spot, self.updater.list_rrset(name, DnsRecordType::TXT, zone)).await.ok()?;
        let texts = listed.into_iter().filter_map(|record| match record {
            DnsRecord::TXT(text) => Some(text.trim_matches('"').to_owned()),
            _ => None,
        });
        Some(texts.collect())
    }

    async fn put(&self, spot: &Spot, values: Vec<String>) -> Result<(), DnsError> {
        let (name, zone) = (spot.owner.as_str(), spot.zone.as_str());
        let records = values.into_iter().map(DnsRecord::TXT).collect();
        self.in_time(spot, self.updater.set_rrset(name, DnsRecordType::TXT, TTL, records, zone)).await
    }
}

#[async_trait]
impl Writer for Service {
    fn holds_one_value(&self) -> bool {
        self.holds_one_value
    }

    async fn add(&self, spot: &Spot, value: &str) -> Result<(), DnsError> {
        // Many a service replaces what is there, some the whole zone: nobody else of ours writes meanwhile.
        let _alone = alone(&spot.zone).await;
        if self.holds_one_value {
            return self.put(spot, vec![value.to_owned()]).await;
        }
        let (name, zone) = (spot.owner.as_str(), spot.zone.as_str());
        let before = self.texts(spot).await.unwrap_or_default();
        let records = vec![DnsRecord::TXT(value.to_owned())];
        self.in_time(spot, self.updater.add_to_rrset(name, DnsRecordType::TXT, TTL, records, zone)).await?;
        // A service that replaced what was there after all gets it back beside the new value.
        let Some(after) = self.texts(spot).await else { return Ok(()) };
        let lost: Vec<String> = before.into_iter().filter(|text| !after.contains(text)).collect();
        if lost.is_empty() {
            return Ok(());
        }
        let mut all = after;
        all.extend(lost);
        if !all.iter().any(|text| text == value) {
            all.push(value.to_owned());
        }
        self.put(spot, all).await
    }

    async fn remove(&self, spot: &Spot, value: &str) -> Result<(), DnsError> {
        let _alone = alone(&spot.zone).await;
        if self.holds_one_value {
            return self.put(spot, Vec::new()).await;
        }
        let (name, zone) = (spot.owner.as_str(), spot.zone.as_str());
        let records = vec![DnsRecord::TXT(value.to_owned())];
        let removal = self.updater.remove_from_rrset(name, DnsRecordType::TXT, records, zone);
        match tokio::time::timeout(DEADLINE, removal).await {
            // Gone already. Without its zone it would not have come to be there.
            Ok(Err(Error::NotFound)) => Ok(()),
            Ok(outcome) => outcome.map_err(|error| self.failed(spot, &error)),
            Err(_) => Err(self.too_slow(spot)),
        }
    }
}

type Zones = HashMap<String, Weak<tokio::sync::Mutex<()>>>;

/// One writer at a time for each zone, in the whole process: solvers come and go with their orders.
async fn alone(zone: &str) -> tokio::sync::OwnedMutexGuard<()> {
    static ZONES: LazyLock<Mutex<Zones>> = LazyLock::new(Mutex::default);
    let lock = {
        let mut zones = ZONES.lock().unwrap_or_else(PoisonError::into_inner);
        zones.retain(|_, lock| lock.strong_count() > 0);
        let lock = zones.get(zone).and_then(Weak::upgrade).unwrap_or_default();
        zones.insert(zone.to_owned(), Arc::downgrade(&lock));
        lock
    };
    lock.lock_owned().await
}
