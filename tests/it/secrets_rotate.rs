//! Secrets at rest: a new key takes the old one's place, whatever happens in between.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use nix::unistd::Uid;
use rampart::app::build;
use rampart::app::demo::process::Start;
use rampart::base::clock::{Clock as _, SystemClock};
use rampart::base::rng::SystemRandom;
use rampart::base::role::Reach;
use rampart::base::secret::Secret;
use rampart::deeds::Deeds;
use rampart::store::rotation::SEALED;
use rampart::store::trail::{Act, Actor, TrailQuery};
use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::agent_house::Scratch;

const SECRET: &str = "an account key that nobody may read";

const CA: &str = "https://ca.example/directory";

async fn open(state: &Path) -> Deeds {
    build::deeds(state, Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap()
}

/// A store with some accounts, each with two sealed secrets.
async fn filled(state: &Path, accounts: usize) -> Deeds {
    let deeds = open(state).await;
    let actor = Actor { name: "test".to_owned(), address: None };
    let act = Act { act: "test.begin", subject: "the trail", ..Act::default() };
    deeds.store.open_entry(&actor, act, SystemClock.now()).await.unwrap();
    for nth in 0..accounts {
        let (ca, secret) = (format!("{CA}/{nth}"), Secret::new(format!("{SECRET} {nth}")));
        deeds.store.account_key(&ca, &secret, SystemClock.now()).await.unwrap();
        deeds.store.account_made(&ca, "https://ca.example/me", "", &secret).await.unwrap();
    }
    deeds
}

async fn all_open(deeds: &Deeds, accounts: usize) {
    for nth in 0..accounts {
        let account = deeds.store.account_at(&format!("{CA}/{nth}")).await.unwrap().unwrap();
        assert_eq!(account.credentials.expose(), &format!("{SECRET} {nth}"));
    }
}

/// The trail's end is sealed too, and a rotation must look like no forgery.
async fn is_whole(deeds: &Deeds) {
    let report = deeds.store.check_chain(|_| {}).await.unwrap();
    assert!(report.flaw.is_none(), "{report:?}");
}

/// ASVS 13.3.1.
#[tokio::test]
async fn every_column_of_bytes_but_digests_is_in_the_list_of_what_is_sealed() {
    let house = Scratch::new();
    let deeds = open(house.path()).await;
    let url = format!("sqlite://{}", house.path().join("rampart.sqlite").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let blobs = "SELECT m.name AS tab, c.name AS col FROM sqlite_schema m, pragma_table_info(m.name) c \
                 WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND c.type = 'BLOB' ORDER BY 1, 2";

    let rows = sqlx::query(blobs).fetch_all(&mut connection).await.unwrap();

    let found: Vec<(String, String)> = rows.iter().map(|row| (row.get("tab"), row.get("col"))).collect();
    let is_digest = |(_, column): &&(String, String)| ["hash", "before"].contains(&column.as_str());
    let found: Vec<(String, String)> = found.iter().filter(|found| !is_digest(found)).cloned().collect();
    let mut listed: Vec<_> =
        SEALED.iter().map(|sealed| (sealed.table.to_owned(), sealed.column.to_owned())).collect();
    listed.sort();
    assert_eq!(found, listed);
    deeds.store.close().await;
}

/// ASVS 13.3.2.
#[tokio::test]
async fn after_a_rotation_only_the_new_key_opens_and_a_console_that_runs_goes_on() {
    let house = Scratch::new();
    let console = filled(house.path(), 3).await;
    let former = std::fs::read(house.path().join("store.key")).unwrap();
    let command = open(house.path()).await;

    let count = command.rotate_key(&Actor::rampart()).await.unwrap();

    // And the end of the trail.
    assert_eq!(count, 7);
    let present = std::fs::read(house.path().join("store.key")).unwrap();
    assert_eq!(present.len(), 32);
    assert_ne!(present, former);
    let mode = std::fs::metadata(house.path().join("store.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    all_open(&console, 3).await;
    // The console seals with the new key although it was started with the old one.
    let secret = Secret::new(format!("{SECRET} 3"));
    console.store.account_key(&format!("{CA}/3"), &secret, SystemClock.now()).await.unwrap();
    console.store.account_made(&format!("{CA}/3"), "https://ca.example/me", "", &secret).await.unwrap();
    all_open(&open(house.path()).await, 4).await;
    let entries = TrailQuery { act_prefix: "secrets.".to_owned(), limit: 5, ..TrailQuery::default() };
    assert_eq!(command.store.entries(&Reach::Everything, &entries).await.unwrap().len(), 1);
    // The old key opens nothing any more.
    std::fs::write(house.path().join("store.key"), former).unwrap();
    assert!(open(house.path()).await.store.account_at(&format!("{CA}/0")).await.is_err());
}

#[tokio::test]
async fn consoles_that_seal_while_keys_are_rotated_lose_nothing() {
    let house = Scratch::new();
    let (console, command) = (filled(house.path(), 1).await, open(house.path()).await);
    let sealing = async {
        for nth in 1..20 {
            let (ca, secret) = (format!("{CA}/{nth}"), Secret::new(format!("{SECRET} {nth}")));
            console.store.account_key(&ca, &secret, SystemClock.now()).await.unwrap();
            console.store.account_made(&ca, "https://ca.example/me", "", &secret).await.unwrap();
        }
    };
    let rotating = async {
        for _ in 0..10 {
            command.rotate_key(&Actor::rampart()).await.unwrap();
        }
    };

    tokio::join!(sealing, rotating);

    all_open(&console, 20).await;
    all_open(&open(house.path()).await, 20).await;
}

/// What writes, or makes a write last, in groups that strace counts apart (and within a group for each thread apart).
const WRITING: [&str; 4] = ["rename", "unlink", "fsync,fdatasync", "pwrite64,ftruncate"];

/// strace kills the command at the entry of its first, second, third … call that writes: nothing is ever lost.
#[tokio::test]
async fn a_rotation_that_is_killed_at_any_step_loses_nothing_and_is_ended_by_the_next() {
    let house = Scratch::new();
    let state = house.path().join("state");
    filled(&state, 2).await.store.close().await;
    let rotate = |killed_at: Option<(&str, usize)>| {
        let strace = Start::program("/usr/bin/strace", house.path()).arg("-f").arg("-qq").arg("-o").arg("/dev/null");
        let strace = match killed_at {
            Some((calls, nth)) => strace.arg("-e").arg(format!("inject={calls}:signal=KILL:when={nth}")),
            None => strace.arg("-e").arg("trace=none"),
        };
        let start = strace.arg(env!("CARGO_BIN_EXE_rampart")).arg("secrets").arg("rotate");
        let start = start.env("RAMPART_STATE_DIR", &state).env("RAMPART_LOG", "error");
        tokio::task::spawn_blocking(move || start.run())
    };
    let mut seen_two_keys = false;
    let mut killed = 0;

    for calls in WRITING {
        for nth in 1.. {
            let former = std::fs::read(state.join("store.key")).unwrap();
            let ended = rotate(Some((calls, nth))).await.unwrap();
            let deeds = open(&state).await;
            all_open(&deeds, 2).await;
            is_whole(&deeds).await;
            deeds.store.close().await;
            let keys = std::fs::read(state.join("store.key")).unwrap();
            seen_two_keys |= keys.len() == 64;
            if let Ok(words) = ended {
                assert!(words.contains("A new key is in force"), "{words}");
                // One that was cut off had made the new key already.
                assert_eq!(former[..32] == keys[..], former.len() == 64);
                break;
            }
            killed += 1;
        }
    }

    assert!(killed > 10, "only {killed} steps were seen");
    assert!(seen_two_keys, "no kill fell between the first and the last step");
    assert!(rotate(None).await.unwrap().is_ok());
    assert_eq!(std::fs::read(state.join("store.key")).unwrap().len(), 32);
    assert!(!state.join("store.key.new").exists());
    let deeds = open(&state).await;
    all_open(&deeds, 2).await;
}

#[tokio::test]
async fn a_key_that_systemd_keeps_is_used_and_not_rotated() {
    let house = Scratch::new();
    let (state, credentials) = (house.path().join("state"), house.path().join("credentials"));
    std::fs::create_dir(&credentials).unwrap();
    std::fs::write(credentials.join("store.key"), [9_u8; 32]).unwrap();
    std::fs::set_permissions(credentials.join("store.key"), std::fs::Permissions::from_mode(0o400)).unwrap();
    let command = |arguments: &[&str]| {
        let start = Start::program(env!("CARGO_BIN_EXE_rampart"), house.path());
        let start = arguments.iter().fold(start, Start::arg).env("RAMPART_STATE_DIR", &state);
        start.env("CREDENTIALS_DIRECTORY", &credentials).run()
    };
    std::fs::create_dir(&state).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).unwrap();

    let rotated = command(&["secrets", "rotate"]);

    assert!(!state.join("store.key").exists());
    let words = rotated.unwrap_err().to_string();
    assert!(words.contains("credential of systemd's"), "{words}");
    assert_eq!(std::fs::read(credentials.join("store.key")).unwrap(), [9; 32]);
}

/// ASVS 13.3.1.
#[tokio::test]
async fn a_store_whose_key_is_lost_open_or_a_link_says_so_and_makes_no_new_one() {
    let house = Scratch::new();
    filled(house.path(), 1).await.store.close().await;
    let (key, away) = (house.path().join("store.key"), house.path().join("away"));
    let opened = || build::deeds(house.path(), Arc::new(SystemClock), Arc::new(SystemRandom));

    std::fs::rename(&key, &away).unwrap();
    let lost = opened().await.unwrap().store.account_at(&format!("{CA}/0")).await.unwrap_err();
    assert!(rampart::base::chain::Chain(&lost).to_string().contains("missing"), "{lost:?}");
    assert!(!key.exists());
    std::os::unix::fs::symlink(&away, &key).unwrap();
    assert!(opened().await.is_err());
    std::fs::remove_file(&key).unwrap();
    std::fs::rename(&away, &key).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o604)).unwrap();
    assert!(opened().await.is_err());
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    if Uid::effective().is_root() {
        std::os::unix::fs::chown(&key, Some(4321), None).unwrap();
        assert!(opened().await.is_err());
        std::os::unix::fs::chown(&key, Some(0), None).unwrap();
    }

    all_open(&opened().await.unwrap(), 1).await;
}
