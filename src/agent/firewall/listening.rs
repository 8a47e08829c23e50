//! What listens, as the kernel says it (`/proc/net/{tcp,tcp6,udp,udp6}`, proc(5)), with the programs where it tells.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use nix::unistd::{Uid, User};

use crate::base::chain::printable;
use crate::wire::firewall::Listening;

/// `TCP_LISTEN`, and for UDP a socket that is not connected, as the kernel prints them.
const LISTEN: &str = "0A";
const UNCONNECTED: &str = "07";

/// Every socket that listens, below a /proc.
///
/// # Errors
/// The kernel's list of IPv4's TCP sockets cannot be read.
pub(super) fn all(proc: &Path) -> Result<Vec<Listening>, String> {
    let programs = programs(proc);
    let mut found = Vec::new();
    for (name, udp, needed) in
        [("tcp", false, true), ("tcp6", false, false), ("udp", true, true), ("udp6", true, false)]
    {
        let text = match std::fs::read_to_string(proc.join("net").join(name)) {
            Ok(text) => text,
            // Without IPv6 there is no such file.
            Err(_) if !needed => continue,
            Err(error) => return Err(format!("/proc/net/{name} cannot be read: {error}")),
        };
        found.extend(text.lines().filter_map(|line| socket(line, udp, &programs)));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn socket(line: &str, udp: bool, programs: &HashMap<String, Holder>) -> Option<Listening> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (local, state, uid, inode) = (fields.get(1)?, fields.get(3)?, fields.get(7)?, fields.get(9)?);
    if *state != if udp { UNCONNECTED } else { LISTEN } {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    let at = SocketAddr::new(parse_address(address)?, u16::from_str_radix(port, 16).ok()?);
    let uid: u32 = uid.parse().ok()?;
    let user =
        User::from_uid(Uid::from_raw(uid)).ok().flatten().map_or_else(|| format!("uid {uid}"), |user| user.name);
    let holder = programs.get(*inode);
    Some(Listening {
        udp,
        at,
        user: printable(&user),
        programs: holder.map(|holder| holder.names.clone()).unwrap_or_default(),
        unit: holder.and_then(|holder| holder.unit.clone()),
    })
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

/// The programs that hold a socket.
#[derive(Debug, Default)]
struct Holder {
    names: Vec<String>,
    unit: Option<String>,
}

/// Sockets' inodes with the programs that hold them, as far as this process may look.
fn programs(proc: &Path) -> HashMap<String, Holder> {
    let mut found: HashMap<String, Holder> = HashMap::new();
    for process in std::fs::read_dir(proc).into_iter().flatten().flatten() {
        if !process.file_name().to_string_lossy().bytes().all(|letter| letter.is_ascii_digit()) {
            continue;
        }
        let path = process.path();
        for descriptor in std::fs::read_dir(path.join("fd")).into_iter().flatten().flatten() {
            let Ok(target) = std::fs::read_link(descriptor.path()) else { continue };
            let target = target.to_string_lossy();
            let Some(inode) = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) else {
                continue;
            };
            let holder = found.entry(inode.to_owned()).or_default();
            let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
            let name = printable(name.trim());
            if !name.is_empty() && !holder.names.contains(&name) {
                holder.names.push(name);
            }
            holder.unit = holder.unit.take().or_else(|| unit(&path));
        }
    }
    found
}

/// The last part of a process's control group that is a service.
fn unit(process: &Path) -> Option<String> {
    let text = std::fs::read_to_string(process.join("cgroup")).ok()?;
    let mut parts = text.lines().flat_map(|line| line.split('/'));
    parts.rfind(|part| part.ends_with(".service")).map(printable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_of_this_test_is_found_with_its_program_and_its_user() {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();

        let found = all(Path::new("/proc")).unwrap();

        let of = |udp: bool, at: SocketAddr| found.iter().find(|one| one.udp == udp && one.at == at).unwrap().clone();
        let (tcp, udp) = (of(false, tcp.local_addr().unwrap()), of(true, udp.local_addr().unwrap()));
        assert!(!tcp.programs.is_empty() && tcp.programs == udp.programs, "{tcp:?}");
        assert!(!tcp.user.is_empty());
    }

    #[test]
    fn a_proc_that_is_not_there_is_said() {
        assert!(all(Path::new("/nowhere")).unwrap_err().starts_with("/proc/net/tcp cannot be read"));
    }
}
