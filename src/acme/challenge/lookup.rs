//! Asks one name server, over TCP and without a resolver between, what it shows at a name.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::net::client::{Client, ClientHandle as _};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::tcp::TcpClientStream;
use hickory_resolver::net::xfer::DnsMultiplexer;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{DNSClass, Name, RData, RecordType};

use crate::base::chain::printable;

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxtAnswer {
    /// Whether the server speaks for the zone, and does not repeat what another said some time ago.
    pub authoritative: bool,
    /// The texts at the name; none if the name does not exist.
    pub values: Vec<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// No connection, or a broken one.
    #[error("{0}")]
    Broken(String),
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Silent(Duration),
    /// The server answered with an error.
    #[error("it answered {0}")]
    Refused(String),
}

/// The TXT records at `name`, as `server` has them now.
///
/// # Errors
/// The server could not be reached, or answered neither `NOERROR` nor `NXDOMAIN`.
pub async fn txt(server: SocketAddr, name: &str, deadline: Duration) -> Result<TxtAnswer, LookupError> {
    tokio::time::timeout(deadline, ask(server, name)).await.unwrap_or(Err(LookupError::Silent(deadline)))
}

async fn ask(server: SocketAddr, name: &str) -> Result<TxtAnswer, LookupError> {
    let broken = |words: String| LookupError::Broken(printable(&words));
    let mut owner = Name::from_ascii(name).map_err(|error| broken(error.to_string()))?;
    owner.set_fqdn(true);
    let (stream, sender) = TcpClientStream::new(server, None, None, TokioRuntimeProvider::new());
    let stream = stream.await.map_err(|error| broken(error.to_string()))?;
    let (mut client, background) = Client::<TokioRuntimeProvider>::from_sender(DnsMultiplexer::new(stream, sender));
    // Ends when the client goes.
    tokio::spawn(background);
    let answer = client
        .query(owner.clone(), DNSClass::IN, RecordType::TXT)
        .await
        .map_err(|error| broken(error.to_string()))?;
    let code = answer.metadata.response_code;
    if code != ResponseCode::NoError && code != ResponseCode::NXDomain {
        return Err(LookupError::Refused(code.to_string()));
    }
    let mut values = Vec::new();
    for record in &answer.answers {
        if let (true, RData::TXT(txt)) = (record.name == owner, &record.data) {
            values.push(txt.txt_data.iter().map(|piece| String::from_utf8_lossy(piece)).collect());
        }
    }
    Ok(TxtAnswer { authoritative: answer.metadata.authoritative, values })
}
