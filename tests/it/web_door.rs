//! Who may try to sign in, how often, and what strangers can tell or leave behind by trying.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use rampart::base::clock::Clock as _;
use rampart::base::encoding::sha256_hex;
use rampart::web::door::tell;
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, StatusCode};

use crate::support::app::{NAME, Neighbours, PASSWORD, TestApp};
use crate::support::browser::{Answer, Browser};

const SECOND: Duration = Duration::from_secs(1);
const FORM_COOKIE: &str = "__Host-rampart-form";
const DEVICE_COOKIE: &str = "__Host-rampart-device";

fn from(nth: u16) -> IpAddr {
    let [high, low] = nth.to_be_bytes();
    Ipv4Addr::new(127, 5, high, low).into()
}

/// A browser at an address where nobody has tried yet.
fn somewhere(app: &TestApp, nth: u16) -> Browser {
    app.stranger_from(from(nth))
}

fn wait(answer: &Answer) -> u64 {
    answer.headers[RETRY_AFTER].to_str().unwrap().parse().unwrap()
}

#[track_caller]
fn assert_turned_away(answer: &Answer, seconds: u64) {
    answer.assert_says(StatusCode::TOO_MANY_REQUESTS, "Too many tries");
    assert_eq!(wait(answer), seconds);
    assert!(answer.words().contains(&format!("in {seconds} s")), "{}", answer.words());
}

async fn count(app: &TestApp, table: &str) -> i64 {
    let pool = app.own_tables().await;
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let count = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
    pool.close().await;
    count
}

#[tokio::test]
async fn strangers_who_only_look_write_nothing_to_the_store() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;
    let (kept, before) = (app.everything_kept().await, app.bytes_kept());

    for nth in 0..20 {
        let stranger = somewhere(&app, nth);
        for path in ["/sign-in", "/", "/api/session", "/api/walls", "/setup/no-such-link", "/nowhere", "/healthz"] {
            stranger.get(path).await;
        }
        stranger.submit_with("forged", "/sign-in", &[("name", NAME), ("password", PASSWORD)]).await;
    }

    assert_eq!(count(&app, "sessions").await, 0);
    assert_eq!(app.everything_kept().await, kept);
    assert!(app.bytes_kept() == before, "the file was written to");
}

#[tokio::test]
async fn a_strangers_form_belongs_to_one_browser_for_two_hours() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;
    let (browser, other) = (app.stranger(), somewhere(&app, 1));
    let fields = [("name", NAME), ("password", PASSWORD)];
    let (own, others) = (browser.csrf().await, other.csrf().await);
    let mut altered = own.clone();
    altered.replace_range(0..1, if own.starts_with('A') { "B" } else { "A" });
    let jar = browser.jar();

    for wrong in [others.as_str(), altered.as_str(), "", &own[..own.len() - 4]] {
        assert_eq!(browser.submit_with(wrong, "/sign-in", &fields).await.status, StatusCode::FORBIDDEN, "{wrong:?}");
    }
    browser.put([(FORM_COOKIE.to_owned(), "x".repeat(22))].into());
    assert_eq!(browser.submit_with(&own, "/sign-in", &fields).await.status, StatusCode::FORBIDDEN);
    browser.put([].into());
    assert_eq!(browser.submit_with(&own, "/sign-in", &fields).await.status, StatusCode::FORBIDDEN);

    browser.put(jar.clone());
    app.clock.advance(Duration::from_secs(2 * 3_600 - 1));
    browser.submit_with(&own, "/sign-in", &fields).await.assert_redirect("/");
    browser.put(jar);
    app.clock.advance(SECOND);
    assert_eq!(browser.submit_with(&own, "/sign-in", &fields).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_strangers_token_changes_nothing_in_a_session() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;
    let browser = app.stranger();
    let strangers = browser.csrf().await;
    browser.sign_in(NAME, PASSWORD).await.assert_redirect("/");

    let answer = browser.submit_with(&strangers, "/sign-out", &[]).await;

    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_form_outlives_a_restart_of_the_console() {
    let app = TestApp::alone().await;
    let directory = app.house.path().join("state");

    let again = rampart::app::build::deeds(
        &directory,
        app.clock.clone(),
        std::sync::Arc::new(rampart::base::rng::SystemRandom),
    );

    assert_eq!(again.await.unwrap().store.tag("a", b"b"), app.state.deeds.store.tag("a", b"b"));
}

/// ASVS 6.3.1, 2.4.1.
#[tokio::test]
async fn the_sixth_try_from_one_address_waits_and_the_neighbour_does_not() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;
    let browser = app.stranger();
    for nth in 0..5 {
        let answer = browser.sign_in(&format!("nobody-{nth}"), "wrong").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }

    let sixth = browser.sign_in(NAME, PASSWORD).await;

    assert_turned_away(&sixth, 12);
    assert!(sixth.body.contains("value=\"ann\""), "the name is lost: {}", sixth.body);
    browser.get("/").await.assert_redirect("/sign-in");
    somewhere(&app, 1).sign_in(NAME, PASSWORD).await.assert_redirect("/");
    app.clock.advance(SECOND * 12);
    browser.sign_in(NAME, PASSWORD).await.assert_redirect("/");
}

