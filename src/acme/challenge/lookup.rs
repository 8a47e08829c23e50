//! Asks one name server, without a resolver between, what it shows at a name.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use hickory_resolver::net::client::Client;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::tcp::TcpClientStream;
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::xfer::{DnsHandle as _, DnsMultiplexer, FirstAnswer as _};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, Edns, Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};

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

/// What is asked of a server beside the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// What it says itself.
    Authority,
    /// What it finds out for us.
    Resolver,
    /// What it finds out for us, without judging signatures (RFC 4035, checking disabled).
    Unchecked,
}

/// The TXT records at `name`, as `server` has them now.
///
/// # Errors
/// The server could not be reached, or answered neither `NOERROR` nor `NXDOMAIN`.
pub async fn txt(server: SocketAddr, name: &str, deadline: Duration) -> Result<TxtAnswer, LookupError> {
    let owner = parse(name)?;
    let answer = ask(server, &owner, RecordType::TXT, Asking::Authority, deadline).await?;
    let mut values = Vec::new();
    for record in &answer.answers {
        if let (true, RData::TXT(txt)) = (record.name == owner, &record.data) {
            values.push(txt.txt_data.iter().map(|piece| String::from_utf8_lossy(piece)).collect());
        }
    }
    Ok(TxtAnswer { authoritative: answer.metadata.authoritative, values })
}

/// A name as it is asked for.
pub(super) fn parse(name: &str) -> Result<Name, LookupError> {
    let mut owner = Name::from_ascii(name).map_err(|error| LookupError::Broken(printable(&error.to_string())))?;
    owner.set_fqdn(true);
    Ok(owner)
}

/// The whole answer to one question: over TCP, where nobody can speak in the server's place from afar; over UDP from a
/// server that takes no TCP.
pub(super) async fn ask(
    server: SocketAddr,
    owner: &Name,
    kind: RecordType,
    asking: Asking,
    deadline: Duration,
) -> Result<Message, LookupError> {
    let both = async {
        match tokio::time::timeout(deadline / 2, over_tcp(server, owner, kind, asking)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => over_udp(server, owner, kind, asking).await,
        }
    };
    let answer = tokio::time::timeout(deadline, both).await.unwrap_or(Err(LookupError::Silent(deadline)))?;
    let code = answer.metadata.response_code;
    if code != ResponseCode::NoError && code != ResponseCode::NXDomain {
        return Err(LookupError::Refused(code.to_string()));
    }
    Ok(answer)
}

async fn over_tcp(
    server: SocketAddr,
    owner: &Name,
    kind: RecordType,
    asking: Asking,
) -> Result<Message, LookupError> {
    let (stream, sender) = TcpClientStream::new(server, None, None, TokioRuntimeProvider::new());
    let stream = stream.await.map_err(|error| LookupError::Broken(printable(&error.to_string())))?;
    let (client, background) = Client::<TokioRuntimeProvider>::from_sender(DnsMultiplexer::new(stream, sender));
    // Ends when the client goes.
    tokio::spawn(background);
    exchange(client, owner, kind, asking).await
}

async fn over_udp(
    server: SocketAddr,
    owner: &Name,
    kind: RecordType,
    asking: Asking,
) -> Result<Message, LookupError> {
    let stream = UdpClientStream::builder(server, TokioRuntimeProvider::new()).build();
    let (client, background) = Client::<TokioRuntimeProvider>::from_sender(stream);
    tokio::spawn(background);
    exchange(client, owner, kind, asking).await
}

async fn exchange(
    client: Client<TokioRuntimeProvider>,
    owner: &Name,
    kind: RecordType,
    asking: Asking,
) -> Result<Message, LookupError> {
    let mut message = Message::query();
    message.add_query(Query::query(owner.clone(), kind));
    message.metadata.recursion_desired = asking != Asking::Authority;
    message.metadata.checking_disabled = asking == Asking::Unchecked;
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    edns.set_dnssec_ok(asking != Asking::Authority);
    message.set_edns(edns);
    let request = DnsRequest::new(message, DnsRequestOptions::default());
    let answer = client.send(request).first_answer().await;
    answer
        .map(hickory_resolver::proto::op::DnsResponse::into_message)
        .map_err(|error| LookupError::Broken(printable(&error.to_string())))
}

/// Whether this host has a way to `server` at all: a host without IPv6 reaches no IPv6 address, and need not wait for it.
#[must_use]
pub fn has_a_way_to(server: SocketAddr) -> bool {
    let own = if server.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
    // Nothing is sent: the kernel only looks for a way.
    UdpSocket::bind(own).and_then(|socket| socket.connect(server)).is_ok()
}
