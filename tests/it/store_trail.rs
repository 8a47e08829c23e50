//! The trail as a chain: whatever is done to its rows past the console is found, at the first bad record.

use std::sync::Arc;
use std::time::Duration;

use rampart::base::clock::{Clock as _, SystemClock, Timestamp};
use rampart::base::hash_chain::Hash;
use rampart::base::ids::TrailId;
use rampart::base::rng::SystemRandom;
use rampart::base::role::Reach;
use rampart::store::Store;
use rampart::store::trail::{Act, Actor, ChainReport, Close, TrailQuery};
use sqlx::SqlitePool;

use crate::agent_house::Scratch;

/// A store with every kind of record in it, and its file.
struct House {
    directory: Scratch,
    store: Store,
    rows: SqlitePool,
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn ann() -> Actor {
    Actor { name: "ann".to_owned(), address: Some("203.0.113.9".to_owned()) }
}

fn act<'a>() -> Act<'a> {
    let (before, after, domain) = (Some("10"), Some("20"), Some("north.example"));
    Act { act: "policy.change", subject: "extension.password_length", before, after, domain }
}

impl House {
    /// Records: 1 and 2 forgotten; 3 open, 4 close, 5 undone, 6 forgotten, 7 open and 8 refused, 9 open, 10 failed.
    async fn new() -> Self {
        let this = Self::empty().await;
        let store = &this.store;
        let old = Timestamp::from_unix(1_000);
        let first = store.open_entry(&ann(), act(), old).await.unwrap();
        store.close_entry(first, Close::Done { inverse: None }, old).await.unwrap();
        let second = store.open_entry(&ann(), act(), now()).await.unwrap();
        store.close_entry(second, Close::Done { inverse: Some("{}") }, now()).await.unwrap();
        store.mark_undone(second, first, now()).await.unwrap();
        assert_eq!(store.forget_trail(Timestamp::from_unix(2_000), now()).await.unwrap(), 2);
        store.refuse_entry(&ann(), act(), "outside the zones", now()).await.unwrap();
        let third = store.open_entry(&Actor::rampart(), act(), now()).await.unwrap();
        store.close_entry(third, Close::Failed { reason: "the disk is full" }, now()).await.unwrap();
        this
    }

    async fn empty() -> Self {
        let house = Scratch::new();
        let store = Store::open(house.path(), None, &SystemRandom).await.unwrap();
        let file = house.path().join("rampart.sqlite");
        let rows = SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        Self { directory: house, store, rows }
    }

    /// What somebody does who can write the file: nothing of the schema holds them.
    async fn tamper(&self, sql: &str) {
        for trigger in ["trail_keeps_records", "trail_keeps_its_length"] {
            let drop = format!("DROP TRIGGER IF EXISTS {trigger}");
            sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&self.rows).await.unwrap();
        }
        let mut connection = self.rows.acquire().await.unwrap();
        let sql = format!("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; {sql}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *connection).await.unwrap();
        sqlx::raw_sql("PRAGMA ignore_check_constraints = OFF").execute(&mut *connection).await.unwrap();
    }

    async fn check(&self) -> ChainReport {
        self.store.check_chain(|_| {}).await.unwrap()
    }

