//! The fake's TLS listeners, as sofia was seen to treat its files: read at a start and at `reloadcert`; what cannot be read
//! leaves the old certificate, and a key that does not match its certificate breaks every handshake.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::{ServerConfig, ServerConnection};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// What the listeners serve.
enum Served {
    /// This.
    Certificate(Arc<ServerConfig>),
    /// No handshake works.
    Nothing,
}

/// A profile's two listeners, and the files behind them.
pub(super) struct Tls {
    directory: PathBuf,
    served: Arc<Mutex<Served>>,
    ended: Arc<AtomicBool>,
    pub(super) sip: u16,
    pub(super) wss: u16,
}

impl Tls {
    /// Begins to listen with what lies in `directory`.
    pub(super) fn start(directory: PathBuf) -> Self {
        let served = Arc::new(Mutex::new(Served::Nothing));
        let ended = Arc::new(AtomicBool::new(false));
        let [sip, wss] = [(); 2].map(|()| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let (served, ended) = (Arc::clone(&served), Arc::clone(&ended));
            std::thread::spawn(move || serve(&listener, &served, &ended));
            port
        });
        let own = Self { directory, served, ended, sip, wss };
        own.restart();
        own
    }

    /// `reloadcert`: a file that cannot be read changes nothing.
    pub(super) fn reload(&self) {
        if let Some(served) = self.read() {
            *self.served.lock().unwrap_or_else(PoisonError::into_inner) = served;
        }
    }

    /// A restart of the profile: with a file that cannot be read it does not start.
    pub(super) fn restart(&self) {
        *self.served.lock().unwrap_or_else(PoisonError::into_inner) = self.read().unwrap_or(Served::Nothing);
    }

    /// No handshake works from now on.
    pub(super) fn break_down(&self) {
        *self.served.lock().unwrap_or_else(PoisonError::into_inner) = Served::Nothing;
    }

    fn read(&self) -> Option<Served> {
        let text = std::fs::read(self.directory.join("agent.pem")).ok()?;
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().ok()?;
        if chain.is_empty() {
            return None;
        }
        let Ok(key) = PrivateKeyDer::from_pem_slice(&text) else { return Some(Served::Nothing) };
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key);
        Some(config.map_or(Served::Nothing, |config| Served::Certificate(Arc::new(config))))
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        for port in [self.sip, self.wss] {
            // Wakes the thread that waits for the next connection.
            drop(TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
        }
    }
}

fn serve(listener: &TcpListener, served: &Mutex<Served>, ended: &AtomicBool) {
    while let Ok((mut stream, _)) = listener.accept() {
        if ended.load(Ordering::SeqCst) {
            return;
        }
        let config = match &*served.lock().unwrap_or_else(PoisonError::into_inner) {
            Served::Certificate(config) => Arc::clone(config),
            Served::Nothing => continue,
        };
        std::thread::spawn(move || {
            let mut session = ServerConnection::new(config).unwrap();
            drop(stream.set_read_timeout(Some(Duration::from_secs(5))));
            while session.is_handshaking() && session.complete_io(&mut stream).is_ok() {}
            // Until the other side goes.
            drop(session.complete_io(&mut stream));
        });
    }
}
