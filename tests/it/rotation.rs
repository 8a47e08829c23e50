//! New secrets for extensions, mailboxes and devices: all or nothing, never over what nobody saw, undone until confirmed.

use std::path::Path;
use std::sync::Arc;

use rampart::app::build;
use rampart::app::demo::fusionpbx::Generation;
use rampart::app::demo::process::Start;
use rampart::base::clock::SystemClock;
use rampart::base::ids::{BatchId, RotationId, TenantId};
use rampart::base::rng::SystemRandom;
use rampart::base::role::{OwnDomain, Reach};
use rampart::deeds::Deeds;
use rampart::deeds::rotation::RotationError;
use rampart::fusionpbx::rotation::{RotateError, SecretKind, Target};
use rampart::fusionpbx::{ChangeError, FusionPbx};
use rampart::store::batches::BatchState;
use rampart::store::trail::{Actor, TrailQuery};
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use crate::agent_house::Scratch;
use crate::support::cutting::{Lost, cutting_proxy};
use crate::support::fusionpbx::{Database, cluster, open};

const GENERATIONS: [Generation; 2] = [Generation::V5_0, Generation::V5_5];

/// The town's first tenant; its extension 105 has a phone, 106 none.
struct House {
    database: Database,
    fusionpbx: FusionPbx,
    owner: PgPool,
    deeds: Deeds,
    tenant: TenantId,
    state: Scratch,
}

impl House {
    async fn new(generation: Generation) -> Self {
        let database = Database::town(generation).await;
        let state = Scratch::new();
        let owner = database.owner().await;
        let tenant = sqlx::query_scalar("SELECT md5('tenant 1')::uuid").fetch_one(&owner).await.unwrap();
        Self {
            fusionpbx: database.fusionpbx().await,
            deeds: deeds(state.path()).await,
            tenant: TenantId(tenant),
            owner,
            database,
            state,
        }
    }

    /// Has the console's own store refuse to note `state` of a batch, as on a full disk; another time lets it.
    async fn own_store_is_full(&self, state: Option<&str>) {
        let url = format!("sqlite://{}", self.state.path().join("rampart.sqlite").display());
        let own = sqlx::SqlitePool::connect(&url).await.unwrap();
        let sql = match state {
            None => "DROP TRIGGER full".to_owned(),
            Some(state) => format!(
                "CREATE TRIGGER full BEFORE UPDATE ON rotation_batches WHEN NEW.state = '{state}' \
                 BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
            ),
        };
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&own).await.unwrap();
        own.close().await;
    }

    async fn targets(&self, kind: SecretKind, places: &[&str]) -> Vec<Target> {
        let places: Vec<String> = places.iter().map(|place| (*place).to_owned()).collect();
        self.fusionpbx.find_secrets(&Reach::Everything, kind, self.tenant, &places).await.unwrap()
    }

    async fn begin(&self, targets: &[Target], size: usize) -> RotationId {
        let actor = actor();
        let begun = self.deeds.begin_rotation(&self.fusionpbx, &actor, &Reach::Everything, (targets, None), size);
        begun.await.unwrap()
    }

    async fn batches(&self, rotation: RotationId) -> Vec<BatchId> {
        self.deeds.store.batches_of(rotation).await.unwrap().iter().map(|batch| batch.id).collect()
    }

    async fn state(&self, batch: BatchId) -> BatchState {
        self.deeds.store.batch(batch).await.unwrap().unwrap().state
    }

    async fn rotate(&self, batch: BatchId) -> Result<(), RotationError> {
        self.deeds.rotate_batch(&self.fusionpbx, &actor(), &Reach::Everything, batch).await
    }

    async fn undo(&self, batch: BatchId) -> Result<(), RotationError> {
        self.deeds.undo_batch(&self.fusionpbx, &actor(), &Reach::Everything, batch).await
    }

    async fn text(&self, sql: &str) -> Vec<String> {
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&self.owner).await.unwrap();
        rows.iter().map(|row| row.get::<Option<String>, _>(0).unwrap_or_default()).collect()
    }

    async fn sip(&self, extension: &str) -> String {
        let sql = format!(
            "SELECT password FROM v_extensions WHERE extension = '{extension}' AND domain_uuid = '{}'",
            self.tenant
        );
        self.text(&sql).await.remove(0)
    }

    async fn lines(&self, extension: &str) -> Vec<String> {
        self.text(&format!(
            "SELECT password FROM v_device_lines WHERE user_id = '{extension}' AND domain_uuid = '{}' ORDER BY device_line_uuid",
            self.tenant
        ))
        .await
    }

    /// Every secret of the database in one text, to see that nothing else moved.
    async fn everything(&self) -> String {
        self.text(
            "SELECT string_agg(t, ',' ORDER BY t) FROM ( \
                SELECT extension_uuid::text || password AS t FROM v_extensions UNION ALL \
                SELECT device_line_uuid::text || password FROM v_device_lines UNION ALL \
                SELECT voicemail_uuid::text || voicemail_password FROM v_voicemails UNION ALL \
                SELECT device_uuid::text || coalesce(device_password, '') FROM v_devices) AS all_of_them",
        )
        .await
        .remove(0)
    }
}

