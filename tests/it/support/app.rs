//! The console itself on a free port: the real router, its own state directory, a clock that is moved by hand.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::Router;
use rampart::acme::ca::CertificateAuthority;
use rampart::acme::challenge::authority::Authority;
use rampart::acme::http::HttpDeadlines;
use rampart::acme::issue::{Patience, Turn};
use rampart::app::build;
use rampart::audit::facts::Facts;
use rampart::audit::walls::Walls;
use rampart::base::clock::{Clock as _, ManualClock, SystemClock};
use rampart::base::ids::TenantId;
use rampart::base::names::{Fqdn, OperatorName};
use rampart::base::rng::SystemRandom;
use rampart::base::role::{Post, Reach, Role};
use rampart::base::secret::Secret;
use rampart::deeds::certificates::Issuing;
use rampart::deeds::password::NewPassword;
use rampart::fusionpbx::FusionPbx;
use rampart::host::Agent;
use rampart::jobs::sweep::{Sources, Sweep};
use rampart::policy::own_password::ContextWords;
use rampart::store::trail::{Actor, Entry, TrailQuery};
use rampart::web::client_address::InFront;
use rampart::web::door::Door;
use rampart::web::edge::Edge;
use rampart::web::limits::EventStreams;
use rampart::web::origin::OwnNames;
use rampart::web::router::{house, router};
use rampart::web::state::AppState;
use sqlx::{Row as _, SqlitePool};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::agent_house::Scratch;
use crate::support::browser::Browser;

/// The name under which the console is reached.
pub(crate) const HOST: &str = "console.example";

/// The operator of every test.
pub(crate) const NAME: &str = "ann";
/// Ann's password.
pub(crate) const PASSWORD: &str = "a quiet stone wall";

/// The console's neighbours. Unless a test says otherwise, none of them is there.
pub(crate) struct Neighbours {
    pub(crate) fusionpbx: Result<FusionPbx, String>,
    pub(crate) agent: Option<Agent>,
    pub(crate) issuing: Option<Issuing>,
    pub(crate) in_front: InFront,
    /// How long a refused sign-in takes at least: short, since most tests do not look at time.
    pub(crate) floor: Duration,
}

impl Default for Neighbours {
    fn default() -> Self {
        Self {
            fusionpbx: Err("no FusionPBX was found".to_owned()),
            agent: None,
            issuing: None,
            in_front: InFront::Nobody,
            floor: Duration::from_millis(5),
        }
    }
}

impl From<FusionPbx> for Neighbours {
    fn from(fusionpbx: FusionPbx) -> Self {
        Self { fusionpbx: Ok(fusionpbx), ..Self::default() }
    }
}

