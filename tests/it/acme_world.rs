//! A CA and a DNS server of its own for each test, and what an order needs beside them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rampart::acme::account::{self, OpenAccount};
use rampart::acme::ca::CertificateAuthority;
use rampart::acme::challenge::lookup;
use rampart::acme::challenge::rfc2136::{Rfc2136, Rfc2136Settings};
use rampart::acme::http::HttpDeadlines;
use rampart::acme::issue::{Parties, Patience, Turn, Wish};
use rampart::acme::ports::{Journal, JournalError, KeyError, KeySource, Progress};
use rampart::acme::step::Step;
use rampart::app::demo::bind::Bind;
use rampart::app::demo::pebble::{Pebble, PebbleOptions};
use rampart::base::clock::SystemClock;
use rampart::base::encoding::{base64, from_base64};
use rampart::base::names::{CertificateName, Fqdn};
use rampart::base::rng::SystemRandom;
use rampart::base::secret::Secret;
use rampart::wire::answer::KeyMade;
use rampart::wire::request::{Generation, KeyKind};

/// How long one step of one test may take on a machine that is busy with others.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// A directory that goes with its value.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rampart-acme-{}-{count}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// A directory inside it.
    pub(crate) fn inner(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir(&path).unwrap();
        path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Pebble as `scripts/fetch-pebble.sh target/tools` left it, or where `RAMPART_PEBBLE` says.
fn pebble_program() -> PathBuf {
    let program = std::env::var_os("RAMPART_PEBBLE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/pebble"), PathBuf::from);
    assert!(program.exists(), "{} is missing: run scripts/fetch-pebble.sh target/tools", program.display());
    program
}

/// The zone of every test.
pub(crate) const ZONE: &str = "tenant01.test";

