//! The console on its real listener: TLS, places, deadlines, as `rampart serve` has it. And raw talk with it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rampart::app::console_tls;
use rampart::app::listener::{Deadlines, server};
use rampart::app::places::{Most, Places};
use rampart::app::serve::tls;
use rampart::base::clock::{Clock as _, SystemClock};
use rampart::web::router::router;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::app::{HOST, Neighbours, TestApp};
use crate::support::browser::Browser;

/// The console behind its own door. What is asked of `app` itself goes past that door.
pub(crate) struct Listening {
    pub(crate) app: TestApp,
    pub(crate) address: SocketAddr,
    pub(crate) places: Places,
    pub(crate) certificate: PathBuf,
    connector: TlsConnector,
    serving: JoinHandle<()>,
}

/// Places as there are of them in `rampart serve`, but for few.
pub(crate) const FEW: Most = Most { all: 100, each: 20, spare_loopback: false };

impl Listening {
    pub(crate) async fn start(neighbours: Neighbours, most: Most, deadlines: Deadlines) -> Self {
        let app = TestApp::start(neighbours).await;
        let state = app.house.path().join("state");
        let pair = console_tls::keep(&state, &[HOST.to_owned()], SystemClock.now()).unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        // Little waits in the kernel, so that what a client could send is about what was read.
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(1_024).unwrap().into_std().unwrap();
        let address = listener.local_addr().unwrap();
        let places = Places::new(most);
        let server = server(listener, tls(&pair).unwrap(), places.clone(), deadlines).unwrap();
        let service = router(app.state.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async { server.serve(service).await.unwrap() });
        let connector = connector(&pair.certificate);
        Self { app, address, places, certificate: state.join("console.crt"), connector, serving }
    }

    /// With the places and deadlines of `rampart serve`, but for one source: all tests are one.
    pub(crate) async fn alone() -> Self {
        let most = Most { all: 500, each: 500, spare_loopback: false };
        Self::start(Neighbours::default(), most, Deadlines::default()).await
    }

    /// A bare connection from another address of this machine.
    pub(crate) async fn tcp(&self, from: Ipv4Addr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(8 * 1024).unwrap();
        socket.bind((from, 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// A connection with TLS; `None` if it was turned away.
    pub(crate) async fn open(&self, from: Ipv4Addr) -> Option<TlsStream<TcpStream>> {
        let name = ServerName::try_from(HOST).unwrap();
        self.connector.connect(name, self.tcp(from).await).await.ok()
    }

    pub(crate) fn browser(&self, from: Ipv4Addr) -> Browser {
        Browser::over_tls(self.address, from.into())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Trusts this certificate and no other.
pub(crate) fn connector(certificate: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// One answer, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Sends these bytes and reads whatever comes back until the other side ends it, or is silent for `patience`.
pub(crate) async fn talk(stream: &mut TlsStream<TcpStream>, bytes: &[u8], patience: Duration) -> Vec<Raw> {
    // The other side may have enough before the end.
    drop(stream.write_all(bytes).await);
    drop(stream.flush().await);
    answers(&hear(stream, patience).await)
}

pub(crate) async fn hear(stream: &mut (impl AsyncRead + Unpin), patience: Duration) -> Vec<u8> {
    let mut all = Vec::new();
    let mut part = vec![0_u8; 16 * 1024];
    while let Ok(Ok(count)) = tokio::time::timeout(patience, stream.read(&mut part)).await {
        if count == 0 {
            break;
        }
        all.extend_from_slice(&part[..count]);
    }
    all
}

/// The answers in `bytes`, one after the other.
pub(crate) fn answers(bytes: &[u8]) -> Vec<Raw> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 4..];
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|word| word.parse().ok());
        let length = lines.filter_map(|line| line.split_once(':'));
        let mut length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length: usize = length.find_map(|(_, value)| value.trim().parse().ok()).unwrap_or_default();
        let (body, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        let body = String::from_utf8_lossy(body).into_owned();
        found.push(Raw { status: status.unwrap_or_default(), body });
    }
    found
}
