//! A fake FreeSWITCH, for tests: it speaks the event socket and `mod_xml_rpc`'s HTTP as FreeSWITCH 1.10.12 and 1.11.2 were
//! seen to, reads the same XML files at the same moments, and crashes where they crash: a `mod_xml_rpc` that could not have its
//! port says that it is loaded, and the next unload or reload takes the whole program down. A test in which that happens
//! fails. FreeSWITCH itself is in no Debian, so no test can run it.

mod event_socket;
mod files;
mod tls;
mod xml_rpc;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

pub(crate) use files::param;

use crate::agent_house::Scratch;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The event socket takes the connection and says nothing.
    Silent,
    /// It speaks another protocol.
    Babble,
    /// Its access list turns everybody away.
    Rude,
    /// `load` fails, after its cheerful first line.
    LoadFails,
    /// `unload` fails.
    UnloadFails,
    /// `reload` fails, after its cheerful first line; nothing changes.
    ReloadFails,
    /// `reload` says that it went well, and what was in force stays in force.
    ReloadIsIdle,
    /// Another program takes `mod_xml_rpc`'s port at the moment of the reload. Once.
    PortIsTaken,
    /// `reload` waits until it is let go on, or for ever.
    HoldsReload,
    /// The connection is cut in the middle of a reload, which is done all the same. Once.
    CutAtReload,
    /// `mod_xml_rpc` lets everybody in after the next reload.
    OpensAtReload,
    /// There is no `reloadcert`, as before 1.11.1.
    NoReloadCert,
    /// `reloadcert` says that it went well and does nothing, as in a build without support for it.
    ReloadCertIsIdle,
    /// A reload or restart breaks every handshake, whatever the files hold. Once.
    BreaksHandshakes,
    /// The profile has only just begun: it is not restarted yet. Once.
    TooYoung,
}

/// A running fake.
pub(crate) struct FakeSwitch {
    scratch: Scratch,
    shared: Arc<Shared>,
    event_socket: u16,
    pub(crate) xml_rpc: u16,
}

struct Shared {
    conf: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    faults: BTreeSet<Fault>,
    /// Every `api` command, in order.
    asked: Vec<String>,
    loaded: BTreeSet<String>,
    password: String,
    /// Open connections of the event socket, to be cut.
    connections: Vec<TcpStream>,
    xml_rpc: Option<xml_rpc::Module>,
    /// What took `mod_xml_rpc`'s port away.
    thief: Option<TcpListener>,
    registrations: String,
    channels: u64,
    tls: Option<tls::Tls>,
    is_down: bool,
    has_crashed: bool,
}

impl FakeSwitch {
    /// FreeSWITCH with the files that FusionPBX ships, and `mod_xml_rpc` loaded.
    pub(crate) fn start() -> Self {
        let scratch = Scratch::new();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (event_socket, xml_rpc) = (listener.local_addr().unwrap().port(), free_port());
        files::write(scratch.path(), event_socket, xml_rpc);
        let conf = scratch.path().join("conf");
        let state = State { registrations: "{\"row_count\":0}".to_owned(), ..State::default() };
        let shared = Arc::new(Shared { conf, state: Mutex::new(state) });
        {
            let mut state = shared.state();
            state.loaded.extend(["mod_event_socket", "mod_lua", "mod_sofia"].map(str::to_owned));
            state.password = shared.setting("event_socket.conf.xml", "password").unwrap();
            shared.load(&mut state, "mod_xml_rpc");
        }
        let own = Arc::clone(&shared);
        std::thread::spawn(move || event_socket::serve(&listener, &own));
        Self { scratch, shared, event_socket, xml_rpc }
    }

    /// The section of agent.toml that names its files.
    pub(crate) fn settings(&self) -> String {
        let path = self.scratch.path().display();
        format!("[freeswitch]\nconf = '{path}/conf'\nfusionpbx = '{path}/fusionpbx'\ncache = '{path}/cache'\n")
    }

