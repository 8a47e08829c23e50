//! FreeSWITCH's certificate, with a fake FreeSWITCH whose listeners shake hands: what is deployed is served, or the former
//! one is; and the directory, which belongs to the web server's user, is never trusted.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use rampart::app::demo::process::Start;
use rampart::base::ids::CertificateId;
use rampart::base::names::{CertificateName, Fqdn};
use rampart::host::{Agent, AgentError};
use rampart::tls::probe;
use rampart::wire::answer::{Installed, Refusal};
use rampart::wire::grant::Consumer;
use rampart::wire::request::{Generation, KeyKind};
use rampart::wire::switch::{SwitchChange, SwitchChanged};
use rampart::wire::switch_tls::{ProfileName, TlsFacts};

use crate::agent_house::{RunningAgent, Scratch, journal, settings, wait_for};
use crate::agent_install::Authority;
use crate::support::freeswitch::{FakeSwitch, Fault};

const ONE: CertificateId = CertificateId(1);
const NAMES: [&str; 2] = ["a.example.com", "b.example.com"];
const LINKS: [&str; 3] = ["agent.pem", "tls.pem", "wss.pem"];

struct World {
    house: Scratch,
    switch: FakeSwitch,
    authority: Authority,
}

impl World {
    /// `None`, and a line that says so, without root: the agent lets root do all this without a grant.
    fn new() -> Option<Self> {
        if !nix::unistd::Uid::effective().is_root() {
            eprintln!("not tested: without root each change would need a grant");
            return None;
        }
        let switch = FakeSwitch::start();
        let tls = switch.tls();
        std::fs::create_dir(&tls).unwrap();
        // As FusionPBX's installer leaves it: all of it belongs to the web server's user.
        nix::unistd::chown(&tls, Some(33.into()), Some(33.into())).unwrap();
        Some(Self { house: Scratch::new(), switch, authority: Authority::new() })
    }

    /// The same, with a former certificate in force on both listeners; answers their ports.
    fn with_former(&self) -> [u16; 2] {
        let made = rcgen::generate_simple_self_signed(["old.example.com".to_owned()]).unwrap();
        let bundle = format!("{}{}", made.signing_key.serialize_pem(), made.cert.pem());
        std::fs::write(self.bundle(), bundle).unwrap();
        std::fs::set_permissions(self.bundle(), std::fs::Permissions::from_mode(0o644)).unwrap();
        nix::unistd::chown(&self.bundle(), Some(33.into()), Some(33.into())).unwrap();
        for name in LINKS {
            symlink("all.pem", self.switch.tls().join(name)).unwrap();
        }
        self.switch.turn_tls_on()
    }

    fn bundle(&self) -> PathBuf {
        self.switch.tls().join("all.pem")
    }

    fn settings(&self) -> String {
        let zones = "[certificates]\nzones = ['example.com']\nconsole_names = ['console.example.com']\n";
        settings(self.house.path(), &format!("{}{zones}", self.switch.settings()))
            .replace("peer = 0\n", "peer = 65534\n")
    }

    async fn agent(&self) -> RunningAgent {
        RunningAgent::start(&self.settings()).await
    }

    /// Has a chain for a new key of `certificate` deployed to FreeSWITCH.
    async fn deploy(
        &self,
        agent: &Agent,
        certificate: CertificateId,
        texts: &[&str],
    ) -> Result<Installed, AgentError> {
        let names: Vec<_> = texts.iter().map(|text| CertificateName::parse(text).unwrap()).collect();
        let made = agent.make_key(certificate, &names, KeyKind::Rsa2048).await.unwrap();
        let chain = self.authority.sign(&made.csr, KeyKind::Rsa2048, texts);
        agent.install_for(Consumer::FreeSwitch, (certificate, made.generation), &chain).await
    }

    async fn tls(&self, agent: &Agent) -> TlsFacts {
        agent.switch(None).await.unwrap().tls.unwrap()
    }

    /// Everything in the directory: names, what links lead to, bytes.
    fn directory(&self) -> Vec<(String, Option<PathBuf>, Vec<u8>)> {
        let mut all: Vec<_> = std::fs::read_dir(self.switch.tls())
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, std::fs::read_link(&path).ok(), std::fs::read(&path).unwrap_or_default())
            })
            .collect();
        all.sort();
        all
    }

    /// Nothing of a former key is kept once it is over.
    fn nothing_is_kept(&self) {
        let kept = std::fs::read_dir(self.house.path().join("place/switch-tls"));
        assert_eq!(kept.map_or(0, Iterator::count), 0, "the way back is still there");
    }
}

