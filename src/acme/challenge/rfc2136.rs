//! Challenge records by signed DNS updates (RFC 2136, TSIG of RFC 8945), over TCP.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use dns_update::{DnsRecord, DnsRecordType, DnsUpdater};
use tokio::time::{Instant, sleep};

use crate::acme::challenge::lookup;
use crate::acme::challenge::provider::writer::{Spot, Writer};
use crate::acme::challenge::{DnsError, Solver, TxtRecord};
use crate::base::chain::printable;
use crate::base::names::Fqdn;
use crate::base::secret::Secret;

/// How long a resolver may keep a challenge record, in seconds.
const TTL: u32 = 60;

/// The pause between two looks at a server.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// How updates are signed. The shorter and older algorithms are left out on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TsigAlgorithm {
    /// hmac-sha256
    HmacSha256,
    /// hmac-sha384
    HmacSha384,
    /// hmac-sha512
    HmacSha512,
}

/// Where and how to update.
#[derive(Clone, Debug)]
pub struct Rfc2136Settings {
    /// The primary server, which takes the updates.
    pub server: SocketAddr,
    /// The zones that it takes updates for.
    pub zones: Vec<Fqdn>,
    /// The name of the TSIG key.
    pub key_name: String,
    /// Its algorithm.
    pub algorithm: TsigAlgorithm,
    /// The key itself.
    pub secret: Secret<Vec<u8>>,
    /// The other authoritative servers that must show a record before the CA is told to look.
    pub also_ask: Vec<SocketAddr>,
    /// How long one update or one look may take.
    pub deadline: Duration,
    /// How long the servers together may take to show a record.
    pub patience: Duration,
}

impl Rfc2136Settings {
    /// Settings with the usual deadlines: 10 s for one exchange, 2 minutes until every server shows a record.
    #[must_use]
    pub const fn new(server: SocketAddr, zones: Vec<Fqdn>, key_name: String, secret: Secret<Vec<u8>>) -> Self {
        Self {
            server,
            zones,
            key_name,
            algorithm: TsigAlgorithm::HmacSha256,
            secret,
            also_ask: Vec::new(),
            deadline: Duration::from_secs(10),
            patience: Duration::from_mins(2),
        }
    }
}

/// A DNS server that takes our updates.
pub struct Rfc2136 {
    updater: DnsUpdater,
    server: SocketAddr,
    zones: Vec<Fqdn>,
    ask: Vec<SocketAddr>,
    deadline: Duration,
    patience: Duration,
}

impl std::fmt::Debug for Rfc2136 {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Rfc2136").field("server", &self.server).field("zones", &self.zones).finish_non_exhaustive()
    }
}

impl Rfc2136 {
    /// Talks to nobody yet.
    ///
    /// # Errors
    /// The key's name is no DNS name, or the key is of a kind that cannot be used.
    pub fn new(settings: Rfc2136Settings) -> Result<Self, DnsError> {
        let server = settings.server;
        let updater = Self::updater(&settings).map_err(|_| DnsError::Key { server })?;
        let mut ask = vec![server];
        ask.extend(settings.also_ask.into_iter().filter(|other| *other != server));
        Ok(Self {
            updater,
            server,
            zones: settings.zones,
            ask,
            deadline: settings.deadline,
            patience: settings.patience,
        })
    }

    pub(super) fn updater(settings: &Rfc2136Settings) -> dns_update::Result<DnsUpdater> {
        let algorithm = match settings.algorithm {
            TsigAlgorithm::HmacSha256 => dns_update::TsigAlgorithm::HmacSha256,
            TsigAlgorithm::HmacSha384 => dns_update::TsigAlgorithm::HmacSha384,
            TsigAlgorithm::HmacSha512 => dns_update::TsigAlgorithm::HmacSha512,
        };
        let (server, key) = (settings.server, settings.secret.expose().clone());
        DnsUpdater::new_rfc2136_tsig(format!("tcp://{server}"), &settings.key_name, key, algorithm)
    }

    /// The longest of our zones that holds the record.
    fn zone(&self, record: &TxtRecord) -> Result<&Fqdn, DnsError> {
        self.zones
            .iter()
            .filter(|zone| record.base().is_within(zone))
            .max_by_key(|zone| zone.as_str().len())
            .ok_or_else(|| DnsError::NoZone { name: record.base().to_string() })
    }

    fn failed(&self, zone: &str, error: &dns_update::Error) -> DnsError {
        let (server, zone) = (self.server, zone.to_owned());
        match error {
            dns_update::Error::Response(code) => DnsError::Refused { server, zone, reason: printable(code) },
            other if is_about_signature(&other.to_string()) => DnsError::KeyRefused { server, zone },
            other => DnsError::Unreachable { server, zone, reason: printable(&other.to_string()) },
        }
    }

