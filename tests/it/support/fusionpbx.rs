//! A private PostgreSQL for the whole test program, and a FusionPBX database of its own for each test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::unistd::{Uid, User};
use rampart::app::demo::fusionpbx::{Generation, ROLE};
use rampart::app::demo::postgres::{Listen, Postgres};
use rampart::app::demo::town::{Town, fill};
use rampart::base::secret::Secret;
use rampart::fusionpbx::{ConnectOptions, FusionPbx};
use sqlx::postgres::PgPool;
use tokio::sync::{Mutex, OnceCell};

/// The cluster goes away with the test program: its watcher sees to that.
static CLUSTER: OnceCell<Postgres> = OnceCell::const_new();
static TEMPLATES: [OnceCell<&str>; 6] = [const { OnceCell::const_new() }; 6];
/// Grants change rows that all databases share, one at a time.
static GRANTS: Mutex<()> = Mutex::const_new(());
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The private PostgreSQL that every test shares.
pub(crate) async fn cluster() -> &'static Postgres {
    CLUSTER.get_or_init(start).await
}

async fn start() -> Postgres {
    let directory = PathBuf::from(format!("/tmp/rampart-pg-{}", std::process::id()));
    let cluster = tokio::task::spawn_blocking(move || Postgres::start(&directory, Listen::Loopback));
    let cluster = cluster.await.unwrap().unwrap();
    // The tests come in as the console does: a role with column grants, known by its operating system user.
    cluster.create_database("empty", None).await.unwrap();
    cluster.run_sql("empty", ROLE).await.unwrap();
    let me = User::from_uid(Uid::effective()).unwrap().unwrap().name;
    cluster.allow(&me, "rampart").await.unwrap();
    cluster
}

/// A FusionPBX database that one test has for itself.
pub(crate) struct Database {
    pub(crate) name: String,
}

impl Database {
    /// As FusionPBX ships it: settings, groups, access lists; no tenants, no accounts.
    pub(crate) async fn shipped(generation: Generation) -> Self {
        Self::copy_of(generation, false).await
    }

    /// The demo's town.
    pub(crate) async fn town(generation: Generation) -> Self {
        Self::copy_of(generation, true).await
    }

    async fn copy_of(generation: Generation, is_town: bool) -> Self {
        let (place, template) = match (generation, is_town) {
            (Generation::V4_4, false) => (4, "shipped_v4_4"),
            (Generation::V4_4, true) => (5, "town_v4_4"),
            (Generation::V5_0, false) => (0, "shipped_v5_0"),
            (Generation::V5_0, true) => (1, "town_v5_0"),
            (Generation::V5_5, false) => (2, "shipped_v5_5"),
            (Generation::V5_5, true) => (3, "town_v5_5"),
        };
        let cluster = cluster().await;
        let make = || async {
            cluster.create_database(template, None).await.unwrap();
            cluster.run_sql(template, generation.schema()).await.unwrap();
            if is_town {
                fill(cluster, template, generation, Town::default()).await.unwrap();
            }
            let _one_at_a_time = GRANTS.lock().await;
            cluster.run_sql(template, &format!("SET rampart.judge_accounts = 'on'; {ROLE}")).await.unwrap();
            template
        };
        TEMPLATES[place].get_or_init(make).await;
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        cluster.create_database(&name, Some(template)).await.unwrap();
        Self { name }
    }

    /// A URL that signs in as the restricted role.
    pub(crate) async fn url(&self) -> String {
        cluster().await.socket_url("rampart", &self.name)
    }

    /// What the console would have: the restricted role.
    pub(crate) async fn fusionpbx(&self) -> FusionPbx {
        open(self.url().await)
    }

    /// The same as a superuser, which FusionPBX's own role is.
    pub(crate) async fn as_superuser(&self) -> FusionPbx {
        open(cluster().await.socket_url("postgres", &self.name))
    }

    /// FusionPBX itself, for what only it does.
    pub(crate) async fn owner(&self) -> PgPool {
        PgPool::connect_with(cluster().await.superuser(&self.name)).await.unwrap()
    }

    /// Runs what changes roles or grants, which all databases share: one at a time.
    pub(crate) async fn grant(&self, sql: &str) {
        let _one_at_a_time = GRANTS.lock().await;
        self.run(sql).await;
    }

    pub(crate) async fn run(&self, sql: &str) {
        cluster().await.run_sql(&self.name, sql).await.unwrap();
    }
}

/// Opens `url`.
pub(crate) fn open(url: String) -> FusionPbx {
    FusionPbx::open(&ConnectOptions::from_url(&Secret::new(url)).unwrap())
}
