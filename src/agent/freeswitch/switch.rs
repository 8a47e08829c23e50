//! The agent's FreeSWITCH: settings, and what is remembered between two requests. The work itself waits for sockets and
//! disks, so each request does it on a thread of its own.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::agent::config::FreeSwitchConfig;
use crate::agent::freeswitch::change::{self, Hands};
use crate::agent::freeswitch::directory::{self, Told};
use crate::agent::freeswitch::judge::Marks;
use crate::agent::freeswitch::{event_socket, module, read, registrations, session, tls, xml_rpc};
use crate::agent::place::Place;
use crate::base::rng::Random;
use crate::wire::answer::{Answer, Refusal, Reply};
use crate::wire::switch::{DatabaseSide, DirectoryUser, SwitchChange, SwitchChanged};

/// Between two comparisons with a secret that the console brings along.
const BETWEEN: Duration = Duration::from_secs(10);

/// FreeSWITCH as the agent reaches it.
#[derive(Clone)]
pub(in crate::agent) struct Switch {
    config: Arc<FreeSwitchConfig>,
    place: Arc<Place>,
    random: Arc<dyn Random>,
    marks: Arc<Marks>,
    told: Arc<Mutex<Told>>,
    compared: Arc<Mutex<Option<Instant>>>,
}

impl Switch {
    /// With these settings; the way back of a change is kept in `place`.
    pub(in crate::agent) fn new(config: FreeSwitchConfig, place: Arc<Place>, random: Arc<dyn Random>) -> Self {
        Self {
            config: Arc::new(config),
            place,
            marks: Arc::new(Marks::new(&random)),
            random,
            told: Arc::default(),
            compared: Arc::default(),
        }
    }

    /// What is known of it.
    pub(in crate::agent) async fn read(&self, database: Option<DatabaseSide>) -> Reply {
        let database = database.filter(|_| self.may_compare());
        self.on_a_thread(move |own| {
            let mut facts = read::read(&own.config, &own.marks, database.as_ref());
            facts.tls = tls::read(&own.config, &own.place);
            Ok(Answer::Switch(Box::new(facts)))
        })
        .await
    }

    /// Who of these is registered, and from where.
    pub(in crate::agent) async fn registrations(&self, of: Vec<DirectoryUser>) -> Reply {
        directory::bounded(&of)?;
        self.on_a_thread(move |own| {
            let rows = own.registered().map_err(|reason| Refusal::Unable { reason })?;
            Ok(Answer::Registrations(registrations::count(&rows, &of)))
        })
        .await
    }

    /// Whether a device is registered from each of `addresses`.
    ///
    /// # Errors
    /// None is from one of them, or the switch does not say.
    pub(in crate::agent) async fn has_devices_at(&self, addresses: Vec<IpAddr>) -> Result<(), Refusal> {
        let own = self.clone();
        let rows = tokio::task::spawn_blocking(move || own.registered()).await;
        let rows = rows.unwrap_or_else(|_| Err("the work on FreeSWITCH came to a bad end".to_owned()));
        let rows = rows.map_err(|reason| Refusal::Unable { reason })?;
        match addresses.iter().find(|address| !rows.iter().any(|row| row.address == Some(**address))) {
            None => Ok(()),
            Some(none) => Err(Refusal::NotAllowed { reason: format!("no device is registered from {none}") }),
        }
    }

    fn registered(&self) -> Result<Vec<registrations::Registration>, String> {
        session::open(&self.config).and_then(|mut socket| registrations::read(&mut socket))
    }

    /// Drops the cached directory entries of `users`.
    pub(in crate::agent) async fn flush(&self, users: Vec<DirectoryUser>) -> Reply {
        directory::bounded(&users)?;
        self.on_a_thread(move |own| Ok(Answer::Flushed(directory::flush(&own.config, &users)))).await
    }

    /// Tells the phones of `users` to fetch their settings again.
    pub(in crate::agent) async fn resync(&self, users: Vec<DirectoryUser>) -> Reply {
        directory::bounded(&users)?;
        self.on_a_thread(move |own| {
            let mut told = own.told.lock().unwrap_or_else(PoisonError::into_inner);
            let resynced = directory::resync(&own.config, users, &mut told);
            resynced.map(Answer::Resynced).map_err(|reason| Refusal::Unable { reason })
        })
        .await
    }

    /// Changes it.
    pub(in crate::agent) async fn change(&self, wanted: SwitchChange) -> Reply {
        self.on_a_thread(move |own| own.carry_out(&wanted).map(|changed| Answer::SwitchChanged(Box::new(changed))))
            .await
    }

    fn carry_out(&self, wanted: &SwitchChange) -> Result<SwitchChanged, Refusal> {
        match wanted {
            SwitchChange::XmlRpc(wanted) => xml_rpc::change(self.hands(), wanted),
            SwitchChange::EventSocket { password, fusionpbx } => {
                event_socket::change(self.hands(), password, *fusionpbx)
            }
            SwitchChange::Load => module::load(self.hands()),
            SwitchChange::Unload => module::unload(self.hands()),
            SwitchChange::AtStart { is_loaded } => module::at_start(self.hands(), *is_loaded),
            SwitchChange::RestartProfiles { profiles, even_with_calls } => {
                tls::restart(self.hands(), profiles, *even_with_calls)
            }
        }
    }

    /// Goes back to what was before a change that an agent before this one did not prove; `None` if there is none.
    pub(in crate::agent) async fn heal(&self) -> Option<Result<(), String>> {
        let own = self.clone();
        let healed = tokio::task::spawn_blocking(move || change::go_back(own.hands())).await;
        match healed {
            Ok(Ok(healed)) => healed,
            Ok(Err(reason)) => Some(Err(reason)),
            Err(_) => Some(Err("the way back came to a bad end".to_owned())),
        }
    }

    /// Its settings.
    pub(super) fn config(&self) -> &FreeSwitchConfig {
        &self.config
    }

    /// The agent's own directory.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Asks FreeSWITCH something, on a thread of its own.
    pub(super) async fn asking<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&FreeSwitchConfig) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let config = Arc::clone(&self.config);
        let done = tokio::task::spawn_blocking(move || ask(&config)).await;
        done.unwrap_or_else(|_| Err("the talk with FreeSWITCH came to a bad end".to_owned()))
    }

    fn hands(&self) -> Hands<'_> {
        Hands { config: &self.config, place: &self.place, random: self.random.as_ref() }
    }

    fn may_compare(&self) -> bool {
        let mut last = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|last| last.elapsed() >= BETWEEN);
        if may {
            *last = Some(Instant::now());
        }
        may
    }

    async fn on_a_thread(&self, work: impl FnOnce(&Self) -> Reply + Send + 'static) -> Reply {
        let own = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&own)).await;
        done.unwrap_or_else(|_| {
            Err(Refusal::Unable { reason: "the work on FreeSWITCH came to a bad end".to_owned() })
        })
    }
}
