//! A real fail2ban server of the test's own: three jails, none of which bans anybody.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// It, stopped when dropped.
pub(crate) struct Fail2ban {
    server: Child,
    house: PathBuf,
}

impl Fail2ban {
    /// Starts one in `house`: jails `sip-auth-failure` and `freeswitch` read FreeSWITCH's log, `nginx-404` another one.
    #[expect(clippy::disallowed_methods, reason = "the server of the test")]
    pub(crate) fn start(house: &Path) -> Self {
        let house = house.join("fail2ban");
        for directory in ["", "filter.d", "action.d", "log/freeswitch"] {
            std::fs::create_dir_all(house.join(directory)).unwrap();
        }
        let write = |name: &str, text: String| std::fs::write(house.join(name), text).unwrap();
        let at = house.display();
        write(
            "fail2ban.conf",
            format!(
                "[Definition]\nloglevel = INFO\nlogtarget = {at}/f2b.log\nsyslogsocket = auto\nsocket = {at}/f2b.sock\n\
                 pidfile = {at}/f2b.pid\ndbfile = {at}/f2b.sqlite3\ndbpurgeage = 1d\ndbmaxmatches = 10\n"
            ),
        );
        write("filter.d/words.conf", "[Definition]\nfailregex = ^failed from <HOST>$\n".to_owned());
        write("log/freeswitch/freeswitch.log", String::new());
        write("log/access.log", String::new());
        let jail = |name: &str, log: &str| {
            format!(
                "[{name}]\nenabled = true\nfilter = words\nlogpath = {at}/log/{log}\nbackend = polling\nmaxretry = 3\n\
                 ignoreip = 127.0.0.0/8 198.51.100.99\n\n"
            )
        };
        let sip = "freeswitch/freeswitch.log";
        write(
            "jail.conf",
            jail("sip-auth-failure", sip) + &jail("freeswitch", sip) + &jail("nginx-404", "access.log"),
        );
        let server = Command::new("/usr/bin/fail2ban-server")
            .args(["-f", "-c"])
            .arg(&house)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut own = Self { server, house };
        let start = Instant::now();
        while !own.is_up() {
            assert!(own.server.try_wait().unwrap().is_none(), "fail2ban ended: {}", own.log());
            assert!(start.elapsed() < Duration::from_secs(30), "fail2ban does not answer: {}", own.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        own
    }

    /// The section of `agent.toml` that leads there.
    pub(crate) fn settings(&self) -> String {
        format!("[fail2ban]\nsocket = '{}/f2b.sock'\n", self.house.display())
    }

    /// What fail2ban's own client prints.
    #[expect(clippy::disallowed_methods, reason = "fail2ban's own client")]
    pub(crate) fn client(&self, words: &[&str]) -> String {
        let output =
            Command::new("/usr/bin/fail2ban-client").arg("-c").arg(&self.house).args(words).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Whom a jail lets pass.
    pub(crate) fn ignored(&self, jail: &str) -> String {
        self.client(&["get", jail, "ignoreip"])
    }

    fn is_up(&self) -> bool {
        let jails = self.client(&["status"]);
        ["sip-auth-failure", "freeswitch", "nginx-404"].iter().all(|jail| jails.contains(jail))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.house.join("f2b.log")).unwrap_or_default()
    }
}

impl Drop for Fail2ban {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}
