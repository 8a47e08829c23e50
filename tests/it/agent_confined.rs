//! What the agent and the console give up when they start: measured from outside in `/proc`, and from inside by a program
//! that the agent starts as if it were sshd.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use rampart::app::demo::process::{Child, RunAs, Start, free_port};
use rampart::host::Agent;
use rampart::wire::answer::SshFacts;

use crate::agent_house::{Scratch, settings, wait_for};

/// Bits of capabilities(7): CHOWN 0, `DAC_OVERRIDE` 1, FOWNER 3, SETPCAP 8, `NET_BIND_SERVICE` 10.
const KEPT: u64 = 1 | 1 << 1 | 1 << 3 | 1 << 8 | 1 << 10 | 1 << 12 | 1 << 13;

/// Tries system calls and prints, as sshd prints its settings, what the kernel said: an errno, or 0. All of them are
/// harmless where they are allowed, and none of them answers 1 (`EPERM`) there.
const PROBE: &str = r#"#!/usr/bin/perl
if ($ARGV[0] eq "-V") { print STDERR "OpenSSH_0.0 probe\n"; exit 0 }
my %calls = (
    ptrace => [101, 0, 0, 0, 0], personality => [135, 0xffffffff], keyctl => [250, 99, 0, 0, 0, 0],
    add_key => [248, 0, 0, 0, 0, 0], request_key => [249, 0, 0, 0, 0], process_vm_readv => [310, $$, 0, 0, 0, 0, 0],
    kcmp => [312, $$, $$, 0, 0, 0], io_uring_setup => [425, 0, 0], name_to_handle_at => [303, -100, 0, 0, 0, 0],
    getpid => [39],
);
for my $name (keys %calls) {
    my @call = @{$calls{$name}};
    $! = 0;
    my $said = syscall(shift @call, @call);
    printf "call.%s %d\n", $name, $said == -1 ? $! + 0 : 0;
}
open(my $status, "<", "/proc/self/status");
while (<$status>) { print "status.$1 $2\n" if /^(Cap\w+|NoNewPrivs|Seccomp):\s+(\w+)/ }
open(my $limits, "<", "/proc/self/limits");
while (<$limits>) { print "limit.core $1 $2\n" if /^Max core file size\s+(\w+)\s+(\w+)/ }
print "umask ", umask, "\n";
"#;

fn write_probe(house: &Scratch) -> std::path::PathBuf {
    let text = house.path().join("probe.pl");
    std::fs::write(&text, PROBE).unwrap();
    copy_to_run(&text, &house.path().join("probe"))
}

/// Copied by a child: a file that we ourselves held open for writing could be busy when it is to be started.
fn copy_to_run(from: &Path, to: &Path) -> std::path::PathBuf {
    Start::program("/bin/cp", "/").arg(from).arg(to).run().unwrap();
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o755)).unwrap();
    to.to_owned()
}

/// The program itself, as it would run as a service.
async fn start_agent(house: &Scratch, more: &str, peer: Option<u32>) -> (Child, Agent) {
    let file = house.path().join("agent.toml");
    let own = settings(house.path(), more);
    let settings = peer.map_or(own.clone(), |peer| own.replace("peer = 0", &format!("peer = {peer}")));
    std::fs::write(&file, settings).unwrap();
    let program = Start::program(env!("CARGO_BIN_EXE_rampart-agent"), house.path());
    let child = program.arg("serve").arg("--config").arg(&file).spawn().unwrap();
    let agent = Agent::at(house.path().join("agent.sock"));
    wait_for(&agent, || false).await;
    (child, agent)
}

/// `/proc/<pid>/status`, the lines of capabilities, seccomp and users.
fn status(pid: u32) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect()
}

fn bits(status: &BTreeMap<String, String>, key: &str) -> u64 {
    u64::from_str_radix(&status[key], 16).unwrap()
}

fn told(facts: &SshFacts, key: &str) -> String {
    let settings = &facts.contexts[0].settings;
    settings.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone()).unwrap()
}

/// ASVS 13.2.2.
#[tokio::test]
async fn the_agent_keeps_seven_capabilities_and_cannot_gain_or_dump_anything() {
    let house = Scratch::new();
    let (child, _agent) = start_agent(&house, "", None).await;

    let seen = status(child.pid());

    assert_eq!((seen["NoNewPrivs"].as_str(), seen["Seccomp"].as_str()), ("1", "2"));
    assert_eq!((bits(&seen, "CapInh"), bits(&seen, "CapAmb")), (0, 0));
    for key in ["CapEff", "CapPrm"] {
        assert_eq!(bits(&seen, key) & !KEPT, 0, "{key}: {}", seen[key]);
    }
    if nix::unistd::Uid::effective().is_root() {
        assert_eq!(bits(&seen, "CapBnd"), KEPT);
        assert_eq!(bits(&seen, "CapEff"), KEPT);
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    // Every thread, and not only the first: filters and capabilities belong to threads.
    for task in std::fs::read_dir(format!("/proc/{}/task", child.pid())).unwrap() {
        let text = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        assert!(text.contains("Seccomp:\t2\n") && text.contains("NoNewPrivs:\t1\n"), "{text}");
    }
}

/// ASVS 13.2.2.
#[tokio::test]
async fn what_the_agent_starts_has_no_capability_and_the_same_calls_are_closed_to_it() {
    let house = Scratch::new();
    let probe = write_probe(&house);
    let outside = Start::program(&probe, house.path()).run().unwrap();
    let (_child, agent) = start_agent(&house, &format!("[ssh]\nprogram = '{}'\n", probe.display()), None).await;

    let facts = agent.ssh().await.unwrap();

    let calls: Vec<&str> = outside.lines().filter_map(|line| line.strip_prefix("call.")).collect();
    assert_eq!(calls.len(), 10, "{outside}");
    for line in calls {
        let (name, said) = line.split_once(' ').unwrap();
        assert_ne!(said, "1", "{name} is closed outside too: the probe would prove nothing");
        let wanted = if name == "getpid" { "0" } else { "1" };
        assert_eq!(told(&facts, &format!("call.{name}")), wanted, "{name}");
    }
    for key in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(told(&facts, &format!("status.{key}")), "0000000000000000", "{key}");
    }
    if nix::unistd::Uid::effective().is_root() {
        assert_eq!(told(&facts, "status.CapBnd"), "0000000000000000");
    }
    assert_eq!(told(&facts, "status.NoNewPrivs"), "1");
    assert_eq!(told(&facts, "limit.core"), "0 0");
    assert_eq!(told(&facts, "umask"), "63");
}

