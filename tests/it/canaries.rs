//! Secrets of twenty-one kinds are planted in a whole world of real programs, which then works, fails and is attacked; afterwards none
//! of them is anywhere but where it belongs.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Uid, User};
use rampart::app::build;
use rampart::app::demo::Tools;
use rampart::app::demo::process::{Child, RunAs, Start, free_port};
use rampart::app::demo::world::World;
use rampart::base::clock::{Clock as _, SystemClock, Timestamp};
use rampart::base::encoding::from_base64;
use rampart::base::ids::CertificateId;
use rampart::base::names::OperatorName;
use rampart::base::rng::{SystemRandom, token};
use rampart::base::secret::Secret;
use rampart::deeds::password::NewPassword;
use rampart::host::Agent;
use rampart::policy::own_password::ContextWords;
use rampart::store::trail::Actor;
use rampart::wire::request::Request;
use reqwest::header::{COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::agent_house::Scratch;
use crate::support::authenticator::{Authenticator, order, session};
use crate::support::leaks::Canary;
use crate::support::routes;

/// How long an order may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// The operator's name, and the tenant that gets a certificate.
const NAME: &str = "ann";
const TENANT: &str = "north.example.test";

/// A secret of a kind that a person would type.
fn secret(front: &str) -> String {
    format!("{front} & {}", token(&SystemRandom).expose())
}

/// What the console says, kept to be searched, and the secrets of the session.
struct Visitor {
    http: reqwest::Client,
    address: String,
    jar: BTreeMap<String, String>,
    cookies: Vec<String>,
    tokens: Vec<String>,
    pages: Vec<(String, String)>,
}

impl Visitor {
    fn new(address: String, certificate: &Path) -> Self {
        let root = reqwest::Certificate::from_pem(&std::fs::read(certificate).unwrap()).unwrap();
        let http = reqwest::Client::builder().tls_certs_only([root]).redirect(reqwest::redirect::Policy::none());
        let http = http.timeout(Duration::from_mins(1)).build().unwrap();
        Self { http, address, jar: BTreeMap::new(), cookies: Vec::new(), tokens: Vec::new(), pages: Vec::new() }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.address)).header(ORIGIN, &self.address);
        let pairs: Vec<String> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { request } else { request.header(COOKIE, pairs.join("; ")) }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> (StatusCode, String, Option<String>) {
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
                self.cookies.push(value.to_owned());
            }
        }
        let (status, to) = (response.status(), response.headers().get(LOCATION).cloned());
        let headers: Vec<String> = response
            .headers()
            .iter()
            .filter(|(name, _)| *name != SET_COOKIE)
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let place = response.url().path().to_owned();
        let body = response.text().await.unwrap();
        self.pages.push((format!("{status} {place}"), format!("{}\n{body}", headers.join("\n"))));
        (status, body, to.map(|to| to.to_str().unwrap().to_owned()))
    }

    async fn get(&mut self, path: &str) -> (StatusCode, String) {
        let request = self.request(Method::GET, path);
        let (status, body, _) = self.send(request).await;
        (status, body)
    }

    async fn json(&mut self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert!(status.is_success(), "{path}: {status} {body}");
        serde_json::from_str(&body).unwrap()
    }

    async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String, Option<String>) {
        let csrf = self.json("/api/session").await["csrf"].as_str().unwrap().to_owned();
        self.tokens.push(csrf.clone());
        let form: Vec<(&str, &str)> = [("csrf", csrf.as_str())].iter().chain(fields).copied().collect();
        let request = self.request(Method::POST, path).form(&form);
        self.send(request).await
    }
}

/// A console of its own beside the demo's, with a password for its database.
struct Planted {
    console: Child,
    world: World,
    house: Scratch,
    state: PathBuf,
    port: u16,
    run_as: RunAs,
    tools: Tools,
    password: String,
    setup: String,
    database: String,
    proxy: String,
}

fn tools() -> Tools {
    let pebble = std::env::var_os("RAMPART_PEBBLE").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_BIN_EXE_rampart")).parent().unwrap().parent().unwrap();
    Tools {
        console: env!("CARGO_BIN_EXE_rampart").into(),
        agent: env!("CARGO_BIN_EXE_rampart-agent").into(),
        pebble: pebble.unwrap_or_else(|| beside.join("tools/pebble")),
    }
}

