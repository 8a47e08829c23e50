//! Two network namespaces with a cable between them: a host that listens, and a client with several addresses.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use rampart::firewall::address::{Family, number};
use rampart::firewall::probes::Probe;
use rampart::firewall::reach::Carried;
use rampart::firewall::{Snapshot, address};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, UdpSocket};

use super::rules::Backend;

const PORTS: [u16; 5] = [22, 80, 443, 5060, 9000];
const CLIENTS: [&str; 3] = ["198.51.100.10", "203.0.113.20", "192.168.50.7"];
const CLIENTS6: [&str; 2] = ["2001:db8:1::10", "2001:db8:2::20"];

/// The two namespaces. They are removed at the end.
pub(super) struct World {
    host: String,
    client: String,
}

impl World {
    /// None without root or the programs: then there is nothing to try.
    pub(super) fn new(backend: Backend) -> Option<Self> {
        let loader = match backend {
            Backend::Legacy => "iptables-legacy-restore",
            Backend::IptablesNft => "iptables-nft-restore",
            Backend::Nft => "nft",
        };
        let there = |name: &str| ["/usr/sbin", "/sbin"].iter().any(|place| PathBuf::from(place).join(name).exists());
        if !nix::unistd::Uid::effective().is_root() || !there(loader) || !there("ip") {
            return None;
        }
        let name = format!("rp{}{}", std::process::id(), format!("{backend:?}").to_lowercase());
        let world = Self { host: format!("{name}h"), client: format!("{name}c") };
        world.wire();
        world.listen();
        Some(world)
    }

    fn wire(&self) {
        for name in [&self.host, &self.client] {
            run("ip", &["netns", "add", name], "");
            Self::within(name, "ip link set lo up");
        }
        run(
            "ip",
            &["-n", &self.host, "link", "add", "srv0", "type", "veth", "peer", "name", "cli0", "netns", &self.client],
            "",
        );
        let host = "ip addr add 198.51.100.1/24 dev srv0; ip addr add 2001:db8:1::1/64 dev srv0 nodad; ip link set srv0 up; \
            ip route add 203.0.113.0/24 dev srv0; ip route add 192.168.50.0/24 dev srv0; ip -6 route add 2001:db8:2::/64 dev srv0; \
            sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.srv0.rp_filter=0";
        Self::within(&self.host, host);
        let client = "ip addr add 198.51.100.10/24 dev cli0; ip addr add 203.0.113.20/32 dev cli0; ip addr add 192.168.50.7/32 dev cli0; \
            ip addr add 2001:db8:1::10/64 dev cli0 nodad; ip addr add 2001:db8:2::20/128 dev cli0 nodad; ip link set cli0 up; \
            sysctl -qw net.ipv4.ip_local_port_range='49152 60999'";
        Self::within(&self.client, client);
        // Rules may drop neighbour discovery, which is not what is tried here.
        let hardware = |name: &str, device: &str| {
            run("ip", &["-n", name, "-br", "link", "show", device], "").split_whitespace().nth(2).unwrap().to_owned()
        };
        let (host, client) = (hardware(&self.host, "srv0"), hardware(&self.client, "cli0"));
        for address in CLIENTS.iter().chain(&CLIENTS6) {
            Self::within(&self.host, &format!("ip neigh replace {address} lladdr {client} dev srv0 nud permanent"));
        }
        for address in ["198.51.100.1", "2001:db8:1::1"] {
            Self::within(&self.client, &format!("ip neigh replace {address} lladdr {host} dev cli0 nud permanent"));
        }
    }

    fn within(namespace: &str, script: &str) {
        run("ip", &["netns", "exec", namespace, "sh", "-ec", script], "");
    }