/// A CA that asks a DNS server, both of this test alone. Fields drop in this order: the servers go before their place.
pub(crate) struct World {
    pub(crate) pebble: Pebble,
    pub(crate) bind: Bind,
    pub(crate) ca: CertificateAuthority,
    pub(crate) place: Place,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(PebbleOptions::default()).await
    }

    pub(crate) async fn with(options: PebbleOptions) -> Self {
        Self::whose_ca_asks(None, options).await
    }

    /// A world whose CA asks the DNS server `other` instead of the one that we update.
    pub(crate) async fn whose_ca_asks(other: Option<SocketAddr>, options: PebbleOptions) -> Self {
        let place = Place::new();
        let zones = [fqdn(ZONE), fqdn("blocked-domain.example")];
        let bind = Bind::start(&place.inner("bind"), &zones, &SystemRandom).await.unwrap();
        let dns = other.unwrap_or(bind.address);
        let pebble = Pebble::start(&pebble_program(), &place.inner("ca"), dns, options).await.unwrap();
        let root = std::fs::read_to_string(&pebble.root_pem_path).unwrap();
        let ca = CertificateAuthority::at(&pebble.directory_url, Some(root)).unwrap();
        Self { pebble, bind, ca, place }
    }

    /// A new account, opened from what would be stored.
    pub(crate) async fn account(&self) -> OpenAccount {
        let contacts = ["ops@example.com".to_owned()];
        let key = account::new_key().unwrap();
        let made = account::create(&self.ca, &key, &contacts, HttpDeadlines::default(), Arc::new(SystemClock))
            .await
            .unwrap();
        account::open(&self.ca, &made.credentials, HttpDeadlines::default(), Arc::new(SystemClock)).await.unwrap()
    }

    pub(crate) fn dns_settings(&self) -> Rfc2136Settings {
        let secret = Secret::new(from_base64(self.bind.secret.expose()).unwrap());
        let zones = vec![fqdn(ZONE), fqdn("blocked-domain.example")];
        Rfc2136Settings::new(self.bind.address, zones, self.bind.key_name.clone(), secret)
    }

    pub(crate) fn parties(&self) -> (Parties, Arc<Memory>, Arc<Keys>) {
        let (journal, keys) = (Arc::new(Memory::default()), Arc::new(Keys::default()));
        let parties = Parties {
            keys: Arc::clone(&keys) as Arc<dyn KeySource>,
            solver: Arc::new(Rfc2136::new(self.dns_settings()).unwrap()),
            journal: Arc::clone(&journal) as Arc<dyn Journal>,
            clock: Arc::new(SystemClock),
            turn: Turn::default(),
            patience: Patience { checking: DEADLINE, signing: DEADLINE },
        };
        (parties, journal, keys)
    }

    /// What the DNS server shows at the challenge's name for `base`.
    pub(crate) async fn shown(&self, base: &str) -> Vec<String> {
        lookup::txt(self.bind.address, &format!("_acme-challenge.{base}"), DEADLINE).await.unwrap().values
    }

    /// Waits until nothing is shown any more.
    pub(crate) async fn wait_until_clear(&self, base: &str) {
        let start = Instant::now();
        while !self.shown(base).await.is_empty() {
            assert!(start.elapsed() < DEADLINE, "the records of {base} stay");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub(crate) fn fqdn(text: &str) -> Fqdn {
    Fqdn::parse(text).unwrap()
}

/// A wish for `names`.
pub(crate) fn wish(names: &[&str]) -> Wish {
    let names = names.iter().map(|name| CertificateName::parse(name).unwrap()).collect();
    Wish { names, key: KeyKind::EcdsaP256, profile: None, chain: None, replaces: None }
}

/// Whether this is the step that a test waits for.
type IsStep = fn(&Step) -> bool;

/// A journal in memory. It can stop an order at one step, for ever, as a kill would.
#[derive(Default)]
pub(crate) struct Memory {
    kept: Mutex<Progress>,
    steps: Mutex<Vec<Step>>,
    stop_before: Mutex<Option<IsStep>>,
}

impl Memory {
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.steps.lock().unwrap().clone()
    }

    pub(crate) fn kept(&self) -> Progress {
        self.kept.lock().unwrap().clone()
    }

    pub(crate) fn stop_before(&self, step: Option<IsStep>) {
        *self.stop_before.lock().unwrap() = step;
    }

    /// Waits until the order stands still.
    pub(crate) async fn wait_until_stopped(&self) {
        let start = Instant::now();
        loop {
            let last = *self.stop_before.lock().unwrap();
            if self.steps().last().is_some_and(|step| last.is_some_and(|is_it| is_it(step))) {
                return;
            }
            assert!(start.elapsed() < DEADLINE, "the order never came to that step: {:?}", self.steps());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[async_trait]
impl Journal for Memory {
    async fn note(&self, step: &Step) {
        self.steps.lock().unwrap().push(step.clone());
        let last = *self.stop_before.lock().unwrap();
        if last.is_some_and(|is_it| is_it(step)) {
            std::future::pending::<()>().await;
        }
    }

    async fn load(&self) -> Result<Progress, JournalError> {
        Ok(self.kept())
    }

    async fn save(&self, progress: &Progress) -> Result<(), JournalError> {
        // Through JSON, as a store keeps it.
        let text = serde_json::to_string(progress).unwrap();
        *self.kept.lock().unwrap() = serde_json::from_str(&text).unwrap();
        Ok(())
    }
}

/// Makes keys as the agent does, and forgets them.
#[derive(Default)]
pub(crate) struct Keys(AtomicU32);

impl Keys {
    pub(crate) fn made(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl KeySource for Keys {
    async fn make(&self, names: &[CertificateName], _: KeyKind) -> Result<KeyMade, KeyError> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut request = rcgen::CertificateParams::new(names).unwrap();
        request.distinguished_name = rcgen::DistinguishedName::new();
        let csr = request.serialize_request(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let generation = Generation(self.0.fetch_add(1, Ordering::SeqCst) + 1);
        Ok(KeyMade { generation, csr: base64(csr.der()) })
    }
}