async fn served(port: u16) -> Option<String> {
    let name = Fqdn::parse("a.example.com").unwrap();
    let seen = probe::handshake(([127, 0, 0, 1], port).into(), &name, Duration::from_secs(5)).await;
    seen.ok().map(|served| served.leaf.serial)
}

fn restart(even_with_calls: bool) -> SwitchChange {
    SwitchChange::RestartProfiles { profiles: vec![ProfileName::parse("internal").unwrap()], even_with_calls }
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, AgentError>) -> Refusal {
    match outcome {
        Err(AgentError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_first_certificate_is_one_file_with_its_links_and_waits_until_a_profile_speaks_tls() {
    let Some(world) = World::new() else { return };
    let running = world.agent().await;

    let installed = world.deploy(&running.agent, ONE, &NAMES).await.unwrap();

    assert!(installed.pending.unwrap().contains("no SIP profile speaks TLS"));
    let text = std::fs::read_to_string(world.bundle()).unwrap();
    assert_eq!((text.matches("PRIVATE KEY").count(), text.matches("BEGIN CERTIFICATE").count()), (2, 2));
    for name in LINKS {
        assert_eq!(std::fs::read_link(world.switch.tls().join(name)).unwrap(), PathBuf::from("all.pem"));
    }
    let metadata = std::fs::metadata(world.bundle()).unwrap();
    assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o777), (33, 33, 0o640));
    let [sip, _] = world.switch.turn_tls_on();
    assert_eq!(served(sip).await, Some(installed.leaf.serial.clone()));
    let facts = world.tls(&running.agent).await;
    assert_eq!(facts.ours, Some((ONE, Generation(1))));
    assert!(facts.bundle.unwrap().key_matches);
    assert_eq!(facts.served.len(), 2);
    assert!(facts.served.iter().all(|served| served.is_bundle && served.certificates == 2), "{:?}", facts.served);
    let kept = running.agent.certificates().await.unwrap().kept;
    assert_eq!(kept[0].current, Some(Generation(1)));
    running.stop().await;
}

#[tokio::test]
async fn a_new_generation_is_taken_up_by_every_listener_while_calls_go_on() {
    let Some(world) = World::new() else { return };
    let ports = world.with_former();
    let before = served(ports[0]).await.unwrap();
    world.switch.set_calls(3);
    let running = world.agent().await;

    let one = world.deploy(&running.agent, ONE, &NAMES).await.unwrap();
    let two = world.deploy(&running.agent, ONE, &NAMES).await.unwrap();

    assert_eq!((one.pending, two.pending), (None, None));
    assert_eq!((one.former, two.former), (None, Some(Generation(1))));
    assert_eq!(two.proofs.len(), 2);
    assert_ne!(two.leaf.serial, before);
    for port in ports {
        assert_eq!(served(port).await, Some(two.leaf.serial.clone()));
    }
    let asked = world.switch.asked();
    assert_eq!(asked.iter().filter(|command| *command == "reloadcert").count(), 2);
    assert!(!asked.iter().any(|command| command.contains("restart")));
    let facts = world.tls(&running.agent).await;
    assert_eq!(facts.profiles.unwrap()[0].calls, 3);
    let mode = std::fs::metadata(world.bundle()).unwrap().mode() & 0o777;
    assert_eq!(mode, 0o640, "a key is not left readable for everybody");
    world.nothing_is_kept();
    running.stop().await;
    let journal = std::fs::read_to_string(world.house.path().join("place/journal.jsonl")).unwrap();
    assert!(journal.contains("for FreeSWITCH") && !journal.contains("BEGIN"));
}

#[tokio::test]
async fn what_breaks_the_handshake_is_rolled_back_and_the_former_one_is_served_again() {
    let Some(world) = World::new() else { return };
    let [sip, wss] = world.with_former();
    let before = (served(sip).await.unwrap(), world.directory());
    world.switch.fault(Fault::BreaksHandshakes);
    let running = world.agent().await;

    let refused = refusal(world.deploy(&running.agent, ONE, &NAMES).await);

    assert!(matches!(refused, Refusal::RolledBack { .. }), "{refused}");
    assert_eq!(world.directory(), before.1);
    for port in [sip, wss] {
        assert_eq!(served(port).await, Some(before.0.clone()));
    }
    world.nothing_is_kept();
    running.stop().await;
}

#[tokio::test]
async fn a_freeswitch_without_reloadcert_keeps_the_file_and_a_restart_that_drops_calls_is_refused_until_allowed() {
    let Some(world) = World::new() else { return };
    let [sip, _] = world.with_former();
    let before = served(sip).await.unwrap();
    world.switch.fault(Fault::NoReloadCert);
    world.switch.fault(Fault::TooYoung);
    world.switch.set_calls(2);
    let running = world.agent().await;

    let installed = world.deploy(&running.agent, ONE, &NAMES).await.unwrap();
    let still = served(sip).await.unwrap();
    let pending = world.tls(&running.agent).await;
    let with_calls = refusal(running.agent.change_switch(restart(false)).await);
    let still_up = served(sip).await.unwrap();
    let changed: SwitchChanged = running.agent.change_switch(restart(true)).await.unwrap();

    assert!(installed.pending.unwrap().contains("has no reloadcert"));
    assert_eq!((still, still_up), (before.clone(), before));
    assert!(pending.pending.is_some() && pending.served.iter().all(|served| !served.is_bundle));
    assert!(with_calls.to_string().contains("2 call legs would be dropped"), "{with_calls}");
    assert_eq!(changed.notes, ["2 call legs ended."]);
    assert_eq!(served(sip).await, Some(installed.leaf.serial));
    assert_eq!(world.tls(&running.agent).await.pending, None);
    world.nothing_is_kept();
    running.stop().await;
}

#[tokio::test]
async fn a_build_whose_reloadcert_does_nothing_is_said_so_and_nothing_is_called_served() {
    let Some(world) = World::new() else { return };
    let [sip, _] = world.with_former();
    let before = served(sip).await.unwrap();
    world.switch.fault(Fault::ReloadCertIsIdle);
    let running = world.agent().await;

    let installed = world.deploy(&running.agent, ONE, &NAMES).await.unwrap();

    assert!(installed.pending.unwrap().contains("goes on with the former certificate"));
    assert!(installed.proofs.is_empty());
    assert_eq!(served(sip).await, Some(before));
    running.stop().await;
}

#[tokio::test]
async fn a_restart_after_which_nothing_is_served_brings_the_former_files_back() {
    let Some(world) = World::new() else { return };
    let [sip, _] = world.with_former();
    let before = (served(sip).await.unwrap(), world.directory());
    world.switch.fault(Fault::NoReloadCert);
    let running = world.agent().await;
    world.deploy(&running.agent, ONE, &NAMES).await.unwrap();
    world.switch.fault(Fault::BreaksHandshakes);

    let refused = refusal(running.agent.change_switch(restart(false)).await);

    assert!(matches!(refused, Refusal::RolledBack { .. }), "{refused}");
    assert_eq!(world.directory(), before.1);
    assert_eq!(served(sip).await, Some(before.0));
    running.stop().await;
}

#[tokio::test]
async fn files_that_no_profile_could_start_with_stop_a_restart() {
    let Some(world) = World::new() else { return };
    let [sip, _] = world.with_former();
    let before = served(sip).await;
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let cut = std::fs::read_to_string(world.bundle()).unwrap();
    let own = &cut[cut.find("-----BEGIN CERTIFICATE").unwrap()..];
    let running = world.agent().await;

    for spoiled in ["garbage".to_owned(), own.to_owned(), format!("{other}{own}"), String::new()] {
        std::fs::write(world.bundle(), spoiled).unwrap();
        let refused = refusal(running.agent.change_switch(restart(true)).await);
        assert!(refused.to_string().contains("not fit to start with"), "{refused}");
    }

    assert_eq!(served(sip).await, before);
    running.stop().await;
}

#[tokio::test]
async fn names_of_the_console_and_certificates_of_nginx_are_not_for_freeswitch() {
    let Some(world) = World::new() else { return };
    world.with_former();
    let before = world.directory();
    let running = world.agent().await;

    let own = refusal(world.deploy(&running.agent, ONE, &["console.example.com"]).await);
    let wildcard = refusal(world.deploy(&running.agent, ONE, &["*.example.com"]).await);

    for refused in [own, wildcard] {
        assert!(
            matches!(&refused, Refusal::NotAllowed { reason } if reason.contains("console's own name")),
            "{refused}"
        );
    }
    assert_eq!(world.directory(), before);
    running.stop().await;
}

#[tokio::test]
async fn links_that_somebody_planted_are_replaced_and_what_they_lead_to_is_untouched() {
    let Some(world) = World::new() else { return };
    let precious = world.house.path().join("precious");
    std::fs::write(&precious, "precious").unwrap();
    for name in ["all.pem", "agent.pem", "all.pem.rampart-new", "wss.pem.rampart-new"] {
        symlink(&precious, world.switch.tls().join(name)).unwrap();
    }
    let running = world.agent().await;

    world.deploy(&running.agent, ONE, &NAMES).await.unwrap();

    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
    let metadata = std::fs::metadata(&precious).unwrap();
    assert_eq!((metadata.uid(), metadata.mode() & 0o777), (0, 0o644));
    assert!(std::fs::symlink_metadata(world.bundle()).unwrap().is_file());
    running.stop().await;
}

#[tokio::test]
async fn a_freeswitch_that_is_down_gets_its_files_and_takes_them_up_when_it_starts() {
    let Some(world) = World::new() else { return };
    let running = world.agent().await;
    world.switch.stop();

    let installed = world.deploy(&running.agent, ONE, &NAMES).await.unwrap();

    assert!(installed.pending.unwrap().contains("takes it up when it starts"));
    assert!(world.bundle().exists());
    running.stop().await;
}

#[tokio::test]
async fn an_agent_that_is_killed_at_any_moment_leaves_a_whole_pair_and_heals_when_it_starts() {
    let Some(world) = World::new() else { return };
    let [sip, _] = world.with_former();
    let file = world.house.path().join("agent.toml");
    std::fs::write(&file, world.settings()).unwrap();
    let program = env!("CARGO_BIN_EXE_rampart-agent");
    let agent = Agent::at(world.house.path().join("agent.sock"));
    let mut known = vec![served(sip).await.unwrap()];

    for round in 0..8_u64 {
        let start = Start::program(program, world.house.path()).arg("serve").arg("--config").arg(&file);
        let child = start.spawn().unwrap();
        wait_for(&agent, || false).await;
        let names: Vec<_> = NAMES.iter().map(|text| CertificateName::parse(text).unwrap()).collect();
        let made = agent.make_key(ONE, &names, KeyKind::EcdsaP256).await.unwrap();
        let chain = world.authority.sign(&made.csr, KeyKind::EcdsaP256, &NAMES);
        let leaf = rampart::tls::leaf::chain_from_pem(&chain).unwrap();
        known.push(rampart::tls::leaf::read(&leaf[0]).unwrap().serial);
        let deploy = agent.install_for(Consumer::FreeSwitch, (ONE, made.generation), &chain);
        let kill = async {
            tokio::time::sleep(Duration::from_millis(round * 17)).await;
            child.signal(Signal::SIGKILL).unwrap();
        };
        drop(tokio::join!(deploy, kill));
        drop(child);

        let text = std::fs::read(world.bundle()).unwrap();
        let chain = rampart::tls::leaf::chain_from_pem(&String::from_utf8_lossy(&text)).unwrap();
        assert!(rampart::tls::pair::matches(&text, &chain[0]), "round {round}: half a pair");
        let now = served(sip).await.expect("every handshake works");
        assert!(known.contains(&now), "round {round}");
    }
    let running = world.agent().await;

    assert!(!world.house.path().join("place/switch-tls/armed.json").exists());
    let facts = world.tls(&running.agent).await;
    assert!(facts.bundle.unwrap().key_matches);
    assert!(facts.served.iter().all(|served| served.is_bundle), "{:?}", facts.served);
    running.stop().await;
    let leftover = std::fs::read_dir(world.switch.tls()).unwrap().count();
    assert_eq!(leftover, 4, "nothing is left beside the files");
    assert!(journal(world.house.path()).iter().any(|line| line["verb"] == "heal"), "no kill met a switch");
}