    /// Runs `with` in a namespace, on a thread and a runtime of its own.
    fn inside<T: Send + 'static, F: Future<Output = T>>(
        namespace: &str,
        with: impl FnOnce() -> F + Send + 'static,
    ) -> std::thread::JoinHandle<T> {
        let place = std::fs::File::open(format!("/run/netns/{namespace}")).unwrap();
        std::thread::spawn(move || {
            setns(place, CloneFlags::CLONE_NEWNET).unwrap();
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(with())
        })
    }

    fn listen(&self) {
        let (tell, told) = std::sync::mpsc::channel();
        // The thread ends with the test program.
        drop(Self::inside(&self.host, move || async move {
            for (address, port) in
                ["198.51.100.1", "2001:db8:1::1"].iter().flat_map(|ip| PORTS.map(|port| (*ip, port)))
            {
                let address = SocketAddr::new(address.parse().unwrap(), port);
                let tcp = TcpListener::bind(address).await.unwrap();
                tokio::spawn(async move {
                    loop {
                        let Ok((mut stream, _)) = tcp.accept().await else { continue };
                        tokio::spawn(async move {
                            // The caller may be gone, or may never hear it.
                            stream.write_all(b"hello").await.ok();
                        });
                    }
                });
                let udp = UdpSocket::bind(address).await.unwrap();
                tokio::spawn(async move {
                    let mut buffer = [0; 64];
                    loop {
                        let Ok((length, from)) = udp.recv_from(&mut buffer).await else { continue };
                        udp.send_to(&buffer[..length], from).await.ok();
                    }
                });
            }
            tell.send(()).unwrap();
            std::future::pending::<()>().await;
        }));
        told.recv().unwrap();
    }

    /// Takes every rule away.
    pub(super) fn clear(&self) {
        let empty = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n*raw\nCOMMIT\n*mangle\nCOMMIT\n*nat\nCOMMIT\n";
        for family in ["iptables", "ip6tables"] {
            if !self.save(&format!("{family}-legacy-save"), &[]).is_empty() {
                run("ip", &["netns", "exec", &self.host, &format!("{family}-legacy-restore")], empty);
            }
        }
        if PathBuf::from("/usr/sbin/nft").exists() {
            Self::within(&self.host, "nft flush ruleset");
        }
    }

    /// Loads a rule set of `rules::make`.
    pub(super) fn load(&self, backend: Backend, rules: &str) {
        let restore = match backend {
            Backend::Nft => return drop(run("ip", &["netns", "exec", &self.host, "nft", "-f", "-"], rules)),
            Backend::Legacy => "legacy-restore",
            Backend::IptablesNft => "nft-restore",
        };
        let (v4, v6) = rules.split_once("# v6\n").unwrap();
        run("ip", &["netns", "exec", &self.host, &format!("iptables-{restore}")], v4);
        run("ip", &["netns", "exec", &self.host, &format!("ip6tables-{restore}")], v6);
    }

    fn save(&self, program: &str, arguments: &[&str]) -> String {
        run("ip", &[&["netns", "exec", &self.host, program], arguments].concat(), "")
    }

    /// What the save tools print there.
    pub(super) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let routes = format!("{}# v6\n{}", self.save("ip", &["route"]), self.save("ip", &["-6", "route"]));
        for (name, text) in [
            ("iptables-save.legacy.txt", self.save("iptables-legacy-save", &["-c"])),
            ("ip6tables-save.legacy.txt", self.save("ip6tables-legacy-save", &["-c"])),
            ("iptables-save.nft.txt", self.save("iptables-nft-save", &["-c"])),
            ("ip6tables-save.nft.txt", self.save("ip6tables-nft-save", &["-c"])),
            ("nft-ruleset.json", self.save("nft", &["-j", "list", "ruleset"])),
            ("nft-ruleset.txt", self.save("nft", &["list", "ruleset"])),
            ("ip-addr.json", self.save("ip", &["-j", "addr"])),
            ("ip-route.txt", routes),
        ] {
            snapshot.put(name, text);
        }
        snapshot
    }

    /// Every client, protocol and port.
    pub(super) fn probes() -> Vec<Probe> {
        let mut probes = Vec::new();
        for client in CLIENTS.iter().chain(&CLIENTS6) {
            let source: IpAddr = client.parse().unwrap();
            let family = Family::of(source);
            let destination: IpAddr =
                if source.is_ipv4() { "198.51.100.1" } else { "2001:db8:1::1" }.parse().unwrap();
            for (carried, port) in
                [Carried::Tcp, Carried::Udp].into_iter().flat_map(|carried| PORTS.map(|port| (carried, port)))
            {
                let (source, destination) = (number(source), number(destination));
                probes.push(Probe {
                    carried,
                    family,
                    port: port.into(),
                    source,
                    destination,
                    interface: "srv0".to_owned(),
                });
            }
        }
        probes
    }

    /// Sends them all at once, and says which were answered within the time.
    pub(super) fn send(&self, probes: &[Probe], milliseconds: u64) -> Vec<bool> {
        let asked: Vec<(Carried, SocketAddr, SocketAddr)> = probes
            .iter()
            .map(|probe| {
                let of = |number: u128, port: u128| {
                    SocketAddr::new(address::address(probe.family, number), u16::try_from(port).unwrap())
                };
                (probe.carried, of(probe.source, 0), of(probe.destination, probe.port))
            })
            .collect();
        let sent = Self::inside(&self.client, move || async move {
            let limit = Duration::from_millis(milliseconds);
            let calls = asked.into_iter().map(|(carried, from, to)| async move {
                tokio::time::timeout(limit, call(carried, from, to)).await.ok().flatten().is_some()
            });
            futures_util::future::join_all(calls).await
        });
        sent.join().unwrap()
    }
}

/// One conversation: something came back.
async fn call(carried: Carried, from: SocketAddr, to: SocketAddr) -> Option<()> {
    let mut heard = [0; 5];
    if carried == Carried::Tcp {
        let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.ok()?;
        socket.bind(from).ok()?;
        socket.connect(to).await.ok()?.read_exact(&mut heard).await.ok()?;
        return Some(());
    }
    let socket = UdpSocket::bind(from).await.ok()?;
    socket.connect(to).await.ok()?;
    socket.send(b"probe").await.ok()?;
    socket.recv(&mut heard).await.ok()?;
    Some(())
}

impl Drop for World {
    fn drop(&mut self) {
        for name in [&self.host, &self.client] {
            run("ip", &["netns", "del", name], "");
        }
    }
}

/// Runs a program with text on its standard input, and gives what it printed.
fn run(program: &str, arguments: &[&str], input: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "the host's own programs, in a namespace of the test")]
    let mut child = Command::new(program)
        .args(arguments)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}\n{input}");
    String::from_utf8(output.stdout).unwrap()
}
