//! Whatever comes over the socket, the agent answers or closes, changes nothing, does not grow and never panics.
//!
//! `RAMPART_FRAMES` says how many frames each test makes; `make test-long` asks for 1,000,000. The seed is fixed, and the
//! number of a frame that failed is in the message.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, Once};
use std::time::Duration;

use rampart::app::demo::process::{Child, Start};
use rampart::base::encoding::sha256_hex;
use rampart::host::Agent;
use rampart::wire::answer::{Refusal, Reply};
use rampart::wire::call::Call;
use rampart::wire::frame::{self, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES};
use rampart::wire::request::Request;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use crate::agent_house::{RunningAgent, Scratch, settings, wait_for};
use crate::support::replies::every_reply;
use crate::support::requests::{every, made_up_grant, nested};

/// The most memory that the agent may ever have had, in KiB (promise A1).
const MAX_RESIDENT_KIB: u64 = 64 * 1024;

/// How many callers speak at once.
const CALLERS: usize = 8;

fn frames(usual: usize) -> usize {
    std::env::var("RAMPART_FRAMES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// What strange text looks like.
const STRANGE: [&str; 14] = [
    "",
    "\u{0}",
    "\u{202e}",
    "$(id)",
    "`id`",
    "-o",
    "--",
    "../../etc/shadow",
    "a\nb",
    "\"",
    "\\",
    "{}",
    "'; DROP",
    "é",
];

/// Numbers that do not fit somewhere.
const NUMBERS: [&str; 10] = [
    "-1",
    "0",
    "1.5",
    "1e400",
    "-1e400",
    "9223372036854775808",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "1e-400",
    "00",
];

/// Makes frames from a seed: random bytes, well-formed calls, and those broken in one of many ways.
struct Maker {
    random: StdRng,
    calls: Vec<Value>,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let mut calls = Vec::new();
        for request in every() {
            let bare = Call::bare(request.clone());
            calls.push(serde_json::to_value(&bare).unwrap());
            calls.push(serde_json::to_value(&Call { grant: Some(made_up_grant()), ..bare }).unwrap());
            calls.push(serde_json::to_value(Call::bare(nested(request, 3))).unwrap());
        }
        Self { random: StdRng::seed_from_u64(seed), calls }
    }

    fn up_to(&mut self, limit: usize) -> usize {
        self.random.random_range(0..limit.max(1))
    }

    /// The body of one frame.
    fn body(&mut self) -> Vec<u8> {
        let nth = self.up_to(self.calls.len());
        let mut call = self.calls[nth].clone();
        let kind = self.up_to(16);
        match kind {
            0 => return self.noise(),
            1 => return self.deep(),
            3..=6 => self.change_a_leaf(&mut call),
            7 => self.add_a_field(&mut call),
            8 => self.take_a_field(&mut call),
            9 => return self.with_a_key_twice(&call),
            _ => {}
        }
        let mut bytes = call.to_string().into_bytes();
        match kind {
            10 => self.flip(&mut bytes),
            11 => bytes.truncate(self.up_to(bytes.len())),
            12 => bytes.extend(bytes.clone()),
            13 => return self.with_a_strange_number(&bytes),
            14 => return self.with_a_lone_surrogate(&bytes),
            15 => {
                let noise = self.noise();
                let place = self.up_to(bytes.len());
                bytes.splice(place..place, noise);
            }
            _ => {}
        }
        bytes
    }

    fn noise(&mut self) -> Vec<u8> {
        let length = self.up_to(300);
        (0..length).map(|_| self.random.random()).collect()
    }

    /// Lists, maps, or `make-grant` inside `make-grant`, deeper than anybody needs.
    fn deep(&mut self) -> Vec<u8> {
        let depth = 1 + self.up_to(3000);
        match self.up_to(3) {
            0 => format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes(),
            1 => format!("{}1{}", "{\"request\":".repeat(depth), "}".repeat(depth)).into_bytes(),
            _ => {
                let depth = depth % 300;
                let front = "{\"ask\":\"make-grant\",\"operator\":\"ann\",\"session\":\"".to_owned()
                    + &"5e".repeat(32)
                    + "\",\"code\":\"123456\",\"what\":";
                let inside = "{\"ask\":\"hello\"}";
                let text = format!("{{\"request\":{}{inside}{}}}", front.repeat(depth), "}".repeat(depth));
                text.into_bytes()
            }
        }
    }

    fn flip(&mut self, bytes: &mut [u8]) {
        for _ in 0..=self.up_to(4) {
            let (place, bit) = (self.up_to(bytes.len()), self.up_to(8));
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << bit;
            }
        }
    }

    fn strange(&mut self) -> Value {
        match self.up_to(9) {
            0 => Value::Null,
            1 => json!(true),
            2 => json!([]),
            3 => json!({}),
            4 => json!(self.random.random::<i64>()),
            5 => json!(self.random.random::<f64>()),
            6 => json!("x".repeat(self.up_to(70_000))),
            _ => json!(STRANGE[self.up_to(STRANGE.len())]),
        }
    }

    fn change_a_leaf(&mut self, call: &mut Value) {
        let strange = self.strange();
        let places = leaves(call);
        if let Some(leaf) = places.get(self.up_to(places.len())).and_then(|place| call.pointer_mut(place)) {
            *leaf = strange;
        }
    }

    fn add_a_field(&mut self, call: &mut Value) {
        let (strange, places) = (self.strange(), maps(call));
        let map = places.get(self.up_to(places.len())).and_then(|place| call.pointer_mut(place)).unwrap();
        let name = ["path", "command", "ask", "grant", "__proto__", ""][self.up_to(6)];
        map.as_object_mut().unwrap().insert(name.to_owned(), strange);
    }

    fn take_a_field(&mut self, call: &mut Value) {
        let places = maps(call);
        let map = places.get(self.up_to(places.len())).and_then(|place| call.pointer_mut(place)).unwrap();
        let map = map.as_object_mut().unwrap();
        let nth = self.random.random_range(0..map.len().max(1));
        if let Some(name) = map.keys().nth(nth).cloned() {
            map.remove(&name);
        }
    }

    fn with_a_key_twice(&mut self, call: &Value) -> Vec<u8> {
        let inner = call["request"].to_string();
        let key = ["\"ask\":\"hello\",", "\"ask\":1,", "\"certificate\":2,", "\"operator\":\"bea\","][self.up_to(4)];
        format!("{{\"request\":{{{key}{},\"request\":{inner}}}", &inner[1..]).into_bytes()
    }

    fn with_a_strange_number(&mut self, bytes: &[u8]) -> Vec<u8> {
        let number = NUMBERS[self.up_to(NUMBERS.len())];
        let text = String::from_utf8_lossy(bytes);
        let key = ["\"certificate\":7", "\"generation\":1", "\"request\":"][self.up_to(3)];
        let new = key.trim_end_matches(|letter: char| letter.is_ascii_digit()).to_owned() + number;
        text.replace(key, &new).into_bytes()
    }

    fn with_a_lone_surrogate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(bytes);
        let half = ["\\ud800", "\\udfff", "\\ud800\\u0041", "\\u0000", "\\uZZZZ"][self.up_to(5)];
        text.replacen(['a', 'e', '1'], half, 2).into_bytes()
    }

    /// A whole frame, whose length is mostly true.
    fn frame(&mut self) -> Vec<u8> {
        let body = self.body();
        let length = u32::try_from(body.len()).unwrap();
        let said = match self.up_to(40) {
            0 => length.wrapping_sub(1),
            1 => length + 1,
            2 => self.random.random(),
            _ => length,
        };
        [&said.to_be_bytes()[..], &body].concat()
    }
}

