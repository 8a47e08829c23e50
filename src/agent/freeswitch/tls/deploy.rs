//! Puts a generation in force for FreeSWITCH: checked, written as one file by one rename, taken up with `reloadcert`, and
//! proved by a handshake with each TLS listener; else what was there before returns.
//!
//! Where FreeSWITCH cannot take a new file up without a restart (it has no `reloadcert`, it is not running, no profile speaks
//! TLS yet), the file is good and stays, and the answer says what it waits for. It is not called served before it is.

use std::net::SocketAddr;

use crate::agent::certificates::in_force::{self, Record};
use crate::agent::certificates::make::allowed;
use crate::agent::certificates::proof::prove;
use crate::agent::certificates::store::{Store, StoreError};
use crate::agent::freeswitch::files::Ground;
use crate::agent::freeswitch::switch::Switch;
use crate::agent::freeswitch::tls::ground;
use crate::agent::freeswitch::tls::profiles::{self, Told};
use crate::agent::freeswitch::tls::served::{self, Seen};
use crate::agent::freeswitch::tls::way_back::{self, Stage, WayBackError};
use crate::agent::keys::Wish;
use crate::base::chain::Chain;
use crate::base::clock::Timestamp;
use crate::base::ids::CertificateId;
use crate::base::names::{CertificateName, Fqdn};
use crate::base::secret::Secret;
use crate::tls::{check, leaf, pair};
use crate::wire::answer::{Installed, LeafFacts, Proof, Refusal};
use crate::wire::grant::Consumer;
use crate::wire::request::Generation;

/// One deployment.
pub(in crate::agent) struct TlsDeployment<'a> {
    /// FreeSWITCH.
    pub(in crate::agent) switch: &'a Switch,
    /// The generations.
    pub(in crate::agent) store: Store<'a>,
    /// Which certificate.
    pub(in crate::agent) certificate: CertificateId,
    /// Which generation of it.
    pub(in crate::agent) generation: Generation,
    /// Where keys may be made for.
    pub(in crate::agent) zones: &'a [Fqdn],
    /// The console's own names, which nothing that PHP's owner can read may cover.
    pub(in crate::agent) console_names: &'a [Fqdn],
}

/// What has been checked.
struct Ready {
    name: Fqdn,
    names: Vec<CertificateName>,
    chain: Vec<Vec<u8>>,
    leaf: LeafFacts,
    bundle: Secret<Vec<u8>>,
}

/// How it went on after the switch.
enum Outcome {
    Served(Vec<Proof>),
    Waits(String),
    Failed(String),
}

