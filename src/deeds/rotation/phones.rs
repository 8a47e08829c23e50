//! What has to happen around new secrets: caches that hold the former ones, phones that must fetch, devices that are
//! registered now and would go on with the former secret.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::base::chain::Chain;
use crate::base::ids::BatchId;
use crate::base::role::Reach;
use crate::deeds::Deeds;
use crate::deeds::rotation::{Item, RotationError};
use crate::host::{Agent, AgentError};
use crate::store::trail::{Act, Actor, Close};
use crate::wire::jails::{LetPass, MOST_ADDRESSES, Passing};
use crate::wire::switch::{DirectoryUser, MOST_USERS, Resynced, Source};

/// What of the switch is known about the accounts of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registered {
    /// Devices that are registered with the accounts of the plan.
    pub devices: u64,
    /// Where they are, with how many of the plan's and how many of the whole switch: behind an address that many share,
    /// phones that still try a former secret get all of them banned. The largest first.
    pub sources: Vec<Source>,
    /// Whether there are more addresses than were read.
    pub cut: bool,
}

/// What was let pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The addresses.
    pub addresses: Vec<IpAddr>,
    /// How many more there are, of fewer devices each.
    pub left_out: usize,
    /// Where, and until when; `None` if there is no address at all.
    pub passing: Option<Passing>,
}

/// How many phones must fetch their settings again, by vendor and by how they fetched them last.
#[must_use]
pub fn phones(items: &[Item]) -> Vec<(String, String, u64)> {
    let mut counted: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for (phone, _) in items.iter().flat_map(|item| &item.lines) {
        let vendor = if phone.vendor.is_empty() { "unknown vendor" } else { &phone.vendor };
        let method = if phone.method.is_empty() { "never fetched here" } else { &phone.method };
        let addresses = counted.entry((vendor.to_lowercase(), method.to_lowercase())).or_default();
        if !addresses.contains(&phone.address.as_str()) {
            addresses.push(&phone.address);
        }
    }
    counted.into_iter().map(|((vendor, method), addresses)| (vendor, method, addresses.len() as u64)).collect()
}

/// The accounts that the switch can be asked about; names that no command may carry are left out.
fn users(items: &[Item]) -> Vec<DirectoryUser> {
    let mut users: Vec<DirectoryUser> =
        items.iter().flat_map(|item| &item.directory).filter_map(|name| DirectoryUser::parse(name).ok()).collect();
    users.sort();
    users.dedup();
    users
}

impl Deeds {
    /// How many devices are registered with the accounts of `items`, and from where.
    ///
    /// # Errors
    /// The agent or the switch does not answer.
    pub async fn registered(&self, agent: &Agent, items: &[Item]) -> Result<Registered, AgentError> {
        let mut registered = Registered::default();
        let mut sources: BTreeMap<Option<IpAddr>, Source> = BTreeMap::new();
        for some in users(items).chunks(MOST_USERS) {
            let part = agent.switch_registrations(some.to_vec()).await?;
            registered.devices += part.asked;
            registered.cut |= part.cut;
            for source in part.sources {
                let empty = Source { asked: 0, ..source.clone() };
                sources.entry(source.address).or_insert(empty).asked += source.asked;
            }
        }
        registered.sources = sources.into_values().collect();
        registered.sources.sort_by_key(|source| std::cmp::Reverse((source.all, source.asked)));
        Ok(registered)
    }