/// The places of everything that is neither a list nor a map.
pub(crate) fn leaves(value: &Value) -> Vec<String> {
    places(value, "", &|value| !value.is_object() && !value.is_array())
}

fn maps(value: &Value) -> Vec<String> {
    places(value, "", &Value::is_object)
}

fn places(value: &Value, at: &str, is_wanted: &dyn Fn(&Value) -> bool) -> Vec<String> {
    let mut found = if is_wanted(value) { vec![at.to_owned()] } else { Vec::new() };
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                found.extend(places(inner, &format!("{at}/{name}"), is_wanted));
            }
        }
        Value::Array(list) => {
            for (nth, inner) in list.iter().enumerate() {
                found.extend(places(inner, &format!("{at}/{nth}"), is_wanted));
            }
        }
        _ => {}
    }
    found
}

/// The names of the watched threads that panicked.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

const WATCHED: &str = "watched-agent";

fn panics_of(thread: &str) -> usize {
    PANICS.lock().unwrap().iter().filter(|name| *name == thread).count()
}

fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if let Some(name) = std::thread::current().name().filter(|name| name.starts_with("watched-")) {
                PANICS.lock().unwrap().push(name.to_owned());
            }
            usual(panic);
        }));
    });
}

/// Every file below `directory` with the digest of its bytes, but the journal.
fn tree(directory: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            if path.is_dir() {
                open.push(path);
                files.insert(name, "a directory".to_owned());
            } else if !["journal.jsonl", "rampart-agent.log", "agent.sock"].iter().any(|own| name.contains(own)) {
                files.insert(name, sha256_hex(&std::fs::read(&path).unwrap()));
            }
        }
    }
    files
}

