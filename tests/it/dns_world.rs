//! What tests of challenge records need beside a CA and a DNS server: changing any record, and services of other kinds.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use dns_update::{DnsRecord, DnsRecordType, DnsUpdater};
use rampart::acme::challenge::approved::{ApprovedZone, ApprovedZones};
use rampart::acme::challenge::authority::Authority;
use rampart::acme::challenge::provider::writer::{self, Writer};
use rampart::acme::challenge::provider::{Values, provider};
use rampart::acme::challenge::rfc2136::Rfc2136;
use rampart::acme::challenge::visible::Patience;
use rampart::acme::challenge::way::Way;
use rampart::app::demo::bind::Bind;
use rampart::base::encoding::from_base64;
use serde_json::{Value, json};

use crate::acme_world::{DEADLINE, World, fqdn};

/// Changes any record of `bind`.
pub(crate) struct Records(DnsUpdater);

impl Records {
    pub(crate) fn of(bind: &Bind) -> Self {
        let key = from_base64(bind.secret.expose()).unwrap();
        let server = format!("tcp://{}", bind.address);
        let algorithm = dns_update::TsigAlgorithm::HmacSha256;
        Self(DnsUpdater::new_rfc2136_tsig(server, &bind.key_name, key, algorithm).unwrap())
    }

    pub(crate) async fn add(&self, zone: &str, name: &str, record: DnsRecord) {
        let kind = match record {
            DnsRecord::A(_) => DnsRecordType::A,
            DnsRecord::CNAME(_) => DnsRecordType::CNAME,
            DnsRecord::NS(_) => DnsRecordType::NS,
            DnsRecord::CAA(_) => DnsRecordType::CAA,
            _ => DnsRecordType::TXT,
        };
        self.0.add_to_rrset(name, kind, 1, vec![record], zone).await.unwrap();
    }

    pub(crate) async fn set_txt(&self, zone: &str, name: &str, values: Vec<String>) {
        let records = values.into_iter().map(DnsRecord::TXT).collect();
        self.0.set_rrset(name, DnsRecordType::TXT, 1, records, zone).await.unwrap();
    }
}

/// Whom a test asks about names: its own server, also for what others would know.
pub(crate) fn authority(bind: &Bind) -> Authority {
    Authority { resolvers: vec![bind.address], port: bind.address.port(), ..Authority::default() }
}

/// Patience for a machine that is busy with others.
pub(crate) fn patience() -> Patience {
    Patience { behind: DEADLINE, silent: std::time::Duration::from_millis(500), ..Patience::default() }
}

/// The writer of the world's own DNS server.
pub(crate) fn tsig(world: &World) -> Arc<dyn Writer> {
    Arc::new(Rfc2136::new(world.dns_settings()).unwrap())
}

/// Proves names in `zones`, each with its writer.
pub(crate) fn solver(world: &World, zones: &[(&str, Arc<dyn Writer>)]) -> Arc<ApprovedZones> {
    let approved = zones.iter().map(|(zone, writer)| ApprovedZone {
        zone: fqdn(zone),
        way: Way::Dns01,
        writer: Some(Arc::clone(writer)),
        primary: None,
    });
    Arc::new(ApprovedZones::new(approved.collect(), authority(&world.bind), patience()))
}

/// Stands at `at` for the server at `to`: BIND listens at the addresses of interfaces only.
pub(crate) async fn relay(at: SocketAddr, to: SocketAddr) {
    let listener = tokio::net::TcpListener::bind(at).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(mut far) = tokio::net::TcpStream::connect(to).await {
                    drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
                }
            });
        }
    });
}

/// A service with the API of `PowerDNS`, whose every change replaces all that is at a name. What it holds is served by BIND.
pub(crate) struct Replacing {
    pub(crate) address: SocketAddr,
    pub(crate) changes: Arc<AtomicUsize>,
}

/// The API key that the service takes.
pub(crate) const API_KEY: &str = "the-service-s-own-key";

#[derive(Clone)]
struct Held {
    records: Arc<Records>,
    sets: Arc<Mutex<HashMap<String, Vec<Value>>>>,
    changes: Arc<AtomicUsize>,
}

impl Replacing {
    pub(crate) async fn start(bind: &Bind) -> Self {
        let changes = Arc::new(AtomicUsize::new(0));
        let records = Arc::new(Records::of(bind));
        let held = Held { records, sets: Arc::default(), changes: Arc::clone(&changes) };
        let path = "/api/v1/servers/localhost/zones/{zone}";
        let routes = Router::new().route(path, get(zone).patch(change)).with_state(held);
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        Self { address, changes }
    }

    /// The writer that an operator's credential for it makes.
    pub(crate) fn writer(&self, key: &str) -> Arc<dyn Writer> {
        let pdns = provider("pdns").unwrap();
        let typed = vec![("url".to_owned(), format!("http://{}", self.address)), ("key".to_owned(), key.to_owned())];
        writer::open(pdns, &Values::parse(pdns, typed).unwrap(), "main").unwrap()
    }
}

fn is_allowed(headers: &HeaderMap) -> bool {
    headers.get("x-api-key").is_some_and(|key| key == API_KEY)
}

async fn zone(
    State(held): State<Held>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    if !is_allowed(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let sets = held.sets.lock().unwrap().clone();
    let wanted = query.get("rrset_name");
    let sets: Vec<Value> = sets
        .into_iter()
        .filter(|(name, _)| wanted.is_none_or(|wanted| wanted == name))
        .map(|(name, records)| json!({ "name": name, "type": "TXT", "ttl": 60, "records": records }))
        .collect();
    Json(json!({ "rrsets": sets })).into_response()
}

async fn change(
    State(held): State<Held>,
    headers: HeaderMap,
    Path(zone): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    if !is_allowed(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    for set in body["rrsets"].as_array().unwrap() {
        let name = set["name"].as_str().unwrap().to_owned();
        let records = set["records"].as_array().cloned().unwrap_or_default();
        let texts = records.iter().map(|record| record["content"].as_str().unwrap().trim_matches('"').to_owned());
        // Changes of one name that crossed would lose one another here, as at the service.
        held.records.set_txt(zone.trim_end_matches('.'), name.trim_end_matches('.'), texts.collect()).await;
        held.sets.lock().unwrap().insert(name, records);
        held.changes.fetch_add(1, Ordering::SeqCst);
    }
    StatusCode::NO_CONTENT.into_response()
}
