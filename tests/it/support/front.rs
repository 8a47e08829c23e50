//! A private nginx with the files that are shipped for it, in front of a console, and something that plays PHP.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::unistd::Uid;
use rampart::app::demo::process::{Child, Start, free_port};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixListener};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::agent_house::Scratch;
use crate::support::app::HOST;
use crate::support::listener::{Listening, connector};

/// What nginx and the console share.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A running nginx.
pub(crate) struct Front {
    /// The console's own name.
    pub(crate) console: SocketAddr,
    /// FusionPBX's name, in clear text: who reads a cookie there reads it with TLS too.
    pub(crate) fusionpbx: SocketAddr,
    /// Where unknown names end.
    pub(crate) unknown: SocketAddr,
    /// What PHP was told, request by request.
    pub(crate) php: Arc<Mutex<Vec<String>>>,
    connector: TlsConnector,
    playing: JoinHandle<()>,
    _nginx: Child,
    _directory: Scratch,
}

fn shipped(name: &str) -> String {
    fs::read_to_string(format!("{}/packaging/nginx/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

impl Front {
    pub(crate) async fn before(console: &Listening) -> Self {
        let directory = Scratch::new();
        let at = |name: &str| directory.path().join(name);
        let [tls, plain, unknown] = [free_port().unwrap(), free_port().unwrap(), free_port().unwrap()];
        let pair = rcgen::generate_simple_self_signed([HOST.to_owned(), "pbx.example".to_owned()]).unwrap();
        fs::write(at("fullchain.pem"), pair.cert.pem()).unwrap();
        fs::write(at("privkey.pem"), pair.signing_key.serialize_pem()).unwrap();
        fs::create_dir(at("temp")).unwrap();
        let secret = shipped("rampart-proxy-secret.conf.example").replace("the secret\";", &format!("{SECRET}\";"));
        fs::write(at("rampart-proxy-secret.conf"), secret).unwrap();
        fs::set_permissions(at("rampart-proxy-secret.conf"), fs::Permissions::from_mode(0o600)).unwrap();
        let here = |name: &str| {
            shipped(name)
                .replace("    listen [::]:443 ssl;\n", "")
                .replace("    listen [::]:8444 ssl default_server;\n", "")
                .replace("listen 443 ssl", &format!("listen 127.0.0.1:{tls} ssl"))
                .replace("listen 8444 ssl", &format!("listen 127.0.0.1:{unknown} ssl"))
                .replace("console.example.com", HOST)
                .replace("/etc/nginx/rampart/", &format!("{}/", directory.path().display()))
                .replace("/etc/nginx/", &format!("{}/", directory.path().display()))
                .replace("/var/lib/rampart/console.crt", &console.certificate.display().to_string())
                .replace("https://127.0.0.1:8443", &format!("https://{}", console.address))
        };
        for name in
            ["rampart-site.conf", "rampart-on-fusionpbx.conf", "rampart-unknown-names.conf", "rampart-cookie.conf"]
        {
            fs::write(at(name), here(name)).unwrap();
        }
        let php = at("php.sock");
        fs::write(at("nginx.conf"), main_file(directory.path(), plain)).unwrap();
        let (told, playing) = play_php(&php);
        let start = Start::program("/usr/bin/setpriv", directory.path()).arg("--pdeathsig").arg("TERM").arg("--");
        let start = start.arg("/usr/sbin/nginx").arg("-e").arg(at("error.log")).arg("-c").arg(at("nginx.conf"));
        let mut nginx = start.spawn().unwrap();
        let answers = async || TcpStream::connect((Ipv4Addr::LOCALHOST, tls)).await.is_ok();
        nginx.wait_until(Duration::from_secs(10), answers).await.unwrap();
        let local = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            console: local(tls),
            fusionpbx: local(plain),
            unknown: local(unknown),
            php: told,
            connector: connector(&pair.cert.pem()),
            playing,
            _nginx: nginx,
            _directory: directory,
        }
    }

    /// A connection to the console's own name.
    pub(crate) async fn open(&self) -> tokio_rustls::client::TlsStream<TcpStream> {
        let name = rustls_pki_types::ServerName::try_from(HOST).unwrap();
        self.connector.connect(name, TcpStream::connect(self.console).await.unwrap()).await.unwrap()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.playing.abort();
    }
}

fn main_file(directory: &Path, plain: u16) -> String {
    let directory = directory.display();
    let user = if Uid::effective().is_root() { "user www-data;\n" } else { "" };
    format!(
        "{user}worker_processes 1;
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {directory}/temp/body;
    proxy_temp_path {directory}/temp/proxy;
    fastcgi_temp_path {directory}/temp/fastcgi;
    uwsgi_temp_path {directory}/temp/uwsgi;
    scgi_temp_path {directory}/temp/scgi;
    access_log off;
    include {directory}/rampart-cookie.conf;
    server {{
        listen 127.0.0.1:{plain} default_server;
        server_name pbx.example;
        include {directory}/rampart-on-fusionpbx.conf;
        location / {{
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param HTTP_COOKIE $cookie_for_fusionpbx;
            fastcgi_pass unix:{directory}/php.sock;
        }}
    }}
    include {directory}/rampart-site.conf;
    include {directory}/rampart-unknown-names.conf;
}}
"
    )
}

/// Answers each request with one word (`FastCGI` 1.0, section 3) and keeps its parameters as they came.
fn play_php(socket: &Path) -> (Arc<Mutex<Vec<String>>>, JoinHandle<()>) {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let listener = UnixListener::bind(socket).unwrap();
    fs::set_permissions(socket, fs::Permissions::from_mode(0o666)).unwrap();
    let keep = told.clone();
    let playing = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut parameters = String::new();
            loop {
                let mut head = [0_u8; 8];
                if stream.read_exact(&mut head).await.is_err() {
                    break;
                }
                let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
                let mut content = vec![0; length + usize::from(head[6])];
                stream.read_exact(&mut content).await.unwrap();
                match (head[1], length) {
                    (4, _) => parameters.push_str(&String::from_utf8_lossy(&content[..length])),
                    // The end of standard input: all is said.
                    (5, 0) => break,
                    _ => {}
                }
            }
            keep.lock().unwrap().push(parameters);
            let answer = b"Content-Type: text/plain\r\n\r\nPHP";
            let length = u8::try_from(answer.len()).unwrap();
            let mut bytes = vec![1, 6, 0, 1, 0, length, 0, 0];
            bytes.extend_from_slice(answer);
            bytes.extend_from_slice(&[1, 6, 0, 1, 0, 0, 0, 0, 1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            drop(stream.write_all(&bytes).await);
        }
    });
    (told, playing)
}
