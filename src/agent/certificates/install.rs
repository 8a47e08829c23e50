//! Deploys a chain: checked, written, switched by one rename, tested, loaded and proved; else the former state returns.
//!
//! The commit point is the rename of nginx's include, which holds a whole server block whose certificate and key both
//! lie in one generation. Before it a mark (`armed.json`) says where the former include is kept; after the proof the mark
//! goes. An agent that finds a mark when it starts was cut off in between, and rolls back first.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::agent::certificates::in_force;
use crate::agent::certificates::make::allowed;
use crate::agent::certificates::proof::{prove, still_served};
use crate::agent::certificates::store::{Store, StoreError};
use crate::agent::config::NginxConfig;
use crate::agent::keys::Wish;
use crate::agent::nginx::control;
use crate::agent::nginx::sibling::{self, Pair};
use crate::agent::place::{Place, PlaceError};
use crate::base::chain::Chain;
use crate::base::clock::Timestamp;
use crate::base::ids::CertificateId;
use crate::base::names::{CertificateName, Fqdn};
use crate::tls::{check, leaf};
use crate::wire::answer::{Installed, LeafFacts, Refusal};
use crate::wire::request::Generation;

/// The mark of a switch that is not proved yet.
const ARMED: &str = "armed.json";

/// The directory of the include that was in force before.
const FORMER: &str = "former";

/// The largest site file: 1 MiB.
const MAX_SITE_BYTES: u64 = 1024 * 1024;

#[derive(Serialize, Deserialize)]
struct Armed {
    certificate: CertificateId,
    generation: Generation,
    /// Whether there was an include before; its bytes lie in `former/`.
    former: bool,
}

/// One deployment.
pub(in crate::agent) struct Deployment<'a> {
    /// The agent's place.
    pub(in crate::agent) place: &'a Place,
    /// The generations in it.
    pub(in crate::agent) store: Store<'a>,
    /// The directory of nginx includes in it.
    pub(in crate::agent) include: &'a str,
    /// The nginx to deploy to.
    pub(in crate::agent) nginx: &'a NginxConfig,
    /// Which certificate.
    pub(in crate::agent) certificate: CertificateId,
    /// Which generation of it.
    pub(in crate::agent) generation: Generation,
}

/// What has been checked and is ready to be switched to.
struct Ready {
    names: Vec<CertificateName>,
    chain: Vec<Vec<u8>>,
    leaf: LeafFacts,
    include: String,
}

