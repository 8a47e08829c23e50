//! Keys, chains and a real nginx: what is deployed is proved, and what cannot be proved never stays.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rampart::app::demo::nginx::Nginx;
use rampart::app::demo::process::{Start, free_port};
use rampart::base::clock::SystemClock;
use rampart::base::encoding::from_base64;
use rampart::base::ids::CertificateId;
use rampart::base::names::{CertificateName, Fqdn};
use rampart::host::{Agent, AgentError};
use rampart::tls::probe;
use rampart::wire::answer::{Installed, Refusal};
use rampart::wire::request::{Generation, KeyKind, Request};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData, SignatureAlgorithm};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

use crate::agent_house::{RunningAgent, Scratch, journal, settings, wait_for};
use crate::support::authenticator::{Authenticator, allow, session};

const ONE: CertificateId = CertificateId(1);

/// A CA that signs whatever it is given.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// The public key of a request.
struct Requested {
    bits: Vec<u8>,
    algorithm: &'static SignatureAlgorithm,
}

impl PublicKeyData for Requested {
    fn der_bytes(&self) -> &[u8] {
        &self.bits
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut wish = CertificateParams::default();
        wish.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        wish.distinguished_name.push(DnType::CommonName, "Test CA");
        let key = KeyPair::generate().unwrap();
        let pem = wish.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(wish, key), pem }
    }

    /// A chain for the key of `csr`, and its names as given here.
    pub(crate) fn sign(&self, csr: &str, kind: KeyKind, texts: &[&str]) -> String {
        let der = from_base64(csr).unwrap();
        let (_, request) = X509CertificationRequest::from_der(&der).unwrap();
        let algorithm = match kind {
            KeyKind::Rsa2048 | KeyKind::Rsa4096 => &rcgen::PKCS_RSA_SHA256,
            KeyKind::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyKind::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        };
        let bits = request.certification_request_info.subject_pki.subject_public_key.data.to_vec();
        let wish = CertificateParams::new(texts.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        let leaf = wish.signed_by(&Requested { bits, algorithm }, &self.issuer).unwrap();
        format!("{}{}", leaf.pem(), self.pem)
    }
}

/// nginx and the settings of an agent for it, in one directory.
struct World {
    // Before the directory, so that it ends before its files go.
    nginx: Nginx,
    house: Scratch,
    authority: Authority,
}

const ZONES: &str = "[certificates]\nzones = ['example.com']\n";

impl World {
    async fn new() -> Self {
        let house = Scratch::new();
        let directory = house.path().join("nginx");
        std::fs::create_dir(&directory).unwrap();
        let nginx = Nginx::start(&directory, &house.path().join("place/nginx")).await.unwrap();
        Self { nginx, house, authority: Authority::new() }
    }

    fn settings(&self) -> String {
        let include = self.house.path().join("place/nginx");
        settings(self.house.path(), &format!("{}{ZONES}", self.nginx.agent_settings(&include)))
    }

    /// Settings with a listener at which nobody answers: no proof will ever come.
    fn settings_without_proof(&self) -> String {
        let nowhere = free_port().unwrap();
        self.settings().replace(&format!("127.0.0.1:{}", self.nginx.https_port), &format!("127.0.0.1:{nowhere}"))
    }

    fn include(&self) -> PathBuf {
        self.house.path().join("place/nginx/certificate-1.conf")
    }

    /// The serial that nginx serves for `name`.
    async fn served(&self, name: &str) -> String {
        let address = ([127, 0, 0, 1], self.nginx.https_port).into();
        let name = Fqdn::parse(name).unwrap();
        probe::handshake(address, &name, Duration::from_secs(5)).await.unwrap().leaf.serial
    }

    /// An operator lets the agent keep this certificate.
    async fn allow(&self, agent: &Agent, certificate: CertificateId, texts: &[&str]) {
        allow(agent, &self.house.path().join("place"), certificate, texts).await;
    }

    /// Makes a key, has it signed and installs it.
    async fn install(&self, agent: &Agent, kind: KeyKind, texts: &[&str]) -> Result<Installed, AgentError> {
        self.allow(agent, ONE, texts).await;
        let made = agent.make_key(ONE, &names(texts), kind).await.unwrap();
        let chain = self.authority.sign(&made.csr, kind, texts);
        agent.install(ONE, made.generation, &chain).await
    }
}

fn names(texts: &[&str]) -> Vec<CertificateName> {
    texts.iter().map(|text| CertificateName::parse(text).unwrap()).collect()
}

