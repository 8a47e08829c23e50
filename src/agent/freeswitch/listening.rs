//! Where a TCP port is listened at, as the kernel says it (`/proc/net/tcp`, `/proc/net/tcp6`; proc(5)).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// `TCP_LISTEN` of `include/net/tcp_states.h`, as the kernel prints it.
const LISTEN: &str = "0A";

/// Every TCP socket of this host that listens.
///
/// # Errors
/// The kernel's list of IPv4 sockets cannot be read.
pub(in crate::agent) fn all() -> Result<Vec<SocketAddr>, String> {
    let failed = |error: std::io::Error| format!("/proc/net/tcp cannot be read: {error}");
    let four = std::fs::read_to_string("/proc/net/tcp").map_err(failed)?;
    // Without IPv6 there is no such file.
    let six = std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    let mut found: Vec<SocketAddr> = four.lines().chain(six.lines()).filter_map(listener).collect();
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Those at `port`.
pub(super) fn at_port(port: u16) -> Vec<SocketAddr> {
    all().unwrap_or_default().into_iter().filter(|socket| socket.port() == port).collect()
}

/// Where a socket that listens at `socket` is reached from this host.
pub(in crate::agent) fn reachable(socket: SocketAddr) -> SocketAddr {
    match socket.ip() {
        IpAddr::V4(address) if address.is_unspecified() => (Ipv4Addr::LOCALHOST, socket.port()).into(),
        IpAddr::V6(address) if address.is_unspecified() => (Ipv6Addr::LOCALHOST, socket.port()).into(),
        _ => socket,
    }
}

/// The words `0.0.0.0:8080`.
pub(super) fn words(sockets: &[SocketAddr]) -> Vec<String> {
    sockets.iter().map(ToString::to_string).collect()
}

fn listener(line: &str) -> Option<SocketAddr> {
    let mut fields = line.split_ascii_whitespace();
    let (_, local, _, state) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    if state != LISTEN {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    Some(SocketAddr::new(parse_address(address)?, u16::from_str_radix(port, 16).ok()?))
}

/// The kernel prints each 32 bits as a number of the machine's own byte order.
fn parse_address(text: &str) -> Option<IpAddr> {
    let words = (0..text.len()).step_by(8).map(|at| u32::from_str_radix(text.get(at..at + 8)?, 16).ok());
    let words: Vec<[u8; 4]> = words.map(|word| word.map(u32::to_ne_bytes)).collect::<Option<_>>()?;
    match words.as_slice() {
        [four] => Some(Ipv4Addr::from(*four).into()),
        [_, _, _, _] => Some(Ipv6Addr::from(<[u8; 16]>::try_from(words.concat()).ok()?).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_that_listen_are_found() {
        let lines = [
            "  sl  local_address rem_address   st tx_queue",
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000",
            "   1: 0100007F:1F91 0100007F:9999 01 00000000:00000000",
            "   2: 00000000000000000000000000000000:1F55 00000000000000000000000000000000:0000 0A 0",
            "   3: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 0",
            "   4: zz:10 0 0A",
        ];

        let found: Vec<_> = lines.iter().filter_map(|line| listener(line)).map(|at| at.to_string()).collect();

        assert_eq!(found, ["127.0.0.1:8080", "[::]:8021", "[::1]:22"]);
    }

    #[test]
    fn a_listener_of_this_test_is_found() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();

        assert_eq!(at_port(address.port()), [address]);
    }
}
