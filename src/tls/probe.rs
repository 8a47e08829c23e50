//! One TLS handshake with a listener, to see what it serves. Nothing is trusted and nothing is sent after it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, ProtocolVersion, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::base::names::Fqdn;
use crate::tls::leaf::{self, LeafError};
use crate::wire::answer::LeafFacts;

/// How long a server that speaks first is waited for.
const GREETING: Duration = Duration::from_millis(200);

/// What a listener served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// What the leaf says of itself.
    pub leaf: LeafFacts,
    /// All certificates that were sent, DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// The protocol that was agreed: `TLS 1.3` or `TLS 1.2`.
    pub protocol: String,
}

/// Why nothing was seen.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Nobody listens there, or the way is blocked.
    #[error("{address} could not be reached")]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// What the network said.
        #[source]
        source: std::io::Error,
    },
    /// Somebody listens, but the handshake failed.
    #[error("the TLS handshake with {address} for {name} failed")]
    Handshake {
        /// Where.
        address: SocketAddr,
        /// The name that was asked for.
        name: Fqdn,
        /// What went wrong.
        #[source]
        source: std::io::Error,
    },
    /// The same, where no name was asked for.
    #[error("the TLS handshake with {address} without a name failed")]
    Nameless {
        /// Where.
        address: SocketAddr,
        /// What went wrong.
        #[source]
        source: std::io::Error,
    },
    /// No end within the deadline.
    #[error("{address} did not finish a TLS handshake within {} s", after.as_secs())]
    Silent {
        /// Where.
        address: SocketAddr,
        /// The deadline.
        after: Duration,
    },
    /// The listener served something that is no certificate.
    #[error("{address} served a certificate that cannot be read")]
    Unreadable {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: LeafError,
    },
    /// This program's own TLS could not be set up.
    #[error("TLS could not be set up")]
    Setup(#[from] rustls::Error),
}

/// Asks `address` for `name` (SNI, RFC 6066 section 3) and records what it serves, whoever signed it.
///
/// # Errors
/// Nobody answered in time, or the answer was no TLS handshake.
pub async fn handshake(address: SocketAddr, name: &Fqdn, deadline: Duration) -> Result<Served, ProbeError> {
    let silent = ProbeError::Silent { address, after: deadline };
    tokio::time::timeout(deadline, look(address, name)).await.unwrap_or(Err(silent))
}

/// Asks `address` without a name (no SNI), as old phones do. Whoever speaks first does not speak TLS, and is told nothing.
///
/// # Errors
/// Nobody answered in time, or the answer was no TLS handshake.
pub async fn without_name(address: SocketAddr, deadline: Duration) -> Result<Served, ProbeError> {
    let silent = ProbeError::Silent { address, after: deadline };
    let ask = async {
        let failed = |source| ProbeError::Nameless { address, source };
        let stream =
            TcpStream::connect(address).await.map_err(|source| ProbeError::Unreachable { address, source })?;
        if tokio::time::timeout(GREETING, stream.readable()).await.is_ok() {
            return Err(failed(std::io::Error::other("it speaks first")));
        }
        served(address, stream, ServerName::IpAddress(address.ip().into()), failed).await
    };
    tokio::time::timeout(deadline, ask).await.unwrap_or(Err(silent))
}

async fn look(address: SocketAddr, name: &Fqdn) -> Result<Served, ProbeError> {
    let failed = |source| ProbeError::Handshake { address, name: name.clone(), source };
    let server =
        ServerName::try_from(name.as_str().to_owned()).map_err(|error| failed(std::io::Error::other(error)))?;
    let stream = TcpStream::connect(address).await.map_err(|source| ProbeError::Unreachable { address, source })?;
    served(address, stream, server, failed).await
}

async fn served(
    address: SocketAddr,
    stream: TcpStream,
    server: ServerName<'static>,
    failed: impl FnOnce(std::io::Error) -> ProbeError,
) -> Result<Served, ProbeError> {
    let connector = TlsConnector::from(Arc::new(configuration()?));
    let stream = connector.connect(server, stream).await.map_err(failed)?;
    let (_, session) = stream.get_ref();
    let chain: Vec<Vec<u8>> =
        session.peer_certificates().unwrap_or_default().iter().map(|certificate| certificate.to_vec()).collect();
    let protocol = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "unknown",
    };
    let first = chain.first().map_or(&[][..], Vec::as_slice);
    let leaf = leaf::read(first).map_err(|source| ProbeError::Unreadable { address, source })?;
    Ok(Served { leaf, chain, protocol: protocol.to_owned() })
}

fn configuration() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut configuration = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    // A resumed session sends no certificate, and then there is nothing to see.
    configuration.resumption = rustls::client::Resumption::disabled();
    Ok(configuration)
}

/// Accepts every certificate, but only from somebody who holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, leaf, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, leaf, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rustls::ServerConfig;
    use rustls_pki_types::PrivatePkcs8KeyDer;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    fn name() -> Fqdn {
        Fqdn::parse("pbx.example.com").unwrap()
    }

    #[tokio::test]
    async fn what_a_listener_serves_is_recorded_whoever_signed_it() {
        let made = rcgen::generate_simple_self_signed(["pbx.example.com".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let identity = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            drop(TlsAcceptor::from(Arc::new(identity)).accept(stream).await);
        });

        let served = handshake(address, &name(), Duration::from_secs(5)).await.unwrap();

        assert_eq!(served.chain, [made.cert.der().to_vec()]);
        assert_eq!(served.leaf.names, ["pbx.example.com"]);
        assert_eq!(served.protocol, "TLS 1.3");
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn a_listener_that_says_nothing_is_silent_after_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();

        let outcome = handshake(address, &name(), Duration::from_millis(50)).await;

        assert!(matches!(outcome, Err(ProbeError::Silent { .. })), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_closed_port_is_unreachable() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);

        let outcome = handshake(address, &name(), Duration::from_secs(5)).await;

        assert!(matches!(outcome, Err(ProbeError::Unreachable { .. })), "{outcome:?}");
    }
}