    /// Has fail2ban's SIP jails let the addresses pass, for `minutes`, from which the devices of a batch are registered:
    /// they go on with the former secret until they have fetched the new one.
    ///
    /// # Errors
    /// See [`RotationError`].
    pub async fn let_batch_pass(
        &self,
        agent: &Agent,
        actor: &Actor,
        reach: &Reach,
        batch: BatchId,
        minutes: u16,
    ) -> Result<Passed, RotationError> {
        let row = self.store.batch(batch).await?.ok_or(RotationError::Nothing)?;
        let items = row.items()?;
        if !items.iter().all(|item| reach.covers(Some(item.tenant))) {
            return Err(RotationError::Nothing);
        }
        let registered = self.registered(agent, &items).await.map_err(RotationError::Switch)?;
        let mut addresses: Vec<IpAddr> = registered.sources.iter().filter_map(|source| source.address).collect();
        let left_out = addresses.len().saturating_sub(MOST_ADDRESSES);
        addresses.truncate(MOST_ADDRESSES);
        if addresses.is_empty() {
            return Ok(Passed { addresses, left_out, passing: None });
        }
        let named: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let subject =
            format!("{} for {minutes} minutes, rotation {}, batch {}", named.join(" "), row.rotation, row.position);
        let act = Act { act: "fail2ban.let-pass", subject: &subject, ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let outcome = agent.let_pass(LetPass { addresses: addresses.clone(), minutes }).await;
        let reason = outcome.as_ref().err().map(|error: &AgentError| Chain(error).to_string());
        let close = reason.as_deref().map_or(Close::Done { inverse: None }, |reason| Close::Failed { reason });
        self.store.close_entry(entry, close, self.clock.now()).await?;
        let passing = outcome.map_err(RotationError::Switch)?;
        Ok(Passed { addresses, left_out, passing: Some(passing) })
    }

    /// Has cached directory entries of a batch dropped, so that the new secrets hold at once. In words, what could not be
    /// done; empty if everything was.
    pub async fn flush_batch(&self, agent: &Agent, items: &[Item]) -> Vec<String> {
        let mut failed = Vec::new();
        for some in users(items).chunks(MOST_USERS) {
            match agent.flush_directory(some.to_vec()).await {
                Ok(flushed) => failed.extend(flushed.failed),
                Err(error) => failed.push(Chain(&error).to_string()),
            }
        }
        failed.truncate(10);
        failed
    }

    /// Has the phones of a batch told to fetch their settings again.
    ///
    /// # Errors
    /// See [`RotationError`].
    pub async fn resync_batch(
        &self,
        agent: &Agent,
        actor: &Actor,
        reach: &Reach,
        batch: BatchId,
    ) -> Result<Resynced, RotationError> {
        let row = self.store.batch(batch).await?.ok_or(RotationError::Nothing)?;
        let items = row.items()?;
        if !items.iter().all(|item| reach.covers(Some(item.tenant))) {
            return Err(RotationError::Nothing);
        }
        // Only extensions that a phone of FusionPBX registers as.
        let with_phones: Vec<Item> = items.into_iter().filter(|item| !item.lines.is_empty()).collect();
        let users = users(&with_phones);
        if users.is_empty() {
            return Err(RotationError::Nothing);
        }
        let subject = format!("phones of rotation {}, batch {}", row.rotation, row.position);
        let act = Act { act: "credentials.resync", subject: &subject, ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let mut all = Resynced::default();
        let mut outcome = Ok(());
        for some in users.chunks(MOST_USERS) {
            match agent.resync(some.to_vec()).await {
                Ok(told) => {
                    all.told.extend(told.told);
                    all.too_soon.extend(told.too_soon);
                    all.failed.extend(told.failed);
                }
                Err(error) => outcome = Err(error),
            }
        }
        let reason = outcome.as_ref().err().map(|error: &AgentError| Chain(error).to_string());
        let close = reason.as_deref().map_or(Close::Done { inverse: None }, |reason| Close::Failed { reason });
        self.store.close_entry(entry, close, self.clock.now()).await?;
        outcome.map(|()| all).map_err(RotationError::Switch)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::base::ids::TenantId;
    use crate::fusionpbx::rotation::{Phone, SecretKind, Target};

    fn item(directory: &[&str], phones: &[(&str, &str, &str)]) -> Item {
        let phone = |(address, vendor, method): &(&str, &str, &str)| Phone {
            address: (*address).to_owned(),
            vendor: (*vendor).to_owned(),
            method: (*method).to_owned(),
            ..Phone::default()
        };
        Item {
            target: Target { kind: SecretKind::Extension, id: Uuid::nil() },
            tenant: TenantId(Uuid::nil()),
            tenant_name: "north.example.test".to_owned(),
            place: "101".to_owned(),
            is_enabled: true,
            directory: directory.iter().map(|name| (*name).to_owned()).collect(),
            lines: phones.iter().map(|one| (phone(one), "1".to_owned())).collect(),
            lines_elsewhere: 0,
        }
    }

    #[test]
    fn phones_are_counted_once_by_vendor_and_by_how_they_fetched() {
        let items = [
            item(&[], &[("a", "Yealink", "https"), ("b", "yealink", "https")]),
            item(&[], &[("a", "yealink", "https"), ("c", "", "")]),
        ];

        let counted = phones(&items);

        let expected = [("unknown vendor", "never fetched here", 1), ("yealink", "https", 2)];
        assert_eq!(counted, expected.map(|(vendor, method, count)| (vendor.to_owned(), method.to_owned(), count)));
    }

    #[test]
    fn a_name_that_no_command_may_carry_is_not_asked_about() {
        let items = [item(&["101@north.example.test", "101@north.example.test;x", "101@\u{202e}"], &[])];

        let names: Vec<String> = users(&items).iter().map(ToString::to_string).collect();

        assert_eq!(names, ["101@north.example.test"]);
    }
}