impl Deployment<'_> {
    /// Deploys `chain_pem`.
    ///
    /// # Errors
    /// The chain, the site or nginx's present state do not allow it (nothing was touched), or it did not prove itself and
    /// was rolled back.
    pub(in crate::agent) async fn run(
        &self,
        chain_pem: &str,
        zones: &[Fqdn],
        now: Timestamp,
    ) -> Result<Installed, Refusal> {
        // A rollback that failed earlier comes first: there is one place for the former include.
        if let Some((certificate, _)) = heal(self.place, self.store, Some(self.nginx)).await.map_err(stored)? {
            tracing::warn!("An unproved switch of certificate {certificate} was rolled back");
        }
        let ready = self.check(chain_pem, zones, now)?;
        // A configuration that is broken already would fail after the switch too, and say so less clearly.
        control::test(self.nginx).await.map_err(unable)?;
        let former = self.store.current(self.certificate).map_err(stored)?;
        self.refuse_change_in_force(former, &ready.chain)?;
        self.store.complete(self.certificate, self.generation, &ready.chain).map_err(stored)?;
        if let Err(error) = self.switch(&ready.include) {
            return Err(self.back_before_reload(Chain(&error).to_string()));
        }
        let proofs = self.put_in_force(&ready).await?;
        if let Err(error) = self.store.mark_proved(self.certificate, self.generation) {
            tracing::warn!("The proof could not be noted: {}", Chain(&error));
        }
        self.place.remove(ARMED)?;
        if let Err(error) = self.store.prune(self.certificate) {
            tracing::warn!("Old generations could not be removed: {}", Chain(&error));
        }
        Ok(Installed { former, leaf: ready.leaf, proofs, pending: None })
    }

    fn check(&self, chain_pem: &str, zones: &[Fqdn], now: Timestamp) -> Result<Ready, Refusal> {
        let Wish { names, public_key_der } = self.store.wish(self.certificate, self.generation).map_err(stored)?;
        allowed(&names, zones)?;
        if in_force::is_held(self.place, (self.certificate, self.generation))? {
            let reason = "FreeSWITCH has this certificate, whose key PHP's owner can read; nginx gets one of its own";
            return Err(Refusal::NotAllowed { reason: reason.to_owned() });
        }
        let not_used =
            |error: &(dyn std::error::Error + 'static)| unable(format!("the chain is not used: {}", Chain(error)));
        let chain = leaf::chain_from_pem(chain_pem).map_err(|error| not_used(&error))?;
        let leaf = check::issued(&chain, &names, &public_key_der, now).map_err(|error| not_used(&error))?;
        let include = self.render(&names)?;
        Ok(Ready { names, chain, leaf, include })
    }

    fn render(&self, names: &[CertificateName]) -> Result<String, Refusal> {
        for (other, text) in self.store.includes().map_err(stored)? {
            let served = sibling::server_names(&text).map_err(|error| unable(Chain(&error).to_string()))?;
            if other == self.certificate {
                self.refuse_other_names(names, &served)?;
                continue;
            }
            if let Some(name) = names.iter().find(|name| served.contains(&name.to_string())) {
                return Err(unable(format!("{name} is already served by certificate {other}")));
            }
        }
        let site = read_site(&self.nginx.site)?;
        let (chain, key) = self.store.paths(self.certificate, self.generation).map_err(stored)?;
        let block = sibling::render(&site, names, Pair { chain: &chain, key: &key });
        let block = block.map_err(|error| unable(format!("{}: {}", self.nginx.site.display(), Chain(&error))))?;
        let (id, generation) = (self.certificate, self.generation.0);
        Ok(format!(
            "# Made by rampart-agent: certificate {id}, generation {generation}. Changes here are lost.\n{block}"
        ))
    }

    /// A certificate's number stands for one set of names for good. A console that lost its store counts from 1 again: what
    /// it calls by that number now must not push other names out of nginx.
    fn refuse_other_names(&self, names: &[CertificateName], served: &BTreeSet<String>) -> Result<(), Refusal> {
        let is_same = names.len() == served.len() && names.iter().all(|name| served.contains(&name.to_string()));
        if is_same {
            return Ok(());
        }
        Err(unable(format!(
            "certificate {} is in force for other names: {}; remove its include by hand if they are no longer wanted",
            self.certificate,
            served.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        )))
    }

    /// The files of the generation that nginx serves right now are never written again.
    fn refuse_change_in_force(&self, current: Option<Generation>, chain: &[Vec<u8>]) -> Result<(), Refusal> {
        if current != Some(self.generation) {
            return Ok(());
        }
        let kept = self.store.chain(self.certificate, self.generation).map_err(stored)?;
        if kept.is_none_or(|kept| kept == chain) {
            return Ok(());
        }
        Err(unable("this generation is in force with another chain; make a new key for a new chain".to_owned()))
    }

    /// Keeps what is in force now, sets the mark, then switches with one rename.
    fn switch(&self, text: &str) -> Result<(), StoreError> {
        let include = self.store.include(self.certificate)?;
        let former = self.place.read(&include)?;
        self.place.create_directory(FORMER)?;
        self.place.create_directory(self.include)?;
        if let Some(bytes) = &former {
            self.place.write(&format!("{FORMER}/certificate-{}.conf", self.certificate), bytes)?;
        }
        let armed = Armed { certificate: self.certificate, generation: self.generation, former: former.is_some() };
        self.place.write(ARMED, &serde_json::to_vec(&armed).unwrap_or_default())?;
        Ok(self.place.write(&include, text.as_bytes())?)
    }

    /// Test, load, prove; on any failure back to what was.
    async fn put_in_force(&self, ready: &Ready) -> Result<Vec<crate::wire::answer::Proof>, Refusal> {
        if let Err(reason) = control::test_with(self.nginx, &ready.names).await {
            return Err(self.back_before_reload(reason));
        }
        if let Err(reason) = control::reload(self.nginx).await {
            let refusal = self.back_before_reload(reason);
            // A reload that only took too long may have loaded the new include: the old one is loaded over it.
            drop(control::reload(self.nginx).await);
            return Err(refusal);
        }
        let der = ready.chain.first().map_or(&[][..], Vec::as_slice);
        match prove(&self.nginx.listeners, &ready.names, der).await {
            Ok(proofs) => Ok(proofs),
            Err(reason) => Err(self.back_after_reload(reason, ready, der).await),
        }
    }

    /// nginx never loaded the new include, so the old one in its place is all that is needed.
    fn back_before_reload(&self, reason: String) -> Refusal {
        match restore(self.place, self.store) {
            Ok(_) => Refusal::RolledBack { reason },
            Err(error) => {
                unable(format!("{reason}; and the former include could not be put back: {}", Chain(&error)))
            }
        }
    }

    async fn back_after_reload(&self, reason: String, ready: &Ready, der: &[u8]) -> Refusal {
        if let Refusal::Unable { reason } = self.back_before_reload(reason.clone()) {
            return unable(reason);
        }
        if let Err(words) = control::reload(self.nginx).await {
            return unable(format!("{reason}; the former include is in its place again, but {words}"));
        }
        if still_served(&self.nginx.listeners, &ready.names, der).await {
            return unable(format!(
                "{reason}; the former include is in its place again, but nginx still serves the new one"
            ));
        }
        Refusal::RolledBack { reason }
    }
}