impl TlsDeployment<'_> {
    /// Deploys `chain_pem`.
    ///
    /// # Errors
    /// The chain or the directory does not allow it (nothing was touched), or it did not prove itself and was rolled back.
    pub(in crate::agent) async fn run(&self, chain_pem: &str, now: Timestamp) -> Result<Installed, Refusal> {
        if let Some(Err(reason)) = heal(self.switch).await {
            return Err(unable(format!(
                "an earlier switch of FreeSWITCH's certificate could not be taken back: {reason}"
            )));
        }
        let ready = self.check(chain_pem, now)?;
        let place = self.switch.place();
        let former = in_force::read(place, Consumer::FreeSwitch)?;
        let config = self.switch.config();
        let ground = ground::open(config).map_err(|error| unable(Chain(&error).to_string()))?;
        // Who listens is asked before anything changes: what a listener serves now is what it must not lose.
        let listeners = match self.profiles().await {
            Ok(profiles) => Ok(profiles::listeners(&profiles)),
            Err(reason) => Err(reason),
        };
        let before = served::look(listeners.as_deref().unwrap_or_default(), &ready.name).await;
        self.store.complete(self.certificate, self.generation, &ready.chain).map_err(stored)?;
        way_back::arm(place, &ground, (self.certificate, self.generation), &ready.bundle)
            .map_err(|error| way(&error))?;
        let written = way_back::put(&ground, &ready.bundle).map_err(|error| Chain(&error).to_string());
        if let Err(reason) = written {
            return Err(self.back(&ground, &before, &ready.name, reason).await);
        }
        let outcome = self.take_up(listeners, &before, &ready).await;
        let (proofs, pending) = match outcome {
            Outcome::Served(proofs) => (proofs, None),
            Outcome::Waits(reason) => (Vec::new(), Some(reason)),
            Outcome::Failed(reason) => return Err(self.back(&ground, &before, &ready.name, reason).await),
        };
        let own = (self.certificate, self.generation);
        let record =
            Record { certificate: own.0, generation: own.1, former: former.and_then(|former| former.before(own)) };
        in_force::write(place, Consumer::FreeSwitch, &record)?;
        match &pending {
            Some(reason) => way_back::wait(place, reason),
            None => way_back::settle(place),
        }
        .map_err(|error| way(&error))?;
        if pending.is_none()
            && let Err(error) = self.store.mark_proved(self.certificate, self.generation)
        {
            tracing::warn!("The proof could not be noted: {}", Chain(&error));
        }
        if let Err(error) = self.store.prune(self.certificate) {
            tracing::warn!("Old generations could not be removed: {}", Chain(&error));
        }
        let former = record.former.filter(|former| former.0 == self.certificate).map(|former| former.1);
        Ok(Installed { former, leaf: ready.leaf, proofs, pending })
    }

    fn check(&self, chain_pem: &str, now: Timestamp) -> Result<Ready, Refusal> {
        let Wish { names, public_key_der } = self.store.wish(self.certificate, self.generation).map_err(stored)?;
        allowed(&names, self.zones)?;
        if let Some(own) = self.console_names.iter().find(|own| names.iter().any(|name| name.covers(own))) {
            return Err(Refusal::NotAllowed {
                reason: format!(
                    "{own} is the console's own name, and whoever owns PHP can read FreeSWITCH's key; leave it out"
                ),
            });
        }
        if self.store.current(self.certificate).map_err(stored)?.is_some() {
            return Err(Refusal::NotAllowed {
                reason: "nginx serves this certificate; FreeSWITCH gets a key and a certificate of its own"
                    .to_owned(),
            });
        }
        let not_used =
            |error: &(dyn std::error::Error + 'static)| unable(format!("the chain is not used: {}", Chain(error)));
        let chain = leaf::chain_from_pem(chain_pem).map_err(|error| not_used(&error))?;
        let leaf = check::issued(&chain, &names, &public_key_der, now).map_err(|error| not_used(&error))?;
        let bundle = self.store.bundle(self.certificate, self.generation, &chain).map_err(stored)?;
        // FreeSWITCH takes a key that does not match without a word, and then no handshake works.
        if !chain.first().is_some_and(|first| pair::matches(bundle.expose(), first)) {
            return Err(unable("the key that the agent kept does not belong to this certificate".to_owned()));
        }
        let name = names.first().map(|name| name.base().clone());
        let name = name.ok_or_else(|| unable("a certificate without a name".to_owned()))?;
        Ok(Ready { name, names, chain, leaf, bundle })
    }

    async fn profiles(&self) -> Result<Vec<crate::wire::switch_tls::ProfileFacts>, String> {
        self.switch.asking(profiles::read).await
    }

    async fn take_up(&self, listeners: Result<Vec<SocketAddr>, String>, before: &[Seen], ready: &Ready) -> Outcome {
        let restart = "restart its profiles when no call is up, or at a quiet time";
        let told = match self.switch.asking(profiles::reload).await {
            Ok(told) => told,
            Err(reason) => {
                return Outcome::Waits(format!(
                    "FreeSWITCH takes it up when it starts; now it cannot be told: {reason}"
                ));
            }
        };
        if let Told::Unknown { version } = told {
            return Outcome::Waits(format!(
                "FreeSWITCH {version} has no reloadcert, which came with 1.11.1: {restart}; each restart drops the calls \
                 of that profile"
            ));
        }
        let listeners = listeners.unwrap_or_default();
        if listeners.is_empty() {
            return Outcome::Waits("no SIP profile speaks TLS yet, so nobody serves it".to_owned());
        }
        let der = ready.chain.first().map_or(&[][..], Vec::as_slice);
        // One name: FreeSWITCH serves the same to all.
        let asked = ready.names.get(..1).unwrap_or_default();
        match prove(&listeners, asked, der).await {
            Ok(proofs) => Outcome::Served(proofs),
            Err(reason) => {
                let now = served::look(&listeners, &ready.name).await;
                let is_whole = before.iter().all(|(_, seen)| seen.is_ok());
                if is_whole && served::is_unchanged(before, &now) {
                    return Outcome::Waits(format!(
                        "FreeSWITCH took the command to reload and goes on with the former certificate, as a build without \
                         support for it does: {restart}"
                    ));
                }
                Outcome::Failed(reason)
            }
        }
    }

    /// Puts the former files back, and has FreeSWITCH take them up again.
    async fn back(&self, ground: &Ground, before: &[Seen], name: &Fqdn, reason: String) -> Refusal {
        let foreign = match way_back::go(self.switch.place(), ground, Stage::Armed) {
            Ok(gone) => gone.map(|(_, foreign)| foreign).unwrap_or_default(),
            Err(error) => {
                return unable(format!("{reason}; and the former files could not be put back: {}", Chain(&error)));
            }
        };
        if !foreign.is_empty() {
            return unable(format!(
                "{reason}; and somebody else changed {} meanwhile, so it was left as it is",
                foreign.join(" and ")
            ));
        }
        if let Err(more) = self.switch.asking(profiles::reload).await {
            return unable(format!("{reason}; the former files are back, but FreeSWITCH could not be told: {more}"));
        }
        if served::until_unchanged(before, name).await {
            return Refusal::RolledBack { reason };
        }
        unable(format!(
            "{reason}; the former files are back, but FreeSWITCH does not serve the former certificate: restart its profiles"
        ))
    }
}

/// Takes back what an agent before this one did not prove; `None` if there is nothing. A switch that waits for a restart is
/// no such thing.
pub(in crate::agent) async fn heal(switch: &Switch) -> Option<Result<(), String>> {
    match way_back::mark(switch.place(), Stage::Armed) {
        Ok(None) => return None,
        Ok(Some(_)) => {}
        Err(error) => return Some(Err(Chain(&error).to_string())),
    }
    let gone = ground::open(switch.config())
        .map_err(WayBackError::from)
        .and_then(|ground| way_back::go(switch.place(), &ground, Stage::Armed));
    let foreign = match gone {
        Err(error) => return Some(Err(Chain(&error).to_string())),
        Ok(gone) => gone.map(|(_, foreign)| foreign).unwrap_or_default(),
    };
    if !foreign.is_empty() {
        return Some(Err(format!(
            "somebody else changed {} meanwhile, so it was left as it is",
            foreign.join(" and ")
        )));
    }
    // What was never switched is served still; what was, is taken up again. A FreeSWITCH that is down reads its files anew.
    drop(switch.asking(profiles::reload).await);
    Some(Ok(()))
}

const fn unable(reason: String) -> Refusal {
    Refusal::Unable { reason }
}

fn way(error: &WayBackError) -> Refusal {
    unable(Chain(error).to_string())
}

fn stored(error: StoreError) -> Refusal {
    match error {
        StoreError::NoSuchId(_) | StoreError::NoKey { .. } => Refusal::NotAllowed { reason: error.to_string() },
        other => unable(Chain(&other).to_string()),
    }
}
