//! Hostile text in every field of every request: refused, or never seen by any program (promise A8).

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use rampart::app::demo::nginx::Nginx;
use rampart::app::demo::process::{Child, Start};
use rampart::base::ids::CertificateId;
use rampart::base::names::CertificateName;
use rampart::host::Agent;
use rampart::wire::call::Call;
use rampart::wire::request::{KeyKind, Needs};
use serde_json::{Value, json};

use crate::agent_frames::{leaves, send};
use crate::agent_house::{Scratch, journal, settings, wait_for};
use crate::agent_install::Authority;
use crate::support::requests::{every, made_up_grant};

/// What the agent may start, and what those start themselves: apt asks dpkg for its architectures, and its own methods of
/// fetching what they can do.
const PROGRAMS: [&str; 9] = [
    "/usr/bin/setpriv",
    "/usr/sbin/nginx",
    "/usr/sbin/sshd",
    "/usr/bin/apt-get",
    "/usr/bin/apt-config",
    "/usr/bin/dpkg-query",
    "/usr/bin/dpkg",
    "/usr/lib/apt/methods/http",
    "/usr/lib/apt/methods/https",
];

/// Words that mean something to a shell, a program's options, nginx, fail2ban, iptables, a file system or a screen.
#[rustfmt::skip]
const PIECES: [&str; 50] = [
    "'", "\"", "`id`", "$(id)", "${IFS}", "; id", "| id", "& id", "&& id", "|| id", "> /tmp/x", "< /etc/shadow", "\n",
    "\r\n", "\t", "\0", "\u{7f}", "\u{1b}[2J", "-o", "--", "-", "--config=/etc/shadow", "-oDir::Etc=/tmp", "-s stop", "../",
    "../../../../etc/shadow", "/etc/shadow", "file:///etc/shadow", "\\", "%00", "%2e%2e%2f", "{", "}", ";",
    "; } server { listen 1; ", "include /etc/shadow;", "$host", "#", "*", "?", "~ ^", "<HOST>", "%(action)s", "failregex = .*",
    "-j ACCEPT", "-A INPUT -j ACCEPT", "! -s 0.0.0.0/0", "\u{202e}", "\u{2066}x\u{2069}", "\u{feff}",
];

/// 500 hostile texts: each piece alone, and in nine kinds of company.
fn hostile() -> Vec<String> {
    let long = "A".repeat(60 * 1024);
    let mut texts = Vec::new();
    for piece in PIECES {
        texts.extend([
            piece.to_owned(),
            format!("a.example.com{piece}"),
            format!("{piece}.example.com"),
            format!("a{piece}.example.com"),
            format!("*.{piece}example.com"),
            format!("ann{piece}"),
            format!("{piece}{piece}"),
            format!("-----BEGIN CERTIFICATE-----\n{piece}\n-----END CERTIFICATE-----\n"),
            format!("{piece} {piece}example.com"),
            format!("{piece}{long}"),
        ]);
    }
    texts
}

/// Every `execve` that strace has seen so far: the program and its arguments as strace writes them.
fn executed(log: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(log).unwrap();
    let calls = text.lines().filter_map(|line| line.split_once("execve(")?.1.rsplit_once("], 0x"));
    calls.map(|(call, _)| call.to_owned()).collect()
}

struct Traced {
    agent: Agent,
    _child: Child,
    nginx: Nginx,
    house: Scratch,
}

impl Traced {
    /// The agent's own program under strace, with the host's sshd and apt and an nginx of its own.
    async fn start() -> Self {
        let house = Scratch::new();
        std::fs::create_dir(house.path().join("nginx")).unwrap();
        let include = house.path().join("place/nginx");
        let nginx = Nginx::start(&house.path().join("nginx"), &include).await.unwrap();
        let more = format!(
            "{}[ssh]\nprivate_run = true\n[certificates]\nzones = ['example.com']\n",
            nginx.agent_settings(&include)
        );
        let file = house.path().join("agent.toml");
        // Asked by root, who needs no grant: so that every request gets as far as it can.
        let settings = settings(house.path(), &more).replace("peer = 0", "peer = 61001");
        std::fs::write(&file, settings).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let strace = Start::program("/usr/bin/strace", house.path());
        let strace = strace.arg("-f").arg("-qq").arg("-s").arg("70000").arg("-e").arg("trace=execve,execveat");
        let strace = strace.arg("--seccomp-bpf").arg("-o").arg(house.path().join("executed"));
        let program = strace.arg(env!("CARGO_BIN_EXE_rampart-agent")).arg("serve").arg("--config").arg(&file);
        let child = program.spawn().unwrap();
        let agent = Agent::at(house.path().join("agent.sock"));
        wait_for(&agent, || false).await;
        Self { agent, _child: child, nginx, house }
    }