/// Rolls back a switch that an agent before this one did not finish; `None` if there was none, else which certificate it
/// was and what nginx said when it was told to load its files again.
///
/// # Errors
/// The mark or the disk cannot be used; then the agent must not go on.
pub(in crate::agent) async fn heal(
    place: &Place,
    store: Store<'_>,
    nginx: Option<&NginxConfig>,
) -> Result<Option<(CertificateId, Result<(), String>)>, StoreError> {
    let Some(certificate) = restore(place, store)? else {
        return Ok(None);
    };
    let loaded = match nginx {
        None => Err("the settings name no nginx".to_owned()),
        Some(nginx) => match control::test(nginx).await {
            Ok(()) => control::reload(nginx).await,
            failed => failed,
        },
    };
    Ok(Some((certificate, loaded)))
}

/// Puts the former include back, exactly as it was, and takes the mark away; which certificate it was, if there was a mark.
fn restore(place: &Place, store: Store<'_>) -> Result<Option<CertificateId>, StoreError> {
    let Some(bytes) = place.read(ARMED)? else {
        return Ok(None);
    };
    let spoiled = || StoreError::Spoiled { path: place.absolute(ARMED) };
    let armed: Armed = serde_json::from_slice(&bytes).map_err(|_| spoiled())?;
    let include = store.include(armed.certificate)?;
    if armed.former {
        let former = place.read(&format!("{FORMER}/certificate-{}.conf", armed.certificate))?;
        place.write(&include, &former.ok_or_else(spoiled)?)?;
    } else {
        place.remove(&include)?;
    }
    place.remove(ARMED)?;
    Ok(Some(armed.certificate))
}

fn read_site(path: &Path) -> Result<String, Refusal> {
    let failed = |error: std::io::Error| unable(format!("{} cannot be read: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let own = metadata.uid() == 0 || metadata.uid() == nix::unistd::Uid::effective().as_raw();
    if !own || metadata.mode() & 0o022 != 0 {
        return Err(unable(format!("{} could be written by others than root", path.display())));
    }
    if !metadata.is_file() || metadata.len() > MAX_SITE_BYTES {
        return Err(unable(format!("{} is no plain file of at most 1 MiB", path.display())));
    }
    let mut text = String::new();
    file.take(MAX_SITE_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

const fn unable(reason: String) -> Refusal {
    Refusal::Unable { reason }
}

fn stored(error: StoreError) -> Refusal {
    match error {
        StoreError::NoSuchId(_) | StoreError::NoKey { .. } => Refusal::NotAllowed { reason: error.to_string() },
        other => unable(Chain(&other).to_string()),
    }
}

impl From<PlaceError> for Refusal {
    fn from(error: PlaceError) -> Self {
        unable(Chain(&error).to_string())
    }
}