impl Planted {
    async fn new() -> Self {
        let tools = tools();
        let world = World::start(free_port().unwrap(), 3, &tools).await.unwrap();
        let (uid, gid) = match User::from_name("nobody").unwrap() {
            Some(nobody) if Uid::effective().is_root() => (nobody.uid, nobody.gid),
            _ => (Uid::effective(), Gid::effective()),
        };
        let run_as = RunAs { uid: uid.as_raw(), gid: gid.as_raw() };
        let house = Scratch::new();
        let state = house.path().join("state");
        let (password, database) = (secret("a stone wall"), token(&SystemRandom).expose().clone());
        let setup = fill(&state, &password).await;
        let port = free_port().unwrap();
        let settings = std::fs::read_to_string(world.directory().join("console/rampart.toml")).unwrap();
        let own: Vec<String> = settings
            .lines()
            .map(|line| match line.split_once(" = ") {
                Some(("listen", _)) => format!(
                    "listen = '127.0.0.1:{port}'\nproxy_secret_file = '{}'",
                    state.join("proxy-secret").display()
                ),
                Some(("url", _)) => line.replacen("rampart@", &format!("rampart:{database}@"), 1),
                _ => line.to_owned(),
            })
            .collect();
        assert!(own.iter().any(|line| line.contains(&database)), "{settings}");
        std::fs::write(state.join("rampart.toml"), own.join("\n")).unwrap();
        let proxy = token(&SystemRandom).expose().repeat(2);
        std::fs::write(state.join("proxy-secret"), &proxy).unwrap();
        std::fs::set_permissions(state.join("proxy-secret"), std::fs::Permissions::from_mode(0o600)).unwrap();
        for entry in std::fs::read_dir(&state).unwrap() {
            chown(entry.unwrap().path(), Some(run_as.uid), Some(run_as.gid)).unwrap();
        }
        chown(&state, Some(run_as.uid), Some(run_as.gid)).unwrap();
        let mut console = Start::program(world.directory().join("bin/rampart"), house.path())
            .arg("serve")
            .env("RAMPART_STATE_DIR", &state)
            .env("RAMPART_CONFIG", state.join("rampart.toml"))
            // More than anybody would have it say.
            .env("RAMPART_LOG", "debug")
            .run_as(run_as)
            .spawn()
            .unwrap();
        let is_open = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
        console.wait_until(Duration::from_mins(1), is_open).await.unwrap();
        Self { console, world, house, state, port, run_as, tools, password, setup, database, proxy }
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(format!("https://localhost:{}", self.port), &self.state.join("console.crt"))
    }

    /// The SIP secret of the tenant's extension 105, as FusionPBX has it.
    async fn sip_secret(&self) -> String {
        let pool = sqlx::PgPool::connect(self.world.superuser().expose()).await.unwrap();
        let sql = "SELECT password FROM v_extensions WHERE extension = '105' AND user_context = $1";
        let secret = sqlx::query_scalar(sql).bind(TENANT).fetch_one(&pool).await.unwrap();
        pool.close().await;
        secret
    }

    fn agent(&self) -> Agent {
        Agent::at(self.world.directory().join("agent/run/agent.sock"))
    }

    fn place(&self) -> PathBuf {
        self.world.directory().join("agent/place")
    }
}

