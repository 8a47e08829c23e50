//! A CA that answers anything at all: nobody panics, and nothing is written where it should not be.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use rampart::acme::account;
use rampart::acme::ari::{self, CertId};
use rampart::acme::ca::CertificateAuthority;
use rampart::acme::challenge::{DnsError, Solver, TxtRecord};
use rampart::acme::directory::Reader;
use rampart::acme::http::HttpDeadlines;
use rampart::acme::issue::{Patience, issue};
use rampart::base::clock::SystemClock;
use rampart::base::rng::{SeededRandom, below};
use serde_json::{Value, json};

use crate::acme_world::{Keys, Memory, wish};

const NAMES: [&str; 2] = ["tenant01.test", "*.tenant01.test"];

/// A name server that remembers what was written.
#[derive(Default)]
struct Slate(Mutex<Vec<String>>);

#[async_trait]
impl Solver for Slate {
    async fn present(&self, record: &TxtRecord) -> Result<(), DnsError> {
        self.0.lock().unwrap().push(record.name());
        Ok(())
    }
    async fn ready(&self, _: &TxtRecord) -> Result<(), DnsError> {
        Ok(())
    }
    async fn clear(&self, _: &TxtRecord) -> Result<(), DnsError> {
        Ok(())
    }
}

/// A sound answer to `path`, for a CA at `base`.
fn sound(base: &str, path: &str, draw: u32) -> (u16, Value) {
    let order = |status: &str| {
        json!({"status": status, "authorizations": [format!("{base}/authz/1"), format!("{base}/authz/2")],
            "finalize": format!("{base}/finalize"), "certificate": format!("{base}/cert"),
            "identifiers": [{"type": "dns", "value": "tenant01.test"}]})
    };
    match path.split('/').nth(1).unwrap_or_default() {
        "dir" => (
            200,
            json!({"newNonce": format!("{base}/nonce"), "newAccount": format!("{base}/account"),
            "newOrder": format!("{base}/order"), "revokeCert": format!("{base}/revoke"),
            "keyChange": format!("{base}/key"), "renewalInfo": format!("{base}/ari"),
            "meta": {"profiles": {"classic": "90 days"}}}),
        ),
        "account" => (201, json!({"status": "valid"})),
        "order" => (201, order(["pending", "ready", "valid", "processing"][draw as usize % 4])),
        "finalize" => (200, order("valid")),
        "ari" => (200, json!({"suggestedWindow": {"start": "2026-11-25T04:00:00Z", "end": "2026-11-26T04:00:00Z"}})),
        _ => (
            200,
            json!({"status": "pending", "identifier": {"type": "dns", "value": "tenant01.test"},
            "wildcard": path.ends_with('2'),
            "challenges": [{"type": "dns-01", "status": "pending", "url": format!("{base}/chall"),
                "token": "a".repeat(43)}]}),
        ),
    }
}

/// Does harm to one place in `value`.
fn spoil(value: &mut Value, draw: &mut impl FnMut(u32) -> u32) {
    let junk = [
        Value::Null,
        json!(-1),
        json!(1e300),
        json!("x".repeat(9_000)),
        json!("../../etc/passwd"),
        json!("$(reboot)\u{0}\n`id`"),
        json!({"type": "dns", "value": "victim.example"}),
        json!([[[[[[]]]]]]),
        json!("https://127.0.0.1:1/elsewhere"),
        json!("valid"),
    ];
    match value {
        Value::Object(fields) if !fields.is_empty() && draw(4) > 0 => {
            let nth = draw(u32::try_from(fields.len()).unwrap()) as usize;
            let key = fields.keys().nth(nth).unwrap().clone();
            if draw(3) == 0 {
                fields.remove(&key);
            } else if let Some(inner) = fields.get_mut(&key) {
                spoil(inner, draw);
            }
        }
        Value::Array(items) if !items.is_empty() && draw(3) > 0 => {
            let nth = draw(u32::try_from(items.len()).unwrap()) as usize;
            if draw(4) == 0 {
                let copy = items[nth].clone();
                items.extend(std::iter::repeat_n(copy, 20));
            } else {
                spoil(&mut items[nth], draw);
            }
        }
        other => *other = junk[draw(10) as usize].clone(),
    }
}

