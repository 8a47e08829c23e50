//! Both halves of the trail, with a real agent: whoever changes one of them, or puts an older one in its place, is found.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rampart::app::build;
use rampart::app::demo::process::{Child, Start};
use rampart::base::clock::{ManualClock, SystemClock, Timestamp};
use rampart::base::ids::{CertificateId, TrailId};
use rampart::base::names::{CertificateName, Fqdn};
use rampart::base::rng::SystemRandom;
use rampart::base::role::Reach;
use rampart::deeds::Deeds;
use rampart::deeds::trail::NoteError;
use rampart::deeds::trail_check::{AgentHalf, Outcome, TrailVerdict};
use rampart::host::{Agent, AgentError};
use rampart::store::trail::{Act, Actor, Close};
use rampart::wire::request::KeyKind;

use crate::agent_house::{RunningAgent, Scratch, journal, settings, wait_for};
use crate::support::authenticator::allow;

const ZONES: &str = "[certificates]\nzones = ['example.com']\n";

/// A console's state and an agent, in one directory.
struct World {
    house: Scratch,
    deeds: Deeds,
    running: RunningAgent,
}

fn act<'a>() -> Act<'a> {
    Act { act: "policy.change", subject: "extension.password_length", ..Act::default() }
}

impl World {
    async fn new() -> Self {
        let house = Scratch::new();
        let deeds = deeds(house.path()).await;
        let running = RunningAgent::start(&settings(house.path(), ZONES)).await;
        Self { house, deeds, running }
    }

    fn state(&self) -> PathBuf {
        self.house.path().join("state")
    }

    fn journal(&self) -> PathBuf {
        self.house.path().join("place/journal.jsonl")
    }

    /// So many entries in the trail, and the agent told of the last one.
    async fn write(&self, entries: u32) {
        for _ in 0..entries {
            self.deeds.refused(&Actor::rampart(), act(), "no").await.unwrap();
        }
        self.deeds.note_trail(&self.running.agent).await.unwrap();
    }

    /// Has the agent do something, for an entry.
    async fn make_key(&self, entry: TrailId) -> Result<(), AgentError> {
        let name = CertificateName::exact(Fqdn::parse("a.example.com").unwrap());
        allow(&self.running.agent, &self.house.path().join("place"), CertificateId(1), &["a.example.com"]).await;
        let agent = self.running.agent.clone().for_entry(entry);
        agent.make_key(CertificateId(1), &[name], KeyKind::EcdsaP256).await.map(drop)
    }

    async fn check(&self) -> TrailVerdict {
        self.deeds.check_trail(&self.running.agent).await.unwrap()
    }

    /// The console's file goes back to what it was while `meanwhile` goes on.
    async fn set_back_after(mut self, meanwhile: impl AsyncFnOnce(&Self)) -> Self {
        let kept = self.house.path().join("kept");
        self.deeds.store.close().await;
        std::fs::copy(self.state().join("rampart.sqlite"), &kept).unwrap();
        self.deeds = deeds(self.house.path()).await;
        meanwhile(&self).await;
        self.deeds.store.close().await;
        std::fs::copy(&kept, self.state().join("rampart.sqlite")).unwrap();
        self.deeds = deeds(self.house.path()).await;
        self
    }

    /// The agent's journal is written anew while the agent is stopped.
    async fn rewrite_journal(self, change: impl FnOnce(String) -> String) -> Self {
        let file = self.journal();
        let Self { house, deeds, running } = self;
        running.stop().await;
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, change(text)).unwrap();
        let running = RunningAgent::start(&settings(house.path(), ZONES)).await;
        Self { house, deeds, running }
    }
}