/// The files that are not as they were. Wrong codes are counted, in the operator's file among the factors.
fn changes(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let is_changed = |name: &&&String| before.get(**name) != after.get(**name) && !name.contains("/place/factors/");
    names.iter().filter(is_changed).map(|name| (*name).clone()).collect()
}

/// Settings of an agent that may make no key, names no nginx, and whose sshd and apt are `true`. Root has no say: what is
/// sent here as root must not count as root's wish.
fn closed_settings(house: &Path) -> String {
    std::fs::create_dir_all(house.join("bin")).unwrap();
    for name in ["sshd", "apt-get", "apt-config", "dpkg-query"] {
        drop(std::os::unix::fs::symlink("/bin/true", house.join("bin").join(name)));
    }
    let bin = house.join("bin").display().to_string();
    let more = format!("root_may_ask = false\n[ssh]\nprogram = '{bin}/sshd'\n[packages]\nprograms = '{bin}'\n");
    settings(house, &more)
}

/// What became of a frame: an answer, or the end of the connection.
pub(crate) async fn send(socket: &Path, frame: &[u8]) -> Option<Reply> {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    // An agent that has refused already does not read the rest.
    drop(stream.write_all(frame).await);
    drop(stream.shutdown().await);
    let reply = frame::read::<Reply>(&mut stream, MAX_ANSWER_BYTES);
    let ended = tokio::time::timeout(Duration::from_mins(1), reply).await;
    ended.unwrap_or_else(|_| panic!("neither answered nor closed")).unwrap_or(None)
}

/// Sends `count` frames from some callers at once; how many got which answer.
async fn storm(socket: &Path, count: usize, seed: u64) -> BTreeMap<String, usize> {
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let socket = socket.to_owned();
        callers.spawn(async move {
            let mut maker = Maker::new(seed + caller as u64);
            let mut answers = BTreeMap::new();
            for _ in 0..count.div_ceil(CALLERS) {
                let answer = match send(&socket, &maker.frame()).await {
                    None => "closed".to_owned(),
                    Some(Ok(_)) => "done".to_owned(),
                    Some(Err(refusal)) => serde_json::to_value(&refusal).unwrap()["refusal"].to_string(),
                };
                *answers.entry(answer).or_insert(0) += 1;
            }
            answers
        });
    }
    let mut all = BTreeMap::new();
    while let Some(answers) = callers.join_next().await {
        for (answer, count) in answers.unwrap() {
            *all.entry(answer).or_insert(0) += count;
        }
    }
    all
}

/// A line of `/proc/<pid>/status` that is a number of KiB.
fn kib(child: &Child, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// ASVS 1.5.2.
#[tokio::test]
async fn the_decoder_takes_any_bytes_and_what_it_accepts_is_what_was_meant() {
    let mut maker = Maker::new(1);
    let mut accepted = 0;

    for nth in 0..frames(40_000) {
        let frame = maker.frame();
        let mut bytes = frame.as_slice();
        if let Ok(Some(call)) = frame::read::<Call>(&mut bytes, MAX_REQUEST_BYTES).await {
            accepted += 1;
            let again: Call = serde_json::from_slice(&serde_json::to_vec(&call).unwrap()).unwrap();
            assert_eq!(again, call, "frame {nth}");
        }
    }

    assert!(accepted > frames(40_000) / 50, "{accepted} frames were well-formed: the rest of the agent saw nothing");
}

/// ASVS 1.5.2. The agent lives in this program: a panic anywhere in it is seen.
#[test]
fn a_storm_of_frames_makes_no_conversation_panic_and_changes_nothing() {
    watch_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(WATCHED)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let house = Scratch::new();
        let running = RunningAgent::start(&closed_settings(house.path())).await;
        let before = tree(house.path());

        let answers = storm(&running.socket, frames(4_000), 1000).await;

        assert!(running.agent.hello().await.is_ok());
        assert_eq!(changes(&before, &tree(house.path())), Vec::<String>::new());
        for wanted in ["closed", "done", "\"malformed\"", "\"not-allowed\""] {
            assert!(answers.contains_key(wanted), "no frame was {wanted}: {answers:?}");
        }
        running.stop().await;
    });

    assert_eq!(panics_of(WATCHED), 0, "a conversation panicked");
}

