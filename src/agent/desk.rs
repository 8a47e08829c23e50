//! Takes one request to whoever answers it.

use std::sync::Arc;

use nix::unistd::Uid;
use tokio::sync::Mutex;
use tracing::{error, warn};

use crate::agent::certificates::install::{self, Deployment};
use crate::agent::certificates::make;
use crate::agent::certificates::store::{Store, StoreError};
use crate::agent::config::AgentConfig;
use crate::agent::journal::{Entry, Journal};
use crate::agent::place::Place;
use crate::agent::{packages, sshd};
use crate::base::chain::Chain;
use crate::base::clock::Clock;
use crate::base::hash_chain::Tip;
use crate::base::ids::CertificateId;
use crate::wire::answer::{Answer, CertificateFacts, Hello, Installed, Refusal, Reply};
use crate::wire::request::{Generation, Request};

/// What every answer needs.
pub(super) struct Desk {
    /// The settings.
    pub(super) config: AgentConfig,
    /// The agent's own directory.
    pub(super) place: Arc<Place>,
    /// The directory of nginx includes in it.
    pub(super) include: String,
    /// The journal in it.
    pub(super) journal: Journal,
    /// The time.
    pub(super) clock: Arc<dyn Clock>,
    /// Held by the one change that is under way.
    pub(super) change: Mutex<()>,
}

impl Desk {
    /// Answers `request`.
    pub(super) async fn answer(&self, request: Request) -> Reply {
        match request {
            Request::Hello => Ok(Answer::Hello(hello())),
            Request::ReadSsh => sshd::read::read(&self.config.ssh).await.map(Answer::Ssh),
            Request::ReadPackages => packages::read::read(&self.config.packages).await.map(Answer::Packages),
            Request::ReadCertificates => self.certificates().map(Answer::Certificates),
            Request::NoteTrail { number, hash } => Ok(Answer::Noted(Tip { number, hash })),
            Request::ReadJournal { after, limit } => {
                let page = self.journal.read(after, limit);
                page.map(Answer::Journal).map_err(|error| Refusal::Unable { reason: Chain(&error).to_string() })
            }
            Request::MakeKey { certificate, names, key } => {
                let _change = self.change.try_lock().map_err(|_| Refusal::Busy)?;
                let zones = &self.config.certificates.zones;
                make::make(self.store(), zones, certificate, names, key).await.map(Answer::KeyMade)
            }
            Request::Install { certificate, generation, chain_pem } => {
                let _change = self.change.try_lock().map_err(|_| Refusal::Busy)?;
                self.install(certificate, generation, &chain_pem).await.map(Answer::Installed)
            }
            Request::ReadFactor { .. }
            | Request::ReadStandingOrders
            | Request::BeginEnrolment { .. }
            | Request::FinishEnrolment { .. }
            | Request::RenewRecovery { .. }
            | Request::CheckCode { .. }
            | Request::MakeGrant { .. }
            | Request::PlaceStandingOrder { .. }
            | Request::EndStandingOrder { .. }
            | Request::ForgetFactor { .. } => Err(Refusal::NotAllowed { reason: "not built yet".to_owned() }),
        }
    }

    /// Rolls back what an agent before this one left unproved.
    ///
    /// # Errors
    /// What it left cannot be understood or put right: then nothing may be changed on this host.
    pub(super) async fn heal(&self) -> Result<(), StoreError> {
        let healed = install::heal(&self.place, self.store(), self.config.nginx.as_ref()).await?;
        let Some((certificate, loaded)) = healed else {
            return Ok(());
        };
        warn!("An unproved switch of certificate {certificate} was rolled back");
        if let Err(reason) = &loaded {
            error!("nginx could not be told about the rollback: {reason}");
        }
        self.journal.write(&Entry {
            verb: "heal".to_owned(),
            about: Some(format!("certificate {certificate}")),
            outcome: if loaded.is_ok() { "rolled-back" } else { "unable" }.to_owned(),
            reason: loaded.err(),
            ..Entry::default()
        });
        Ok(())
    }

    fn store(&self) -> Store<'_> {
        Store::new(&self.place, &self.include)
    }

    fn certificates(&self) -> Result<CertificateFacts, Refusal> {
        let kept = self.store().kept().map_err(|error| Refusal::Unable { reason: Chain(&error).to_string() })?;
        let listeners = self.config.nginx.as_ref().map_or(&[][..], |nginx| &nginx.listeners);
        Ok(CertificateFacts {
            listeners: listeners.iter().map(ToString::to_string).collect(),
            zones: self.config.certificates.zones.iter().map(ToString::to_string).collect(),
            kept,
        })
    }

    async fn install(
        &self,
        certificate: CertificateId,
        generation: Generation,
        chain_pem: &str,
    ) -> Result<Installed, Refusal> {
        let Some(nginx) = &self.config.nginx else {
            return Err(Refusal::NotAllowed { reason: "no nginx is named in them".to_owned() });
        };
        let (place, store) = (&*self.place, self.store());
        let deployment = Deployment { place, store, include: &self.include, nginx, certificate, generation };
        deployment.run(chain_pem, &self.config.certificates.zones, self.clock.now()).await
    }
}

fn hello() -> Hello {
    Hello { version: env!("CARGO_PKG_VERSION").to_owned(), root: Uid::effective().is_root() }
}