/// ASVS 6.3.1, 6.3.8.
#[tokio::test]
async fn after_failures_an_account_waits_whether_it_exists_or_not() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;

    for name in [NAME, "nobody"] {
        for (nth, seconds) in [1, 3, 5, 10, 10].into_iter().enumerate() {
            let nth = u16::try_from(nth).unwrap();
            let failed = somewhere(&app, 2 * nth).sign_in(name, "wrong").await;
            failed.assert_says(StatusCode::UNAUTHORIZED, "The name or the password is not right.");
            // From another address, and with the right password: nothing is looked at.
            assert_turned_away(&somewhere(&app, 2 * nth + 1).sign_in(name, PASSWORD).await, seconds);
            app.clock.advance(Duration::from_secs(seconds));
        }
    }

    somewhere(&app, 99).sign_in(NAME, PASSWORD).await.assert_redirect("/");
}

#[tokio::test]
async fn what_is_turned_away_says_nothing_of_whether_the_name_exists() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;
    let mut answers = Vec::new();

    for (nth, name) in [(1, "ann"), (2, "bob")] {
        let browser = somewhere(&app, nth);
        browser.sign_in(name, "wrong").await;
        let answer = browser.sign_in(name, "wrong").await;
        let token = answer.form("/sign-in", &[]).fields[0].1.clone();
        let mut headers = answer.headers.clone();
        headers.remove("date");
        answers.push((answer.status, headers, answer.body.replace(&token, "TOKEN").replace(name, "NAME")));
    }

    assert_eq!(answers[0].0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answers[0], answers[1]);
}

/// ASVS 6.3.1, 6.1.1: the owner is not locked out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_from_two_hundred_addresses_does_not_keep_the_owner_out() {
    let app = TestApp::alone().await;
    let owner = app.operator().await;
    owner.submit("/sign-out", &[]).await.assert_redirect("/sign-in");
    let strangers: Vec<Browser> = (0..200).map(|nth| somewhere(&app, nth)).collect();
    let storm = strangers.iter().enumerate().map(|(nth, stranger)| async move {
        let csrf = stranger.csrf().await;
        for round in 0..8 {
            // Half of them try the owner's name, the others fill the queue before the hash function.
            let name = if nth % 2 == 0 { NAME.to_owned() } else { format!("nobody-{nth}-{round}") };
            let answer = stranger.submit_with(&csrf, "/sign-in", &[("name", &name), ("password", "wrong")]).await;
            let refused = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];
            assert!(refused.contains(&answer.status), "{}: {}", answer.status, answer.words());
        }
    });
    let storm = futures_util::future::join_all(storm);
    let comes_in = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..5 {
            let start = Instant::now();
            owner.sign_in(NAME, PASSWORD).await.assert_redirect("/");
            slowest = slowest.max(start.elapsed());
            assert_eq!(owner.get("/").await.status, StatusCode::OK);
            owner.submit("/sign-out", &[]).await.assert_redirect("/sign-in");
            app.clock.advance(SECOND * 12);
        }
        slowest
    };

    let (_, slowest) = tokio::join!(storm, comes_in);

    eprintln!("the owner's slowest sign-in took {slowest:?}");
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
}

