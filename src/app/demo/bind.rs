//! The demo's DNS server: BIND on loopback, which speaks for the demo's zones, follows aliases between them, knows no
//! other name, and takes updates signed with a key of its own.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::app::demo::process::{Child, Start, free_port};
use crate::base::encoding::base64;
use crate::base::names::Fqdn;
use crate::base::rng::Random;
use crate::base::secret::Secret;

/// The TSIG key's name, on both sides.
const KEY_NAME: &str = "rampart-demo.";

/// How long BIND may take to load its zones.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// A port that was free may be taken before BIND gets to it; so many ports are tried.
const TRIES: u32 = 4;

/// A running BIND. Dropping it ends it.
#[derive(Debug)]
pub struct Bind {
    /// Where it answers, over TCP and UDP.
    pub address: SocketAddr,
    /// The name of the TSIG key (hmac-sha256) that may update every zone.
    pub key_name: String,
    /// The key, in base64.
    pub secret: Secret<String>,
    /// The server itself.
    pub child: Child,
}

impl Bind {
    /// Starts BIND in `directory`, which must be private to whoever runs this, with an empty zone for each of `zones`.
    ///
    /// # Errors
    /// The directory cannot be written, BIND is not installed (Debian: bind9), or it did not start: its log is in the
    /// error.
    pub async fn start(directory: &Path, zones: &[Fqdn], random: &dyn Random) -> io::Result<Self> {
        let mut key = [0_u8; 32];
        random.fill(&mut key);
        let secret = Secret::new(base64(&key));
        let program = program(directory)?;
        write_zones(directory, zones)?;
        let mut last = io::Error::other("BIND was not tried");
        for _ in 0..TRIES {
            match Self::run(&program, directory, zones, free_address()?, &secret).await {
                Ok(bind) => return Ok(bind),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn run(
        program: &Path,
        directory: &Path,
        zones: &[Fqdn],
        address: SocketAddr,
        secret: &Secret<String>,
    ) -> io::Result<Self> {
        let settings = settings(directory, zones, address, secret);
        write_private(&directory.join("named.conf"), &settings)?;
        let child = run(program, directory, address).await?;
        Ok(Self { address, key_name: KEY_NAME.to_owned(), secret: secret.clone(), child })
    }
}

async fn run(program: &Path, directory: &Path, address: SocketAddr) -> io::Result<Child> {
    let start = Start::program(program, directory).arg("-g").arg("-n").arg("1").arg("-c");
    let mut child = start.arg(directory.join("named.conf")).spawn()?;
    // BIND goes on without a port that it could not have, so its own word is needed too.
    let log = directory.join(program.file_name().unwrap_or_default()).with_extension("log");
    let is_ready = async || {
        let said = fs::read_to_string(&log).unwrap_or_default();
        said.contains(" running") && TcpStream::connect(address).is_ok()
    };
    child.wait_until(START_DEADLINE, is_ready).await?;
    if child.log().contains("address in use") {
        return Err(io::Error::other("BIND found its port taken"));
    }
    Ok(child)
}

/// Debian's `AppArmor` profile ties /usr/sbin/named, by that path, to /etc/bind and /var/cache/bind. Where `AppArmor`
/// is on, a copy in our own directory is run instead.
fn program(directory: &Path) -> io::Result<PathBuf> {
    let installed = PathBuf::from("/usr/sbin/named");
    if !installed.exists() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "BIND is not installed (Debian: bind9)"));
    }
    let confined =
        fs::read_to_string("/sys/module/apparmor/parameters/enabled").is_ok_and(|state| state.trim() == "Y");
    if !confined {
        return Ok(installed);
    }
    let copy = directory.join("named");
    fs::copy(&installed, &copy)?;
    Ok(copy)
}

/// A port that is free for both TCP and UDP.
fn free_address() -> io::Result<SocketAddr> {
    let mut last = io::Error::other("no port was tried");
    for _ in 0..16 {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        match UdpSocket::bind(address) {
            Ok(_) => return Ok(address),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A zone's file needs a start of authority and a name server; the rest comes by updates.
fn write_zones(directory: &Path, zones: &[Fqdn]) -> io::Result<()> {
    // The root is empty, so that nothing outside is ever asked: what is not here does not exist.
    let root = "$TTL 1\n@ IN SOA ns. hostmaster. 1 3600 600 86400 1\n@ IN NS ns.\nns. IN A 127.0.0.1\n";
    fs::write(directory.join("root.zone"), root)?;
    for zone in zones {
        let text = format!(
            "$ORIGIN {zone}.\n$TTL 1\n@ IN SOA ns.{zone}. hostmaster.{zone}. 1 3600 600 86400 1\n@ IN NS ns.{zone}.\n\
             ns IN A 127.0.0.1\n"
        );
        fs::write(directory.join(format!("{zone}.zone")), text)?;
    }
    Ok(())
}

fn settings(directory: &Path, zones: &[Fqdn], address: SocketAddr, secret: &Secret<String>) -> String {
    let place = directory.display();
    let (ip, port) = (address.ip(), address.port());
    let zone = |zone: &Fqdn| {
        format!("zone \"{zone}\" {{ type primary; file \"{zone}.zone\"; allow-update {{ key \"{KEY_NAME}\"; }}; }};")
    };
    let zones = zones.iter().map(zone).collect::<Vec<_>>().join("\n");
    format!(
        "options {{ directory \"{place}\"; listen-on port {port} {{ {ip}; }}; listen-on-v6 {{ none; }};\n\
         recursion yes; allow-recursion {{ 127.0.0.0/8; }}; dnssec-validation no; notify no; empty-zones-enable no; allow-transfer {{ none; }};\n\
         pid-file \"{place}/named.pid\"; session-keyfile \"{place}/session.key\";\n\
         managed-keys-directory \"{place}\"; }};\n\
         controls {{ }};\n\
         key \"{KEY_NAME}\" {{ algorithm hmac-sha256; secret \"{}\"; }};\n\
         zone \".\" {{ type primary; file \"root.zone\"; }};\n{zones}\n",
        secret.expose()
    )
}

/// The settings hold the key: they are for this user only.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, "")?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    fs::write(path, text)
}