    async fn within_deadline(
        &self,
        zone: &str,
        update: impl Future<Output = dns_update::Result<()>> + Send,
    ) -> Result<(), DnsError> {
        match tokio::time::timeout(self.deadline, update).await {
            Ok(outcome) => outcome.map_err(|error| self.failed(zone, &error)),
            Err(_) => Err(DnsError::Unreachable {
                server: self.server,
                zone: zone.to_owned(),
                reason: format!("no answer within {} s", self.deadline.as_secs_f32()),
            }),
        }
    }

    async fn shows(&self, server: SocketAddr, record: &TxtRecord) -> Result<(), String> {
        let answer = lookup::txt(server, &record.name(), self.deadline).await.map_err(|error| error.to_string())?;
        if !answer.authoritative {
            return Err("it does not speak for the zone".to_owned());
        }
        if answer.values.iter().any(|value| value == record.value()) {
            Ok(())
        } else {
            Err(format!("it has {} other values there", answer.values.len()))
        }
    }
}

/// The library hands its errors on as text. An answer without a signature reads there as "truncated HMACs".
fn is_about_signature(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("tsig") || text.contains("hmac")
}

#[async_trait]
impl Writer for Rfc2136 {
    async fn add(&self, spot: &Spot, value: &str) -> Result<(), DnsError> {
        let records = vec![DnsRecord::TXT(value.to_owned())];
        let (name, zone) = (spot.owner.as_str(), spot.zone.as_str());
        self.within_deadline(zone, self.updater.add_to_rrset(name, DnsRecordType::TXT, TTL, records, zone)).await
    }

    async fn remove(&self, spot: &Spot, value: &str) -> Result<(), DnsError> {
        let records = vec![DnsRecord::TXT(value.to_owned())];
        let (name, zone) = (spot.owner.as_str(), spot.zone.as_str());
        self.within_deadline(zone, self.updater.remove_from_rrset(name, DnsRecordType::TXT, records, zone)).await
    }
}

#[async_trait]
impl Solver for Rfc2136 {
    async fn present(&self, record: &TxtRecord) -> Result<(), DnsError> {
        let spot = Spot { owner: record.name(), zone: self.zone(record)?.to_string() };
        self.add(&spot, record.value()).await
    }

    async fn ready(&self, record: &TxtRecord) -> Result<(), DnsError> {
        let start = Instant::now();
        for server in &self.ask {
            while let Err(reason) = self.shows(*server, record).await {
                if start.elapsed() >= self.patience {
                    let (name, after) = (record.name(), self.patience);
                    return Err(DnsError::NotVisible { server: *server, name, after, reason });
                }
                sleep(LOOK_AGAIN).await;
            }
        }
        Ok(())
    }

    async fn clear(&self, record: &TxtRecord) -> Result<(), DnsError> {
        let spot = Spot { owner: record.name(), zone: self.zone(record)?.to_string() };
        self.remove(&spot, record.value()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solver(zones: &[&str]) -> Rfc2136 {
        let zones = zones.iter().map(|zone| Fqdn::parse(zone).unwrap()).collect();
        let server = "127.0.0.1:53".parse().unwrap();
        Rfc2136::new(Rfc2136Settings::new(server, zones, "key.".to_owned(), Secret::new(vec![7; 32]))).unwrap()
    }

    #[test]
    fn the_longest_zone_that_holds_the_name_is_updated() {
        let solver = solver(&["example.com", "pbx.example.com", "example.net"]);
        let record = |base: &str| TxtRecord::new(Fqdn::parse(base).unwrap(), "a".repeat(43)).unwrap();

        assert_eq!(solver.zone(&record("a.pbx.example.com")).unwrap().as_str(), "pbx.example.com");
        assert_eq!(solver.zone(&record("www.example.com")).unwrap().as_str(), "example.com");
        assert!(matches!(solver.zone(&record("example.org")), Err(DnsError::NoZone { .. })));
    }

    #[test]
    fn every_algorithm_that_we_offer_can_sign() {
        for algorithm in [TsigAlgorithm::HmacSha256, TsigAlgorithm::HmacSha384, TsigAlgorithm::HmacSha512] {
            let server = "127.0.0.1:53".parse().unwrap();
            let mut settings = Rfc2136Settings::new(server, Vec::new(), "key.".to_owned(), Secret::new(vec![7; 32]));
            settings.algorithm = algorithm;
            assert!(Rfc2136::new(settings).is_ok(), "{algorithm:?}");
        }
    }
}
