//! Who speaks for a name: where its alias leads, which zone holds it, and at which addresses that zone is served.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use crate::acme::challenge::DnsError;
use crate::acme::challenge::lookup::{self, Asking, LookupError};

/// The most aliases that are followed: a resolver follows no more (RFC 1034 leaves it open; unbound takes 11, BIND 16).
const MOST_ALIASES: usize = 8;

/// The most name servers of one zone that are asked; a zone has 13 at most where it answers in one packet.
const MOST_SERVERS: usize = 13;

/// The servers of one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its apex, without a trailing dot.
    pub apex: String,
    /// Every address of every name server.
    pub servers: Vec<NameServer>,
}

/// One address of one name server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameServer {
    /// Its name, without a trailing dot.
    pub name: String,
    /// Where it answers.
    pub address: SocketAddr,
}

impl std::fmt::Display for NameServer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} ({})", self.name, self.address.ip())
    }
}

/// Asks the resolvers of this host who speaks for a name.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The resolvers; empty for those of `/etc/resolv.conf`, read anew for each question.
    pub resolvers: Vec<SocketAddr>,
    /// The port of authoritative servers: 53.
    pub port: u16,
    /// How long one question may take.
    pub deadline: Duration,
}

impl Default for Authority {
    fn default() -> Self {
        Self { resolvers: Vec::new(), port: 53, deadline: Duration::from_secs(10) }
    }
}

impl Authority {
    /// Where the aliases of `owner` end, with the zone that holds that place.
    ///
    /// # Errors
    /// Nobody could be asked, or the aliases go round in a circle.
    pub async fn follow(&self, owner: &str) -> Result<(String, Zone), DnsError> {
        let mut seen = BTreeSet::new();
        let mut name = owner.to_owned();
        loop {
            let zone = self.zone_of(&name).await?;
            let Some(target) = self.alias(&name, &zone).await? else { return Ok((name, zone)) };
            seen.insert(name);
            if seen.contains(&target) || seen.len() > MOST_ALIASES {
                let reason = format!("its aliases do not end: {target} leads back or too far");
                return Err(DnsError::NoAuthority { name: owner.to_owned(), reason });
            }
            name = target;
        }
    }

    /// The zone that holds `name`, found by its start of authority, with its servers.
    ///
    /// # Errors
    /// No resolver answered, or no zone holds it.
    pub async fn zone_of(&self, name: &str) -> Result<Zone, DnsError> {
        let failed = |reason: String| DnsError::NoAuthority { name: name.to_owned(), reason };
        let owner = lookup::parse(name).map_err(|error| failed(error.to_string()))?;
        let mut at = owner.clone();
        let apex = loop {
            if at.num_labels() == 0 {
                return Err(failed("no zone holds it".to_owned()));
            }
            let answer = self.resolve(&at, RecordType::SOA, Asking::Resolver).await;
            let answer = answer.map_err(|error| failed(error.to_string()))?;
            match start_of_authority(&answer, &at) {
                Some(apex) if apex.num_labels() > 0 => break apex,
                _ => at = at.base_name(),
            }
        };
        let servers = self.servers(&apex).await.map_err(failed)?;
        Ok(Zone { apex: plain(&apex), servers })
    }

    /// What the servers of `zone` say that `name` is an alias of.
    async fn alias(&self, name: &str, zone: &Zone) -> Result<Option<String>, DnsError> {
        let failed = |reason: String| DnsError::NoAuthority { name: name.to_owned(), reason };
        let owner = lookup::parse(name).map_err(|error| failed(error.to_string()))?;
        let mut last = "no server of its zone could be asked".to_owned();
        for server in zone.servers.iter().filter(|server| lookup::has_a_way_to(server.address)) {
            match lookup::ask(server.address, &owner, RecordType::CNAME, Asking::Authority, self.deadline).await {
                Ok(answer) => {
                    return Ok(answer.answers.iter().find_map(|record| match &record.data {
                        RData::CNAME(target) if record.name == owner => Some(plain(&target.0)),
                        _ => None,
                    }));
                }
                Err(error) => last = format!("{server}: {error}"),
            }
        }
        Err(failed(last))
    }

    async fn servers(&self, apex: &Name) -> Result<Vec<NameServer>, String> {
        let answer = self.resolve(apex, RecordType::NS, Asking::Resolver).await.map_err(|error| error.to_string())?;
        let names: BTreeSet<Name> = answer
            .answers
            .iter()
            .filter_map(|record| match &record.data {
                RData::NS(server) => Some(server.0.clone()),
                _ => None,
            })
            .take(MOST_SERVERS)
            .collect();
        let mut servers = BTreeSet::new();
        for name in &names {
            for kind in [RecordType::A, RecordType::AAAA] {
                // A server without an address of one family is ordinary; without any, it shows below.
                let Ok(answer) = self.resolve(name, kind, Asking::Resolver).await else { continue };
                let addresses = answer.answers.iter().filter_map(|record| address(&record.data));
                servers.extend(
                    addresses.map(|address| NameServer {
                        name: plain(name),
                        address: SocketAddr::new(address, self.port),
                    }),
                );
            }
        }
        if servers.is_empty() {
            return Err(format!("the name servers of {} have no address", plain(apex)));
        }
        Ok(servers.into_iter().collect())
    }

    /// The answer of the first resolver that gives one.
    pub(super) async fn resolve(
        &self,
        name: &Name,
        kind: RecordType,
        asking: Asking,
    ) -> Result<Message, LookupError> {
        let resolvers = if self.resolvers.is_empty() { of_this_host() } else { self.resolvers.clone() };
        let mut last = LookupError::Broken("/etc/resolv.conf names no resolver".to_owned());
        for resolver in resolvers {
            match lookup::ask(resolver, name, kind, asking, self.deadline).await {
                Ok(answer) => return Ok(answer),
                // The resolver has looked, and has no good answer: another one of the same host has none either.
                Err(error @ LookupError::Refused(_)) => return Err(error),
                Err(error) => last = LookupError::Broken(format!("the resolver {resolver}: {error}")),
            }
        }
        Err(last)
    }
}

/// The apex of the zone of `name` that an answer names. An alias in the answer means that it is about another zone.
fn start_of_authority(answer: &Message, name: &Name) -> Option<Name> {
    let apexes = |records: &[hickory_resolver::proto::rr::Record]| {
        let mut apexes = records.iter().filter(|record| record.record_type() == RecordType::SOA);
        apexes.find(|record| record.name.zone_of(name)).map(|record| record.name.clone())
    };
    if let Some(apex) = apexes(&answer.answers) {
        return Some(apex);
    }
    let has_alias = answer.answers.iter().any(|record| record.record_type() == RecordType::CNAME);
    if has_alias { None } else { apexes(&answer.authorities) }
}

const fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    }
}

/// Lower case, without the trailing dot.
pub(super) fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

fn of_this_host() -> Vec<SocketAddr> {
    resolvers(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
}

/// resolv.conf(5): at most three lines `nameserver` count.
fn resolvers(text: &str) -> Vec<SocketAddr> {
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let addresses = named.filter_map(|rest| rest.split_whitespace().next()?.parse::<IpAddr>().ok());
    addresses.take(3).map(|address| SocketAddr::new(address, 53)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resolvers_of_the_host_are_its_first_three() {
        let text = "# made by hand\nsearch example.com\nnameserver 192.0.2.1\nnameserver ::1\nnameserver fe80::1%eth0\n\
                    nameserver 192.0.2.2 # two\nnameserver 192.0.2.3\n";

        let found = resolvers(text);

        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:53", "[::1]:53", "192.0.2.2:53"]);
    }
}