    /// A file in `conf/autoload_configs`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.shared.conf.join("autoload_configs").join(name)
    }

    /// A file in FusionPBX's cache, or its directory of settings.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Lets something go wrong from now on.
    pub(crate) fn fault(&self, fault: Fault) {
        self.shared.state().faults.insert(fault);
    }

    /// Lets nothing go wrong any more.
    pub(crate) fn heal(&self) {
        let mut state = self.shared.state();
        state.faults.clear();
        state.thief = None;
    }

    /// Every `api` command that came, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.state().asked.clone()
    }

    /// What `show registrations as json` answers.
    pub(crate) fn set_registrations(&self, json: &str) {
        json.clone_into(&mut self.shared.state().registrations);
    }

    /// So many call legs are up on the profile `internal`.
    pub(crate) fn set_calls(&self, calls: u64) {
        self.shared.state().channels = calls;
    }

    /// FreeSWITCH's directory of certificates.
    pub(crate) fn tls(&self) -> PathBuf {
        self.shared.conf.join("tls")
    }

    /// Turns TLS and secure WebSocket on for the profile `internal`, with what lies in the directory now. Answers the two
    /// ports.
    pub(crate) fn turn_tls_on(&self) -> [u16; 2] {
        let own = tls::Tls::start(self.tls());
        let ports = [own.sip, own.wss];
        self.shared.state().tls = Some(own);
        ports
    }

    /// Its listeners read their files anew, as at a restart of the profile.
    pub(crate) fn take_certificate(&self) {
        self.shared.state().take_certificate(true);
    }

    /// Loads or forgets a module, without any of the real one's work.
    pub(crate) fn pretend(&self, module: &str, is_loaded: bool) {
        let mut state = self.shared.state();
        if is_loaded {
            state.loaded.insert(module.to_owned())
        } else {
            state.loaded.remove(module)
        };
    }

    /// What `reload mod_xml_rpc` by another hand does.
    pub(crate) fn reload_xml_rpc(&self) -> String {
        self.shared.reload(&mut self.shared.state(), "mod_xml_rpc")
    }

    /// Whether the event socket takes this password.
    pub(crate) fn takes(&self, password: &str) -> bool {
        let state = self.shared.state();
        !state.is_down && state.password == password
    }

    /// The status that XML RPC answers at `port` with this name and password; `None` if nobody listens there.
    pub(crate) fn http(port: u16, user: &str, password: &str) -> Option<u16> {
        xml_rpc::status(port, user, password)
    }

    /// What `unload` by another hand does.
    pub(crate) fn unload_xml_rpc(&self) -> String {
        self.shared.state().unload("mod_xml_rpc")
    }

    /// What `reload mod_event_socket` by another hand does.
    pub(crate) fn reload_event_socket(&self) {
        self.shared.reload(&mut self.shared.state(), "mod_event_socket");
    }

    /// Stops it, as a crash or `systemctl stop` would.
    pub(crate) fn stop(&self) {
        self.shared.state().go_down();
        // Wakes the thread that waits for the next connection; then its listener is closed.
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.event_socket)).is_ok() {
            std::thread::yield_now();
        }
    }
}

