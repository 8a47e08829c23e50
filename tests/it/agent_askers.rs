//! Who may ask the agent, seen with real users of the host, and what many callers at once can do.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::User;
use rampart::app::demo::process::{RunAs, Start};
use rampart::base::ids::CertificateId;
use rampart::base::names::{CertificateName, OperatorName};
use rampart::base::secret::Secret;
use rampart::host::{Agent, AgentError};
use rampart::wire::answer::{Refusal, Reply};
use rampart::wire::frame;
use rampart::wire::request::KeyKind;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use crate::agent_house::{RunningAgent, Scratch, journal, settings, wait_for};

/// A user that this host has no name for.
const CONSOLE: u32 = 61_001;

/// Says hello as another user and prints the answer; perl is part of every Debian (perl-base is essential).
/// An agent that refuses at once may have closed before the question is written.
const CLIENT: &str = "use Socket; $SIG{PIPE} = q(IGNORE); socket(S, AF_UNIX, SOCK_STREAM, 0) or die; \
                      connect(S, sockaddr_un($ARGV[0])) or die qq(connect: $!); \
                      syswrite(S, pack('N', 27) . '{\"request\":{\"ask\":\"hello\"}}'); local $/; \
                      print <S>;";

async fn hello_as(uid: u32, gid: u32, socket: &Path, house: &Path) -> Result<String, String> {
    let start = Start::program("/usr/bin/perl", house).arg("-e").arg(CLIENT).arg(socket);
    let said = tokio::task::spawn_blocking(move || start.run_as(RunAs { uid, gid }).run());
    said.await.unwrap().map_err(|error| error.to_string())
}

fn uid_of(name: &str) -> u32 {
    User::from_name(name).unwrap().unwrap().uid.as_raw()
}

fn is_root() -> bool {
    if nix::unistd::Uid::effective().is_root() {
        return true;
    }
    eprintln!("not tested: only root can become another user");
    false
}

/// Promise A2. ASVS 13.2.2.
#[tokio::test]
async fn the_console_and_root_are_heard_and_five_other_users_are_not_even_if_the_socket_is_open_to_all() {
    if !is_root() {
        return;
    }
    let house = Scratch::new();
    let settings = settings(house.path(), "").replace("peer = 0", &format!("peer = {CONSOLE}"));
    let running = RunningAgent::start(&settings).await;
    std::fs::set_permissions(&running.socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    let others = [uid_of("www-data"), uid_of("postgres"), uid_of("nobody"), uid_of("daemon"), CONSOLE + 1];

    let console = hello_as(CONSOLE, CONSOLE, &running.socket, house.path()).await.unwrap();
    let root = running.agent.hello().await;
    let mut refused = Vec::new();
    for uid in others {
        // The console's group opens the socket and nothing else.
        refused.push(hello_as(uid, CONSOLE, &running.socket, house.path()).await.unwrap());
    }

    assert!(console.contains("\"is\":\"hello\""), "{console}");
    assert!(root.is_ok(), "{root:?}");
    for (uid, said) in others.iter().zip(&refused) {
        assert!(said.contains("not-allowed") && !said.contains("hello"), "{uid}: {said}");
    }
    running.stop().await;
    let lines = journal(house.path());
    for uid in others {
        assert!(lines.iter().any(|line| line["uid"] == uid && line["outcome"] == "not-allowed"), "{uid}");
    }
}

/// Promise A2: the socket is 0660 in a directory that only root and the group may enter.
#[tokio::test]
async fn without_the_group_the_socket_cannot_even_be_reached() {
    if !is_root() {
        return;
    }
    let house = Scratch::new();
    let run = house.path().join("run");
    std::fs::create_dir(&run).unwrap();
    std::os::unix::fs::chown(&run, Some(0), Some(CONSOLE)).unwrap();
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o750)).unwrap();
    let more = format!("socket_group = {CONSOLE}\n");
    let settings = settings(house.path(), &more)
        .replace("peer = 0", &format!("peer = {CONSOLE}"))
        .replace("/agent.sock", "/run/agent.sock");
    let running = RunningAgent::start(&settings).await;
    let socket = std::fs::metadata(&running.socket).unwrap();
    assert_eq!((socket.mode() & 0o777, socket.uid(), socket.gid()), (0o660, 0, CONSOLE));

    let inside = hello_as(CONSOLE, CONSOLE, &running.socket, house.path()).await;
    let outside = hello_as(uid_of("www-data"), 33, &running.socket, house.path()).await;
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755)).unwrap();
    let at_the_socket = hello_as(uid_of("www-data"), 33, &running.socket, house.path()).await;

    assert!(inside.unwrap().contains("\"is\":\"hello\""));
    assert!(outside.unwrap_err().contains("Permission denied"));
    assert!(at_the_socket.unwrap_err().contains("Permission denied"));
    running.stop().await;
}