/// ASVS 1.5.2. The program itself, over its socket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_outlives_a_storm_of_frames_and_stays_small() {
    let house = Scratch::new();
    let file = house.path().join("agent.toml");
    std::fs::write(&file, closed_settings(house.path())).unwrap();
    let program = Start::program(env!("CARGO_BIN_EXE_rampart-agent"), house.path());
    let mut child = program.arg("serve").arg("--config").arg(&file).spawn().unwrap();
    let agent = Agent::at(house.path().join("agent.sock"));
    wait_for(&agent, || false).await;
    let before = tree(house.path());

    storm(&house.path().join("agent.sock"), frames(20_000) / 10, 2000).await;

    assert!(child.ended().is_none());
    assert!(agent.hello().await.is_ok());
    assert_eq!(changes(&before, &tree(house.path())), Vec::<String>::new());
    assert!(!child.log().contains("panicked"), "{}", child.log());
    let resident = kib(&child, "VmHWM:");
    eprintln!("the agent had at most {resident} KiB");
    assert!(resident <= MAX_RESIDENT_KIB, "{resident} KiB");
}

/// ASVS 1.5.2.
#[test]
fn a_field_that_nobody_knows_is_refused_in_every_map_of_every_call_and_reply() {
    let mut tried = 0;
    for reply in every_reply() {
        let value = serde_json::to_value(&reply).unwrap();
        assert_eq!(serde_json::from_value::<Reply>(value.clone()).unwrap(), reply);
        for place in maps(&value) {
            let mut more = value.clone();
            more.pointer_mut(&place).unwrap().as_object_mut().unwrap().insert("unknown".to_owned(), json!(1));
            assert!(serde_json::from_value::<Reply>(more.clone()).is_err(), "{place} of {more}");
        }
    }
    for request in every() {
        let call = Call { grant: Some(made_up_grant()), ..Call::bare(nested(request, 1)) };
        let value = serde_json::to_value(&call).unwrap();
        assert_eq!(serde_json::from_value::<Call>(value.clone()).unwrap(), call);
        for place in maps(&value) {
            let mut more = value.clone();
            more.pointer_mut(&place).unwrap().as_object_mut().unwrap().insert("unknown".to_owned(), json!(1));
            assert!(serde_json::from_value::<Call>(more.clone()).is_err(), "{place} of {more}");
            tried += 1;
        }
    }

    assert!(tried > 3 * every().len(), "{tried}");
}

#[tokio::test]
async fn a_request_that_is_nested_deeper_than_anybody_needs_is_refused_and_never_runs() {
    let house = Scratch::new();
    let running = RunningAgent::start(&closed_settings(house.path())).await;
    let deepest = nested(Request::ForgetFactor { operator: "ann".parse().unwrap() }, 100);
    let body = serde_json::to_vec(&Call::bare(deepest)).unwrap();
    let frame = [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], &body].concat();

    let reply = send(&running.socket, &frame).await;

    assert!(matches!(reply, Some(Err(Refusal::Malformed { .. } | Refusal::NotAllowed { .. }))), "{reply:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_gibibyte_that_is_announced_is_refused_before_it_comes() {
    let house = Scratch::new();
    let running = RunningAgent::start(&closed_settings(house.path())).await;

    let reply = send(&running.socket, &(1_u32 << 30).to_be_bytes()).await;

    assert!(matches!(reply, Some(Err(Refusal::Malformed { .. }))), "{reply:?}");
    running.stop().await;
}

#[test]
fn a_panic_in_a_watched_thread_is_seen_and_one_elsewhere_is_not() {
    watch_panics();

    for name in ["watched-probe", "bystander"] {
        let thread = std::thread::Builder::new().name(name.to_owned());
        assert!(thread.spawn(|| std::panic::panic_any("on purpose")).unwrap().join().is_err());
    }

    assert_eq!(panics_of("watched-probe"), 1);
    assert_eq!(panics_of("bystander"), 0);
}