async fn deeds(house: &Path) -> Deeds {
    build::deeds(&house.join("state"), Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap()
}

fn broken(verdict: &TrailVerdict, half: &str, number: i64, words: &str) {
    assert_eq!(verdict.result, Outcome::Broken, "{verdict:?}");
    let found =
        verdict.flaws.iter().any(|flaw| flaw.half == half && flaw.number == number && flaw.words.contains(words));
    assert!(found, "{half} {number} {words}: {verdict:?}");
}

#[tokio::test]
async fn two_halves_that_nobody_touched_are_whole_and_compared() {
    let world = World::new().await;
    world.write(3).await;
    let entry = world.deeds.store.open_entry(&Actor::rampart(), act(), Timestamp::from_unix(1)).await.unwrap();
    world.make_key(entry).await.unwrap();
    let done = Close::Done { inverse: None };
    world.deeds.store.close_entry(entry, done, Timestamp::from_unix(2)).await.unwrap();
    world.write(1).await;

    let verdict = world.check().await;

    assert_eq!((verdict.result, verdict.flaws.len(), verdict.last), (Outcome::Whole, 0, 10), "{verdict:?}");
    let AgentHalf::Compared { first, notes, acts, .. } = verdict.agent else { panic!("{verdict:?}") };
    assert_eq!((first, notes, acts), (1, 2, 1));
    let lines = journal(world.house.path());
    let made: Vec<_> = lines.iter().filter(|line| line["verb"] == "make-key").collect();
    assert_eq!(made.len(), 2);
    assert_eq!((&made[0]["stage"], &made[0]["entry"]), (&"open".into(), &entry.0.into()));
    assert_eq!((&made[1]["stage"], &made[1]["of"]), (&"close".into(), &made[0]["seq"]));
}

/// The whole file, consistent in itself and sealed, only older: what the agent noted since gives it away.
#[tokio::test]
async fn an_older_copy_of_the_consoles_file_is_found_by_what_the_agent_noted() {
    let world = World::new().await;
    world.write(2).await;
    let world = world.set_back_after(async |world| world.write(3).await).await;

    let verdict = world.check().await;

    broken(&verdict, "console", 5, "records 5 to 10 are missing: the agent noted record 10");
}

#[tokio::test]
async fn a_trail_that_was_set_back_and_went_on_is_found_too() {
    let world = World::new().await;
    world.write(2).await;
    let world = world.set_back_after(async |world| world.write(3).await).await;
    for _ in 0..5 {
        world.deeds.refused(&Actor { name: "mallory".to_owned(), address: None }, act(), "no").await.unwrap();
    }

    let verdict = world.check().await;

    broken(&verdict, "console", 5, "the agent noted another record 10");
}

#[tokio::test]
async fn a_change_for_an_entry_that_the_trail_does_not_have_is_found() {
    let world = World::new().await;
    world.write(1).await;

    world.make_key(TrailId(77)).await.unwrap();

    broken(&world.check().await, "console", 77, "the agent was asked for make-key for entry 77");
}

#[tokio::test]
async fn a_line_of_the_agents_half_that_was_edited_removed_moved_or_cut_is_found() {
    type Edit = fn(Vec<&str>) -> Vec<String>;
    let edits: [(&str, Edit); 3] = [
        ("was changed", |mut lines| {
            let edited = lines[2].replace("\"verb\":\"", "\"verb\":\"re");
            lines[2] = "";
            lines.iter().map(|line| if line.is_empty() { edited.clone() } else { (*line).to_owned() }).collect()
        }),
        ("is missing", |mut lines| {
            lines.remove(2);
            lines.iter().map(ToString::to_string).collect()
        }),
        ("is out of order", |mut lines| {
            lines.swap(2, 3);
            lines.iter().map(ToString::to_string).collect()
        }),
    ];
    for (words, edit) in edits {
        let world = World::new().await;
        world.write(2).await;
        world.write(2).await;

        let world = world.rewrite_journal(|text| edit(text.lines().collect()).join("\n") + "\n").await;

        broken(&world.check().await, "agent", 3, words);
    }
}

#[tokio::test]
async fn an_agents_half_that_was_cut_is_found_by_what_the_console_knows() {
    let world = World::new().await;
    world.write(2).await;
    world.write(2).await;
    let known = world.deeds.store.agent_end().await.unwrap().unwrap().tip.number;

    let world = world.rewrite_journal(|text| text.lines().next().unwrap().to_owned() + "\n").await;

    let verdict = world.check().await;
    assert_eq!(verdict.result, Outcome::Broken, "{verdict:?}");
    assert!(
        verdict.flaws.iter().any(|flaw| flaw.words.contains(&format!("had told of line {known}"))),
        "{verdict:?}"
    );
    // What comes later does not hide it.
    world.deeds.refused(&Actor::rampart(), act(), "no").await.unwrap();
    for _ in 0..known {
        world.running.agent.hello().await.unwrap();
    }
    let told = world.deeds.note_trail(&world.running.agent).await;
    assert!(matches!(told, Err(NoteError::Disagrees { .. })), "{told:?}");
    assert_eq!(world.check().await.result, Outcome::Broken);
}

#[tokio::test]
async fn lines_that_were_set_aside_by_size_are_only_said_to_be_gone() {
    let world = World::new().await;
    world.write(2).await;
    world.write(2).await;

    let world = world.rewrite_journal(|text| text.lines().skip(3).collect::<Vec<_>>().join("\n") + "\n").await;

    let verdict = world.check().await;
    assert_eq!(verdict.result, Outcome::Whole, "{verdict:?}");
    assert!(matches!(verdict.agent, AgentHalf::Compared { first: 4, .. }), "{verdict:?}");
}

#[tokio::test]
async fn without_the_agent_the_halves_are_said_not_to_be_compared() {
    let world = World::new().await;
    world.write(1).await;
    let nobody = Agent::at(world.house.path().join("nobody.sock"));

    let verdict = world.deeds.check_trail(&nobody).await.unwrap();

    assert_eq!(verdict.result, Outcome::NotCompared);
    assert!(matches!(verdict.agent, AgentHalf::NotCompared { reason } if reason.contains("not running")));
}

/// Fail closed: what the agent cannot note first is not done.
#[tokio::test]
async fn an_agent_that_cannot_write_its_half_changes_nothing() {
    let world = World::new().await;
    std::fs::remove_file(world.journal()).unwrap();
    std::fs::create_dir(world.journal()).unwrap();

    let outcome = world.running.agent.make_key(CertificateId(1), &[], KeyKind::EcdsaP256).await;
    let told = world.running.agent.note_trail(rampart::base::hash_chain::Tip::BEGINNING).await;

    assert!(outcome.unwrap_err().to_string().contains("journal cannot be written"));
    assert!(told.unwrap_err().to_string().contains("journal cannot be written"));
    assert!(!world.house.path().join("place/certificates/1").exists());
}

/// `rampart` on the state and agent of `world`, to its end: its exit code and what it printed.
async fn rampart(house: &Path, arguments: &[&str]) -> (i32, String) {
    let config = house.join("rampart.toml");
    std::fs::write(&config, format!("[agent]\nsocket = '{}'\n", house.join("agent.sock").display())).unwrap();
    let start = Start::program(env!("CARGO_BIN_EXE_rampart"), house)
        .env("RAMPART_STATE_DIR", house.join("state"))
        .env("RAMPART_CONFIG", config)
        .env("RAMPART_LOG", "off");
    let mut child = arguments.iter().fold(start, Start::arg).spawn().unwrap();
    let code = ended(&mut child).await;
    (code, child.log())
}

async fn ended(child: &mut Child) -> i32 {
    let start = std::time::Instant::now();
    loop {
        if let Some(status) = child.ended() {
            return status.code().unwrap_or(-1);
        }
        assert!(start.elapsed() < Duration::from_mins(1), "it does not end: {}", child.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// ASVS 16.4.2. The program itself, without a running console.
#[tokio::test]
async fn the_command_says_whole_broken_or_not_compared_by_its_exit_code() {
    let world = World::new().await;
    let house = world.house.path().to_owned();
    world.write(3).await;

    let (whole, text) = rampart(&house, &["trail", "verify"]).await;
    assert_eq!((whole, text.lines().next()), (0, Some("The trail is whole.")), "{text}");

    world.running.stop().await;
    let (silent, text) = rampart(&house, &["trail", "verify", "--format", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&text).expect(&text);
    assert_eq!((silent, &json["result"]), (2, &"not-compared".into()), "{text}");

    let pool =
        sqlx::SqlitePool::connect(&format!("sqlite://{}/state/rampart.sqlite", house.display())).await.unwrap();
    sqlx::raw_sql("DROP TRIGGER trail_keeps_records; UPDATE trail SET actor = 'bob' WHERE id = 3")
        .execute(&pool)
        .await
        .unwrap();
    let (broken, text) = rampart(&house, &["trail", "verify"]).await;
    assert_eq!(broken, 1, "{text}");
    assert!(text.starts_with("The trail is BROKEN.\n  console: record 3 was changed"), "{text}");
    assert!(text.contains("the last good record before it is of 20"), "{text}");

    let elsewhere = Scratch::new();
    std::fs::create_dir(elsewhere.path().join("state")).unwrap();
    let (missing, text) = rampart(elsewhere.path(), &["trail", "verify"]).await;
    assert_eq!(missing, 1, "{text}");
    assert!(text.contains("there is no trail"), "{text}");
    assert!(!elsewhere.path().join("state/rampart.sqlite").exists());
}

/// The check that docs/operating.md shows, word for word.
#[tokio::test]
async fn an_export_can_be_checked_by_anybody_and_holds_no_control_character() {
    let world = World::new().await;
    let house = world.house.path().to_owned();
    let hostile = "a\r\nb\u{1b}[2J\u{202e}\u{85}é\u{1f600}\"\\";
    let actor = Actor { name: hostile.to_owned(), address: Some("203.0.113.9".to_owned()) };
    for _ in 0..3 {
        world
            .deeds
            .refused(&actor, Act { act: "session.sign-in", subject: hostile, ..Act::default() }, "no")
            .await
            .unwrap();
    }
    let docs = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md")).unwrap();
    let script = docs.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let python = |file: &Path| Start::program("/usr/bin/python3", &house).arg("-c").arg(script).arg(file).run();

    let (code, text) = rampart(&house, &["trail", "export"]).await;
    let (_, later) = rampart(&house, &["trail", "export", "--from", "4"]).await;
    let file = house.join("export.jsonl");
    std::fs::write(&file, &text).unwrap();
    let good = python(&file);
    std::fs::write(&file, &later).unwrap();
    let part = python(&file);
    std::fs::write(&file, text.replacen("sign-in", "sign-on", 1)).unwrap();
    let edited = python(&file);

    assert_eq!((code, text.lines().count(), later.lines().count()), (0, 6, 3));
    assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{text}");
    assert_eq!(good.unwrap().trim(), "records 1 to 6 are whole");
    assert_eq!(part.unwrap().trim(), "records 4 to 6 are whole");
    assert!(edited.unwrap_err().to_string().contains("record 1 was changed"), "python");
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["record"]["actor"], hostile);
}

/// Writes entries for ever, and says which were acknowledged: started by the test below, to be killed.
#[tokio::test]
#[ignore = "is started and killed by a_kill_loses_nothing_that_was_acknowledged_and_breaks_no_chain"]
async fn a_writer_to_be_killed() {
    let Some(house) = std::env::var_os("RAMPART_TEST_HOUSE") else { return };
    let house = PathBuf::from(house);
    let deeds = deeds(&house).await;
    let agent = Agent::at(house.join("agent.sock"));
    for nth in 0_u64.. {
        let entry = deeds.store.open_entry(&Actor::rampart(), act(), Timestamp::from_unix(1)).await.unwrap();
        writeln!(std::io::stdout(), "acknowledged {entry}").unwrap();
        deeds.store.close_entry(entry, Close::Done { inverse: None }, Timestamp::from_unix(1)).await.unwrap();
        if nth % 8 == 0 {
            // The agent may be gone.
            drop(deeds.note_trail(&agent).await);
        }
    }
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_acknowledged_and_breaks_no_chain() {
    let house = Scratch::new();
    drop(deeds(house.path()).await);
    let file = house.path().join("agent.toml");
    std::fs::write(&file, settings(house.path(), ZONES)).unwrap();
    let agent = Agent::at(house.path().join("agent.sock"));
    let (program, writer) = (env!("CARGO_BIN_EXE_rampart-agent"), std::env::current_exe().unwrap());
    let mut acknowledged = Vec::new();

    for nth in 0..30_u64 {
        let agents = Start::program(program, house.path()).arg("serve").arg("--config").arg(&file).spawn().unwrap();
        wait_for(&agent, || false).await;
        let writers = Start::program(&writer, house.path())
            .env("RAMPART_TEST_HOUSE", house.path())
            .arg("trail_halves::a_writer_to_be_killed")
            .arg("--exact")
            .arg("--ignored")
            .arg("--nocapture")
            .spawn();
        let mut writers = writers.unwrap();
        writers
            .wait_until(Duration::from_secs(20), async || writers_log(house.path(), &writer).contains("acknowledged"))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(nth * 7 % 60)).await;
        for child in [&agents, &writers] {
            child.signal(nix::sys::signal::Signal::SIGKILL).unwrap();
        }
        drop((agents, writers));
        acknowledged.extend(writers_log(house.path(), &writer).lines().filter_map(acknowledgement));
    }

    let running = RunningAgent::start(&settings(house.path(), ZONES)).await;
    let deeds = deeds(house.path()).await;
    let verdict = deeds.check_trail(&running.agent).await.unwrap();
    assert_eq!(verdict.result, Outcome::Whole, "{verdict:?}");
    assert!(acknowledged.len() > 30, "{}", acknowledged.len());
    for entry in acknowledged {
        assert!(deeds.store.entry(&Reach::Everything, entry).await.unwrap().is_some(), "entry {entry} is lost");
    }
}

fn writers_log(house: &Path, writer: &Path) -> String {
    let name = writer.file_name().unwrap().to_string_lossy().into_owned();
    std::fs::read_to_string(house.join(format!("{name}.log"))).unwrap_or_default()
}

/// The test harness writes words of its own before the first line.
fn acknowledgement(line: &str) -> Option<TrailId> {
    line.split_once("acknowledged ")?.1.parse().ok()
}

#[tokio::test]
async fn entries_are_forgotten_after_the_days_that_are_set_and_the_halves_still_agree() {
    let world = World::new().await;
    world.write(2).await;
    let day = Duration::from_hours(24);
    let clock = Arc::new(ManualClock::at(rampart::base::clock::Clock::now(&SystemClock)));
    let deeds = Deeds::new(world.deeds.store.clone(), clock.clone(), world.deeds.random.clone());

    clock.advance(day * 30);
    let early = deeds.forget_old_trail(day * 30).await.unwrap();
    clock.advance(day + Duration::from_mins(1));
    deeds.refused(&Actor::rampart(), act(), "no").await.unwrap();
    let late = deeds.forget_old_trail(day * 30).await.unwrap();

    assert_eq!((early, late), (0, 4));
    let verdict = world.check().await;
    assert_eq!((verdict.result, verdict.first), (Outcome::Whole, 5), "{verdict:?}");
}