async fn deeds(state: &Path) -> Deeds {
    build::deeds(state, Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap()
}

fn actor() -> Actor {
    Actor { name: "maria".to_owned(), address: None }
}

#[tokio::test]
async fn an_extension_and_its_phones_lines_change_together_and_nothing_else_does() {
    for generation in GENERATIONS {
        let house = House::new(generation).await;
        let elsewhere = "INSERT INTO v_device_lines (device_line_uuid, domain_uuid, user_id, server_address, password, line_number) \
             SELECT gen_random_uuid(), md5('tenant 1')::uuid, '105', 'other.example.test', 'stays', '2'";
        house.database.run(elsewhere).await;
        let (before, others) = (house.sip("105").await, house.sip("106").await);
        let targets = house.targets(SecretKind::Extension, &["105"]).await;
        let rotation = house.begin(&targets, 10).await;
        let batch = house.batches(rotation).await[0];

        let items = house.deeds.store.batch(batch).await.unwrap().unwrap().items().unwrap();
        house.rotate(batch).await.unwrap();

        let now = house.sip("105").await;
        assert_ne!(now, before);
        assert_eq!(now.chars().count(), 20, "{generation:?}: the policy's length");
        let mut lines = house.lines("105").await;
        lines.sort();
        let mut expected = vec![now.clone(), "stays".to_owned()];
        expected.sort();
        assert_eq!(lines, expected, "{generation:?}");
        assert_eq!(house.sip("106").await, others);
        assert_eq!(items[0].lines_elsewhere, 1);
        assert_eq!(items[0].lines.len(), 1);
        assert!(items[0].directory.contains(&"105@north.example.test".to_owned()), "{:?}", items[0].directory);
        assert_eq!(house.state(batch).await, BatchState::Changed);
    }
}

#[tokio::test]
async fn new_secrets_are_shown_once_and_undo_brings_everything_back_as_it_was() {
    for generation in GENERATIONS {
        let house = House::new(generation).await;
        // A stale copy, and one that has none at all: both come back as they were.
        house.database.run("UPDATE v_device_lines SET password = 'stale' WHERE user_id = '105'").await;
        house.database.run("UPDATE v_device_lines SET password = NULL WHERE user_id = '110'").await;
        let before = house.everything().await;
        let mut targets = house.targets(SecretKind::Extension, &["105", "106", "110"]).await;
        targets.extend(house.targets(SecretKind::Mailbox, &["101"]).await);
        let device = "SELECT device_uuid FROM v_devices WHERE domain_uuid = md5('tenant 1')::uuid LIMIT 1";
        let device: Uuid = sqlx::query_scalar(device).fetch_one(&house.owner).await.unwrap();
        targets.push(Target { kind: SecretKind::Device, id: device });
        let batch = house.batches(house.begin(&targets, 10).await).await[0];
        house.rotate(batch).await.unwrap();
        assert_ne!(house.everything().await, before);

        let shown = house.deeds.show_batch(&actor(), &Reach::Everything, batch).await.unwrap();
        let again = house.deeds.show_batch(&actor(), &Reach::Everything, batch).await;
        let of_105 = shown.iter().find(|new| new.item.place == "105").unwrap();
        assert_eq!(of_105.secret.expose(), &house.sip("105").await);
        assert_eq!(shown.len(), 5);
        let pin = shown.iter().find(|new| new.item.target.kind == SecretKind::Mailbox).unwrap();
        assert!(pin.secret.expose().bytes().all(|byte| byte.is_ascii_digit()));
        assert!(matches!(again, Err(RotationError::Shown)), "{again:?}");
        house.undo(batch).await.unwrap();

        assert_eq!(house.everything().await, before, "{generation:?}");
        assert_eq!(house.state(batch).await, BatchState::Undone);
        assert!(matches!(house.undo(batch).await, Err(RotationError::NotNow)));
        let kept = house.deeds.store.batch_secrets(batch).await.unwrap();
        assert!(kept.is_none(), "nothing is kept of what was taken back");
    }
}

#[tokio::test]
async fn what_is_confirmed_is_forgotten_and_cannot_be_taken_back() {
    let house = House::new(Generation::V5_5).await;
    let targets = house.targets(SecretKind::Extension, &["101"]).await;
    let batch = house.batches(house.begin(&targets, 10).await).await[0];
    house.rotate(batch).await.unwrap();
    assert!(house.deeds.store.batch_secrets(batch).await.unwrap().is_some());

    house.deeds.confirm_batch(&actor(), &Reach::Everything, batch).await.unwrap();

    assert!(house.deeds.store.batch_secrets(batch).await.unwrap().is_none());
    assert!(matches!(house.undo(batch).await, Err(RotationError::NotNow)));
    let query = TrailQuery { act_prefix: "credentials.".to_owned(), limit: 10, ..TrailQuery::default() };
    let entries = house.deeds.store.entries(&Reach::Everything, &query).await.unwrap();
    let acts: Vec<&str> = entries.iter().map(|entry| entry.act.as_str()).collect();
    assert_eq!(acts, ["credentials.confirm", "credentials.rotate"]);
    let secret = house.sip("101").await;
    assert!(!format!("{entries:?}").contains(&secret));
}

#[tokio::test]
async fn a_batch_is_done_whole_or_not_at_all() {
    let house = House::new(Generation::V5_5).await;
    let targets = house.targets(SecretKind::Extension, &["105", "106"]).await;
    let batch = house.batches(house.begin(&targets, 10).await).await[0];
    // Whoever adds a line while the plan is read comes too early; so the line comes after the rows were read: a trigger
    // stands in for the other writer, and fails the second update.
    house
        .database
        .run(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                IF NEW.extension = '106' THEN RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER refuse BEFORE UPDATE ON v_extensions FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await;
    let before = house.everything().await;

    let outcome = house.rotate(batch).await;

    assert!(outcome.is_err());
    assert_eq!(house.everything().await, before);
    assert_eq!(house.state(batch).await, BatchState::Waiting);
    assert!(house.deeds.store.batch_secrets(batch).await.unwrap().is_none());
}

#[tokio::test]
async fn a_plan_that_moved_is_shown_again_and_not_done() {
    let house = House::new(Generation::V5_5).await;
    let targets = house.targets(SecretKind::Extension, &["105"]).await;
    let draft = house.deeds.draft_rotation(&house.fusionpbx, &Reach::Everything, &targets).await.unwrap();
    house.database.run("UPDATE v_extensions SET description = 'moved' WHERE extension = '105'").await;

    let shown = (targets.as_slice(), Some(draft.digest.as_str()));
    let begun = house.deeds.begin_rotation(&house.fusionpbx, &actor(), &Reach::Everything, shown, 10).await;

    assert!(matches!(begun, Err(RotationError::PlanMoved)));
    assert!(house.deeds.store.newest_rotations(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_somebody_changed_since_is_not_taken_back() {
    let house = House::new(Generation::V5_5).await;
    let targets = house.targets(SecretKind::Extension, &["105", "106"]).await;
    let batch = house.batches(house.begin(&targets, 10).await).await[0];
    house.rotate(batch).await.unwrap();
    house.database.run("UPDATE v_device_lines SET password = 'typed by hand' WHERE user_id = '105'").await;
    let before = house.everything().await;

    let outcome = house.undo(batch).await;

    assert!(matches!(outcome, Err(RotationError::Rotate(RotateError::Moved { .. }))), "{outcome:?}");
    assert_eq!(house.everything().await, before);
    assert_eq!(house.state(batch).await, BatchState::Changed);
}

#[tokio::test]
async fn batches_are_done_one_after_the_other_and_each_once() {
    let house = House::new(Generation::V5_5).await;
    let targets = house.targets(SecretKind::Extension, &[]).await;
    let rotation = house.begin(&targets, 20).await;
    let batches = house.batches(rotation).await;
    assert_eq!(batches.len(), 3, "50 extensions in batches of 20");
    let before = house.sip("150").await;

    house.rotate(batches[0]).await.unwrap();
    let again = house.rotate(batches[0]).await;
    let both = tokio::join!(house.rotate(batches[1]), house.rotate(batches[1]));

    assert!(matches!(again, Err(RotationError::NotNow)));
    assert_eq!(u32::from(both.0.is_ok()) + u32::from(both.1.is_ok()), 1, "{both:?}");
    assert_eq!(house.state(batches[1]).await, BatchState::Changed);
    assert_eq!(house.sip("150").await, before, "the third batch waits");
    assert_eq!(house.deeds.store.rotation(rotation).await.unwrap().unwrap().ended, 2);
}

#[tokio::test]
async fn a_locked_row_is_waited_for_two_seconds_and_the_batch_waits_again() {
    let house = House::new(Generation::V5_5).await;
    let targets = house.targets(SecretKind::Extension, &["105"]).await;
    let batch = house.batches(house.begin(&targets, 10).await).await[0];
    let mut other = house.owner.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM v_extensions FOR UPDATE").fetch_all(&mut *other).await.unwrap();

    let outcome = house.rotate(batch).await;

    let locked = matches!(outcome, Err(RotationError::Rotate(RotateError::Database(ChangeError::Locked))));
    assert!(locked, "{outcome:?}");
    assert_eq!(house.state(batch).await, BatchState::Waiting);
}

#[tokio::test]
async fn a_superuser_role_rotates_nothing() {
    let house = House::new(Generation::V5_5).await;
    let targets = house.targets(SecretKind::Extension, &["105"]).await;
    let batch = house.batches(house.begin(&targets, 10).await).await[0];
    let superuser = house.database.as_superuser().await;

    let outcome = house.deeds.rotate_batch(&superuser, &actor(), &Reach::Everything, batch).await;

    let refused = matches!(outcome, Err(RotationError::Rotate(RotateError::Database(ChangeError::ReadOnly { .. }))));
    assert!(refused, "{outcome:?}");
}

#[tokio::test]
async fn who_looks_for_batches_that_were_cut_off_waits_for_one_that_is_being_done() {
    let house = House::new(Generation::V5_5).await;
    let targets = house.targets(SecretKind::Extension, &["105"]).await;
    let batch = house.batches(house.begin(&targets, 10).await).await[0];
    // The update stands still until this test lets it go.
    house
        .database
        .run(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END $$; \
             CREATE TRIGGER wait BEFORE UPDATE ON v_extensions FOR EACH ROW EXECUTE FUNCTION wait()",
        )
        .await;
    let mut gate = house.owner.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(4711)").execute(&mut *gate).await.unwrap();
    let look = async {
        while house.state(batch).await != BatchState::Changing {
            tokio::task::yield_now().await;
        }
        let looked = house.deeds.resolve_batches(&house.fusionpbx);
        let looked = tokio::time::timeout(std::time::Duration::from_millis(300), looked).await;
        gate.commit().await.unwrap();
        looked.is_err()
    };

    let (outcome, waited) = tokio::join!(house.rotate(batch), look);

    outcome.unwrap();
    assert!(waited, "it said how the batch ended before it had");
    assert_eq!(house.state(batch).await, BatchState::Changed);
    assert!(house.deeds.store.batch_secrets(batch).await.unwrap().is_some(), "what takes it back is kept");
}

#[tokio::test]
async fn an_own_store_that_is_full_before_a_batch_leaves_fusionpbx_as_it_was() {
    let house = House::new(Generation::V5_5).await;
    let targets = house.targets(SecretKind::Extension, &["105"]).await;
    let batch = house.batches(house.begin(&targets, 10).await).await[0];
    let before = house.everything().await;
    house.own_store_is_full(Some("changing")).await;

    let outcome = house.rotate(batch).await;

    assert!(matches!(outcome, Err(RotationError::Store(_))), "{outcome:?}");
    assert_eq!(house.everything().await, before, "what cannot be taken back is not tried");
    house.own_store_is_full(None).await;
    house.rotate(batch).await.unwrap();
    assert_ne!(house.everything().await, before);
}

#[tokio::test]
async fn an_own_store_that_is_full_after_a_batch_still_has_what_takes_it_back() {
    let house = House::new(Generation::V5_5).await;
    let targets = house.targets(SecretKind::Extension, &["105"]).await;
    let batch = house.batches(house.begin(&targets, 10).await).await[0];
    let before = (house.sip("105").await, house.lines("105").await);
    house.own_store_is_full(Some("changed")).await;

    let outcome = house.rotate(batch).await;

    assert!(outcome.is_err());
    assert_eq!(house.state(batch).await, BatchState::Changing, "not known yet, and said so");
    house.own_store_is_full(None).await;
    assert_eq!(house.deeds.resolve_batch(&house.fusionpbx, batch).await.unwrap(), BatchState::Changed);
    house.undo(batch).await.unwrap();
    assert_eq!((house.sip("105").await, house.lines("105").await), before);
}

#[tokio::test]
async fn an_undo_that_was_done_and_never_noted_is_noted_by_the_next() {
    let house = House::new(Generation::V5_5).await;
    let (before, lines) = (house.sip("105").await, house.lines("105").await);
    let targets = house.targets(SecretKind::Extension, &["105"]).await;
    let batch = house.batches(house.begin(&targets, 10).await).await[0];
    house.rotate(batch).await.unwrap();
    let back = "UPDATE v_extensions SET password = '{}' WHERE extension = '105' AND domain_uuid = md5('tenant 1')::uuid; \
         UPDATE v_device_lines SET password = '{line}' WHERE user_id = '105' AND domain_uuid = md5('tenant 1')::uuid";
    house.database.run(&back.replace("{}", &before).replace("{line}", &lines[0])).await;

    house.undo(batch).await.unwrap();

    assert_eq!(house.state(batch).await, BatchState::Undone);
    assert_eq!((house.sip("105").await, house.lines("105").await), (before, lines));
}

/// The command, without a console or an agent.
#[tokio::test]
async fn the_command_shows_a_plan_does_it_when_told_and_takes_it_back() {
    let house = House::new(Generation::V5_5).await;
    let state = Scratch::new();
    let url = house.database.url().await;
    let rampart = |line: &str| {
        let start = Start::program("/bin/sh", state.path()).arg("-c").arg(format!("\"$0\" credentials {line}"));
        let start = start.arg(env!("CARGO_BIN_EXE_rampart")).env("RAMPART_STATE_DIR", state.path());
        start.env("RAMPART_FUSIONPBX_URL", &url).env("RAMPART_LOG", "error").run()
    };
    let before = house.everything().await;
    let asked = "rotate --domain north.example.test --places 105-106";

    let plan = rampart(asked).unwrap();
    assert_eq!(house.everything().await, before);
    assert!(plan.contains("extension 105 of north.example.test, with one line of a phone"), "{plan}");
    assert!(plan.contains("--yes"), "{plan}");

    let done = rampart(&format!("{asked} --yes --format json")).unwrap();
    let done: serde_json::Value = serde_json::from_str(&done).unwrap();
    assert_eq!(done["changed"][0]["secret"].as_str().unwrap(), house.sip("105").await);
    assert_eq!(done["changed"].as_array().unwrap().len(), 2);

    let number = &done["rotation"];
    rampart(&format!("undo {number}")).unwrap();
    assert_eq!(house.everything().await, before);
    let again = rampart(&format!("undo {number}")).unwrap_err().to_string();
    assert!(again.contains("no batch that waits"), "{again}");
    let wrong = rampart("rotate --domain nowhere.example.test").unwrap_err().to_string();
    assert!(wrong.contains("no enabled tenant called nowhere.example.test"), "{wrong}");
}

/// ASVS 8.2.2.
#[tokio::test]
async fn nobody_plans_or_rotates_what_is_out_of_reach() {
    let house = House::new(Generation::V5_5).await;
    let targets = house.targets(SecretKind::Extension, &["105"]).await;
    let batch = house.batches(house.begin(&targets, 10).await).await[0];
    let other = OwnDomain { id: TenantId(Uuid::new_v4()), name: "other.example.test".to_owned(), host: None };
    let before = house.everything().await;

    for reach in [Reach::Domain(other), Reach::Nothing] {
        let draft = house.deeds.draft_rotation(&house.fusionpbx, &reach, &targets).await;
        let rotated = house.deeds.rotate_batch(&house.fusionpbx, &actor(), &reach, batch).await;
        let found = house.fusionpbx.find_secrets(&reach, SecretKind::Extension, house.tenant, &[]).await.unwrap();

        assert!(matches!(draft, Err(RotationError::Nothing)));
        assert!(matches!(rotated, Err(RotationError::Nothing)));
        assert!(found.is_empty());
    }
    assert_eq!(house.everything().await, before);
}

/// ASVS 2.3.3: what holds is read, and never guessed or tried again blindly.
#[tokio::test]
async fn a_connection_that_breaks_at_commit_is_found_out_by_reading() {
    for (lost, state) in [(Lost::OnTheWayBack, BatchState::Changed), (Lost::OnTheWayThere, BatchState::Waiting)] {
        let house = House::new(Generation::V5_5).await;
        house.database.grant("ALTER ROLE rampart PASSWORD 'right'").await;
        let port = cutting_proxy(cluster().await.port(), lost).await;
        let cut = open(format!("postgres://rampart:right@127.0.0.1:{port}/{}", house.database.name));
        let before = house.sip("105").await;
        let targets = house.targets(SecretKind::Extension, &["105"]).await;
        let batch = house.batches(house.begin(&targets, 10).await).await[0];

        let outcome = house.deeds.rotate_batch(&cut, &actor(), &Reach::Everything, batch).await;

        assert_eq!(house.state(batch).await, state);
        assert_eq!(outcome.is_ok(), state == BatchState::Changed, "{outcome:?}");
        assert_eq!(house.sip("105").await == before, state == BatchState::Waiting);
        if state == BatchState::Changed {
            house.undo(batch).await.unwrap();
            assert_eq!(house.sip("105").await, before);
        }
        assert_eq!(house.deeds.resolve_batches(&house.fusionpbx).await.unwrap(), 0);
    }
}