/// The console as its own user, without neighbours; its store's key is a credential of systemd's.
async fn start_console(house: &Scratch) -> (Child, u32) {
    let state = house.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let port = free_port().unwrap();
    let config = house.path().join("rampart.toml");
    std::fs::write(&config, format!("[console]\nlisten = '127.0.0.1:{port}'\n")).unwrap();
    let uid = if nix::unistd::Uid::effective().is_root() { 65_534 } else { nix::unistd::Uid::effective().as_raw() };
    let gid = if uid == 65_534 { 65_534 } else { nix::unistd::Gid::effective().as_raw() };
    std::os::unix::fs::chown(&state, Some(uid), Some(gid)).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).unwrap();
    // Copied where that user may go.
    let program = copy_to_run(Path::new(env!("CARGO_BIN_EXE_rampart")), &house.path().join("rampart"));
    let credentials = house.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::write(credentials.join("store.key"), [9_u8; 32]).unwrap();
    std::fs::set_permissions(credentials.join("store.key"), std::fs::Permissions::from_mode(0o400)).unwrap();
    std::os::unix::fs::chown(credentials.join("store.key"), Some(uid), Some(gid)).unwrap();
    let start = Start::program(&program, house.path()).arg("serve").env("RAMPART_STATE_DIR", &state);
    let start = start.env("CREDENTIALS_DIRECTORY", &credentials);
    let mut child = start.env("RAMPART_CONFIG", &config).run_as(RunAs { uid, gid }).spawn().unwrap();
    let is_open = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
    child.wait_until(Duration::from_mins(1), is_open).await.unwrap();
    (child, uid)
}

/// ASVS 13.2.2.
#[tokio::test]
async fn the_console_has_no_capability_cannot_gain_any_and_shows_nobody_its_memory() {
    let house = Scratch::new();
    let (child, uid) = start_console(&house).await;

    let seen = status(child.pid());

    assert!(seen["Uid"].split_whitespace().all(|each| each == uid.to_string()), "{}", seen["Uid"]);
    for key in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(bits(&seen, key), 0, "{key}");
    }
    assert_eq!((seen["NoNewPrivs"].as_str(), seen["Seccomp"].as_str()), ("1", "2"));
    // What cannot be dumped belongs to root in /proc, whoever runs it.
    assert_eq!(std::fs::metadata(format!("/proc/{}/environ", child.pid())).unwrap().uid(), 0);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.pid())).unwrap();
    assert!(limits.lines().any(|line| line.starts_with("Max core file size") && line.contains(" 0 ")), "{limits}");
    assert!(!house.path().join("state/store.key").exists(), "it made a key beside the one that systemd keeps");
    assert!(child.log().contains("Landlock"), "it does not say how far its files are closed: {}", child.log());
}

/// ASVS 13.2.2, promise C19: every place where a key of the agent's lies.
#[tokio::test]
async fn the_consoles_user_can_open_nothing_in_the_agents_place() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("not tested: only root can become another user");
        return;
    }
    let house = Scratch::new();
    // Asked by root, who needs no grant.
    let more = "[certificates]\nzones = ['example.com']\n";
    let (_child, agent) = start_agent(&house, more, Some(61_001)).await;
    for id in 1..=15 {
        let name = rampart::base::names::CertificateName::parse("a.example.com").unwrap();
        let id = rampart::base::ids::CertificateId(id);
        agent.make_key(id, &[name], rampart::wire::request::KeyKind::EcdsaP256).await.unwrap();
    }
    let mut files = Vec::new();
    all_below(&house.path().join("place"), &mut files);
    assert!(files.len() >= 30, "{files:?}");

    for file in files {
        let start = Start::program("/bin/cat", house.path()).arg(&file).run_as(RunAs { uid: 65_534, gid: 65_534 });
        let error = start.run().unwrap_err();
        assert!(error.to_string().contains("Permission denied"), "{}: {error}", file.display());
    }
}

fn all_below(directory: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all_below(&path, files) } else { files.push(path) }
    }
}