    fn executed(&self) -> BTreeSet<String> {
        executed(&self.house.path().join("executed"))
    }

    /// Has everything done that starts a program, with names as odd as names may be.
    async fn honest_work(&self) {
        let names = ["*.xn--80ak6aa92e.example.com", "1.2-3.example.com"];
        let authority = Authority::new();
        let parsed: Vec<_> = names.iter().map(|name| CertificateName::parse(name).unwrap()).collect();
        let made = self.agent.make_key(CertificateId(7), &parsed, KeyKind::EcdsaP256).await.unwrap();
        let chain = authority.sign(&made.csr, KeyKind::EcdsaP256, &names);
        self.agent.install(CertificateId(7), made.generation, &chain).await.unwrap();
        self.agent.ssh().await.unwrap();
        self.agent.packages().await.unwrap();
    }
}

/// ASVS 1.2.5, 1.3.3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_text_in_any_field_reaches_no_argument_and_starts_no_program() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("not tested: without root the agent's memory is closed to strace");
        return;
    }
    let traced = Traced::start().await;
    traced.honest_work().await;
    let honest = traced.executed();
    let include = traced.house.path().join("place/nginx/certificate-7.conf");
    let served = std::fs::read(&include).unwrap();
    let hostile = hostile();
    assert_eq!(hostile.len(), 500);

    let mut sent = 0;
    let socket = traced.house.path().join("agent.sock");
    let mut callers = tokio::task::JoinSet::new();
    for request in every() {
        // A grant's fields are the same in every call; with those that only read, each would start sshd or apt.
        let grant = (request.needs() != Needs::Nothing).then(made_up_grant);
        let call = Call { grant, ..Call::bare(request) };
        let call = serde_json::to_value(&call).unwrap();
        for place in leaves(&call).into_iter().filter(|place| call.pointer(place).is_some_and(Value::is_string)) {
            sent += hostile.len();
            callers.spawn(attack(socket.clone(), call.clone(), place, hostile.clone()));
        }
    }
    while let Some(attacked) = callers.join_next().await {
        attacked.unwrap();
    }

    assert!(sent > 10_000, "{sent}");
    let after = traced.executed();
    assert_eq!(after, honest, "a program was started that honest work does not start, or with other arguments");
    for call in &after {
        let program = call.split('"').nth(1).unwrap();
        assert!(PROGRAMS.contains(&program) || program.ends_with("/rampart-agent"), "{call}");
    }
    for wanted in ["/usr/sbin/nginx", "/usr/sbin/sshd", "/usr/bin/apt-get"] {
        assert!(after.iter().any(|call| call.contains(wanted)), "{wanted} was not seen: strace saw nothing");
    }
    assert_eq!(std::fs::read(&include).unwrap(), served);
    assert!(traced.agent.hello().await.is_ok());
    // Each line of the journal is a JSON object, whatever was asked.
    assert!(!journal(traced.house.path()).is_empty());
    drop(traced.nginx);
}

/// Puts each text in the same place of the same call.
async fn attack(socket: std::path::PathBuf, call: Value, place: String, texts: Vec<String>) {
    for text in texts {
        let mut call = call.clone();
        *call.pointer_mut(&place).unwrap() = json!(text);
        let body = call.to_string().into_bytes();
        let frame = [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], &body].concat();
        let answered = tokio::time::timeout(Duration::from_mins(2), send(&socket, &frame)).await.unwrap();
        assert!(answered.is_some(), "no answer to {text:?} at {place}");
    }
}
