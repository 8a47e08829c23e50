//! The address that a request came from. Whatever limits or names a visitor uses it, so it must not be the visitor's
//! choice: the peer of the connection counts, or what nginx says, if it proves that it is nginx.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use subtle::ConstantTimeEq as _;

use crate::base::secret::Secret;

/// Where nginx puts the secret that root gave it.
const PROXY: HeaderName = HeaderName::from_static("x-rampart-proxy");

/// Where nginx puts the visitor's address.
const CLIENT: HeaderName = HeaderName::from_static("x-rampart-client");

/// Who may speak to the console.
#[derive(Clone, Debug, Default)]
pub enum InFront {
    /// Browsers themselves. The peer of the connection is the visitor, and no header is believed.
    #[default]
    Nobody,
    /// nginx, which knows this secret. Without it a request comes from nowhere.
    Nginx(Secret<String>),
}

impl InFront {
    /// Where the request came from; `None` if that is not known.
    pub(super) fn client(&self, parts: &Parts) -> Option<IpAddr> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        match self {
            Self::Nobody => peer,
            Self::Nginx(secret) => told(&parts.headers, secret),
        }
        .map(|address| address.to_canonical())
    }
}

/// What nginx says: exactly one of each header, the right secret, and one plain address.
fn told(headers: &HeaderMap, secret: &Secret<String>) -> Option<IpAddr> {
    let said = only(headers, &PROXY)?;
    let is_nginx = bool::from(said.ct_eq(secret.expose().as_bytes()));
    let address = std::str::from_utf8(only(headers, &CLIENT)?).ok()?.parse().ok()?;
    is_nginx.then_some(address)
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(one), None) => Some(one.as_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    const PEER: &str = "127.0.0.1:4711";

    fn client(front: &InFront, headers: &[(&str, &str)]) -> Option<String> {
        let mut request = Request::new(());
        request.extensions_mut().insert(ConnectInfo(PEER.parse::<SocketAddr>().unwrap()));
        for (name, value) in headers {
            request.headers_mut().append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        front.client(&request.into_parts().0).map(|address| address.to_string())
    }

    fn nginx() -> InFront {
        InFront::Nginx(Secret::new("the-secret-of-nginx".to_owned()))
    }

    const RIGHT: (&str, &str) = ("x-rampart-proxy", "the-secret-of-nginx");

    /// ASVS 4.1.3, 15.3.4.
    #[test]
    fn with_nobody_in_front_no_header_moves_the_address() {
        for name in [
            "x-forwarded-for",
            "x-real-ip",
            "forwarded",
            "x-rampart-client",
            "true-client-ip",
            "cf-connecting-ip",
            "x-client-ip",
            "x-forwarded-host",
        ] {
            let found = client(&InFront::Nobody, &[(name, "192.0.2.7"), RIGHT]);
            assert_eq!(found.as_deref(), Some("127.0.0.1"), "{name}");
        }
    }

    /// ASVS 4.1.3, 15.3.4.
    #[test]
    fn behind_nginx_one_plain_address_under_the_secret_counts() {
        for (said, meant) in [
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("2001:DB8:0:0::7", "2001:db8::7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ] {
            let found = client(&nginx(), &[RIGHT, ("x-rampart-client", said), ("x-forwarded-for", "203.0.113.9")]);
            assert_eq!(found.as_deref(), Some(meant), "{said}");
        }
    }

    /// ASVS 4.1.3, 15.3.4.
    #[test]
    fn behind_nginx_anything_else_is_unknown_and_never_the_peer() {
        let address = ("x-rampart-client", "192.0.2.7");
        let shapes: [&[(&str, &str)]; 22] = [
            &[],
            &[RIGHT],
            &[address],
            &[("x-rampart-proxy", ""), address],
            &[("x-rampart-proxy", "the-secret-of-ngin"), address],
            &[("x-rampart-proxy", "the-secret-of-nginx2"), address],
            &[("x-rampart-proxy", "THE-SECRET-OF-NGINX"), address],
            &[RIGHT, RIGHT, address],
            &[("x-rampart-proxy", "guess"), RIGHT, address],
            &[RIGHT, address, address],
            &[RIGHT, address, ("x-rampart-client", "203.0.113.9")],
            &[RIGHT, ("x-rampart-client", "")],
            &[RIGHT, ("x-rampart-client", "192.0.2.7, 203.0.113.9")],
            &[RIGHT, ("x-rampart-client", "192.0.2.7:443")],
            &[RIGHT, ("x-rampart-client", "[2001:db8::7]")],
            &[RIGHT, ("x-rampart-client", "fe80::1%eth0")],
            &[RIGHT, ("x-rampart-client", " 192.0.2.7 x")],
            &[RIGHT, ("x-rampart-client", "192.0.2.007")],
            &[RIGHT, ("x-rampart-client", "3221225991")],
            &[RIGHT, ("x-rampart-client", "unknown")],
            &[RIGHT, ("x-real-ip", "192.0.2.7"), ("x-forwarded-for", "192.0.2.7")],
            &[("forwarded", "for=192.0.2.7"), ("x-forwarded-for", "192.0.2.7")],
        ];
        for shape in shapes {
            assert_eq!(client(&nginx(), shape), None, "{shape:?}");
        }
    }
}