#[tokio::test]
async fn a_known_device_counts_by_itself_and_only_for_its_own_operator() {
    let app = TestApp::alone().await;
    let owner = app.operator().await;
    app.add_operator("bob", "another quiet stone wall").await;
    owner.submit("/sign-out", &[]).await.assert_redirect("/sign-in");
    let device = owner.jar()[DEVICE_COOKIE].clone();

    // Somebody else makes the account wait.
    assert_eq!(somewhere(&app, 1).sign_in(NAME, "wrong").await.status, StatusCode::UNAUTHORIZED);
    assert_turned_away(&somewhere(&app, 2).sign_in(NAME, PASSWORD).await, 1);
    owner.sign_in(NAME, PASSWORD).await.assert_redirect("/");
    owner.submit("/sign-out", &[]).await.assert_redirect("/sign-in");

    // Its own failures make it wait, too.
    assert_eq!(owner.sign_in(NAME, "wrong").await.status, StatusCode::UNAUTHORIZED);
    assert_turned_away(&owner.sign_in(NAME, PASSWORD).await, 1);

    // A device that is made up, or another operator's, is a stranger's.
    assert_eq!(somewhere(&app, 3).sign_in("bob", "wrong").await.status, StatusCode::UNAUTHORIZED);
    for made_up in [device.clone(), "A".repeat(22), String::new()] {
        let browser = somewhere(&app, 4);
        browser.put([(DEVICE_COOKIE.to_owned(), made_up)].into());
        assert_turned_away(&browser.sign_in("bob", "another quiet stone wall").await, 1);
    }
    let pool = app.own_tables().await;
    let kept: Vec<String> = sqlx::query_scalar("SELECT digest FROM devices").fetch_all(&pool).await.unwrap();
    pool.close().await;
    assert_eq!(kept, [sha256_hex(device.as_bytes())]);
}

#[tokio::test]
async fn a_device_is_forgotten_after_ninety_days_without_use() {
    let app = TestApp::alone().await;
    let owner = app.operator().await;
    app.clock.advance(Duration::from_hours(24 * 89));
    owner.sign_in(NAME, PASSWORD).await.assert_redirect("/");
    let device = owner.jar()[DEVICE_COOKIE].clone();

    app.clock.advance(Duration::from_hours(24 * 90));
    app.state.deeds.store.purge_devices(app.clock.now()).await.unwrap();
    owner.sign_in(NAME, PASSWORD).await.assert_redirect("/");

    assert_ne!(owner.jar()[DEVICE_COOKIE], device);
    assert_eq!(count(&app, "devices").await, 1);
}

#[tokio::test]
async fn an_operator_has_at_most_twenty_known_devices() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;

    for nth in 0..22 {
        somewhere(&app, nth).sign_in(NAME, PASSWORD).await.assert_redirect("/");
        app.clock.advance(SECOND);
    }

    assert_eq!(count(&app, "devices").await, 20);
}

#[tokio::test]
async fn a_minute_of_refusals_is_two_entries_in_the_trail() {
    let app = TestApp::alone().await;
    app.add_operator(NAME, PASSWORD).await;
    let browser = app.stranger();
    browser.sign_in(NAME, "wrong").await;
    app.clock.advance(SECOND / 2);
    let before = app.trail("session.sign-in").await.len();

    for _ in 0..4 {
        assert_eq!(browser.sign_in(NAME, "wrong").await.status, StatusCode::TOO_MANY_REQUESTS);
    }
    tell::once(&app.state.deeds, &app.state.door).await;
    let during = app.trail("session.sign-in").await.len();
    app.clock.advance(Duration::from_mins(1));
    tell::once(&app.state.deeds, &app.state.door).await;

    let after = app.trail("session.sign-in").await;
    assert_eq!((during - before, after.len() - during), (1, 1));
    assert_eq!(after.len(), 3);
    let reasons: Vec<&str> = after[..2].iter().map(|entry| entry.reason.as_deref().unwrap()).collect();
    assert_eq!(reasons, ["3 more within a minute: too many tries of one name", "too many tries of one name"]);
    assert!(after[..2].iter().all(|entry| entry.actor == NAME && entry.outcome == "refused"));
    assert!(after[..2].iter().all(|entry| entry.address.as_deref() == Some("127.0.0.1")));
}

#[tokio::test]
async fn the_setup_link_is_limited_by_address_too() {
    let app = TestApp::alone().await;
    let browser = app.stranger();
    let fields = [("name", "first"), ("password", PASSWORD), ("again", PASSWORD)];
    for _ in 0..5 {
        assert_eq!(browser.submit("/setup/no-such-link", &fields).await.status, StatusCode::NOT_FOUND);
    }

    let sixth = browser.submit("/setup/no-such-link", &fields).await;

    sixth.assert_says(StatusCode::TOO_MANY_REQUESTS, "Too many tries");
    assert_eq!(wait(&sixth), 12);
}