/// A state directory with an operator, and a setup link that was offered before there was one.
async fn fill(state: &Path, password: &str) -> String {
    let deeds = build::deeds(state, Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap();
    let setup = deeds.offer_setup().await.unwrap().unwrap();
    let password = NewPassword::parse(Secret::new(password.to_owned()), &ContextWords::default()).unwrap();
    let actor = Actor { name: "test".to_owned(), address: None };
    deeds.add_operator(&actor, &OperatorName::parse(NAME).unwrap(), password).await.unwrap();
    deeds.store.close().await;
    setup.expose().clone()
}

/// Enrols an operator with the agent, and lets it keep the certificate; the enrolment code, the seed, the recovery codes
/// and a code that was typed are canaries.
async fn enrol(planted: &Planted) -> (Vec<Canary>, String) {
    let config = planted.world.directory().join("agent/agent.toml");
    let start = Start::program(&planted.tools.agent, planted.house.path()).arg("enrol").arg(NAME);
    let invited = start.arg("--config").arg(&config).run().unwrap().trim().to_owned();
    let (agent, name) = (planted.agent(), OperatorName::parse(NAME).unwrap());
    let begun = agent.begin_enrolment(&name, Secret::new(invited.clone())).await.unwrap();
    let operator = Authenticator::of(NAME, begun.secret.expose());
    let codes = agent.finish_enrolment(&name, operator.code(SystemClock.now())).await.unwrap();
    let order = order(CertificateId(1), &[&format!("*.{TENANT}"), TENANT]);
    let what = Request::PlaceStandingOrder { order: order.clone() };
    let spare = Secret::new(codes[0].expose().clone());
    let grant = agent.grant(&name, &session("one"), spare, what).await.unwrap();
    let grant_token = grant.token.expose().clone();
    agent.with_grant(grant).place_standing_order(order).await.unwrap();
    let seed = rampart::base::encoding::from_base32(begun.secret.expose()).unwrap();
    let canaries = vec![
        Canary::new("enrolment code", invited),
        Canary::new("second factor's seed", seed),
        Canary::new("second factor's seed in base32", begun.secret.expose()),
        Canary::new("recovery code", codes[1].expose()),
        Canary::new("recovery code that was used", codes[0].expose()),
        Canary::new("recovery code of the sign-in", codes[2].expose()),
        Canary::new("grant", grant_token),
    ];
    (canaries, codes[2].expose().clone())
}

/// Signs in wrongly and rightly; the two passwords that were typed wrongly.
async fn sign_in(visitor: &mut Visitor, password: &str, code: &str) -> [String; 2] {
    let (wrong, in_the_name) = (secret("not the wall"), format!("typed-too-early-{}", token(&SystemRandom).expose()));
    visitor.get("/sign-in").await;
    let (status, ..) = visitor.submit("/sign-in", &[("name", NAME), ("password", &wrong)]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, ..) = visitor.submit("/sign-in", &[("name", &in_the_name), ("password", "x")]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    // After a failure the next try is looked at a second later; each try counts against the address too.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let (_, body, to) = visitor.submit("/sign-in", &[("name", NAME), ("password", password)]).await;
    assert_eq!(to.as_deref(), Some("/sign-in/code"), "{body}");
    let (_, body, to) = visitor.submit("/sign-in/code", &[("code", code)]).await;
    assert_eq!(to.as_deref(), Some("/"), "{body}");
    [wrong, in_the_name]
}

/// Opens every page, as the router has them.
async fn every_page(visitor: &mut Visitor) {
    let streams = |path: &str| path.ends_with("/events");
    for route in routes::all().into_iter().filter(|route| route.has("get") && !streams(&route.path)) {
        visitor.get(&route.example()).await;
    }
}

async fn change_a_setting(visitor: &mut Visitor) {
    let policy = visitor.json("/api/policy").await;
    let settings = policy["settings"].as_array().unwrap();
    let setting = settings.iter().find(|setting| setting["key"] == "users.password_length").unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let fields = [
        ("scope", "global".to_owned()),
        ("key", "users.password_length".to_owned()),
        ("row", text(&setting["row"])),
        ("value", "16".to_owned()),
        ("base_value", text(&setting["stored"]["value"])),
        ("base_enabled", setting["stored"]["enabled"].as_bool().unwrap_or_default().to_string()),
        ("base_xmin", text(&setting["xmin"])),
    ];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    visitor.submit("/passwords/settings", &fields).await;
}

/// Gives an extension a new secret and takes it back; the two secrets.
async fn rotate_a_secret(planted: &Planted, visitor: &mut Visitor) -> [String; 2] {
    let wanted = format!("/passwords/rotate?kind=extension&tenant={TENANT}&places=105");
    let before = planted.sip_secret().await;
    let (_, plan) = visitor.get(&wanted).await;
    let digest = plan.split("name=\"digest\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let fields = [
        ("kind", "extension"),
        ("tenant", TENANT),
        ("places", "105"),
        ("digest", digest),
        ("size", "1"),
        ("pass", "0"),
    ];
    let (status, body, to) = visitor.submit("/passwords/rotate", &fields).await;
    let rotation = to.unwrap_or_else(|| panic!("{status} {body}"));
    visitor.get(&rotation).await;
    let after = planted.sip_secret().await;
    assert_ne!(before, after);
    visitor.submit(&format!("{rotation}/undo"), &[("batch", "1")]).await;
    visitor.get(&rotation).await;
    assert_eq!(planted.sip_secret().await, before);
    [before, after]
}

/// Orders, and waits for the end.
async fn get_a_certificate(visitor: &mut Visitor, path: &str, fields: &[(&str, &str)]) {
    let (status, body, to) = visitor.submit(path, fields).await;
    let to = to.unwrap_or_else(|| panic!("{path}: {status} {body}"));
    let number = to.rsplit('/').next().unwrap().to_owned();
    let start = Instant::now();
    loop {
        let order = visitor.json(&format!("/api/orders/{number}")).await;
        match order["state"].as_str() {
            Some("done") => break,
            Some("failed") => panic!("{order}"),
            _ => assert!(start.elapsed() < PATIENCE, "{order}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    visitor.get(&to).await;
}

/// Errors of every kind, with secrets in what is sent.
async fn go_wrong(visitor: &mut Visitor, setup: &str, password: &str) {
    let csrf = visitor.tokens.last().cloned().unwrap();
    let jar = visitor.jar.clone();
    let form = |fields: &[(&str, &str)]| serde_json::to_value(fields.to_vec()).unwrap().to_string();
    let post = |path: &str, body: String| visitor.request(Method::POST, path).body(body);
    let kind = "application/x-www-form-urlencoded";
    let requests = [
        visitor.request(Method::GET, &format!("/no/such/page/{setup}")),
        visitor.request(Method::GET, &format!("/setup/{setup}")),
        visitor.request(Method::GET, &format!("/setup/{setup}x")),
        visitor.request(Method::DELETE, "/sign-in"),
        visitor.request(Method::GET, "/").header(HOST, "elsewhere.example"),
        visitor.request(Method::POST, "/sign-in").form(&[("csrf", "wrong"), ("name", NAME), ("password", password)]),
        visitor
            .request(Method::POST, "/sign-in")
            .header(ORIGIN, "https://evil.example")
            .form(&[("password", password)]),
        post("/sign-in", format!("csrf={csrf}&password={password}&%zz=%")).header("content-type", kind),
        post("/sign-in", form(&[("password", password)])).header("content-type", "application/json"),
        post("/sign-in", format!("csrf={csrf}&password={}", password.repeat(4000))).header("content-type", kind),
        post("/certificates/orders", format!("csrf={csrf}&name={password}")).header("content-type", kind),
    ];
    let mut seen = Vec::new();
    for request in requests {
        let (status, ..) = visitor.send(request).await;
        seen.push(status.as_u16());
        visitor.jar.clone_from(&jar);
    }
    for wanted in [403, 404, 405, 413, 421] {
        assert!(seen.contains(&wanted), "no {wanted}: {seen:?}");
    }
}

/// A place that was searched, and what it held.
struct Places(Vec<(String, Vec<u8>)>);

impl Places {
    fn files_below(&mut self, directory: &Path) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.symlink_metadata() {
                Ok(metadata) if metadata.is_dir() => self.files_below(&path),
                Ok(metadata) if metadata.is_file() => {
                    self.0.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
                }
                _ => {}
            }
        }
    }

    /// The arguments and the environment of every process that we may look into.
    fn processes(&mut self) {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let path = entry.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().bytes().all(|byte| byte.is_ascii_digit())) {
                for name in ["cmdline", "environ"] {
                    let bytes = std::fs::read(path.join(name)).unwrap_or_default();
                    self.0.push((format!("{}/{name}", path.display()), bytes));
                }
            }
        }
    }

    /// Where each canary was found, but for where it belongs.
    fn leaks(&self, canaries: &[(Canary, &[&str])]) -> Vec<String> {
        let mut leaks = Vec::new();
        for (canary, homes) in canaries {
            for (place, bytes) in &self.0 {
                if let Some(form) = canary.found_in(bytes)
                    && !homes.iter().any(|home| place.contains(home))
                {
                    leaks.push(format!("{} stands in {place} ({form})", canary.name));
                }
            }
        }
        leaks
    }
}

/// Core files, or what a crash handler made of them, that are younger than `since`.
fn dumps(since: Timestamp, directories: &[&Path]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in directories {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_new = entry.metadata().is_ok_and(|metadata| metadata.mtime() >= since.unix());
            if is_new && (name.starts_with("core") || name.contains("rampart") && name.contains("crash")) {
                found.push(entry.path());
            }
        }
    }
    found
}