/// A running console.
pub(crate) struct TestApp {
    pub(crate) address: SocketAddr,
    pub(crate) state: AppState,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) sweep: Sweep,
    pub(crate) house: Scratch,
    browsers: AtomicU8,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl TestApp {
    /// A console without neighbours.
    pub(crate) async fn alone() -> Self {
        Self::start(Neighbours::default()).await
    }

    pub(crate) async fn start(neighbours: Neighbours) -> Self {
        Self::serving(neighbours, router).await
    }

    /// A console with its own surroundings and other routes in them.
    pub(crate) async fn around(routes: Router<AppState>) -> Self {
        Self::serving(Neighbours::default(), |state| house(state, routes, Router::new())).await
    }

    async fn serving(neighbours: Neighbours, router: impl FnOnce(AppState) -> Router) -> Self {
        let house = Scratch::new();
        // A little ahead, so that what other programs date is never from the future.
        let clock = Arc::new(ManualClock::at(SystemClock.now().plus(Duration::from_mins(10))));
        let deeds = build::deeds(&house.path().join("state"), clock.clone(), Arc::new(SystemRandom)).await.unwrap();
        let agent = neighbours.agent.unwrap_or_else(|| Agent::at(house.path().join("no-agent.sock")));
        let issuing = neighbours.issuing.unwrap_or_else(|| Issuing {
            ca: CertificateAuthority::at("https://127.0.0.1:1/dir", None).unwrap(),
            solver: Err("no name server is set".to_owned()),
            challenge: "DNS-01".to_owned(),
            zones: vec![Fqdn::parse("example.test").unwrap()],
            // Nobody is asked: tests stay on this machine.
            authority: Authority { resolvers: vec![([127, 0, 0, 1], 1).into()], ..Authority::default() },
            agent: agent.clone(),
            deadlines: HttpDeadlines::default(),
            patience: Patience::default(),
            turn: Turn::default(),
        });
        let (walls, seen) = watch::channel(Arc::new(Walls::of(Facts::none(clock.now()))));
        let (stop, stopping) = watch::channel(false);
        let state = AppState {
            deeds: deeds.clone(),
            fusionpbx: neighbours.fusionpbx.clone(),
            walls: seen,
            look_again: Arc::new(Notify::new()),
            credentials_wanted: Arc::new(Notify::new()),
            orders_wanted: Arc::new(Notify::new()),
            issuing: Arc::new(issuing),
            door: Arc::new(Door::new(clock.clone(), neighbours.floor, &house.path().join("state"))),
            streams: EventStreams::default(),
            edge: Arc::new(Edge::behind(neighbours.in_front)),
            names: Arc::new(OwnNames::new(&[HOST.to_owned()], &[443])),
            context_words: Arc::new(ContextWords::of("pbx", &[HOST.to_owned()])),
            host: "pbx".into(),
            demo: false,
            stopping,
        };
        let sources = Sources { agent, fusionpbx: neighbours.fusionpbx };
        let wanted = state.look_again.clone();
        let sweep = Sweep { deeds, sources, interval: Duration::from_hours(1), wanted, walls };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = router(state.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async { axum::serve(listener, service).await.unwrap() });
        Self { address, state, clock, sweep, house, browsers: AtomicU8::new(1), stop, serving }
    }

    /// A browser that nobody has signed in with.
    pub(crate) fn stranger(&self) -> Browser {
        self.stranger_from(Ipv4Addr::LOCALHOST.into())
    }

    /// A browser at another address of this machine: `127.0.0.0/8` is all ours.
    pub(crate) fn stranger_from(&self, from: IpAddr) -> Browser {
        Browser::new(self.address, from)
    }

    /// Adds an operator.
    pub(crate) async fn add_operator(&self, name: &str, password: &str) {
        let actor = Actor { name: "test".to_owned(), address: None };
        let password = NewPassword::parse(Secret::new(password.to_owned()), &ContextWords::default()).unwrap();
        self.state.deeds.add_operator(&actor, &OperatorName::parse(name).unwrap(), password).await.unwrap();
    }

    /// Adds the operator and signs in.
    pub(crate) async fn operator(&self) -> Browser {
        self.add_operator(NAME, PASSWORD).await;
        let browser = self.stranger();
        browser.sign_in(NAME, PASSWORD).await.assert_redirect("/");
        browser
    }

    /// One more browser of the same operator, at an address of its own: the limit of sign-ins is not meant.
    pub(crate) async fn signed_in(&self) -> Browser {
        let nth = self.browsers.fetch_add(1, Ordering::Relaxed);
        let browser = self.stranger_from(Ipv4Addr::new(127, 0, 1, nth).into());
        browser.sign_in(NAME, PASSWORD).await.assert_redirect("/");
        browser
    }

    /// A browser of an account of this role, called like the role.
    pub(crate) async fn signed_in_as(&self, role: Role) -> Browser {
        let domain = (TenantId(Uuid::from_u128(1)), "north.example".to_owned());
        self.signed_in_with(role.word(), &Post::of(role, Some(domain)).unwrap()).await
    }

    /// A browser of a new account, at an address of its own.
    pub(crate) async fn signed_in_with(&self, name: &str, post: &Post) -> Browser {
        let actor = Actor { name: "test".to_owned(), address: None };
        let password = NewPassword::parse(Secret::new(PASSWORD.to_owned()), &ContextWords::default()).unwrap();
        let deeds = &self.state.deeds;
        deeds.add_account(&actor, &OperatorName::parse(name).unwrap(), post, password).await.unwrap();
        let nth = self.browsers.fetch_add(1, Ordering::Relaxed);
        let browser = self.stranger_from(Ipv4Addr::new(127, 0, 2, nth).into());
        browser.sign_in(name, PASSWORD).await.assert_redirect("/");
        browser
    }

    /// One more browser of the same operator, whose sign-in leads to `path`.
    pub(crate) async fn signed_in_to(&self, path: &str) -> Browser {
        let nth = self.browsers.fetch_add(1, Ordering::Relaxed);
        let browser = self.stranger_from(Ipv4Addr::new(127, 0, 1, nth).into());
        browser.sign_in(NAME, PASSWORD).await.assert_redirect(path);
        browser
    }

    /// What the worker does: takes up every order that waits, and ends it.
    pub(crate) async fn work_off(&self) {
        let deeds = &self.state.deeds;
        while let Some(order) = deeds.store.claim_order(deeds.clock.now()).await.unwrap() {
            deeds.carry_out(&self.state.issuing, &order).await.unwrap();
        }
    }

    /// The newest entries of the trail whose act begins with `prefix`.
    pub(crate) async fn trail(&self, prefix: &str) -> Vec<Entry> {
        let query = TrailQuery { act_prefix: prefix.to_owned(), limit: 50, ..TrailQuery::default() };
        self.state.deeds.store.entries(&Reach::Everything, &query).await.unwrap()
    }

    /// The console's own file.
    pub(crate) fn database_file(&self) -> PathBuf {
        self.house.path().join("state/rampart.sqlite")
    }

    /// The console's own file, past the console.
    pub(crate) async fn own_tables(&self) -> SqlitePool {
        SqlitePool::connect(&format!("sqlite://{}", self.database_file().display())).await.unwrap()
    }

    /// Every row of the console's own tables but the sessions, as text.
    pub(crate) async fn everything_kept(&self) -> String {
        let pool = self.own_tables().await;
        let mut text = String::new();
        for table in [
            "operators",
            "devices",
            "invitations",
            "setup_links",
            "trail",
            "acme_accounts",
            "certificates",
            "orders",
            "order_steps",
            "credential_runs",
            "credential_places",
        ] {
            let columns = sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA table_info({table})")));
            let columns = columns.fetch_all(&pool).await.unwrap();
            let quoted: Vec<String> =
                columns.iter().map(|row| format!("quote({})", row.get::<String, _>("name"))).collect();
            let sql = format!("SELECT {} AS line FROM {table} ORDER BY 1", quoted.join(" || ' ' || "));
            for row in sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&pool).await.unwrap() {
                text.extend([table, ": ", row.get::<&str, _>("line"), "\n"]);
            }
        }
        pool.close().await;
        text
    }

    /// How many sessions are kept.
    pub(crate) async fn sessions(&self) -> i64 {
        let pool = self.own_tables().await;
        let count = sqlx::query_scalar("SELECT count(*) FROM sessions").fetch_one(&pool).await.unwrap();
        pool.close().await;
        count
    }

    /// The bytes of the console's own file and of its journal.
    pub(crate) fn bytes_kept(&self) -> Vec<u8> {
        let mut bytes = std::fs::read(self.database_file()).unwrap();
        bytes.extend(std::fs::read(self.database_file().with_extension("sqlite-wal")).unwrap_or_default());
        bytes
    }

    /// Says that the console stops.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
