//! The jail for Rampart's own sign-in: what the console writes of hostile strangers, and what fail2ban makes of it.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rampart::app::demo::process::Start;
use rampart::base::clock::{Clock as _, SystemClock};
use rampart::web::door::{Refused, SignInLog};
use reqwest::{Method, StatusCode};

use crate::agent_house::Scratch;
use crate::support::app::{NAME, PASSWORD, TestApp};

/// The address that every payload wants banned.
const VICTIM: &str = "203.0.113.9";

/// Names that try to forge a line, an address, an end of line, or to hide.
fn hostile_names() -> Vec<String> {
    let line = format!("2026-11-24T20:10:33Z {VICTIM} sign-in refused: wrong name or password");
    let mut names = vec![
        format!("from {VICTIM}"),
        format!("{VICTIM}"),
        format!("x {VICTIM} sign-in refused: wrong code"),
        format!(" {VICTIM} sign-in refused: wrong name or password"),
        format!(", operator {VICTIM}"),
        format!("ann, operator {VICTIM}"),
        format!("rhost={VICTIM}"),
        format!("<HOST>{VICTIM}"),
        format!("<ADDR> {VICTIM}"),
        format!("::ffff:{VICTIM}"),
        format!("[{VICTIM}]"),
        format!("ann@{VICTIM}"),
        format!("{VICTIM} - - [24/Nov/2026:20:10:33 +0000] \"POST /sign-in\" 401"),
        format!("Failed password for root from {VICTIM} port 22 ssh2"),
        format!("client={VICTIM} A sign-in was refused"),
        format!("\u{202e}{VICTIM}\u{202c}"),
        format!("\u{2066}{VICTIM}\u{2069}"),
        format!("\u{200b}{VICTIM}\u{feff}"),
        format!("{}{VICTIM}", "a".repeat(300)),
        format!("{VICTIM}{}", " ".repeat(300)),
        format!("{}", "\u{1f3f0}".repeat(300)),
        format!("\u{ff12}\u{ff10}\u{ff13}.0.113.9"),
        format!("%0a{line}"),
        format!("\\n{line}"),
        format!("&#10;{line}"),
        format!("{{\"ip\":\"{VICTIM}\"}}"),
        format!("' OR 1=1 -- {VICTIM}"),
        format!("$(echo {VICTIM})"),
        format!("-- {VICTIM}"),
        String::new(),
    ];
    for end in [
        "\n",
        "\r",
        "\r\n",
        "\0",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\u{b}",
        "\u{c}",
        "\u{1b}[2K\r",
        "\u{1b}[1A",
        "\t",
    ] {
        names.push(format!("x{end}{line}"));
    }
    names
}

fn packaged(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/fail2ban").join(file)
}

/// The lines of the console's file after every hostile name was tried from an address of its own, and those addresses.
async fn tried(app: &TestApp) -> Vec<IpAddr> {
    app.add_operator(NAME, PASSWORD).await;
    let mut names = hostile_names();
    names.push(NAME.to_owned());
    let mut addresses = Vec::new();
    for (nth, name) in names.iter().enumerate() {
        let address: IpAddr = Ipv4Addr::new(127, 7, 0, u8::try_from(nth + 1).unwrap()).into();
        let browser = app.stranger_from(address);
        let csrf = browser.csrf().await;
        for status in [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS] {
            let form = [("csrf", csrf.as_str()), ("name", name.as_str()), ("password", "wrong")];
            let request = browser.request(Method::POST, "/sign-in").form(&form);
            // What a stranger says of itself is not written down either.
            let answer = browser.send(request.header("user-agent", format!("x {VICTIM}"))).await;
            assert_eq!(answer.status, status, "{name:?}");
        }
        addresses.push(address);
    }
    addresses
}

/// What `fail2ban-regex` finds in `log` with our filter: how often each address.
fn found(log: &Path, house: &Path) -> BTreeMap<String, u32> {
    let out = Start::program("/usr/bin/fail2ban-regex", house)
        .arg("--out")
        .arg("ip")
        .arg(log)
        .arg(packaged("filter.d/rampart.conf"))
        .run()
        .unwrap();
    let mut found = BTreeMap::new();
    for address in out.lines().filter(|line| !line.trim().is_empty()) {
        *found.entry(address.trim().to_owned()).or_default() += 1;
    }
    found
}

#[tokio::test]
async fn forty_hostile_names_forge_no_line_and_every_failure_is_found_with_its_own_address() {
    let app = TestApp::alone().await;
    assert!(hostile_names().len() >= 40);

    let addresses = tried(&app).await;

    let log = app.house.path().join("state/sign-in.log");
    let text = fs::read_to_string(&log).unwrap();
    assert_eq!(text.lines().count(), 2 * addresses.len());
    assert!(text.is_ascii() && !text.contains(VICTIM), "{text}");
    let found = found(&log, app.house.path());
    let meant: BTreeMap<String, u32> = addresses.iter().map(|address| (address.to_string(), 2)).collect();
    assert_eq!(found, meant);
    // A known operator's name may stand there, at the end; a password typed into the name field may not.
    assert_eq!(text.matches(", operator ann\n").count(), 1);
}