/// The inner key of the ACME account, as the store's own reader opens it.
async fn account_key(state: &Path) -> Vec<u8> {
    // A copy of our own: the store is the console's user's.
    let house = Scratch::new();
    for name in ["rampart.sqlite", "rampart.sqlite-wal", "store.key"] {
        std::fs::copy(state.join(name), house.path().join(name)).unwrap();
    }
    let deeds = build::deeds(house.path(), Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap();
    let url = std::fs::read_to_string(state.join("rampart.toml")).unwrap();
    let url = url.lines().find_map(|line| line.strip_prefix("directory_url = '")).unwrap().trim_end_matches('\'');
    let account = deeds.store.account_at(url).await.unwrap().unwrap();
    let credentials: Value = serde_json::from_str(account.credentials.expose()).unwrap();
    deeds.store.close().await;
    let key = credentials["key_pkcs8"].as_str().unwrap().replace('-', "+").replace('_', "/");
    let padding = "=".repeat(key.len().wrapping_neg() % 4);
    scalar(&from_base64(&(key + &padding)).unwrap())
}

/// What is secret of a key on P-256 (RFC 5915: version 1, then 32 bytes); what follows it in the file is public.
fn scalar(pkcs8: &[u8]) -> Vec<u8> {
    let front = [2, 1, 1, 4, 32];
    let place = pkcs8.windows(front.len()).position(|window| window == front).unwrap() + front.len();
    pkcs8[place..place + 32].to_vec()
}

fn pem_scalar(path: &Path) -> Vec<u8> {
    let pem = std::fs::read_to_string(path).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    scalar(&from_base64(&body).unwrap())
}

/// What is done with the planted world: everything that a console does, and everything that can go wrong.
async fn live(planted: &Planted, visitor: &mut Visitor, code: &str) -> [String; 4] {
    let typed = sign_in(visitor, &planted.password, code).await;
    every_page(visitor).await;
    change_a_setting(visitor).await;
    let [former, new] = rotate_a_secret(planted, visitor).await;
    visitor.submit("/certificates/account", &[("contact", ""), ("terms", "agreed")]).await;
    let wish = [("name", TENANT), ("cover", "wildcard"), ("key", "ecdsa-p256")];
    get_a_certificate(visitor, "/certificates/orders", &wish).await;
    // The key is rotated under a console that runs, which then opens its account with the new one.
    let rotate = Start::program(planted.world.directory().join("bin/rampart"), planted.house.path());
    let rotate = rotate.arg("secrets").arg("rotate").env("RAMPART_STATE_DIR", &planted.state).run_as(planted.run_as);
    rotate.env("RAMPART_CONFIG", planted.state.join("rampart.toml")).run().unwrap();
    get_a_certificate(visitor, "/certificates/1/renew", &[]).await;
    go_wrong(visitor, &planted.setup, &planted.password).await;
    every_page(visitor).await;
    let [wrong, in_the_name] = typed;
    [wrong, in_the_name, former, new]
}

/// The canaries, each with the places where it belongs.
async fn canaries(
    planted: &Planted,
    visitor: &Visitor,
    typed: &[String; 4],
    former_key: &[u8],
    enrolled: Vec<Canary>,
) -> Vec<(Canary, &'static [&'static str])> {
    let tsig = std::fs::read_to_string(planted.world.directory().join("console/tsig.key")).unwrap();
    let store_key = std::fs::read(planted.state.join("store.key")).unwrap();
    assert_ne!(store_key, former_key);
    let own_key = pem_scalar(&planted.place().join("certificates/1/1/privkey.pem"));
    let console_key = pem_scalar(&planted.state.join("console.key"));
    let mut canaries: Vec<(Canary, &'static [&'static str])> = vec![
        (Canary::new("operator's password", &planted.password), &[]),
        (Canary::new("wrong password", &typed[0]), &[]),
        // The form is drawn again with the name that was typed.
        (Canary::new("password in the name's field", &typed[1]), &["page 401 Unauthorized /sign-in"]),
        (Canary::new("SIP secret", &typed[2]), &[]),
        (Canary::new("SIP secret that was made", &typed[3]), &[]),
        (Canary::new("setup link", &planted.setup), &[]),
        (Canary::new("TSIG key", tsig.trim()), &["console/tsig.key"]),
        (Canary::new("TSIG key's bytes", from_base64(tsig.trim()).unwrap()), &["console/tsig.key"]),
        (Canary::new("ACME account's key", account_key(&planted.state).await), &[]),
        (Canary::new("store's key", &store_key), &["state/store.key"]),
        (Canary::new("store's former key", former_key), &[]),
        (Canary::new("database's password", &planted.database), &["state/rampart.toml"]),
        (Canary::new("proxy's secret", &planted.proxy), &["state/proxy-secret"]),
        (Canary::new("certificate's key", own_key), &["/privkey.pem"]),
        (Canary::new("console's own key", console_key), &["state/console.key"]),
    ];
    canaries.extend(visitor.cookies.iter().map(|value| (Canary::new("cookie", value), &[][..])));
    canaries.extend(visitor.tokens.iter().map(|value| (Canary::new("CSRF token", value), &["page 2", "page 4"][..])));
    canaries.extend(enrolled.into_iter().map(|canary| (canary, &["agent/place/factors/"][..])));
    canaries
}

