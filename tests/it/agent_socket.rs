//! The agent's socket: who may ask, and what a broken or hostile caller gets.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use rampart::app::demo::process::{RunAs, Start};
use rampart::host::{Agent, AgentError};
use rampart::wire::answer::{Refusal, Reply};
use rampart::wire::frame;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::agent_house::{RunningAgent, Scratch, journal, settings, wait_for};

#[tokio::test]
async fn the_agent_introduces_itself_and_journals_the_question() {
    let house = Scratch::new();
    let running = RunningAgent::start(&settings(house.path(), "")).await;

    let hello = running.agent.hello().await.unwrap();

    assert_eq!(hello.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(hello.root, nix::unistd::Uid::effective().is_root());
    let mode = std::fs::metadata(&running.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    running.stop().await;
    let lines = journal(house.path());
    let last = lines.last().unwrap();
    assert_eq!(last["verb"], "hello");
    assert_eq!(last["outcome"], "done");
    assert_eq!(last["uid"], nix::unistd::Uid::effective().as_raw());
    assert!(!house.path().join("agent.sock").exists());
}

#[tokio::test]
async fn a_caller_who_is_not_the_peer_is_refused_and_journalled() {
    let house = Scratch::new();
    let settings = settings(house.path(), "").replace("peer = ", "root_may_ask = false\npeer = 6543");
    let running = RunningAgent::start(&settings).await;

    let outcome = running.agent.ssh().await;

    assert!(matches!(outcome, Err(AgentError::Refused(Refusal::NotAllowed { .. }))), "{outcome:?}");
    running.stop().await;
    let lines = journal(house.path());
    assert_eq!(lines.last().unwrap()["outcome"], "not-allowed");
    assert_eq!(lines.last().unwrap()["verb"], "connect");
}

/// perl is part of every Debian (perl-base is essential).
#[tokio::test]
async fn another_user_of_the_host_is_refused_even_if_the_socket_is_open_to_all() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("not tested: only root can become another user");
        return;
    }
    let house = Scratch::new();
    let running = RunningAgent::start(&settings(house.path(), "")).await;
    std::fs::set_permissions(&running.socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    let client = "use Socket; $SIG{PIPE} = q(IGNORE); socket(S, AF_UNIX, SOCK_STREAM, 0) or die; \
                  connect(S, sockaddr_un($ARGV[0])) or die qq(connect: $!); \
                  syswrite(S, pack('N', 27) . '{\"request\":{\"ask\":\"hello\"}}'); local $/; print <S>;";

    let start = Start::program("/usr/bin/perl", house.path()).arg("-e").arg(client).arg(&running.socket);
    let said = tokio::task::spawn_blocking(|| start.run_as(RunAs { uid: 65_534, gid: 65_534 }).run());

    assert!(said.await.unwrap().unwrap().contains("not-allowed"));
    running.stop().await;
    assert_eq!(journal(house.path()).last().unwrap()["uid"], 65_534);
}

#[tokio::test]
async fn a_frame_that_is_too_large_or_nonsense_is_refused_and_the_agent_goes_on() {
    let house = Scratch::new();
    let running = RunningAgent::start(&settings(house.path(), "")).await;
    let frame = |body: &str| [&u32::try_from(body.len()).unwrap().to_be_bytes(), body.as_bytes()].concat();
    let frames = [
        vec![0xff, 0xff, 0xff, 0xff],
        frame("{}"),
        frame(r#"{"request":{"ask":"run","command":"id"}}"#),
        frame(r#"{"request":{"ask":"install","certificate":1,"generation":1,"chain_pem":"","path":"/etc/shadow"}}"#),
        frame(r#"{"request":{"ask":"make-key","certificate":1,"names":["../../etc/x"],"key":"rsa-2048"}}"#),
        frame(r#"{"request":{"ask":"make-key","certificate":"../1","names":["a.example.com"],"key":"rsa-2048"}}"#),
    ];

    for bytes in frames {
        let mut stream = UnixStream::connect(&running.socket).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let reply: Option<Reply> = frame::read(&mut stream, 1000).await.unwrap();
        assert!(matches!(reply, Some(Err(Refusal::Malformed { .. }))), "{bytes:?}: {reply:?}");
    }

    assert!(running.agent.hello().await.is_ok());
    running.stop().await;
}

#[tokio::test]
async fn half_a_frame_and_a_caller_who_says_nothing_hold_nobody_up_for_long() {
    let house = Scratch::new();
    let running = RunningAgent::start(&settings(house.path(), "")).await;
    let mut half = UnixStream::connect(&running.socket).await.unwrap();
    half.write_all(&[0, 0, 0, 9, b'{']).await.unwrap();
    half.shutdown().await.unwrap();
    // More than the agent serves at once: the next caller waits until these have used up their patience.
    let mut hung = Vec::new();
    for _ in 0..20 {
        hung.push(UnixStream::connect(&running.socket).await.unwrap());
    }

    let start = Instant::now();
    let hello = running.agent.clone().with_deadline(Duration::from_secs(30)).hello().await;

    assert!(hello.is_ok(), "{hello:?}");
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
    let mut rest = Vec::new();
    assert_eq!(hung[0].read_to_end(&mut rest).await.unwrap(), 0);
    drop(hung);
    running.stop().await;
    let outcomes: Vec<_> = journal(house.path()).iter().map(|line| line["outcome"].clone()).collect();
    assert!(outcomes.iter().any(|outcome| outcome == "broken-off"), "{outcomes:?}");
    assert!(outcomes.iter().any(|outcome| outcome == "too-slow"), "{outcomes:?}");
}

#[tokio::test]
async fn an_agent_that_is_not_there_or_hangs_is_said_so() {
    let house = Scratch::new();
    let socket = house.path().join("agent.sock");
    let nobody = Agent::at(socket.clone()).hello().await;
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let silent = Agent::at(socket).with_deadline(Duration::from_millis(50)).hello().await;
    drop(listener);

    assert!(matches!(nobody, Err(AgentError::Down { .. })), "{nobody:?}");
    assert!(matches!(silent, Err(AgentError::Silent { .. })), "{silent:?}");
}

#[tokio::test]
async fn what_a_killed_agent_left_is_cleared_but_nothing_else_is() {
    let house = Scratch::new();
    let socket = house.path().join("agent.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let running = RunningAgent::start(&settings(house.path(), "")).await;
    assert!(running.agent.hello().await.is_ok());
    running.stop().await;

    std::fs::write(&socket, "a file").unwrap();
    let config = rampart::agent::config::AgentConfig::parse(&settings(house.path(), "")).unwrap();
    let clock = std::sync::Arc::new(rampart::base::clock::SystemClock);
    let random = std::sync::Arc::new(rampart::base::rng::SystemRandom);
    let outcome = rampart::agent::serve::run(config, clock, random, async {}).await;

    assert!(outcome.unwrap_err().to_string().contains("is no socket"));
    assert_eq!(std::fs::read_to_string(&socket).unwrap(), "a file");
}

#[tokio::test]
async fn the_program_itself_serves_and_stops_when_told() {
    let house = Scratch::new();
    let file = house.path().join("agent.toml");
    std::fs::write(&file, settings(house.path(), "")).unwrap();
    let program = env!("CARGO_BIN_EXE_rampart-agent");
    let agent = Agent::at(house.path().join("agent.sock"));

    let start = Start::program(program, house.path()).arg("serve").arg("--config").arg(&file);
    let mut child = start.spawn().unwrap();
    wait_for(&agent, || false).await;
    let checked = Start::program(program, house.path()).arg("check-config").arg("--config").arg(&file).run();
    child.signal(nix::sys::signal::Signal::SIGTERM).unwrap();
    child.wait_until(Duration::from_secs(10), async || !house.path().join("agent.sock").exists()).await.unwrap();

    assert!(checked.is_ok(), "{checked:?}");
    assert!(child.log().contains("The agent is ready"), "{}", child.log());
    drop(child);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let refused = Start::program(program, house.path()).arg("serve").arg("--config").arg(&file).run();
    assert!(refused.unwrap_err().to_string().contains("writable by nobody else"));
}
