//! A real nginx with the shipped files in front of the real listener.

use std::net::Ipv4Addr;
use std::time::Duration;

use rampart::app::demo::fusionpbx::Generation;
use rampart::app::listener::Deadlines;
use rampart::app::places::Most;
use rampart::app::tls_only::TlsOnlyWatch;
use rampart::base::secret::Secret;
use rampart::web::client_address::InFront;
use reqwest::header::{HOST as HOST_HEADER, LOCATION};
use reqwest::{Method, StatusCode};

use crate::support::app::{HOST, NAME, Neighbours, PASSWORD};
use crate::support::browser::Browser;
use crate::support::front::{Front, SECRET};
use crate::support::fusionpbx::Database;
use crate::support::listener::{FEW, Listening, hear, talk};

/// Longer than any answer takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(5);

async fn console(most: Most) -> Listening {
    let in_front = InFront::Nginx(Secret::new(SECRET.to_owned()));
    let console =
        Listening::start(Neighbours { in_front, ..Neighbours::default() }, most, Deadlines::default()).await;
    console.app.add_operator(NAME, PASSWORD).await;
    console
}

/// What a visitor might add so as to be somebody else.
const CLAIMS: [(&str, &str); 10] = [
    ("x-rampart-client", "192.0.2.1"),
    ("x-rampart-proxy", SECRET),
    ("x-rampart-proxy", "guess"),
    ("x-forwarded-for", "192.0.2.1"),
    ("x-forwarded-for", "192.0.2.1, 192.0.2.2"),
    ("x-real-ip", "192.0.2.1"),
    ("forwarded", "for=192.0.2.1;host=evil.example"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "http"),
    ("x_rampart_client", "192.0.2.1"),
];

/// ASVS 4.1.3, 15.3.4.
#[tokio::test]
async fn the_visitors_address_arrives_through_nginx_and_claims_do_not() {
    let console = console(Most { spare_loopback: true, ..FEW }).await;
    let front = Front::before(&console).await;

    for (nth, (name, value)) in CLAIMS.iter().enumerate() {
        let from = Ipv4Addr::new(127, 0, 7, u8::try_from(nth + 1).unwrap());
        let visitor = Browser::over_tls(front.console, from.into());
        let csrf = visitor.csrf().await;
        // Each under a name of its own: failures under one make it wait.
        let name_typed = format!("nobody{nth}");
        let form = [("csrf", csrf.as_str()), ("name", name_typed.as_str()), ("password", "wrong")];
        let request = visitor.request(Method::POST, "/sign-in").form(&form).header(*name, *value);
        let answer = visitor.send(request).await;

        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}: {}", answer.words());
        assert!(!answer.body.contains("evil") && !answer.body.contains(SECRET));
        let row = console.app.trail("session.sign-in").await.remove(0);
        assert_eq!(row.address.as_deref(), Some(from.to_string().as_str()), "{name}");
    }
    // Past nginx nobody has an address, not even the true one.
    let direct = console.browser(Ipv4Addr::new(127, 0, 8, 1));
    direct.sign_in(NAME, "wrong").await;
    assert_eq!(console.app.trail("session.sign-in").await.remove(0).address, None);
}