/// Promise T13. ASVS 13.3.1, 14.2.1, 16.2.5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_secrets_are_nowhere_but_where_they_belong() {
    let begun = SystemClock.now();
    let planted = Planted::new().await;
    let (enrolled, code) = enrol(&planted).await;
    let former_key = std::fs::read(planted.state.join("store.key")).unwrap();
    let mut visitor = planted.visitor();

    let typed = live(&planted, &mut visitor, &code).await;
    let mut places = Places(Vec::new());
    places.processes();
    visitor.submit("/sign-out", &[]).await;
    visitor.get("/").await;
    let canaries = canaries(&planted, &visitor, &typed, &former_key, enrolled).await;
    places.0.extend(visitor.pages.iter().map(|(place, text)| (format!("page {place}"), text.clone().into_bytes())));
    places.files_below(planted.house.path());
    places.files_below(&planted.world.directory().join("agent"));
    places.files_below(&planted.world.directory().join("console"));
    places.0.push(("logs of the demo".to_owned(), planted.world.logs().into_bytes()));
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let system = ["/", "/var/crash", "/var/lib/systemd/coredump"].map(Path::new);
    let directories: Vec<&Path> =
        [planted.house.path(), planted.world.directory(), &planted.state, own].into_iter().chain(system).collect();

    let leaks = places.leaks(&canaries);

    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    assert_eq!(dumps(begun, &directories), Vec::<PathBuf>::new());
    assert!(places.0.len() > 60, "only {} places were searched", places.0.len());
    assert!(planted.console.log().contains("DEBUG"), "the console did not say all that it can");
    for wanted in ["rampart.sqlite", "journal.jsonl", "rampart.log", "/cmdline", "/environ", "page 404", "page 413"] {
        assert!(places.0.iter().any(|(place, bytes)| place.contains(wanted) && !bytes.is_empty()), "{wanted}");
    }
    // The search can fail: each secret, planted where it does not belong, is found.
    for (canary, homes) in &canaries {
        for form in canary.forms() {
            let spoilt = Places(vec![("a log".to_owned(), [b"before ", form, b" after"].concat())]);
            assert_eq!(spoilt.leaks(&[(canary.clone(), homes)]).len(), 1, "{}", canary.name);
        }
    }
    let mode = std::fs::metadata(planted.state.join("store.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
