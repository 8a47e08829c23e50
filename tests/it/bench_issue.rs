//! What `benches/issue.sh` runs: fifty orders of a wildcard plus its base, by Rampart and by a bare loop over the library.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use instant_acme::{
    Account, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType, HttpClient, Identifier, NewAccount,
    NewOrder, OrderStatus,
};
use rampart::acme::challenge::{DnsError, Solver, TxtRecord};
use rampart::acme::issue::issue;
use rampart::app::demo::pebble::PebbleOptions;

use crate::acme_world::{World, fqdn, wish};

const ORDERS: usize = 50;
const AT_ONCE: usize = 16;
const ROUNDS: u32 = 3;

/// The library's own way, with `TCP_NODELAY` and nothing else.
struct Bare(reqwest::Client);

impl HttpClient for Bare {
    fn request(
        &self,
        request: http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let other = |error: reqwest::Error| instant_acme::Error::Other(Box::new(error));
            let answer = client
                .request(parts.method, parts.uri.to_string())
                .headers(parts.headers)
                .body(body.to_bytes())
                .send()
                .await
                .map_err(other)?;
            let mut head = http::Response::new(());
            *head.status_mut() = answer.status();
            *head.headers_mut() = answer.headers().clone();
            let body = answer.bytes().await.map_err(other)?;
            Ok(BytesResponse { parts: head.into_parts().0, body: Box::new(body) })
        })
    }
}

async fn bare_order(account: &Account, base: &str, solver: &dyn Solver) {
    let names = [Identifier::Dns(base.to_owned()), Identifier::Dns(format!("*.{base}"))];
    let mut order = account.new_order(&NewOrder::new(&names)).await.unwrap();
    let mut records = Vec::new();
    let mut list = order.authorizations();
    while let Some(authorization) = list.next().await {
        let mut authorization = authorization.unwrap();
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let mut challenge = authorization.challenge(ChallengeType::Dns01).unwrap();
        let record = TxtRecord::new(fqdn(base), challenge.key_authorization().dns_value()).unwrap();
        solver.present(&record).await.unwrap();
        records.push(record);
        challenge.set_ready().await.unwrap();
    }
    let short = Duration::from_millis(10);
    while order.refresh().await.unwrap().status == OrderStatus::Pending {
        tokio::time::sleep(short).await;
    }
    let mut request = rcgen::CertificateParams::new(vec![base.to_owned(), format!("*.{base}")]).unwrap();
    request.distinguished_name = rcgen::DistinguishedName::new();
    let csr = request.serialize_request(&rcgen::KeyPair::generate().unwrap()).unwrap();
    order.finalize_csr(csr.der()).await.unwrap();
    while order.refresh().await.unwrap().status != OrderStatus::Valid {
        tokio::time::sleep(short).await;
    }
    assert!(order.certificate().await.unwrap().is_some());
    for record in &records {
        solver.clear(record).await.unwrap();
    }
}

async fn fifty<Order: Future<Output = ()>>(at_once: usize, order: impl Fn(String) -> Order) -> Duration {
    let begun = Instant::now();
    let orders = (0..ORDERS).map(|nth| order(format!("b{nth}.tenant01.test")));
    let mut running = futures_util::stream::iter(orders).buffer_unordered(at_once);
    while running.next().await.is_some() {}
    begun.elapsed()
}

/// A name server whose records show after a while.
struct Slow(Arc<dyn Solver>, Duration);

#[async_trait]
impl Solver for Slow {
    async fn present(&self, record: &TxtRecord) -> Result<(), DnsError> {
        self.0.present(record).await
    }
    async fn ready(&self, record: &TxtRecord) -> Result<(), DnsError> {
        tokio::time::sleep(self.1).await;
        self.0.ready(record).await
    }
    async fn clear(&self, record: &TxtRecord) -> Result<(), DnsError> {
        self.0.clear(record).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures; run by benches/issue.sh"]
#[expect(clippy::print_stdout, reason = "it is a bench")]
async fn bench_issue() {
    for round in 1..=ROUNDS {
        // A CA of its own for each side: what it keeps makes it slower.
        let options = PebbleOptions { retry_after: Duration::ZERO, ..PebbleOptions::default() };
        let world = World::with(options).await;
        let root = std::fs::read(&world.pebble.root_pem_path).unwrap();
        let roots = [reqwest::Certificate::from_pem(&root).unwrap()];
        let client = reqwest::Client::builder().tls_certs_only(roots).tcp_nodelay(true).user_agent("bare").build();
        let new = NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
        let (bare, _) = Account::builder_with_http(Box::new(Bare(client.unwrap())))
            .create(&new, world.ca.directory_url().to_owned(), None)
            .await
            .unwrap();
        let solver = world.parties().0.solver;
        let library = fifty(AT_ONCE, |base| {
            let (bare, solver) = (&bare, &solver);
            async move { bare_order(bare, &base, solver.as_ref()).await }
        })
        .await;

        let world = World::with(options).await;
        let account = world.account().await;
        let own = fifty(AT_ONCE, |base| {
            let ((parties, ..), account) = (world.parties(), &account);
            async move {
                issue(account, &wish(&[&base, &format!("*.{base}")]), &parties).await.unwrap();
            }
        })
        .await;

        println!(
            "round {round}: rampart {:.2} s, bare instant-acme {:.2} s, ratio {:.2}",
            own.as_secs_f64(),
            library.as_secs_f64(),
            own.as_secs_f64() / library.as_secs_f64()
        );

        let world = World::with(options).await;
        let account = world.account().await;
        let slow: Arc<dyn Solver> = Arc::new(Slow(world.parties().0.solver, Duration::from_secs(5)));
        let spread = fifty(ORDERS, |base| {
            let ((mut parties, ..), account) = (world.parties(), &account);
            parties.solver = Arc::clone(&slow);
            async move {
                issue(account, &wish(&[&base]), &parties).await.unwrap();
            }
        })
        .await;
        println!("round {round}: {ORDERS} orders with 5 s of propagation {:.2} s", spread.as_secs_f64());
    }
}
