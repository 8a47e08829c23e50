//! A proxy before Pebble: passes on, counts, and does harm where a test asks for it. It keeps the Host header, so that
//! Pebble's addresses lead back to it and what the client signs stays right.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use rampart::acme::ca::CertificateAuthority;
use rampart::app::console_tls::ConsoleCertificate;
use rampart::app::demo::pebble::Pebble;
use rampart::app::serve::tls;
use rampart::base::encoding::from_base64url;
use serde_json::Value;

/// One question on its way to the CA.
pub(crate) struct Asked {
    /// `GET /dir`, `POST /order-plz`…
    pub(crate) what: String,
    /// What the client signed; null if nothing.
    pub(crate) payload: Value,
}

/// The CA's answer on its way back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&mut self, name: &'static str, value: &str) {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn set_json(&mut self, body: &Value) {
        self.body = body.to_string().into_bytes();
    }
}

/// What is done with a question.
pub(crate) enum Way {
    /// It goes on, and the answer comes back as it is.
    Through,
    /// It goes on, and the answer is changed.
    Changed(Box<dyn FnOnce(&mut Answer) + Send>),
    /// The CA never hears of it.
    Answered(Answer),
    /// The CA hears of it, and the connection breaks after so many bytes of its answer.
    Cut(usize),
}

impl Way {
    /// An answer of the CA's own, as an ACME problem.
    pub(crate) fn problem(status: u16, kind: &str, detail: &str) -> Self {
        let body = serde_json::json!({"type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail});
        let mut answer = Answer { status, headers: HeaderMap::new(), body: body.to_string().into_bytes() };
        answer.header("content-type", "application/problem+json");
        Self::Answered(answer)
    }

    pub(crate) fn changed(change: impl FnOnce(&mut Answer) + Send + 'static) -> Self {
        Self::Changed(Box::new(change))
    }
}

type Rule = Arc<dyn Fn(&Asked) -> Way + Send + Sync>;

struct Desk {
    upstream: String,
    http: reqwest::Client,
    rule: Mutex<Rule>,
    counts: Mutex<HashMap<String, usize>>,
}

/// A running proxy.
pub(crate) struct CaProxy {
    pub(crate) ca: CertificateAuthority,
    desk: Arc<Desk>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for CaProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl CaProxy {
    pub(crate) fn before(pebble: &Pebble) -> Self {
        let theirs = std::fs::read(Path::new(&pebble.root_pem_path)).unwrap();
        let roots = [reqwest::Certificate::from_pem(&theirs).unwrap()];
        let desk = Arc::new(Desk {
            upstream: pebble.directory_url.trim_end_matches("/dir").to_owned(),
            http: reqwest::Client::builder()
                .tls_certs_only(roots)
                .no_proxy()
                .http1_only()
                .tcp_nodelay(true)
                .build()
                .unwrap(),
            rule: Mutex::new(Arc::new(|_| Way::Through)),
            counts: Mutex::default(),
        });
        let (root, certificate) = own_tls();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let server = axum_server::from_tcp_rustls(listener, tls(&certificate).unwrap()).unwrap();
        let router = Router::new().fallback(pass).with_state(Arc::clone(&desk));
        let serving = tokio::spawn(async { server.serve(router.into_make_service()).await.unwrap() });
        let ca = CertificateAuthority::at(&format!("https://{address}/dir"), Some(root)).unwrap();
        Self { ca, desk, serving }
    }

    /// From now on `rule` says what happens.
    pub(crate) fn rule(&self, rule: impl Fn(&Asked) -> Way + Send + Sync + 'static) {
        *self.desk.rule.lock().unwrap() = Arc::new(rule);
    }

    /// How often `what` was asked so far.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.desk.counts.lock().unwrap().get(what).copied().unwrap_or(0)
    }
}

/// A root, and a certificate of the proxy's own under it.
fn own_tls() -> (String, ConsoleCertificate) {
    let root_key = rcgen::KeyPair::generate().unwrap();
    let mut root = rcgen::CertificateParams::default();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    root.distinguished_name.push(rcgen::DnType::CommonName, "the proxy's root");
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(root, root_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = leaf.signed_by(&key, &issuer).unwrap().pem();
    (root_pem, ConsoleCertificate { certificate, key: key.serialize_pem() })
}

async fn pass(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let path = parts.uri.path().to_owned();
    // What lies at the CA has an address of its own each.
    let place: Vec<&str> = path.split('/').take(2).collect();
    let what = format!("{} {}", parts.method, place.join("/"));
    *desk.counts.lock().unwrap().entry(what.clone()).or_default() += 1;
    let rule = desk.rule.lock().unwrap().clone();
    let way = rule(&Asked { what, payload: payload(&body) });
    if let Way::Answered(answer) = way {
        return with_nonce(&desk, answer).await;
    }
    let request = desk
        .http
        .request(parts.method, format!("{}{path}", desk.upstream))
        .header(header::HOST, parts.headers.get(header::HOST).unwrap())
        .header(header::USER_AGENT, "proxy")
        .header(
            header::CONTENT_TYPE,
            parts.headers.get(header::CONTENT_TYPE).unwrap_or(&HeaderValue::from_static("")),
        )
        .body(body);
    let Ok(answer) = request.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, mut headers) = (answer.status().as_u16(), answer.headers().clone());
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    let body = answer.bytes().await.unwrap_or_default().to_vec();
    let mut answer = Answer { status, headers, body };
    match way {
        Way::Changed(change) => change(&mut answer),
        Way::Cut(after) => return cut(answer, after),
        Way::Through | Way::Answered(_) => {}
    }
    respond(answer)
}

fn payload(body: &Bytes) -> Value {
    let signed: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = signed["payload"].as_str().and_then(from_base64url).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// An answer of ours carries a nonce of the CA's, as every answer does.
async fn with_nonce(desk: &Desk, mut answer: Answer) -> Response {
    if let Ok(fresh) =
        desk.http.head(format!("{}/nonce-plz", desk.upstream)).header("user-agent", "proxy").send().await
        && let Some(nonce) = fresh.headers().get("replay-nonce")
    {
        answer.headers.insert("replay-nonce", nonce.clone());
    }
    respond(answer)
}

fn respond(answer: Answer) -> Response {
    let mut response = (StatusCode::from_u16(answer.status).unwrap(), answer.body).into_response();
    *response.headers_mut() = answer.headers;
    response
}

/// So many bytes, then nothing: the length that was promised never comes.
fn cut(answer: Answer, after: usize) -> Response {
    let mut headers = answer.headers;
    let promised = answer.body.len().max(after + 1);
    headers.insert(header::CONTENT_LENGTH, promised.into());
    let first: Result<Bytes, std::io::Error> = Ok(answer.body.into_iter().take(after).collect::<Vec<u8>>().into());
    let broken = Err(std::io::Error::other("cut"));
    let body = Body::from_stream(futures_util::stream::iter([first, broken]));
    let mut response = (StatusCode::from_u16(answer.status).unwrap(), body).into_response();
    *response.headers_mut() = headers;
    response
}
