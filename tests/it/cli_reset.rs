//! `rampart operator reset`: what only root can do of it, and what anybody can who may read the state.

use std::os::unix::fs::chown;
use std::path::Path;
use std::sync::Arc;

use rampart::app::build;
use rampart::app::demo::process::Start;
use rampart::base::clock::SystemClock;
use rampart::base::names::OperatorName;
use rampart::base::rng::SystemRandom;
use rampart::base::secret::Secret;
use rampart::deeds::password::NewPassword;
use rampart::policy::own_password::ContextWords;
use rampart::store::trail::Actor;

use crate::agent_house::{RunningAgent, Scratch, settings};
use crate::support::app::{NAME, PASSWORD};
use crate::support::authenticator::Authenticator;

/// The console's user of these tests.
const NOBODY: u32 = 65_534;

/// A state directory of nobody's with ann in it, and settings that name the agent.
async fn state(house: &Scratch) -> std::path::PathBuf {
    let state = house.path().join("state");
    let deeds = build::deeds(&state, Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap();
    let password = NewPassword::parse(Secret::new(PASSWORD.to_owned()), &ContextWords::default()).unwrap();
    let actor = Actor { name: "test".to_owned(), address: None };
    let ann = deeds.add_operator(&actor, &OperatorName::parse(NAME).unwrap(), password).await.unwrap();
    deeds.store.note_factor(ann, Some(deeds.clock.now())).await.unwrap();
    deeds.store.close().await;
    let socket = house.path().join("agent.sock");
    let settings = format!("[agent]\nsocket = '{}'\n", socket.display());
    std::fs::write(house.path().join("rampart.toml"), settings).unwrap();
    state
}

fn reset(house: &Scratch, state: &Path, password: &str) -> Result<String, String> {
    let line = format!("printf '%s\\n' '{password}' | \"$0\" operator reset {NAME}");
    let start = Start::program("/bin/sh", house.path()).arg("-c").arg(line).arg(env!("CARGO_BIN_EXE_rampart"));
    let start = start.env("RAMPART_STATE_DIR", state).env("RAMPART_CONFIG", house.path().join("rampart.toml"));
    start.run().map_err(|error| format!("{error:#}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn root_who_resets_an_operator_has_the_second_factor_forgotten_and_a_refused_password_changes_nothing() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("not tested: only root is heard by the agent without a code");
        return;
    }
    let house = Scratch::new();
    let own = settings(house.path(), "").replace("peer = 0", &format!("peer = {NOBODY}"));
    let agent = RunningAgent::start(&own).await;
    let name = OperatorName::parse(NAME).unwrap();
    Authenticator::enrol(&agent.agent, &house.path().join("place"), NAME, &SystemClock).await;
    let state = state(&house).await;
    for entry in std::fs::read_dir(&state).unwrap() {
        chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    chown(&state, Some(NOBODY), Some(NOBODY)).unwrap();

    let refused = tokio::task::block_in_place(|| reset(&house, &state, "short"));
    let still = agent.agent.factor(&name).await.unwrap();
    let done = tokio::task::block_in_place(|| reset(&house, &state, "another quiet wall by the sea"));
    let gone = agent.agent.factor(&name).await.unwrap();

    assert!(refused.is_err_and(|words| words.contains("at least 15 characters")));
    assert!(still.since.is_some());
    let said = done.unwrap();
    assert!(said.contains("There is no second factor any more"), "{said}");
    assert_eq!(gone.since, None);
    agent.stop().await;
}