    /// The number of the first bad record, and what is wrong with it.
    async fn flaw(&self) -> (i64, String) {
        let flaw = self.check().await.flaw.unwrap();
        (flaw.number, flaw.words)
    }
}

#[tokio::test]
async fn a_trail_that_nobody_touched_is_whole() {
    let house = House::new().await;

    let report = house.check().await;

    assert_eq!(report.flaw, None);
    assert_eq!((report.start.number, report.tip.number), (2, 10));
    let kinds: Vec<String> =
        house.store.records(0, 50).await.unwrap().into_iter().map(|kept| kept.record.kind).collect();
    assert_eq!(kinds, ["open", "close", "undone", "forgotten", "open", "close", "open", "close"]);
}

/// ASVS 16.4.2: no column of any record can be edited unseen.
#[tokio::test]
async fn an_edit_of_any_column_of_any_record_is_found_at_that_record() {
    let texts = ["kind", "actor", "address", "act", "subject", "domain", "before", "after", "outcome", "reason"];
    let texts = texts.iter().chain(&["inverse", "begins_after"]).map(|column| (*column, "'x'"));
    let numbers = ["at", "entry", "undone_by", "begins"].iter().map(|column| (*column, "77"));
    let edits: Vec<(&str, &str)> =
        texts.chain(numbers).chain([("hash", "zeroblob(32)"), ("hash", "x'00'")]).collect();
    let house = House::new().await;

    for id in 3..=10 {
        for (column, value) in &edits {
            house.tamper("DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT * FROM trail").await;
            house.tamper(&format!("UPDATE trail SET {column} = {value} WHERE id = {id}")).await;

            let (number, words) = house.flaw().await;

            assert_eq!(number, id, "{column}: {words}");
            assert!(words.contains("was changed"), "{words}");
            house.tamper("DELETE FROM trail; INSERT INTO trail SELECT * FROM kept").await;
        }
    }
    assert_eq!(house.check().await.flaw, None);
}

#[tokio::test]
async fn a_column_that_was_emptied_or_filled_is_found_too() {
    for (id, sql) in [
        (3, "UPDATE trail SET address = NULL WHERE id = 3"),
        (4, "UPDATE trail SET inverse = NULL WHERE id = 4"),
        (8, "UPDATE trail SET reason = '' WHERE id = 8"),
        (10, "UPDATE trail SET actor = 'ann' WHERE id = 10"),
    ] {
        let house = House::new().await;

        house.tamper(sql).await;

        assert_eq!(house.flaw().await.0, id, "{sql}");
    }
}

#[tokio::test]
async fn a_deleted_record_is_missing() {
    for id in 3..=9 {
        let house = House::new().await;

        house.tamper(&format!("DELETE FROM trail WHERE id = {id}")).await;

        assert_eq!(house.flaw().await, (id, format!("record {id} is missing")));
    }
}

#[tokio::test]
async fn records_that_changed_places_are_out_of_order() {
    let house = House::new().await;

    house.tamper("UPDATE trail SET id = 99 WHERE id = 4; UPDATE trail SET id = 4 WHERE id = 7").await;
    house.tamper("UPDATE trail SET id = 7 WHERE id = 99").await;

    assert_eq!(house.flaw().await, (4, "record 4 is out of order".to_owned()));
}

#[tokio::test]
async fn a_trail_cut_short_is_found_without_the_agent() {
    let house = House::new().await;

    house.tamper("DELETE FROM trail WHERE id >= 9").await;

    assert_eq!(house.flaw().await, (9, "record 9 and what came after it are missing".to_owned()));
}

#[tokio::test]
async fn a_head_that_was_set_back_does_not_hide_what_was_cut() {
    let note = "note of the trail's end";
    for (forge, said) in [
        ("UPDATE trail_head SET number = 8, hash = (SELECT hash FROM trail WHERE id = 8)", note),
        ("UPDATE trail_head SET number = 8, hash = (SELECT hash FROM trail WHERE id = 8), sealed = NULL", note),
        (
            "UPDATE trail_head SET first = 9, before = (SELECT hash FROM trail WHERE id = 8)",
            "record 3 is out of order",
        ),
        ("DELETE FROM trail_head", note),
    ] {
        let house = House::new().await;

        house.tamper(forge).await;
        house.tamper("DELETE FROM trail WHERE id >= 9").await;
        let flaw = house.check().await.flaw.unwrap();

        assert!(flaw.words.contains(said), "{forge}: {}", flaw.words);
    }
}

#[tokio::test]
async fn everything_wiped_at_once_is_no_beginning() {
    let house = House::new().await;

    house.tamper("DELETE FROM trail_open; DELETE FROM trail").await;

    assert_eq!(house.flaw().await.0, 3);
}

#[tokio::test]
async fn records_added_behind_the_end_are_found() {
    let house = House::new().await;

    house.tamper("INSERT INTO trail (id, kind, at, hash) VALUES (11, 'open', 1, zeroblob(32))").await;

    assert_eq!(house.flaw().await, (11, "record 11 was added behind the end by somebody else".to_owned()));
}

/// What is written after the crime must not heal it.
#[tokio::test]
async fn a_console_that_goes_on_after_a_forged_end_says_so_in_the_chain() {
    let house = House::new().await;
    house.tamper("DELETE FROM trail WHERE id >= 9").await;
    house.tamper("UPDATE trail_head SET number = 8, hash = (SELECT hash FROM trail WHERE id = 8)").await;

    let entry = house.store.open_entry(&ann(), act(), now()).await.unwrap();

    assert_eq!(entry, TrailId(10));
    let (number, words) = house.flaw().await;
    assert_eq!(number, 9);
    assert!(words.contains("was not made by this store"), "{words}");
}

#[tokio::test]
async fn the_store_itself_refuses_to_change_or_remove_a_record() {
    let house = House::new().await;

    let change = sqlx::query("UPDATE trail SET actor = 'bob' WHERE id = 3").execute(&house.rows).await;
    let removal = sqlx::query("DELETE FROM trail WHERE id = 5").execute(&house.rows).await;

    assert!(change.unwrap_err().to_string().contains("never changed"));
    assert!(removal.unwrap_err().to_string().contains("only forgotten"));
}

#[tokio::test]
async fn an_entry_is_found_by_text_act_outcome_and_domain() {
    let house = House::new().await;
    let global = Act { domain: None, subject: "login.password_length", ..act() };
    let open = house.store.open_entry(&Actor::rampart(), global, now()).await.unwrap();
    let ask = |query: TrailQuery| {
        let store = house.store.clone();
        async move {
            let entries = store.entries(&Reach::Everything, &TrailQuery { limit: 50, ..query }).await.unwrap();
            entries.into_iter().map(|entry| entry.id.0).collect::<Vec<_>>()
        }
    };

    let all = ask(TrailQuery::default()).await;
    let refused = ask(TrailQuery { outcome: "refused".to_owned(), ..TrailQuery::default() }).await;
    let still_open = ask(TrailQuery { outcome: "open".to_owned(), ..TrailQuery::default() }).await;
    let of_north = ask(TrailQuery { domain: Some("north.example".to_owned()), ..TrailQuery::default() }).await;
    let of_nobody = ask(TrailQuery { domain: Some("north.exampl_".to_owned()), ..TrailQuery::default() }).await;
    let by_text = ask(TrailQuery { text: "LOGIN.pass".to_owned(), ..TrailQuery::default() }).await;

    assert_eq!(all, [11, 9, 7, 3]);
    assert_eq!(refused, [7]);
    assert_eq!(still_open, [open.0]);
    assert_eq!(of_north, [9, 7, 3]);
    assert!(of_nobody.is_empty());
    assert_eq!(by_text, [11]);
    let undone = house.store.entry(&Reach::Everything, TrailId(3)).await.unwrap().unwrap();
    assert_eq!(undone.undone_by, Some(TrailId(1)));
    assert_eq!(undone.domain.as_deref(), Some("north.example"));
}

#[tokio::test]
async fn entries_are_forgotten_as_a_whole_and_never_while_they_are_open() {
    let house = House::empty().await;
    let store = &house.store;
    let at = |second: i64| Timestamp::from_unix(second);
    let done = Close::Done { inverse: None };
    let first = store.open_entry(&ann(), act(), at(10)).await.unwrap();
    store.close_entry(first, done.clone(), at(11)).await.unwrap();
    let straddling = store.open_entry(&ann(), act(), at(12)).await.unwrap();
    let second = store.open_entry(&ann(), act(), at(13)).await.unwrap();
    store.close_entry(second, done.clone(), at(14)).await.unwrap();
    store.close_entry(straddling, done.clone(), at(30)).await.unwrap();
    let open = store.open_entry(&ann(), act(), at(31)).await.unwrap();

    let gone = store.forget_trail(at(20), at(40)).await.unwrap();
    let again = store.forget_trail(at(20), at(40)).await.unwrap();
    let later = store.forget_trail(at(35), at(50)).await.unwrap();

    assert_eq!((gone, again, later), (2, 0, 4));
    assert_eq!(house.check().await.flaw, None);
    let entries = store.entries(&Reach::Everything, &TrailQuery { limit: 9, ..TrailQuery::default() }).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), [open]);
    store.close_entry(open, done, at(60)).await.unwrap();
    assert_eq!(house.check().await.flaw, None);
}

