//! Takes one request to whoever answers it.

use std::sync::Arc;

use nix::unistd::Uid;
use tokio::sync::Mutex;
use tracing::{error, warn};

use crate::agent::certificates::install::{self, Deployment};
use crate::agent::certificates::make;
use crate::agent::certificates::store::{Store, StoreError};
use crate::agent::config::{AgentConfig, CertificatesConfig};
use crate::agent::fail2ban::server::Fail2ban;
use crate::agent::freeswitch::switch::Switch;
use crate::agent::freeswitch::tls::deploy::{self, TlsDeployment};
use crate::agent::gate::keeper::{Gate, Leave};
use crate::agent::journal::{Entry, Journal};
use crate::agent::peer::Standing;
use crate::agent::place::Place;
use crate::agent::{firewall, http01, inventory, packages, sshd};
use crate::base::chain::Chain;
use crate::base::clock::Clock;
use crate::base::hash_chain::Tip;
use crate::base::ids::CertificateId;
use crate::wire::answer::{Answer, CertificateFacts, Hello, Installed, Refusal, Reply};
use crate::wire::call::Call;
use crate::wire::grant::Consumer;
use crate::wire::jails::LetPass;
use crate::wire::request::{Generation, Needs, Request};

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
    /// Second factors, grants, standing orders.
    pub(super) gate: Gate,
    /// FreeSWITCH.
    pub(super) switch: Switch,
    /// fail2ban.
    pub(super) fail2ban: Fail2ban,
    /// Held by the one change that is under way.
    pub(super) change: Mutex<()>,
}

impl Desk {
    /// Answers `call`.
    pub(super) async fn answer(&self, standing: Standing, call: Call) -> Reply {
        // What changes the host is done by one at a time; a grant is not used up while another change is under way.
        let change = match call.request.needs() {
            Needs::Grant | Needs::StandingOrderOrGrant => Some(self.change.try_lock().map_err(|_| Refusal::Busy)?),
            Needs::Nothing | Needs::Note | Needs::OwnCode => None,
        };
        let leave = match standing {
            Standing::Root => Leave::Root,
            Standing::Console => self.gate.pass(&call, self.store())?,
        };
        let reply = self.carry_out(call.request, &leave).await;
        drop(change);
        reply
    }

    async fn carry_out(&self, request: Request, leave: &Leave) -> Reply {
        let zones = &self.config.certificates.zones;
        match request {
            Request::Hello => Ok(Answer::Hello(hello())),
            Request::ReadSsh => sshd::read::read(&self.config.ssh).await.map(Answer::Ssh),
            Request::ReadPackages => packages::read::read(&self.config.packages).await.map(Answer::Packages),
            Request::ReadCertificates => self.certificates().map(Answer::Certificates),
            Request::ReadInventory => {
                Ok(Answer::Inventory(Box::new(inventory::read(&self.config, &self.place).await)))
            }
            Request::ReadSwitch { database } => self.switch.read(database).await,
            Request::ReadFirewall => {
                firewall::read::read(&self.config.firewall).await.map(|saves| Answer::Firewall(Box::new(saves)))
            }
            Request::ChangeSwitch { change } => self.switch.change(change).await,
            Request::SwitchRegistrations { of } => self.switch.registrations(of).await,
            Request::FlushDirectory { users } => self.switch.flush(users).await,
            Request::Resync { users } => self.switch.resync(users).await,
            Request::LetPass { wanted } => self.let_pass(wanted).await,
            Request::PutHttpFile { file } => http01::put(&self.config, &file),
            Request::RemoveHttpFile { token } => http01::remove(&self.config, &token),
            Request::NoteTrail { number, hash } => Ok(Answer::Noted(Tip { number, hash })),
            Request::ReadJournal { after, limit } => {
                let page = self.journal.read(after, limit);
                page.map(Answer::Journal).map_err(|error| Refusal::Unable { reason: Chain(&error).to_string() })
            }
            Request::MakeKey { certificate, names, key } => {
                make::make(self.store(), zones, certificate, names, key).await.map(Answer::KeyMade)
            }
            Request::Install { certificate, generation, chain_pem, consumer } => {
                self.install((certificate, generation), &chain_pem, consumer).await.map(Answer::Installed)
            }
            Request::ReadFactor { operator } => self.gate.facts(&operator).map(Answer::Factor),
            Request::ReadStandingOrders => self.gate.placed().map(|orders| Answer::StandingOrders { orders }),
            Request::BeginEnrolment { operator, proof } => self.gate.begin(&operator, &proof),
            Request::FinishEnrolment { operator, code } => self.gate.finish(&operator, &code),
            Request::RenewRecovery { operator, code } => self.gate.renew_recovery(&operator, &code),
            Request::CheckCode { operator, code } => self.gate.check(&operator, &code),
            Request::MakeGrant { operator, session, code, what } => {
                self.gate.grant(&operator, &session, &code, &what)
            }
            Request::PlaceStandingOrder { order } => self.gate.place_order(order, zones, leave),
            Request::EndStandingOrder { order } => self.gate.end_order(&order),
            Request::ForgetFactor { operator } => self.gate.forget(&operator),
        }
    }

    /// Only where devices are registered from: nobody else can have himself let past a jail by a console that was taken
    /// over.
    async fn let_pass(&self, wanted: LetPass) -> Reply {
        self.switch.has_devices_at(wanted.addresses.clone()).await?;
        self.fail2ban.let_pass(wanted).await.map(Answer::Passing)
    }

    /// Rolls back what an agent before this one left unproved.
    ///
    /// # Errors
    /// What it left cannot be understood or put right: then nothing may be changed on this host.
    pub(super) async fn heal(&self) -> Result<(), StoreError> {
        self.heal_switch().await;
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

    /// Unlike a certificate's way back, this one stops nobody: what does not stand as before is said, and certificates go on.
    async fn heal_switch(&self) {
        let healed = [
            ("a change of FreeSWITCH", self.switch.heal().await),
            ("a switch of FreeSWITCH's certificate", deploy::heal(&self.switch).await),
        ];
        for (what, outcome) in healed {
            let Some(outcome) = outcome else { continue };
            warn!("Unproved, and taken back: {what}");
            if let Err(reason) = &outcome {
                error!("FreeSWITCH is not as it was: {reason}");
            }
            self.journal.write(&Entry {
                verb: "heal".to_owned(),
                about: Some(what.to_owned()),
                outcome: if outcome.is_ok() { "rolled-back" } else { "unable" }.to_owned(),
                reason: outcome.err(),
                ..Entry::default()
            });
        }
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
            standing: self.gate.placed()?,
        })
    }

    async fn install(
        &self,
        (certificate, generation): (CertificateId, Generation),
        chain_pem: &str,
        consumer: Consumer,
    ) -> Result<Installed, Refusal> {
        let now = self.clock.now();
        let CertificatesConfig { zones, console_names } = &self.config.certificates;
        if consumer == Consumer::FreeSwitch {
            let (switch, store) = (&self.switch, self.store());
            let deployment = TlsDeployment { switch, store, certificate, generation, zones, console_names };
            return deployment.run(chain_pem, now).await;
        }
        let Some(nginx) = &self.config.nginx else {
            return Err(Refusal::NotAllowed { reason: "no nginx is named in them".to_owned() });
        };
        let (place, store) = (&*self.place, self.store());
        let deployment = Deployment { place, store, include: &self.include, nginx, certificate, generation };
        deployment.run(chain_pem, zones, now).await
    }
}

fn hello() -> Hello {
    Hello { version: env!("CARGO_PKG_VERSION").to_owned(), root: Uid::effective().is_root() }
}