impl Drop for FakeSwitch {
    fn drop(&mut self) {
        let has_crashed = {
            let mut state = self.shared.state();
            state.go_down();
            state.has_crashed
        };
        // So that the thread that waits for the next connection ends.
        drop(TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.event_socket))));
        assert!(!has_crashed || std::thread::panicking(), "FreeSWITCH crashed, and all calls with it");
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn setting(&self, file: &str, name: &str) -> Option<String> {
        param(&self.conf.join("autoload_configs").join(file), name)
    }

    fn load(&self, state: &mut State, module: &str) -> String {
        if state.faults.contains(&Fault::LoadFails) {
            return "-ERR [module load file routine returned an error]\n".to_owned();
        }
        if !state.loaded.insert(module.to_owned()) {
            return "-ERR [Module already loaded]\n".to_owned();
        }
        if module == "mod_xml_rpc" {
            let file = |name: &str| self.setting("xml_rpc.conf.xml", name);
            state.xml_rpc = Some(xml_rpc::Module::start(&file, state.faults.remove(&Fault::OpensAtReload)));
        }
        "+OK\n".to_owned()
    }

    fn reload(&self, state: &mut State, module: &str) -> String {
        let fine = "+OK module unloaded\n+OK module loaded\n".to_owned();
        if state.faults.contains(&Fault::ReloadFails) {
            return "-ERR unloading module [Module in use.]\n-ERR loading module [Module already loaded]\n"
                .to_owned();
        }
        if state.faults.contains(&Fault::ReloadIsIdle) {
            return fine;
        }
        if module == "mod_xml_rpc" && state.faults.remove(&Fault::PortIsTaken) {
            let port = self.setting("xml_rpc.conf.xml", "http-port").unwrap().parse::<u16>().unwrap();
            let unloaded = state.unload(module);
            state.thief = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
            return format!("{unloaded}{}", self.load(state, module));
        }
        let unloaded = state.unload(module);
        if state.has_crashed || unloaded.starts_with("-ERR") {
            return format!("-ERR unloading module [No such module!]\n{}", self.load(state, module));
        }
        let loaded = self.load(state, module);
        if loaded.starts_with("-ERR") {
            return format!("+OK module unloaded\n{}", loaded.replace("-ERR", "-ERR loading module"));
        }
        if module == "mod_event_socket" {
            state.password =
                self.setting("event_socket.conf.xml", "password").unwrap_or_else(|| "ClueCon".to_owned());
        }
        fine
    }
}

impl State {
    /// Reads the certificate anew: at `reloadcert`, or because the profile begins again.
    fn take_certificate(&mut self, is_restart: bool) {
        let breaks = self.faults.remove(&Fault::BreaksHandshakes);
        match &self.tls {
            Some(own) if breaks => own.break_down(),
            Some(own) if is_restart => own.restart(),
            Some(own) => own.reload(),
            None => {}
        }
    }

    fn unload(&mut self, module: &str) -> String {
        if self.faults.contains(&Fault::UnloadFails) {
            return "-ERR [Module in use.]\n".to_owned();
        }
        if !self.loaded.remove(module) {
            return "-ERR [No such module!]\n".to_owned();
        }
        if module == "mod_xml_rpc" && self.xml_rpc.take().is_some_and(|own| !own.listens()) {
            self.has_crashed = true;
            self.go_down();
        }
        "+OK\n".to_owned()
    }

    fn go_down(&mut self) {
        self.is_down = true;
        self.xml_rpc = None;
        self.tls = None;
        for connection in self.connections.drain(..) {
            drop(connection.shutdown(std::net::Shutdown::Both));
        }
    }
}

/// A port of loopback where nobody listens now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// The text of a file.
pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_fake_changes_with_its_file_only_at_a_reload() {
    let fake = FakeSwitch::start();
    let path = fake.file("xml_rpc.conf.xml");
    let other = free_port();
    let changed =
        text(&path).replace("\"works\"", "\"another\"").replace(&fake.xml_rpc.to_string(), &other.to_string());
    std::fs::write(&path, changed).unwrap();

    assert_eq!(FakeSwitch::http(fake.xml_rpc, "freeswitch", "works"), Some(200));
    fake.reload_xml_rpc();

    assert_eq!(FakeSwitch::http(fake.xml_rpc, "freeswitch", "works"), None);
    assert_eq!(FakeSwitch::http(other, "freeswitch", "works"), Some(401));
    assert_eq!(FakeSwitch::http(other, "freeswitch", "another"), Some(200));
    assert!(fake.takes("ClueCon"));
    fake.stop();
    assert!(!fake.takes("ClueCon"));
}

#[test]
#[should_panic(expected = "FreeSWITCH crashed")]
fn the_fake_crashes_where_freeswitch_does_at_the_reload_after_its_port_was_taken() {
    let fake = FakeSwitch::start();
    fake.fault(Fault::PortIsTaken);

    let first = fake.reload_xml_rpc();
    fake.heal();

    assert_eq!(first, "+OK\n+OK\n");
    fake.reload_xml_rpc();
}