fn answer(base: &str, method: &Method, path: &str, draw: &mut impl FnMut(u32) -> u32) -> Response {
    let (mut status, mut body) = sound(base, path, draw(4));
    let harm = draw(10);
    if harm < 5 {
        spoil(&mut body, draw);
    }
    let mut bytes = body.to_string().into_bytes();
    match harm {
        5 => bytes.truncate(draw(60) as usize),
        6 => bytes = (0..draw(400)).map(|nth| u8::try_from((nth * 37 + 11) % 256).unwrap()).collect(),
        7 => {
            status = [400, 403, 404, 409, 429, 500, 502, 503, 204, 301][draw(10) as usize];
            let kinds = ["badNonce", "rateLimited", "malformed", "x\u{1b}[2J", "alreadyReplaced"];
            let kind = kinds[draw(5) as usize];
            let problem = json!({"type": format!("urn:ietf:params:acme:error:{kind}"), "detail": "<script>",
                "subproblems": [{"identifier": {"type": "dns", "value": "*"}}]});
            bytes = problem.to_string().into_bytes();
        }
        _ => {}
    }
    if *method == Method::HEAD {
        bytes.clear();
    }
    let mut response = (StatusCode::from_u16(status).unwrap(), bytes).into_response();
    let mut header = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    };
    if draw(20) > 0 {
        header("replay-nonce", "n".repeat(22));
    }
    if draw(20) > 0 {
        header("location", format!("{base}/order/{}", draw(9)));
    }
    if harm == 8 {
        let waits = ["18446744073709551615", "-1", "soon", "Fri, 31 Dec 9999 23:59:59 GMT", "1"];
        header("retry-after", waits[draw(5) as usize].to_owned());
    }
    header("link", "<,>;rel=alternate, <x>;rel=\"alternate\"".to_owned());
    response
}

async fn run(answers: usize) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let random = Arc::new(SeededRandom::new(9_773));
    let given = Arc::new(AtomicUsize::new(0));
    let (own, count, dice) = (base.clone(), Arc::clone(&given), Arc::clone(&random));
    // The directory and accounts are sound at times, else nobody gets any further.
    let router = Router::new().fallback(async move |method: Method, address: Uri| {
        count.fetch_add(1, Ordering::SeqCst);
        let mut draw = |bound: u32| below(dice.as_ref(), bound);
        let path = address.path();
        let is_door = path == "/dir" || path == "/account" || path == "/nonce";
        if is_door && draw(4) > 0 {
            let (status, body) = sound(&own, path, 0);
            let nonce = [("replay-nonce", "n".repeat(22)), ("location", format!("{own}/me"))];
            return (StatusCode::from_u16(status).unwrap(), nonce, body.to_string()).into_response();
        }
        answer(&own, &method, path, &mut draw)
    });
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let ca = CertificateAuthority::at(&format!("{base}/dir"), None).unwrap();
    let deadlines = HttpDeadlines { connect: Duration::from_secs(5), request: Duration::from_secs(5) };
    let slate = Arc::new(Slate::default());
    while given.load(Ordering::SeqCst) < answers {
        let key = account::new_key().unwrap();
        let Ok(made) = account::create(&ca, &key, &[], deadlines, Arc::new(SystemClock)).await else { continue };
        let Ok(opened) = account::open(&ca, &made.credentials, deadlines, Arc::new(SystemClock)).await else {
            continue;
        };
        let parties = rampart::acme::issue::Parties {
            keys: Arc::new(Keys::default()),
            solver: Arc::clone(&slate) as Arc<dyn Solver>,
            journal: Arc::new(Memory::default()),
            clock: Arc::new(SystemClock),
            turn: rampart::acme::issue::Turn::default(),
            patience: Patience { checking: Duration::from_millis(120), signing: Duration::from_millis(120) },
        };
        for _ in 0..4 {
            assert!(issue(&opened, &wish(&NAMES), &parties).await.is_err(), "no certificate ever comes");
        }
        if let Ok(reader) = Reader::new(&ca, deadlines, Arc::new(SystemClock))
            && let Ok(directory) = reader.directory().await
        {
            drop(ari::ask(&reader, &directory, &CertId::parse("a.b").unwrap()).await);
        }
    }
    server.abort();
    let written = slate.0.lock().unwrap();
    assert!(!written.is_empty(), "some answers are sound enough to get as far as DNS");
    assert!(written.iter().all(|name| name == "_acme-challenge.tenant01.test"), "{written:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ca_that_answers_anything_never_makes_us_panic_or_write_for_other_names() {
    run(1_500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "ten thousand answers; part of make test-long"]
async fn ten_thousand_fuzzed_answers() {
    run(10_000).await;
}
