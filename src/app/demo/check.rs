//! The main job without a person: sign in, change a policy value, order a wildcard certificate, see nginx serve it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::demo::town;
use crate::app::demo::world::{OPERATOR, World};
use crate::base::clock::{Clock as _, SystemClock};
use crate::base::encoding::from_base32;
use crate::base::names::Fqdn;
use crate::base::secret::Secret;
use crate::fusionpbx::{ConnectOptions, FusionPbx};
use crate::policy::Key;
use crate::tls::probe;

/// The setting that is changed, and what to.
const SETTING: &str = "users.password_length";
const WANTED: &str = "15";

/// How long the first look at the walls, and one order, may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// A browser without a window: a jar of cookies, forms with the session's token.
struct Browser {
    http: reqwest::Client,
    address: String,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new(world: &World) -> Result<Self> {
        let root = reqwest::Certificate::from_pem(&world.console_certificate()?)?;
        let http = reqwest::Client::builder()
            .tls_certs_only([root])
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self { http, address: world.address(), cookies: BTreeMap::new() })
    }

    async fn send(&mut self, method: Method, path: &str, form: Option<&[(&str, &str)]>) -> Result<Response> {
        let mut request = self.http.request(method, format!("{}{path}", self.address)).header(ORIGIN, &self.address);
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        if let Some(form) = form {
            request = request.form(form);
        }
        let response = request.send().await.with_context(|| format!("asking for {path}"))?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str()?.split(';').next().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.context("a cookie without a value")?;
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Ok(response)
    }

    async fn json(&mut self, path: &str) -> Result<Value> {
        let response = self.send(Method::GET, path, None).await?;
        let status = response.status();
        let body = response.text().await?;
        ensure!(status.is_success(), "{path} answered {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    /// Sends a form with the session's token and answers where the console leads to.
    async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<String> {
        let response = self.post(path, fields).await?;
        let status = response.status();
        if status != StatusCode::SEE_OTHER {
            bail!("{path} answered {status}: {}", text_of(&response.text().await?));
        }
        let to = response.headers().get(LOCATION).context("no address to go on")?;
        Ok(to.to_str()?.to_owned())
    }

    /// Sends a form with the session's token and answers the page that comes back.
    async fn page(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<String> {
        let response = self.post(path, fields).await?;
        let status = response.status();
        let body = response.text().await?;
        ensure!(status == StatusCode::OK, "{path} answered {status}: {}", text_of(&body));
        Ok(body)
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let session = self.json("/api/session").await?;
        let csrf = session.get("csrf").and_then(Value::as_str).context("the session has no token")?.to_owned();
        let mut form = vec![("csrf", csrf.as_str())];
        form.extend_from_slice(fields);
        self.send(Method::POST, path, Some(&form)).await
    }
}

/// The words of a page, for an error message.
fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for letter in html.chars() {
        match letter {
            '<' => is_tag = true,
            '>' => is_tag = false,
            other if !is_tag => text.push(other),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(1_500).collect()
}

/// Seconds by step.
struct Steps(serde_json::Map<String, Value>, Instant);

impl Steps {
    fn done(&mut self, step: &str) {
        self.0.insert(step.to_owned(), json!(rounded(self.1.elapsed().as_secs_f64())));
        self.1 = Instant::now();
    }
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 100.0).round() / 100.0
}

/// Does the job; answers the object for the last line.
pub(super) async fn run(world: &World) -> Result<Value> {
    let outcome = job(world).await;
    outcome.with_context(|| format!("what the servers printed:\n{}", world.logs()))
}

/// Adds how long the parts took to start.
pub(super) fn with_start(mut line: Value, parts: &[(&'static str, f64)]) -> Value {
    if let Some(seconds) = line.get_mut("seconds").and_then(Value::as_object_mut) {
        for (part, taken) in parts {
            seconds.insert(format!("start {part}"), json!(rounded(*taken)));
        }
    }
    line
}

async fn job(world: &World) -> Result<Value> {
    let mut steps = Steps(serde_json::Map::new(), Instant::now());
    let mut browser = Browser::new(world)?;
    let to = browser.submit("/sign-in", &[("name", OPERATOR), ("password", world.password.expose())]).await?;
    ensure!(to == "/", "the sign-in led to {to}");
    steps.done("sign in");
    first_look(&mut browser).await?;
    steps.done("first look");
    let policy = change_policy(&mut browser, world).await?;
    steps.done("policy");
    let code = enrol(&mut browser, world).await?;
    steps.done("second factor");
    let certificate = order(&mut browser, world, code).await?;
    steps.done("certificate");
    let walls = walls(&mut browser).await?;
    steps.done("walls");
    Ok(json!({ "policy": policy, "certificate": certificate, "walls": walls, "seconds": steps.0 }))
}

/// Waits until every source has been read once.
async fn first_look(browser: &mut Browser) -> Result<()> {
    let start = Instant::now();
    loop {
        let walls = browser.json("/api/walls").await?;
        let sources = walls.get("sources").and_then(Value::as_object).context("no sources")?;
        let is_waiting = |source: &Value| source.get("state").and_then(Value::as_str) == Some("not-yet");
        if !sources.values().any(is_waiting) {
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "the first look did not end: {sources:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn change_policy(browser: &mut Browser, world: &World) -> Result<Value> {
    let policy = browser.json("/api/policy").await?;
    let settings = policy.get("settings").and_then(Value::as_array).context("no settings")?;
    let is_it = |setting: &&Value| setting.get("key").and_then(Value::as_str) == Some(SETTING);
    let setting = settings.iter().find(is_it).context("the setting is not there")?;
    let text = |name: &str| setting.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let stored = setting.get("stored").cloned().unwrap_or_default();
    let enabled = stored.get("enabled").and_then(Value::as_bool).unwrap_or_default().to_string();
    let base = stored.get("value").and_then(Value::as_str).unwrap_or_default().to_owned();
    let before = text("value");
    let (row, xmin) = (text("row"), text("xmin"));
    let fields = [
        ("scope", "global"),
        ("key", SETTING),
        ("row", row.as_str()),
        ("value", WANTED),
        ("base_value", base.as_str()),
        ("base_enabled", enabled.as_str()),
        ("base_xmin", xmin.as_str()),
    ];
    browser.submit("/passwords/settings", &fields).await?;
    // Read back over a connection of our own, past the console.
    let database = FusionPbx::open(&ConnectOptions::from_url(&world.superuser())?);
    let key = Key::parse(SETTING).context("the setting is not known")?;
    let readings = database.global_policy().await?;
    let reading = readings.iter().find(|reading| reading.key == key).context("the setting is gone")?;
    let after = reading.value().unwrap_or_default().to_owned();
    database.close().await;
    ensure!(after == WANTED && before != after, "{SETTING} was {before:?} and is {after:?}");
    Ok(json!({ "setting": SETTING, "before": before, "after": after }))
}

/// Sets up a second factor with the code that the agent printed; answers the code that the authenticator shows next.
async fn enrol(browser: &mut Browser, world: &World) -> Result<Secret<String>> {
    let page = browser.page("/account/second-factor", &[("code", world.enrolment.expose())]).await?;
    let seed = page.split_once("class=\"seed\">").and_then(|(_, rest)| rest.split_once('<'));
    let seed: String = seed.context("no seed is shown")?.0.split_whitespace().collect();
    let seed = from_base32(&seed).context("the seed is no base32")?;
    let authenticator = totp_rs::Builder::new().with_secret(seed).build()?;
    let now = u64::try_from(SystemClock.now().unix())?;
    let code = authenticator.generate(now).to_string();
    let page = browser.page("/account/second-factor/proof", &[("code", &code)]).await?;
    ensure!(page.contains("class=\"codes\""), "no recovery codes are shown: {}", text_of(&page));
    // Each code works once; the one of the next half minute is taken early.
    Ok(Secret::new(authenticator.generate(now + 30).to_string()))
}

async fn order(browser: &mut Browser, world: &World, code: Secret<String>) -> Result<Value> {
    let tenant = format!("north.{}", town::ZONE);
    browser.submit("/certificates/account", &[("contact", ""), ("terms", "agreed")]).await?;
    let fields = [("name", tenant.as_str()), ("cover", "wildcard"), ("key", "rsa-2048")];
    let asked = browser.page("/certificates/orders", &fields).await?;
    ensure!(asked.contains("name=\"code\""), "no code is asked for: {}", text_of(&asked));
    let fields = [&fields[..], &[("code", code.expose().as_str())]].concat();
    let page = browser.submit("/certificates/orders", &fields).await?;
    let number = page.rsplit('/').next().unwrap_or_default();
    let start = Instant::now();
    let order = loop {
        let order = browser.json(&format!("/api/orders/{number}")).await?;
        match order.get("state").and_then(Value::as_str) {
            Some("done") => break order,
            Some("failed") => bail!("the order failed: {order}"),
            _ => ensure!(start.elapsed() < PATIENCE, "the order did not end: {order}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let listener: SocketAddr = world.nginx_listener().parse()?;
    let name = Fqdn::parse(&format!("phones.{tenant}"))?;
    let serial = order.get("serial").and_then(Value::as_str).unwrap_or_default();
    let start = Instant::now();
    let served = loop {
        let served = probe::handshake(listener, &name, Duration::from_secs(5)).await?;
        if served.leaf.serial == serial {
            break served;
        }
        ensure!(start.elapsed() < PATIENCE, "nginx serves {} instead of {serial}", served.leaf.serial);
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    Ok(json!({
        "names": order.get("names"), "issuer": order.get("issuer"), "serial": serial,
        "served_serial": served.leaf.serial,
    }))
}

async fn walls(browser: &mut Browser) -> Result<Value> {
    let walls = browser.json("/api/walls").await?;
    let rows = walls.get("walls").and_then(Value::as_array).context("no walls")?;
    let findings = walls.get("findings").and_then(Value::as_array).context("no findings")?;
    let row = |wall: &Value| {
        let name = wall.get("wall");
        let count = findings.iter().filter(|finding| finding.get("wall") == name).count();
        json!({ "wall": name, "verdict": wall.get("verdict"), "findings": count })
    };
    Ok(rows.iter().map(row).collect())
}