const KINDS: [(&str, &str); 3] =
    [("wrongly", "not the quiet stone wall"), ("nothere", PASSWORD), ("blocked", PASSWORD)];

/// An operator of each kind.
async fn kinds(app: &TestApp) {
    app.state.deeds.hasher.prepare().await.unwrap();
    for name in ["wrongly", "blocked"] {
        app.add_operator(name, PASSWORD).await;
    }
    let pool = app.own_tables().await;
    sqlx::query("UPDATE operators SET disabled_at = 1 WHERE name = 'blocked'").execute(&pool).await.unwrap();
    pool.close().await;
}

/// How long one try of a kind took.
async fn time(browser: &Browser, csrf: &str, kind: usize) -> Duration {
    let (name, password) = KINDS[kind];
    let form = [("csrf", csrf), ("name", name), ("password", password)];
    let request = browser.request(Method::POST, "/sign-in").form(&form);
    let start = Instant::now();
    let answer = browser.send(request).await;
    let time = start.elapsed();
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.words());
    time
}

fn gap(medians: &[Duration]) -> Duration {
    medians.iter().max().unwrap().saturating_sub(*medians.iter().min().unwrap())
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2]
}

/// ASVS 6.3.8. The short form: nothing comes before the floor, and the middle one of each kind is the same.
#[tokio::test]
async fn every_refusal_takes_as_long_as_the_others() {
    let floor = Duration::from_secs(1);
    let app = TestApp::start(Neighbours { floor, ..Neighbours::default() }).await;
    kinds(&app).await;
    let browsers = [somewhere(&app, 1), somewhere(&app, 2), somewhere(&app, 3)];
    let csrf = [browsers[0].csrf().await, browsers[1].csrf().await, browsers[2].csrf().await];
    let mut times = [Vec::new(), Vec::new(), Vec::new()];

    for _ in 0..5 {
        app.clock.advance(SECOND * 12);
        let (one, two, three) = tokio::join!(
            time(&browsers[0], &csrf[0], 0),
            time(&browsers[1], &csrf[1], 1),
            time(&browsers[2], &csrf[2], 2)
        );
        for (kind, taken) in [one, two, three].into_iter().enumerate() {
            times[kind].push(taken);
        }
    }

    assert!(times.iter().flatten().all(|time| *time >= floor));
    let medians = times.each_ref().map(|times| median(times));
    assert!(gap(&medians) < Duration::from_millis(500), "{medians:?}");
}

/// The long form, without the floor: Welch's t over interleaved tries (after dudect), and the gap of the medians.
#[tokio::test]
#[ignore = "measures for minutes, and wants a quiet machine; part of make test-long"]
async fn without_the_floor_time_does_not_tell_refusals_apart() {
    let app = TestApp::start(Neighbours { floor: Duration::ZERO, ..Neighbours::default() }).await;
    kinds(&app).await;
    let browser = app.stranger();
    let mut csrf = browser.csrf().await;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];

    for round in 0..500 {
        for offset in 0..3 {
            let kind = (round + offset) % 3;
            app.clock.advance(SECOND * 12);
            times[kind].push(time(&browser, &csrf, kind).await);
        }
        // The account's day of a hundred failures and the form's two hours must not come in between.
        if round % 90 == 89 {
            app.clock.advance(Duration::from_hours(24));
            csrf = browser.csrf().await;
        }
    }

    let medians = times.each_ref().map(|times| median(times));
    let mut worst = 0.0_f64;
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        worst = worst.max(welch(&times[one], &times[other]).abs());
    }
    eprintln!("medians {medians:?}, worst |t| {worst:.2}");
    let gap = gap(&medians);
    assert!(worst < 4.5 && gap < Duration::from_millis(10), "medians {medians:?}, worst |t| {worst:.2}");
}

/// Welch's t of two samples, without their slowest twentieth: what an attacker would cut off too.
fn welch(one: &[Duration], other: &[Duration]) -> f64 {
    let moments = |times: &[Duration]| {
        let mut times: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
        times.sort_by(f64::total_cmp);
        times.truncate(times.len() * 19 / 20);
        let count = f64::from(u32::try_from(times.len()).unwrap());
        let mean = times.iter().sum::<f64>() / count;
        let spread = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, spread / count)
    };
    let ((mean, error), (others, other_error)) = (moments(one), moments(other));
    (mean - others) / (error + other_error).sqrt()
}