/// A connection. Where the socket's queue is full the kernel says so at once (unix(7), `EAGAIN`): then a little later.
async fn connect(socket: &std::path::Path) -> UnixStream {
    let start = Instant::now();
    loop {
        match UnixStream::connect(socket).await {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                assert!(start.elapsed() < Duration::from_mins(1), "the queue stays full");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            other => return other.unwrap(),
        }
    }
}

/// Promise F33.
#[tokio::test]
async fn ten_thousand_callers_half_frames_and_a_gigabyte_that_is_announced_stop_nobody() {
    let house = Scratch::new();
    let running = RunningAgent::start(&settings(house.path(), "")).await;
    let half = [0, 0, 0, 200, b'{', b'"'];
    let gigabyte = 1_000_000_000_u32.to_be_bytes();

    for nth in 0..10_000 {
        let mut stream = connect(&running.socket).await;
        match nth % 4 {
            0 => drop(stream.write_all(&half).await),
            1 => drop(stream.write_all(&gigabyte).await),
            2 => drop(stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await),
            _ => {}
        }
        drop(stream);
    }
    let mut stream = connect(&running.socket).await;
    stream.write_all(&gigabyte).await.unwrap();
    let refused: Option<Reply> = frame::read(&mut stream, 1000).await.unwrap();
    // Each of them is written down first; how fast the disk is is not meant here.
    let hello = running.agent.clone().with_deadline(Duration::from_mins(2)).hello().await;

    assert!(matches!(refused, Some(Err(Refusal::Malformed { .. }))), "{refused:?}");
    assert!(hello.is_ok(), "{hello:?}");
    running.stop().await;
}

/// Promise F33: a stopped agent takes connections (the kernel does) and says nothing.
#[tokio::test]
async fn an_agent_that_was_stopped_is_given_up_on_and_heard_again_when_it_goes_on() {
    let house = Scratch::new();
    let file = house.path().join("agent.toml");
    std::fs::write(&file, settings(house.path(), "")).unwrap();
    let program = Start::program(env!("CARGO_BIN_EXE_rampart-agent"), house.path());
    let child = program.arg("serve").arg("--config").arg(&file).spawn().unwrap();
    let agent = Agent::at(house.path().join("agent.sock"));
    wait_for(&agent, || false).await;

    child.signal(Signal::SIGSTOP).unwrap();
    let start = Instant::now();
    let name = OperatorName::parse("ann").unwrap();
    let (stopped, code) =
        tokio::join!(agent.factor(&name), agent.check_code(&name, Secret::new("123456".to_owned())));
    let waited = start.elapsed();
    child.signal(Signal::SIGCONT).unwrap();
    let again = agent.hello().await;

    assert!(matches!(stopped, Err(AgentError::Silent { .. })), "{stopped:?}");
    assert!(matches!(code, Err(AgentError::Silent { .. })), "{code:?}");
    assert!(waited < Duration::from_secs(20), "{waited:?}");
    assert!(again.is_ok(), "{again:?}");
}

/// One writer at a time. A change that comes while another is under way is told so, and nothing of it is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_changes_that_come_at_once_one_is_made_and_the_others_are_told_that_the_agent_is_busy() {
    if !is_root() {
        return;
    }
    let house = Scratch::new();
    // Asked by root, who needs no grant.
    let own = settings(house.path(), "[certificates]\nzones = ['example.com']\n");
    let running = RunningAgent::start(&own.replace("peer = 0", &format!("peer = {CONSOLE}"))).await;
    let name = CertificateName::parse("a.example.com").unwrap();

    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let (agent, name) = (running.agent.clone(), name.clone());
        callers.spawn(async move { agent.make_key(CertificateId(1), &[name], KeyKind::Rsa2048).await });
    }
    let outcomes = callers.join_all().await;

    let mut made: Vec<u32> = outcomes.iter().flatten().map(|made| made.generation.0).collect();
    made.sort_unstable();
    let busy = outcomes.iter().filter(|outcome| matches!(outcome, Err(AgentError::Refused(Refusal::Busy)))).count();
    assert_eq!(made, (1..=u32::try_from(made.len()).unwrap()).collect::<Vec<_>>());
    assert!(!made.is_empty() && busy > 0, "{outcomes:?}");
    assert_eq!(made.len() + busy, outcomes.len(), "{outcomes:?}");
    assert_eq!(std::fs::read_dir(house.path().join("place/certificates/1")).unwrap().count(), made.len());
    running.stop().await;
}