fn reason(outcome: Result<Installed, AgentError>) -> String {
    match outcome {
        Err(AgentError::Refused(Refusal::Unable { reason } | Refusal::NotAllowed { reason })) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_installed_certificate_is_served_on_every_name_and_the_next_one_takes_its_place() {
    let world = World::new().await;
    let running = RunningAgent::start(&world.settings()).await;
    let first = world.served("pbx.tenant.example.com").await;
    let both = ["*.tenant.example.com", "tenant.example.com"];

    let one = world.install(&running.agent, KeyKind::Rsa2048, &both).await.unwrap();
    let two = world.install(&running.agent, KeyKind::EcdsaP256, &both).await.unwrap();

    assert_eq!(one.former, None);
    assert_eq!(one.leaf.key, "RSA 2048");
    assert_eq!(two.former, Some(Generation(1)));
    assert_eq!(two.proofs.len(), 2);
    assert!(two.proofs.iter().all(|proof| proof.serial == two.leaf.serial), "{:?}", two.proofs);
    assert_eq!(world.served("pbx.tenant.example.com").await, two.leaf.serial);
    assert_eq!(world.served("tenant.example.com").await, two.leaf.serial);
    assert_eq!(world.served("other.example.com").await, first);
    let kept = running.agent.certificates().await.unwrap().kept;
    assert_eq!(kept[0].current, Some(Generation(2)));
    assert_eq!(kept[0].generations.len(), 2);
    assert!(!world.house.path().join("place/armed.json").exists());
    running.stop().await;
    let key = world.house.path().join("place/certificates/1/2/privkey.pem");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(key).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(world.house.path().join("place/journal.jsonl")).unwrap();
    assert!(!text.contains("BEGIN"), "no key and no chain goes into the journal");
}

#[tokio::test]
async fn the_new_server_block_behaves_as_fusionpbxs_own() {
    let world = World::new().await;
    let running = RunningAgent::start(&world.settings()).await;
    world.install(&running.agent, KeyKind::EcdsaP256, &["a.example.com"]).await.unwrap();
    let port = world.nginx.https_port;
    let client = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .resolve("a.example.com", ([127, 0, 0, 1], port).into())
        .resolve("other.example.com", ([127, 0, 0, 1], port).into())
        .build()
        .unwrap();

    for path in ["", "index.html", ".git/config", "call.db", "x.php", "provision/0015651234ab.cfg", "nothing"] {
        let mut answers = Vec::new();
        for host in ["a.example.com", "other.example.com"] {
            let answer = client.get(format!("https://{host}:{port}/{path}")).send().await.unwrap();
            answers.push(answer.status().as_u16());
        }
        assert_eq!(answers[0], answers[1], "/{path}");
        let denied = path.starts_with(".git") || Path::new(&path).extension().is_some_and(|ending| ending == "db");
        assert_eq!(answers[0] == 403, denied, "/{path}: {answers:?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_number_that_is_given_out_again_cannot_push_other_names_out_of_nginx() {
    let world = World::new().await;
    let running = RunningAgent::start(&world.settings()).await;
    let first = world.install(&running.agent, KeyKind::EcdsaP256, &["one.example.com"]).await.unwrap();

    let outcome = world.install(&running.agent, KeyKind::EcdsaP256, &["two.example.com"]).await;

    assert!(reason(outcome).contains("in force for other names: one.example.com"));
    assert_eq!(world.served("one.example.com").await, first.leaf.serial);
    running.stop().await;
}

#[tokio::test]
async fn a_chain_that_is_not_what_was_ordered_touches_nothing() {
    let world = World::new().await;
    let running = RunningAgent::start(&world.settings()).await;
    let agent = &running.agent;
    let ordered = ["a.example.com"];
    world.allow(agent, ONE, &ordered).await;
    let one = agent.make_key(ONE, &names(&ordered), KeyKind::EcdsaP256).await.unwrap();
    let two = agent.make_key(ONE, &names(&ordered), KeyKind::EcdsaP256).await.unwrap();

    let other_key = world.authority.sign(&two.csr, KeyKind::EcdsaP256, &ordered);
    let other_key = reason(agent.install(ONE, one.generation, &other_key).await);
    let other_names = world.authority.sign(&one.csr, KeyKind::EcdsaP256, &["evil.example.org"]);
    let other_names = reason(agent.install(ONE, one.generation, &other_names).await);
    let nonsense = reason(agent.install(ONE, one.generation, "nonsense").await);
    let no_key = reason(agent.install(ONE, Generation(99), "nonsense").await);

    assert!(other_key.contains("another key"), "{other_key}");
    assert!(other_names.contains("evil.example.org"), "{other_names}");
    assert!(nonsense.contains("no certificate"), "{nonsense}");
    assert!(no_key.contains("no key was made"), "{no_key}");
    assert!(!world.include().exists());
    running.stop().await;
}

#[tokio::test]
async fn names_outside_the_zones_or_served_by_the_site_are_refused() {
    let world = World::new().await;
    let site = std::fs::read_to_string(&world.nginx.site).unwrap();
    let taken = site.replace(
        "ssl default_server;\n    server_name fusionpbx",
        "ssl default_server;\n    server_name pbx.example.com",
    );
    assert_ne!(site, taken);
    std::fs::write(&world.nginx.site, taken).unwrap();
    let running = RunningAgent::start(&world.settings()).await;
    let agent = &running.agent;

    let mut ann = Authenticator::enrol(agent, &world.house.path().join("place"), "ann", &SystemClock).await;
    let mut granted = async |certificate, texts: &[&str]| {
        let (names, key) = (names(texts), KeyKind::EcdsaP256);
        let what = Request::MakeKey { certificate, names: names.clone(), key };
        let grant = agent.grant(&ann.operator.clone(), &session("one"), ann.spare(), what).await.unwrap();
        agent.with_grant(grant).make_key(certificate, &names, key).await
    };

    let outside = granted(ONE, &["a.example.org"]).await;
    let none = granted(ONE, &[]).await;
    let negative = granted(CertificateId(-7), &["a.example.com"]).await;
    let served = reason(world.install(agent, KeyKind::EcdsaP256, &["pbx.example.com"]).await);

    for outcome in [outside, none, negative] {
        let unable = matches!(outcome, Err(AgentError::Refused(Refusal::NotAllowed { .. } | Refusal::Unable { .. })));
        assert!(unable, "{outcome:?}");
    }
    assert!(served.contains("already served by another server block"), "{served}");
    world.install(agent, KeyKind::EcdsaP256, &["free.example.com"]).await.unwrap();
    world.allow(agent, CertificateId(2), &["free.example.com"]).await;
    let made = agent.make_key(CertificateId(2), &names(&["free.example.com"]), KeyKind::EcdsaP256).await.unwrap();
    let chain = world.authority.sign(&made.csr, KeyKind::EcdsaP256, &["free.example.com"]);
    let twice = reason(agent.install(CertificateId(2), made.generation, &chain).await);
    assert!(twice.contains("already served by certificate 1"), "{twice}");
    running.stop().await;
}

#[tokio::test]
async fn a_name_that_a_file_outside_the_site_serves_is_rolled_back() {
    let world = World::new().await;
    let main = std::fs::read_to_string(&world.nginx.config).unwrap();
    let other = format!(
        "server {{ listen 127.0.0.1:{} ssl; server_name b.example.com; ssl_certificate nginx.crt; \
         ssl_certificate_key nginx.key; }}\n    include",
        world.nginx.https_port
    );
    std::fs::write(&world.nginx.config, main.replacen("include", &other, 1)).unwrap();
    let running = RunningAgent::start(&world.settings()).await;

    let outcome = world.install(&running.agent, KeyKind::EcdsaP256, &["b.example.com"]).await;

    let Err(AgentError::Refused(Refusal::RolledBack { reason })) = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("already serves b.example.com"), "{reason}");
    assert!(!world.include().exists());
    running.stop().await;
}

#[tokio::test]
async fn a_broken_site_file_is_refused_with_its_line_and_the_old_certificate_stays() {
    let world = World::new().await;
    let running = RunningAgent::start(&world.settings()).await;
    let old = world.install(&running.agent, KeyKind::EcdsaP256, &["a.example.com"]).await.unwrap();
    let before = std::fs::read(world.include()).unwrap();
    let site = std::fs::read_to_string(&world.nginx.site).unwrap();

    std::fs::write(&world.nginx.site, format!("{site}\n}}\n")).unwrap();
    let unbalanced = reason(world.install(&running.agent, KeyKind::EcdsaP256, &["a.example.com"]).await);
    std::fs::write(&world.nginx.site, format!("{site}\nno_such_directive on;\n")).unwrap();
    let unknown = reason(world.install(&running.agent, KeyKind::EcdsaP256, &["a.example.com"]).await);

    let line = site.lines().count() + 2;
    assert!(unbalanced.contains(&format!("line {line}: unexpected \"}}\"")), "{unbalanced}");
    assert!(unknown.contains("no_such_directive") && unknown.contains("fusionpbx:"), "{unknown}");
    assert_eq!(std::fs::read(world.include()).unwrap(), before);
    assert_eq!(world.served("a.example.com").await, old.leaf.serial);
    running.stop().await;
}

#[tokio::test]
async fn a_dead_nginx_is_said_so_and_the_former_include_returns() {
    let mut world = World::new().await;
    let running = RunningAgent::start(&world.settings()).await;
    world.install(&running.agent, KeyKind::EcdsaP256, &["a.example.com"]).await.unwrap();
    let before = std::fs::read(world.include()).unwrap();
    world.nginx.child.signal(Signal::SIGQUIT).unwrap();
    let start = Instant::now();
    while world.nginx.child.ended().is_none() {
        assert!(start.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let outcome = world.install(&running.agent, KeyKind::EcdsaP256, &["a.example.com"]).await;

    let Err(AgentError::Refused(Refusal::RolledBack { reason })) = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("nginx -s reload failed"), "{reason}");
    assert_eq!(std::fs::read(world.include()).unwrap(), before);
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_proved_is_rolled_back_and_the_former_certificate_is_served_again() {
    let world = World::new().await;
    let running = RunningAgent::start(&world.settings()).await;
    let old = world.install(&running.agent, KeyKind::EcdsaP256, &["a.example.com"]).await.unwrap();
    let before = std::fs::read(world.include()).unwrap();
    running.stop().await;
    let running = RunningAgent::start(&world.settings_without_proof()).await;

    let outcome = world.install(&running.agent, KeyKind::EcdsaP256, &["a.example.com"]).await;

    assert!(matches!(outcome, Err(AgentError::Refused(Refusal::RolledBack { .. }))), "{outcome:?}");
    assert_eq!(std::fs::read(world.include()).unwrap(), before);
    served_within(&world, "a.example.com", &old.leaf.serial).await;
    let kept = running.agent.certificates().await.unwrap().kept;
    assert_eq!(kept[0].current, Some(Generation(1)));
    running.stop().await;
}

#[tokio::test]
async fn an_agent_that_is_killed_between_switch_and_proof_heals_when_it_starts_again() {
    let world = World::new().await;
    let running = RunningAgent::start(&world.settings()).await;
    let old = world.install(&running.agent, KeyKind::EcdsaP256, &["a.example.com"]).await.unwrap();
    let before = std::fs::read(world.include()).unwrap();
    running.stop().await;
    let file = world.house.path().join("agent.toml");
    std::fs::write(&file, world.settings_without_proof()).unwrap();
    let program = env!("CARGO_BIN_EXE_rampart-agent");
    let start = Start::program(program, world.house.path()).arg("serve").arg("--config").arg(&file);
    let child = start.spawn().unwrap();
    let agent = Agent::at(world.house.path().join("agent.sock"));
    wait_for(&agent, || false).await;

    let pending = world.install(&agent, KeyKind::EcdsaP256, &["a.example.com"]);
    let kill = async {
        until_changed(&world.include(), &before).await;
        let busy = agent.make_key(ONE, &names(&["b.example.com"]), KeyKind::EcdsaP256).await;
        child.signal(Signal::SIGKILL).unwrap();
        busy
    };
    let (outcome, busy) = tokio::join!(pending, kill);
    assert!(matches!(outcome, Err(AgentError::Down { .. } | AgentError::Confused { .. })), "{outcome:?}");
    assert!(matches!(busy, Err(AgentError::Refused(Refusal::Busy))), "{busy:?}");
    assert!(world.house.path().join("place/armed.json").exists());
    drop(child);
    let running = RunningAgent::start(&world.settings()).await;

    assert_eq!(std::fs::read(world.include()).unwrap(), before);
    assert!(!world.house.path().join("place/armed.json").exists());
    served_within(&world, "a.example.com", &old.leaf.serial).await;
    running.stop().await;
    let healed = journal(world.house.path()).into_iter().find(|line| line["verb"] == "heal").unwrap();
    assert_eq!(healed["outcome"], "rolled-back");
}

async fn until_changed(path: &Path, before: &[u8]) {
    let start = Instant::now();
    while std::fs::read(path).unwrap() == before {
        assert!(start.elapsed() < Duration::from_secs(20), "no switch was seen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn served_within(world: &World, name: &str, serial: &str) {
    let start = Instant::now();
    while world.served(name).await != serial {
        assert!(start.elapsed() < Duration::from_secs(10), "{serial} is not served again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