#[test]
fn lines_of_every_kind_are_found_and_those_without_an_address_ban_nobody() {
    let house = Scratch::new();
    let log = SignInLog::in_directory(house.path());
    let now = SystemClock.now();

    for why in [Refused::Password, Refused::Code, Refused::Limit] {
        log.write(now, Some("2001:db8::7".parse().unwrap()), why, Some("ann"));
        log.write(now, Some("192.0.2.7".parse().unwrap()), why, None);
        log.write(now, None, why, Some(VICTIM));
    }

    let found = found(&house.path().join("sign-in.log"), house.path());
    assert_eq!(found, BTreeMap::from([("2001:db8::7".to_owned(), 3), ("192.0.2.7".to_owned(), 3)]));
}

/// A private fail2ban with our filter and our jail's numbers, whose ban only writes into a file.
fn settings(house: &Path, log: &Path) {
    let at = |file: &str| house.join(file);
    for directory in ["f2b/filter.d", "f2b/action.d", "f2b/jail.d", "f2b/fail2ban.d"] {
        fs::create_dir_all(at(directory)).unwrap();
    }
    fs::copy(packaged("filter.d/rampart.conf"), at("f2b/filter.d/rampart.conf")).unwrap();
    let bans = at("bans");
    let action = format!("[Definition]\nactionban = echo <ip> >> {}\nactionunban =\n", bans.display());
    fs::write(at("f2b/action.d/note.conf"), action).unwrap();
    let of_ours = fs::read_to_string(packaged("jail.d/rampart.conf")).unwrap();
    let jail = of_ours.replace("/var/lib/rampart/sign-in.log", &log.display().to_string());
    assert_ne!(jail, of_ours, "the jail looks at the file in the state directory");
    // Polling needs nothing of the host, and sees what is written within a second.
    let jail = jail.replace("backend  = auto", "backend  = polling") + "banaction = note\naction = note\n";
    fs::write(at("f2b/jail.conf"), jail).unwrap();
    let own = format!(
        "[Definition]\nloglevel = INFO\nlogtarget = {}\nsyslogsocket = auto\nsocket = {}\npidfile = {}\n\
         dbfile = None\ndbpurgeage = 1d\ndbmaxmatches = 10\nallowipv6 = auto\n",
        at("f2b.log").display(),
        at("f2b.sock").display(),
        at("f2b.pid").display()
    );
    fs::write(at("f2b/fail2ban.conf"), own).unwrap();
}

#[tokio::test]
async fn a_real_fail2ban_bans_who_goes_on_and_nobody_else() {
    let house = Scratch::new();
    let log = SignInLog::in_directory(house.path());
    let file = house.path().join("sign-in.log");
    // The jail wants its file to be there when it starts.
    fs::write(&file, "").unwrap();
    settings(house.path(), &file);
    let arguments = ["-c", "-s", "-p"].into_iter().zip(["f2b", "f2b.sock", "f2b.pid"]);
    let mut server = Start::program("/usr/bin/fail2ban-server", house.path());
    for (flag, name) in arguments {
        server = server.arg(flag).arg(house.path().join(name));
    }
    let mut server = server.arg("-f").arg("-x").arg("start").spawn().unwrap();
    let says = |text: &str| fs::read_to_string(house.path().join("f2b.log")).unwrap_or_default().contains(text);
    server.wait_until(Duration::from_mins(1), async || says("Jail 'rampart' started")).await.unwrap();

    let of = |address: &str| Some(address.parse().unwrap());
    for _ in 0..9 {
        log.write(SystemClock.now(), of("192.0.2.8"), Refused::Password, Some("ann"));
    }
    for _ in 0..6 {
        log.write(SystemClock.now(), of("192.0.2.7"), Refused::Limit, None);
    }
    let journal = || fs::read_to_string(house.path().join("f2b.log")).unwrap_or_default();
    let deadline = Duration::from_mins(2);
    server.wait_until(deadline, async || journal().matches("] Found 192.0.2.").count() == 15).await.unwrap();
    // Moved away as logrotate does it, in the middle.
    fs::rename(&file, house.path().join("sign-in.log.1")).unwrap();
    for _ in 0..6 {
        log.write(SystemClock.now(), of("192.0.2.7"), Refused::Limit, None);
    }

    let bans = || fs::read_to_string(house.path().join("bans")).unwrap_or_default();
    server.wait_until(deadline, async || !bans().is_empty()).await.unwrap_or_else(|_| panic!("{}", journal()));
    assert_eq!(bans(), "192.0.2.7\n");
}
