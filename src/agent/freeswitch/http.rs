//! Asks `mod_xml_rpc`'s little HTTP server (xmlrpc-c's Abyss) who it is and whether it lets somebody in: one request on one
//! connection, of whose answer only the first lines are read.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::agent::freeswitch::esl::Timed;
use crate::base::encoding::base64;
use crate::base::secret::Secret;
use crate::wire::switch::Answers;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// The most of an answer that is read: 16 KiB.
const MOST: u64 = 16 * 1024;

/// What an HTTP server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// The status.
    pub(super) status: u16,
    /// The realm of a 401.
    pub(super) realm: Option<String>,
    /// Whether it is `mod_xml_rpc`.
    is_xml_rpc: bool,
}

/// A name and a password.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    /// `auth-user`.
    pub(super) user: String,
    /// `auth-pass`.
    pub(super) password: Secret<String>,
}

/// Who answers at `port` of this host, asked without a password.
pub(super) fn who(port: u16) -> Answers {
    match ask(port, None) {
        Asked::Refused => Answers::Nobody,
        Asked::Said(said) if said.is_xml_rpc && said.status == 401 => Answers::XmlRpc,
        Asked::Said(said) if said.is_xml_rpc => Answers::OpenXmlRpc,
        Asked::Said(_) | Asked::Nonsense => Answers::SomebodyElse,
    }
}

/// What `mod_xml_rpc` at `port` says to `credentials`; `None` if it is not `mod_xml_rpc` that answers.
pub(super) fn sign_in(port: u16, credentials: Option<&Credentials>) -> Option<Said> {
    match ask(port, credentials) {
        Asked::Said(said) if said.is_xml_rpc => Some(said),
        _ => None,
    }
}

enum Asked {
    Refused,
    Nonsense,
    Said(Said),
}

fn ask(port: u16, credentials: Option<&Credentials>) -> Asked {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = Timed::connect(address, PATIENCE) else {
        return Asked::Refused;
    };
    // A host name that cannot be a tenant's: otherwise accounts of that tenant could sign in (mod_xml_rpc takes the domain
    // from it).
    let mut request = format!("GET /txtapi/version HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n");
    if let Some(Credentials { user, password }) = credentials {
        let pair = Secret::new(format!("{user}:{}", password.expose()));
        request.push_str("Authorization: Basic ");
        request.push_str(&base64(pair.expose().as_bytes()));
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let request = Secret::new(request);
    if stream.send(request.expose().as_bytes()).is_err() {
        return Asked::Nonsense;
    }
    let mut bytes = Vec::new();
    // A reset after the answer is as good as its end.
    drop(stream.take(MOST).read_to_end(&mut bytes));
    parse(&bytes).map_or(Asked::Nonsense, Asked::Said)
}

fn parse(bytes: &[u8]) -> Option<Said> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let mut said = Said { status, realm: None, is_xml_rpc: false };
    for line in lines.take_while(|line| !line.trim().is_empty()) {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("Server") {
            said.is_xml_rpc = value.contains("xmlrpc-c_abyss") || value.contains("mod_xml_rpc");
        } else if name.eq_ignore_ascii_case("WWW-Authenticate") {
            said.realm =
                value.strip_prefix("Basic realm=\"").and_then(|rest| rest.strip_suffix('"')).map(str::to_owned);
        }
    }
    Some(said)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn its_own_answers_are_known_and_those_of_others_are_not_taken_for_them() {
        let asks = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"a b\"\r\nServer: Freeswitch \
                     xmlrpc-c_abyss /1.26.0\r\n\r\n<HTML>";
        let open = b"HTTP/1.1 200 OK\r\nServer: FreeSWITCH-1.11.2-release-mod_xml_rpc\r\n\r\nFreeSWITCH Version";
        let other = b"HTTP/1.1 401 Unauthorized\r\nServer: nginx\r\n\r\nServer: xmlrpc-c_abyss";

        let asks = parse(asks).unwrap();

        assert_eq!((asks.status, asks.realm.as_deref(), asks.is_xml_rpc), (401, Some("a b"), true));
        assert_eq!(parse(open), Some(Said { status: 200, realm: None, is_xml_rpc: true }));
        assert!(!parse(other).unwrap().is_xml_rpc);
        assert_eq!(parse(b"SSH-2.0-OpenSSH_9.2p1\r\n"), None);
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes);
        }
    }
}