#[tokio::test]
async fn many_writers_on_one_file_make_one_chain() {
    let house = House::empty().await;
    let other = Store::open(house.directory.path(), None, &SystemRandom).await.unwrap();
    let stores = Arc::new([house.store.clone(), other]);

    let mut writers = tokio::task::JoinSet::new();
    for nth in 0..8_usize {
        let stores = stores.clone();
        writers.spawn(async move {
            for _ in 0..10 {
                let store = &stores[nth % 2];
                let entry = store.open_entry(&ann(), act(), now()).await.unwrap();
                store.close_entry(entry, Close::Done { inverse: None }, now()).await.unwrap();
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }

    let report = house.check().await;
    assert_eq!((report.flaw, report.tip.number), (None, 160));
}

#[tokio::test]
async fn an_entry_is_closed_once_and_one_left_open_is_closed_at_the_next_start() {
    let house = House::empty().await;
    let store = &house.store;
    let entry = store.open_entry(&ann(), act(), now()).await.unwrap();
    store.close_entry(entry, Close::Done { inverse: None }, now()).await.unwrap();
    let left = store.open_entry(&ann(), act(), now()).await.unwrap();

    let twice = store.close_entry(entry, Close::Done { inverse: None }, now()).await;
    let closed = store.close_abandoned_but_orders(now()).await.unwrap();

    assert!(twice.unwrap_err().to_string().contains("was not open"));
    assert_eq!(closed, 1);
    let left = store.entry(&Reach::Everything, left).await.unwrap().unwrap();
    assert_eq!(left.outcome, "failed");
    assert!(left.reason.unwrap().contains("stopped before the end"));
    assert_eq!(house.check().await.flaw, None);
}

#[tokio::test]
async fn the_end_of_the_agents_half_is_kept_and_cannot_be_forged() {
    use rampart::base::hash_chain::Tip;
    use rampart::store::trail::AgentEnd;
    let house = House::empty().await;
    assert_eq!(house.store.agent_end().await.unwrap(), None);
    let end = AgentEnd { at: now().plus(Duration::ZERO), tip: Tip { number: 7, hash: Hash::BEGINNING } };

    house.store.keep_agent_end(end).await.unwrap();
    let kept = house.store.agent_end().await.unwrap();
    house.tamper("UPDATE trail_agent SET number = 3").await;

    assert_eq!(kept, Some(end));
    assert!(house.store.agent_end().await.is_err());
}
