//! The fake's `mod_xml_rpc`: HTTP Basic, as xmlrpc-c's Abyss server does it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rampart::base::encoding::{base64, from_base64};

/// The module while it is loaded.
pub(super) struct Module {
    port: u16,
    /// `None` where the port could not be had: only the log says so.
    ended: Option<Arc<AtomicBool>>,
}

struct Lock {
    realm: Option<String>,
    user: Option<String>,
    password: Option<String>,
}

impl Module {
    /// Reads its settings and listens, if it can.
    pub(super) fn start(setting: &dyn Fn(&str) -> Option<String>, is_open: bool) -> Self {
        let port = setting("http-port").and_then(|port| port.parse().ok()).unwrap_or(8080);
        let realm = setting("auth-realm").filter(|_| !is_open);
        let lock = Lock { realm, user: setting("auth-user"), password: setting("auth-pass") };
        let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) else {
            return Self { port, ended: None };
        };
        let ended = Arc::new(AtomicBool::new(false));
        let own = Arc::clone(&ended);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if own.load(Ordering::SeqCst) {
                    return;
                }
                drop(answer(stream, &lock));
            }
        });
        Self { port, ended: Some(ended) }
    }

    pub(super) const fn listens(&self) -> bool {
        self.ended.is_some()
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if let Some(ended) = &self.ended {
            ended.store(true, Ordering::SeqCst);
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
            // Wakes the thread; its listener is closed once a connection is refused.
            while TcpStream::connect(address).is_ok() {
                std::thread::yield_now();
            }
        }
    }
}

fn answer(mut stream: TcpStream, lock: &Lock) -> std::io::Result<()> {
    let mut given = None;
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some(pair) = line.strip_prefix("Authorization: Basic ") {
            given = from_base64(pair).and_then(|pair| String::from_utf8(pair).ok());
        }
    }
    let reply = match (&lock.realm, &given) {
        (None, _) => opened(),
        (Some(_), Some(given)) if lock.opens_for(given) => opened(),
        (Some(realm), given) => {
            let realm = if given.is_some() { "127.0.0.1" } else { realm };
            let page = "<HTML><HEAD><TITLE>Error 401</TITLE></HEAD><BODY>Unauthorized</BODY></HTML>";
            format!(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"{realm}\"\r\nContent-type: text/html\r\n\
                 Content-length: {}\r\nConnection: close\r\nServer: Freeswitch xmlrpc-c_abyss /1.26.0\r\n\r\n{page}",
                page.len()
            )
        }
    };
    stream.write_all(reply.as_bytes())
}

impl Lock {
    fn opens_for(&self, given: &str) -> bool {
        let (Some(user), Some(password)) = (&self.user, &self.password) else { return false };
        !password.is_empty() && given == format!("{user}:{password}")
    }
}

fn opened() -> String {
    "HTTP/1.1 200 OK\r\nfreeswitch-user: freeswitch\r\nConnection: close\r\nServer: FreeSWITCH-1.11.2-release-mod_xml_rpc\r\n\
     Content-Type: text/plain\r\n\r\nFreeSWITCH Version 1.11.2-release\n"
        .to_owned()
}

/// The status that a client gets.
pub(super) fn status(port: u16, user: &str, password: &str) -> Option<u16> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    let pair = base64(format!("{user}:{password}").as_bytes());
    let request = format!("GET /txtapi/version HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {pair}\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    drop(stream.read_to_string(&mut answer));
    answer.split(' ').nth(1)?.parse().ok()
}
