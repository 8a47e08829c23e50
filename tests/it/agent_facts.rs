//! What the agent reads from a real sshd and a real apt.

use rampart::app::demo::process::Start;
use rampart::host::AgentError;
use rampart::wire::answer::Refusal;

use crate::agent_house::{RunningAgent, Scratch, settings};

/// A server with password sign-in for private networks only, and its own host key.
fn sshd_config(house: &Scratch) -> String {
    let key = house.path().join("host_key");
    let start = Start::program("/usr/bin/ssh-keygen", house.path());
    start.arg("-q").arg("-t").arg("ed25519").arg("-N").arg("").arg("-f").arg(&key).run().unwrap();
    let config = house.path().join("sshd_config");
    let text = format!(
        "Port 2222\nListenAddress 127.0.0.1\nHostKey {}\nPasswordAuthentication no\nPermitRootLogin no\n\
         Match Address 10.0.0.0/8\n  PermitRootLogin yes\n  PasswordAuthentication yes\n",
        key.display()
    );
    std::fs::write(&config, text).unwrap();
    format!("[ssh]\nconfig = '{}'\nprivate_run = true\n", config.display())
}

#[tokio::test]
async fn a_real_sshd_tells_its_settings_for_each_visitor_and_the_host_keeps_its_run_directory() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("not tested: sshd -T needs root");
        return;
    }
    let house = Scratch::new();
    let running = RunningAgent::start(&settings(house.path(), &sshd_config(&house))).await;
    let before = std::fs::exists("/run/sshd").unwrap();

    let facts = running.agent.ssh().await.unwrap();

    assert!(facts.version.starts_with("OpenSSH_"), "{}", facts.version);
    let seen = |visitor: usize, key: &str| {
        let settings = &facts.contexts[visitor].settings;
        settings.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone()).unwrap()
    };
    assert_eq!(facts.contexts[0].visitor, "everyone");
    assert_eq!(seen(0, "port"), "2222");
    assert_eq!(seen(0, "permitrootlogin"), "no");
    assert_eq!(facts.contexts[1].visitor, "root from 203.0.113.5");
    assert_eq!(seen(1, "permitrootlogin"), "no");
    assert_eq!(facts.contexts[2].visitor, "root from 10.0.0.5");
    assert_eq!(seen(2, "permitrootlogin"), "yes");
    assert_eq!(seen(2, "passwordauthentication"), "yes");
    assert_eq!(std::fs::exists("/run/sshd").unwrap(), before);
    running.stop().await;
}

#[tokio::test]
async fn an_sshd_that_cannot_say_is_a_refusal_with_its_words() {
    let house = Scratch::new();
    let config = house.path().join("sshd_config");
    std::fs::write(&config, "NoSuchKeyword yes\n").unwrap();
    let broken = format!("[ssh]\nconfig = '{}'\n", config.display());
    let running = RunningAgent::start(&settings(house.path(), &broken)).await;
    let outcome = running.agent.ssh().await;
    running.stop().await;
    let missing = "[ssh]\nprogram = '/there/is/no/sshd'\n";
    let running = RunningAgent::start(&settings(house.path(), missing)).await;
    let absent = running.agent.ssh().await;
    running.stop().await;

    let Err(AgentError::Refused(Refusal::Unable { reason })) = outcome else { panic!("{outcome:?}") };
    assert!(reason.to_lowercase().contains("nosuchkeyword") || reason.contains("/run/sshd"), "{reason}");
    let Err(AgentError::Refused(Refusal::Unable { reason })) = absent else { panic!("{absent:?}") };
    assert!(reason.contains("/there/is/no/sshd could not be started"), "{reason}");
}

#[tokio::test]
async fn a_real_apt_tells_what_is_pending() {
    let house = Scratch::new();
    let running = RunningAgent::start(&settings(house.path(), "")).await;

    let facts = running.agent.packages().await.unwrap();

    assert!(facts.release.starts_with("Debian"), "{}", facts.release);
    assert!(facts.pending.iter().all(|package| !package.candidate.is_empty()));
    assert!(facts.automatic.iter().all(|(key, _)| !key.starts_with("Acquire")));
    running.stop().await;
}

#[tokio::test]
async fn an_apt_that_is_not_there_is_a_refusal() {
    let house = Scratch::new();
    let running = RunningAgent::start(&settings(house.path(), "[packages]\nprograms = '/there/is/nothing'\n")).await;

    let outcome = running.agent.packages().await;

    assert!(matches!(outcome, Err(AgentError::Refused(Refusal::Unable { .. }))), "{outcome:?}");
    running.stop().await;
}