/// Threat T06: a name that nobody serves gets nothing, and no name is believed because a header says so.
#[tokio::test]
async fn an_unknown_name_gets_no_answer_from_nginx() {
    let console = console(Most { spare_loopback: true, ..FEW }).await;
    let front = Front::before(&console).await;

    let own = front.open().await;
    let asked = [
        format!("GET /healthz HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"),
        format!(
            "GET /healthz HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n"
        ),
    ];
    drop(own);
    for request in asked {
        assert_eq!(talk(&mut front.open().await, request.as_bytes(), PATIENCE).await[0].status, 204, "{request}");
    }
    for host in ["evil.example", "", "127.0.0.1", "pbx.example", "console.example.evil.example", "xconsole.example"] {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {HOST}\r\n\r\n");
        let answers = talk(&mut front.open().await, request.as_bytes(), PATIENCE).await;
        // nginx itself refuses a request whose host is empty.
        assert!(answers.is_empty() || answers[0].status == 400, "{host:?}: {answers:?}");
    }
    let absolute = format!("GET https://evil.example/healthz HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    assert!(talk(&mut front.open().await, absolute.as_bytes(), PATIENCE).await.is_empty());
    // The block for unknown names alone.
    let stranger = reqwest::Client::builder().danger_accept_invalid_certs(true).no_proxy().build().unwrap();
    let answer = stranger.get(format!("https://{}/", front.unknown)).header(HOST_HEADER, HOST).send().await;
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn on_fusionpbxs_name_there_is_only_a_signpost() {
    let console = console(Most { spare_loopback: true, ..FEW }).await;
    let front = Front::before(&console).await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();

    for path in ["/rampart", "/rampart/", "/rampart/sign-in?next=//evil.example", "/rampart/index.php"] {
        let request = client.get(format!("http://{}{path}", front.fusionpbx)).header(HOST_HEADER, "pbx.example");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FOUND, "{path}");
        assert_eq!(answer.headers()[LOCATION], format!("https://{HOST}/"), "{path}");
    }
    assert!(front.php.lock().unwrap().is_empty(), "PHP was asked");
}

/// ASVS 3.4.1.
#[tokio::test]
async fn browsers_are_told_to_use_tls_only_where_it_holds_and_no_other_name_suffers() {
    let database = Database::shipped(Generation::V5_5).await;
    let console = console(Most { spare_loopback: true, ..FEW }).await;
    let front = Front::before(&console).await;
    let watch = |fusionpbx| TlsOnlyWatch {
        names: [HOST, "localhost", "127.0.0.1"].map(ToOwned::to_owned).to_vec(),
        port: front.console.port(),
        subdomains: false,
        fusionpbx,
    };
    let client = |trusted: bool| {
        let builder = reqwest::Client::builder().no_proxy().resolve(HOST, front.console);
        // The console's names here are those of port 443.
        let builder = builder.default_headers([(HOST_HEADER, HOST.parse().unwrap())].into_iter().collect());
        builder.danger_accept_invalid_certs(trusted).build().unwrap()
    };
    let said = async || {
        let answer = Browser::over_tls(front.console, Ipv4Addr::LOCALHOST.into()).get("/sign-in").await;
        answer.headers.get("strict-transport-security").cloned()
    };
    assert_eq!(said().await, None);

    // The certificate is trusted by nobody; FusionPBX is not known; FusionPBX has the name; all is well.
    let fusionpbx = database.fusionpbx().await;
    let self_signed = watch(Ok(fusionpbx.clone())).look(&client(false)).await;
    let unknown = watch(Err("none".to_owned())).look(&client(true)).await;
    let good = watch(Ok(fusionpbx.clone())).look(&client(true)).await;
    let owner = database.owner().await;
    let sql = "INSERT INTO v_domains (domain_uuid, domain_name, domain_enabled) VALUES (gen_random_uuid(), $1, true)";
    sqlx::query(sql).bind(HOST.to_uppercase()).execute(&owner).await.unwrap();
    owner.close().await;
    let shared = watch(Ok(fusionpbx)).look(&client(true)).await;

    assert!(self_signed.0.is_empty() && self_signed.1[0].contains("does not trust"), "{self_signed:?}");
    assert!(unknown.0.is_empty() && unknown.1[0].contains("not known"), "{unknown:?}");
    assert!(shared.0.is_empty() && shared.1[0].contains("tenant of that name"), "{shared:?}");
    assert_eq!(good.0.iter().collect::<Vec<_>>(), [HOST], "{good:?}");
    console.app.state.edge.tls_only.set(good.0, false);
    assert_eq!(said().await.unwrap(), "max-age=31536000");
}

/// How browsers and others write several cookies.
const COOKIES: [(&str, &str); 14] = [
    ("__Host-rampart=SECRET", ""),
    ("PHPSESSID=keep", "PHPSESSID=keep"),
    ("PHPSESSID=keep; __Host-rampart=SECRET", "PHPSESSID=keep"),
    ("__Host-rampart=SECRET; PHPSESSID=keep", "PHPSESSID=keep"),
    ("a=1; __Host-rampart=SECRET; PHPSESSID=keep; b=2", "PHPSESSID=keep"),
    ("a=1;__Host-rampart=SECRET;PHPSESSID=keep", "PHPSESSID=keep"),
    ("a=1;  __Host-rampart  =SECRET; PHPSESSID=keep", "PHPSESSID=keep"),
    ("__Host-rampart=SECRET; __Host-rampart=SECRET2; PHPSESSID=keep", "PHPSESSID=keep"),
    ("__Host-rampart=SECRET; a=1; __Host-rampart=SECRET2; __Host-rampart=S3; __Host-rampart=SECRET4", ""),
    (
        "__Host-rampart-form=SECRET; PHPSESSID=keep; __Host-rampart-device=SECRET; __Host-rampart=SECRET",
        "PHPSESSID=keep",
    ),
    (
        "__Host-rampart-device=SECRET; __Host-rampart=SECRET; __Host-rampart-form=SECRET; PHPSESSID=keep",
        "PHPSESSID=keep",
    ),
    ("__HOST-RAMPART=SECRET; PHPSESSID=keep", "PHPSESSID=keep"),
    ("a=\"__Host-rampart=SECRET; PHPSESSID=keep\"", ""),
    ("__Host-rampart=\"SECRET\"; PHPSESSID=keep", "PHPSESSID=keep"),
];

#[tokio::test]
async fn under_one_name_php_never_sees_the_consoles_cookie() {
    let console = console(Most { spare_loopback: true, ..FEW }).await;
    let front = Front::before(&console).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();

    for (sent, kept) in COOKIES {
        let request = client.get(format!("http://{}/index.php", front.fusionpbx)).header("cookie", sent);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "PHP", "{sent}");
        let told = front.php.lock().unwrap().pop().unwrap();
        assert!(told.contains("REQUEST_URI/index.php"), "{told}");
        assert!(!told.contains("SECRET"), "{sent}: {told}");
        assert!(told.contains(kept), "{sent}: {told}");
    }
    let request = client.get(format!("http://{}/index.php", front.fusionpbx));
    let request = request.header("cookie", "a=1").header("cookie", "__Host-rampart=SECRET");
    request.send().await.unwrap();
    let told = front.php.lock().unwrap().pop().unwrap();
    assert!(!told.contains("SECRET"), "{told}");
}

#[tokio::test]
async fn nginx_gives_up_on_too_much_before_the_console_hears_of_it() {
    let console = console(Most { spare_loopback: true, ..FEW }).await;
    let front = Front::before(&console).await;

    let large = format!("POST /sign-in HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 70000\r\n\r\n");
    let answers = talk(&mut front.open().await, large.as_bytes(), PATIENCE).await;
    assert_eq!(answers[0].status, 413);
    let long = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let answers = talk(&mut front.open().await, long.as_bytes(), PATIENCE).await;
    assert_eq!(answers[0].status, 400);
    let mut all = Vec::new();
    for _ in 0..45 {
        all.push(front.open().await);
    }
    let mut turned_away = 0;
    for stream in &mut all {
        let head = format!("POST /sign-in HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 5\r\n\r\n");
        drop(tokio::io::AsyncWriteExt::write_all(stream, head.as_bytes()).await);
        let answer = hear(stream, Duration::from_millis(150)).await;
        turned_away += usize::from(answer.starts_with(b"HTTP/1.1 429"));
    }
    assert!(turned_away >= 5, "{turned_away} of 45 connections of one address");
}
