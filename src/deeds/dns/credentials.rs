//! Credentials for DNS services: made, changed, forgotten. No secret is ever handed out again.

use std::collections::BTreeMap;

use crate::acme::challenge::provider::{Provider, Values, provider, writer};
use crate::base::chain::Chain;
use crate::base::ids::DnsCredentialId;
use crate::base::secret::Secret;
use crate::deeds::Deeds;
use crate::deeds::dns::DnsActError;
use crate::store::StoreError;
use crate::store::dns::{CredentialRow, NewCredential};
use crate::store::trail::{Act, Actor, Close};

/// The longest name of a credential, in letters.
const LONGEST_NAME: usize = 64;

/// A credential, opened: for whoever talks to its service.
pub struct KeptCredential {
    /// What anyone may see.
    pub row: CredentialRow,
    /// Its service.
    pub provider: &'static Provider,
    /// Everything, secrets too.
    pub values: Values,
}

/// What is wrong with a credential's name.
#[must_use]
pub fn name_fault(name: &str) -> Option<&'static str> {
    if name.trim().is_empty() {
        return Some("A name is needed.");
    }
    if name.chars().count() > LONGEST_NAME {
        return Some("At most 64 letters.");
    }
    let plain = name.chars().all(|letter| letter.is_alphanumeric() || " -_.@/()".contains(letter));
    if plain { None } else { Some("Letters, digits, spaces and - _ . @ / ( ) only.") }
}

impl Deeds {
    /// Keeps a credential for the service called `service`; `typed` are its fields.
    ///
    /// # Errors
    /// See [`DnsActError`].
    pub async fn add_dns_credential(
        &self,
        actor: &Actor,
        name: &str,
        service: &str,
        typed: Vec<(String, String)>,
    ) -> Result<DnsCredentialId, DnsActError> {
        let name = parse_name(name)?;
        let provider = provider(service).ok_or(DnsActError::NoService)?;
        let values = Values::parse(provider, typed).map_err(DnsActError::Fields)?;
        openable(provider, &values, &name)?;
        let new = new_credential(name, provider, &values);
        let after = format!("for {}", provider.label);
        let act = Act { act: "dns.credential-add", subject: &new.name, after: Some(&after), ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let added = self.store.add_dns_credential(&new, self.clock.now()).await?;
        let close = match added {
            Some(_) => Close::Done { inverse: None },
            None => Close::Refused { reason: "the name is in use" },
        };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        added.ok_or_else(|| DnsActError::Name("Another credential has this name.".to_owned()))
    }

    /// Changes a credential. A secret that is left empty stays as it is.
    ///
    /// # Errors
    /// See [`DnsActError`].
    pub async fn change_dns_credential(
        &self,
        actor: &Actor,
        id: DnsCredentialId,
        name: &str,
        typed: Vec<(String, String)>,
    ) -> Result<(), DnsActError> {
        let name = parse_name(name)?;
        let kept = self.dns_credential(id).await?.ok_or(DnsActError::Unknown)?;
        let provider = kept.provider;
        let values = Values::parse(provider, filled(&kept, typed)).map_err(DnsActError::Fields)?;
        openable(provider, &values, &name)?;
        let new = new_credential(name, provider, &values);
        let after = format!("{}: {}", new.name, changed_fields(&kept, &values));
        let act = Act {
            act: "dns.credential-change",
            subject: &kept.row.name,
            before: Some(&kept.row.name),
            after: Some(&after),
            ..Act::default()
        };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let is_changed = self.store.change_dns_credential(id, &new, self.clock.now()).await?;
        let close =
            if is_changed { Close::Done { inverse: None } } else { Close::Refused { reason: "the name is in use" } };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        is_changed.then_some(()).ok_or_else(|| DnsActError::Name("Another credential has this name.".to_owned()))
    }

    /// Forgets a credential that no zone uses.
    ///
    /// # Errors
    /// See [`DnsActError`].
    pub async fn delete_dns_credential(&self, actor: &Actor, id: DnsCredentialId) -> Result<(), DnsActError> {
        let rows = self.store.dns_credentials().await?;
        let row = rows.into_iter().find(|row| row.id == id).ok_or(DnsActError::Unknown)?;
        let act = Act { act: "dns.credential-delete", subject: &row.name, ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let is_deleted = self.store.delete_dns_credential(id).await?;
        let close =
            if is_deleted { Close::Done { inverse: None } } else { Close::Refused { reason: "zones use it" } };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        is_deleted.then_some(()).ok_or(DnsActError::InUse)
    }

    /// A credential with its secrets; `None` if it is not there.
    ///
    /// # Errors
    /// The store failed, the secrets do not open, or a row is damaged.
    pub async fn dns_credential(&self, id: DnsCredentialId) -> Result<Option<KeptCredential>, StoreError> {
        let rows = self.store.dns_credentials().await?;
        let Some(row) = rows.into_iter().find(|row| row.id == id) else { return Ok(None) };
        let Some(secrets) = self.store.dns_secrets(id).await? else { return Ok(None) };
        let damaged = |reason: &str| StoreError::Damaged { table: "dns_credentials", reason: reason.to_owned() };
        let provider = provider(&row.provider).ok_or_else(|| damaged("it is for an unknown service"))?;
        // The cause is left out: it could quote a secret.
        let secrets: BTreeMap<String, String> =
            serde_json::from_str(secrets.expose()).map_err(|_| damaged("its secrets are no JSON"))?;
        let all = row.settings.clone().into_iter().chain(secrets);
        let values =
            Values::parse(provider, all.collect()).map_err(|_| damaged("a field does not hold what it should"))?;
        Ok(Some(KeptCredential { row, provider, values }))
    }
}

fn parse_name(name: &str) -> Result<String, DnsActError> {
    match name_fault(name) {
        Some(fault) => Err(DnsActError::Name(fault.to_owned())),
        None => Ok(name.trim().to_owned()),
    }
}

/// Refuses at the form what would fail at each order.
fn openable(provider: &'static Provider, values: &Values, name: &str) -> Result<(), DnsActError> {
    let opened = writer::open(provider, values, name);
    opened.map(drop).map_err(|error| DnsActError::Unusable(Chain(&error).to_string()))
}

fn new_credential(name: String, provider: &'static Provider, values: &Values) -> NewCredential {
    let (mut settings, mut secrets) = (BTreeMap::new(), BTreeMap::new());
    for (field, value) in values.pairs(provider) {
        let to = if field.kind.is_secret() { &mut secrets } else { &mut settings };
        to.insert(field.key.to_owned(), value.to_owned());
    }
    let secrets = Secret::new(secrets.into_iter().collect::<serde_json::Value>().to_string());
    NewCredential { name, provider: provider.id.to_owned(), settings, secrets }
}

/// What was typed, with kept secrets where nothing was.
fn filled(kept: &KeptCredential, typed: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut typed: BTreeMap<String, String> = typed.into_iter().collect();
    for (field, value) in kept.values.pairs(kept.provider).filter(|(field, _)| field.kind.is_secret()) {
        let given = typed.entry(field.key.to_owned()).or_default();
        if given.trim().is_empty() {
            value.clone_into(given);
        }
    }
    typed.into_iter().collect()
}

/// Which fields are other than before, for the trail: never what is in them.
fn changed_fields(kept: &KeptCredential, values: &Values) -> String {
    let fields = kept.provider.fields.iter();
    let changed: Vec<&str> = fields
        .filter(|field| kept.values.maybe(field.key) != values.maybe(field.key))
        .map(|field| field.label)
        .collect();
    if changed.is_empty() { "no field changed".to_owned() } else { format!("changed {}", changed.join(", ")) }
}
