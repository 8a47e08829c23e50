//! Asks `mod_xml_rpc`'s little HTTP server (Abyss, of xmlrpc-c) who it is and whether it asks for a password: one request on one
//! connection, of whose answer only the first lines are read.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::agent::freeswitch::esl::Timed;
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
    /// Whether it is `mod_xml_rpc`.
    is_xml_rpc: bool,
}

/// Who answers at `port` of this host, asked without a password.
pub(super) fn who(port: u16) -> Answers {
    match ask(port) {
        Asked::Refused => Answers::Nobody,
        Asked::Said(said) if said.is_xml_rpc && said.status == 401 => Answers::XmlRpc,
        Asked::Said(said) if said.is_xml_rpc => Answers::OpenXmlRpc,
        Asked::Said(_) | Asked::Nonsense => Answers::SomebodyElse,
    }
}

enum Asked {
    Refused,
    Nonsense,
    Said(Said),
}

fn ask(port: u16) -> Asked {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = Timed::connect(address, PATIENCE) else {
        return Asked::Refused;
    };
    let request = format!("GET /txtapi/version HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    if stream.send(request.as_bytes()).is_err() {
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
    let mut said = Said { status, is_xml_rpc: false };
    for line in lines.take_while(|line| !line.trim().is_empty()) {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("Server") {
            said.is_xml_rpc = value.contains("xmlrpc-c_abyss") || value.contains("mod_xml_rpc");
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

        assert_eq!((asks.status, asks.is_xml_rpc), (401, true));
        assert_eq!(parse(open), Some(Said { status: 200, is_xml_rpc: true }));
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
