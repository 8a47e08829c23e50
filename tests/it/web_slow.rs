//! Slow, silent, large and many: whoever does it harms only themselves. Every test uses the real listener, with TLS.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rampart::app::demo::process::{Start, free_port};
use rampart::app::listener::Deadlines;
use rampart::app::places::Most;
use reqwest::StatusCode;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;

use crate::agent_house::Scratch;
use crate::support::app::{HOST, Neighbours};
use crate::support::browser::Browser;
use crate::support::listener::{Listening, answers, connector, hear, talk};

/// Far longer than any deadline of the console.
const PATIENCE: Duration = Duration::from_mins(1);

const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn head(method: &str, path: &str, more: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nSec-Fetch-Site: same-origin\r\n{more}\r\n")
}

#[tokio::test]
async fn who_says_nothing_or_half_a_request_is_cut_off() {
    let console = Listening::alone().await;
    let start = Instant::now();

    let mut silent = console.open(LOOPBACK).await.unwrap();
    let mut half = console.open(LOOPBACK).await.unwrap();
    half.write_all(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: ").as_bytes()).await.unwrap();
    let mut idle = console.open(LOOPBACK).await.unwrap();
    idle.write_all(head("GET", "/healthz", "").as_bytes()).await.unwrap();
    let mut without_tls = console.tcp(LOOPBACK).await;
    without_tls.write_all(&[22, 3, 1]).await.unwrap();
    let (silent, half, idle, without_tls) = tokio::join!(
        hear(&mut silent, PATIENCE),
        hear(&mut half, PATIENCE),
        hear(&mut idle, PATIENCE),
        hear(&mut without_tls, PATIENCE)
    );

    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    assert!(silent.is_empty() && without_tls.is_empty(), "{silent:?} {without_tls:?}");
    assert!(answers(&half).iter().all(|answer| answer.status == 408), "{half:?}");
    assert_eq!(answers(&idle).iter().map(|answer| answer.status).collect::<Vec<_>>(), [204]);
    drained(&console).await;
}

/// Waits until every place is given back.
async fn drained(console: &Listening) {
    let start = Instant::now();
    while console.places.taken() > 0 {
        assert!(start.elapsed() < PATIENCE, "{} places are still taken", console.places.taken());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_given_up_with_a_page() {
    let console = Listening::alone().await;
    let mut stream = console.open(LOOPBACK).await.unwrap();
    let start = Instant::now();

    stream.write_all(head("POST", "/sign-in", "Content-Length: 1000\r\n").as_bytes()).await.unwrap();
    let (mut reading, mut writing) = tokio::io::split(stream);
    // One byte now and then, so that it is never silent.
    let dripping = tokio::spawn(async move {
        while writing.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    let heard = answers(&hear(&mut reading, PATIENCE).await);
    dripping.abort();

    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0].status, 408);
    assert!(heard[0].body.contains("did not arrive in time"), "{}", heard[0].body);
    assert!(start.elapsed() < Duration::from_secs(50), "{:?}", start.elapsed());
}

#[tokio::test]
async fn of_a_large_body_little_is_read() {
    let console = Listening::alone().await;
    let most = 128 * 1024;

    for more in ["Content-Length: 10000000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let stream = console.open(LOOPBACK).await.unwrap();
        let (mut reading, mut writing) = tokio::io::split(stream);
        let request = head("POST", "/sign-in", more);
        let pouring = tokio::spawn(async move {
            let mut sent = 0;
            writing.write_all(request.as_bytes()).await.unwrap();
            let chunk = [b"400\r\n".as_slice(), &[b'x'; 1024], b"\r\n"].concat();
            while sent < 10_000_000 && writing.write_all(&chunk).await.is_ok() && writing.flush().await.is_ok() {
                sent += chunk.len();
            }
            sent
        });
        let heard = answers(&hear(&mut reading, Duration::from_secs(10)).await);
        let sent = tokio::time::timeout(PATIENCE, pouring).await.unwrap().unwrap();

        // What is still unread when a connection ends may take the answer with it.
        let expected = if more.starts_with('C') { 413 } else { 411 };
        assert!(heard.iter().all(|answer| answer.status == expected), "{heard:?}");
        assert!(sent <= most, "{more}: {sent} bytes went through");
    }
    // A visitor who waits for the answer gets it.
    let mut stream = console.open(LOOPBACK).await.unwrap();
    let heard = talk(&mut stream, head("POST", "/sign-in", "Content-Length: 65537\r\n").as_bytes(), PATIENCE).await;
    assert_eq!(heard[0].status, 413);
    assert!(heard[0].body.contains("64 KiB"));
    drained(&console).await;
}

#[tokio::test]
async fn too_many_headers_or_cookies_are_refused() {
    let console = Listening::alone().await;
    let cookies: Vec<String> = (0..1_000).map(|nth| format!("c{nth}=1")).collect();
    let lines: Vec<String> = (0..1_000).map(|nth| format!("Cookie: c{nth}=1\r\n")).collect();
    let shapes = [
        format!("X-Large: {}\r\n", "x".repeat(100_000)),
        format!("{}: x\r\n", "X".repeat(100_000)),
        format!("Cookie: {}\r\n", cookies.join("; ")),
        lines.concat(),
        format!("Cookie: {}\r\n", "c".repeat(20_000)),
    ];

    for shape in shapes {
        for path in ["/", "/sign-in", "/static/rampart.css", "/healthz"] {
            let mut stream = console.open(LOOPBACK).await.unwrap();
            let heard = talk(&mut stream, head("GET", path, &shape).as_bytes(), PATIENCE).await;
            assert_eq!(heard.iter().map(|answer| answer.status).collect::<Vec<_>>(), [431], "{path} {shape:.40}");
        }
    }
    let long = format!("/{}", "x".repeat(100_000));
    let heard = talk(&mut console.open(LOOPBACK).await.unwrap(), head("GET", &long, "").as_bytes(), PATIENCE).await;
    assert!(matches!(heard[0].status, 414 | 431), "{}", heard[0].status);
}

#[tokio::test]
async fn a_visitor_who_reads_nothing_is_dropped() {
    let deadlines = Deadlines { write: Duration::from_secs(2), ..Deadlines::default() };
    let most = Most { all: 10, each: 10, spare_loopback: false };
    let console = Listening::start(Neighbours::default(), most, deadlines).await;
    let mut stream = console.open(LOOPBACK).await.unwrap();
    let request = head("GET", "/static/rampart.css", "");

    // Asks on and on, until its own requests are not read any more, and reads nothing.
    let asking = async { while stream.write_all(request.as_bytes()).await.is_ok() {} };
    drop(tokio::time::timeout(PATIENCE, asking).await);

    drained(&console).await;
    let browser = console.browser(Ipv4Addr::new(127, 0, 0, 9));
    assert_eq!(browser.get("/healthz").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn three_hundred_slow_connections_of_one_address_keep_nobody_else_out() {
    let most = Most { all: 120, each: 40, spare_loopback: false };
    let console = Listening::start(Neighbours::default(), most, Deadlines::default()).await;
    let attacker = Ipv4Addr::new(127, 0, 0, 66);
    let mut slow = Vec::new();
    for nth in 0..300 {
        let mut stream = console.tcp(attacker).await;
        // Half say nothing at all, the others the beginning of a handshake.
        if nth % 2 == 0 {
            drop(stream.write_all(&[22, 3, 1, 0, 200]).await);
        }
        slow.push(stream);
    }

    let visitor = console.browser(Ipv4Addr::new(127, 0, 0, 7));
    let mut slowest = Duration::ZERO;
    for _ in 0..50 {
        let start = Instant::now();
        assert_eq!(visitor.get("/sign-in").await.status, StatusCode::OK);
        slowest = slowest.max(start.elapsed());
    }

    assert!(console.places.taken() <= 41, "{}", console.places.taken());
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
    let mut ended = 0;
    for stream in &mut slow {
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut [0; 64])).await;
        ended += usize::from(read.is_ok());
    }
    assert_eq!(ended, 300, "some are still open");
    drop(slow);
    drop(visitor);
    drained(&console).await;
}

/// One slow connection after the other, each as long as the console lets it be.
async fn drip(connector: TlsConnector, address: SocketAddr, from: Ipv4Addr, until: Instant) {
    while Instant::now() < until {
        let socket = TcpSocket::new_v4().unwrap();
        if socket.bind((from, 0).into()).is_ok()
            && let Ok(stream) = socket.connect(address).await
            && let Ok(mut stream) = connector.connect(ServerName::try_from(HOST).unwrap(), stream).await
        {
            let mut part = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: ");
            while Instant::now() < until
                && stream.write_all(part.as_bytes()).await.is_ok()
                && stream.flush().await.is_ok()
            {
                "x".clone_into(&mut part);
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// The figures of promise W10, with the console as a program of its own. `each_from` says which address a connection has.
async fn storm(sockets: u16, seconds: u64, each_from: fn(u16) -> Ipv4Addr) {
    let hard = getrlimit(Resource::RLIMIT_NOFILE).unwrap().1;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let house = Scratch::new();
    let port = free_port().unwrap();
    let config = house.path().join("rampart.toml");
    let settings = format!("[console]\nlisten = '127.0.0.1:{port}'\nnames = ['{HOST}']\npublic_port = 443\n");
    std::fs::write(&config, settings).unwrap();
    let start = Start::program(env!("CARGO_BIN_EXE_rampart"), house.path()).arg("serve");
    let state = house.path().join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut console = start.env("RAMPART_STATE_DIR", &state).env("RAMPART_CONFIG", &config).spawn().unwrap();
    let address = SocketAddr::from((LOOPBACK, port));
    console.wait_until(PATIENCE, async || tokio::net::TcpStream::connect(address).await.is_ok()).await.unwrap();
    let connector = connector(&std::fs::read_to_string(state.join("console.crt")).unwrap());
    let visitor = Browser::over_tls(address, Ipv4Addr::new(127, 0, 0, 7).into());
    let until = Instant::now() + Duration::from_secs(seconds);
    let attackers: Vec<_> =
        (0..sockets).map(|nth| tokio::spawn(drip(connector.clone(), address, each_from(nth), until))).collect();

    let (mut times, mut failed) = (Vec::new(), 0);
    while Instant::now() < until {
        let begun = Instant::now();
        // A new connection each time, as a stranger has it.
        let visitor = Browser::over_tls(address, Ipv4Addr::new(127, 0, 0, 7).into());
        let answer = visitor.try_get("/sign-in").await;
        failed += u32::from(answer != Some(StatusCode::OK));
        times.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for attacker in attackers {
        attacker.await.unwrap();
    }

    times.sort_unstable();
    let status = std::fs::read_to_string(format!("/proc/{}/status", console.pid())).unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    let (p50, p95) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    eprintln!(
        "{sockets} sockets, {seconds} s: {} pages, p50 {p50:?}, p95 {p95:?}, {failed} failed, {peak}",
        times.len()
    );
    assert_eq!(failed, 0, "a visitor was kept out");
    assert_eq!(visitor.get("/healthz").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes two minutes, and the machine: make test-long"]
async fn five_thousand_slow_connections_of_one_address_for_two_minutes() {
    storm(5_000, 120, |_| Ipv4Addr::new(127, 0, 0, 66)).await;
}
