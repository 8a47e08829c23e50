//! A tenant's own operator stays inside one domain, whatever is asked for.

use std::time::Duration;

use rampart::app::demo::fusionpbx::Generation;
use rampart::base::ids::{CertificateId, OrderId, TenantId};
use rampart::base::names::CertificateName;
use rampart::base::role::{Post, Reach, Role};
use rampart::store::trail::{Act, Actor};
use rampart::web::router;
use rampart::wire::request::KeyKind;
use reqwest::{Method, StatusCode};
use uuid::Uuid;

use crate::support::app::{Neighbours, TestApp};
use crate::support::browser::{Answer, Browser};
use crate::support::fusionpbx::{Database, open};
use crate::support::routes;

const NORTH: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const SOUTH: &str = "bbbbbbbb-0000-4000-8000-000000000002";
const BELOW: &str = "cccccccc-0000-4000-8000-000000000003";
const NORTH_ROW: &str = "aaaaaaaa-1111-4000-8000-000000000001";
const SOUTH_ROW: &str = "bbbbbbbb-1111-4000-8000-000000000002";

/// What only others have: names, ids and values. None of it may stand in any answer to north's operator.
const FOREIGN: [&str; 9] = [
    "south.example.test",
    "sub.north.example.test",
    "bbbbbbbb-",
    "cccccccc-",
    "9417",
    "9533",
    "192.0.2.77",
    "of 3",
    "3 overrides",
];

/// A town of three tenants, one of them below another, with settings, certificates and orders of each.
struct Town {
    app: TestApp,
    database: Database,
    operator: Browser,
    north: Browser,
    orders: Orders,
}

#[derive(Clone, Copy)]
struct Orders {
    north: (CertificateId, OrderId),
    south: (CertificateId, OrderId),
    below: (CertificateId, OrderId),
    both: (CertificateId, OrderId),
}

impl Orders {
    const fn foreign(self) -> [(CertificateId, OrderId); 3] {
        [self.south, self.below, self.both]
    }
}

fn tenant(id: &str) -> TenantId {
    TenantId(id.parse().unwrap())
}

impl Town {
    async fn new() -> Self {
        let database = Database::shipped(Generation::V5_5).await;
        database.run(&settled()).await;
        let app = TestApp::start(database.fusionpbx().await.into()).await;
        let operator = app.operator().await;
        for id in [NORTH, SOUTH, BELOW] {
            // So that the trail has an entry of each.
            let form = operator.get("/passwords").await.form("/passwords/settings", &[("scope", id)]);
            let value = form.fields.iter().find(|(name, _)| name == "value").unwrap().1.clone();
            let higher = if value == "14" { "15" } else { "16" };
            operator.press(&form, &[("value", higher)]).await.assert_redirect("/passwords");
            let undo = operator.get("/passwords").await.forms("/passwords/undo", &[]).remove(0);
            operator.press(&undo, &[]).await.assert_redirect("/passwords");
        }
        let orders = Orders {
            north: ordered(&app, &["north.example.test", "*.north.example.test"]).await,
            south: ordered(&app, &["south.example.test", "*.south.example.test"]).await,
            below: ordered(&app, &["sub.north.example.test"]).await,
            both: ordered(&app, &["north.example.test", "south.example.test"]).await,
        };
        let post = Post::Tenant { id: tenant(NORTH), name: "north.example.test".to_owned() };
        let north = app.signed_in_with("nora", &post).await;
        Self { app, database, operator, north, orders }
    }

    /// What FusionPBX has, and every certificate and order.
    async fn all(&self) -> String {
        let owner = self.database.owner().await;
        let mut all = String::new();
        for table in ["v_default_settings", "v_domain_settings"] {
            let sql = format!("SELECT string_agg(t::text, chr(10) ORDER BY t::text) FROM {table} AS t");
            let rows: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&owner).await.unwrap();
            all.push_str(&rows);
        }
        owner.close().await;
        let kept = self.app.everything_kept().await;
        let own = kept.lines().filter(|line| !line.starts_with("trail:"));
        all + &own.collect::<Vec<_>>().join("\n")
    }
}

/// Tenants, and a row of each with a value that nobody else has.
fn settled() -> String {
    let domain = |id: &str, name: &str| {
        format!("INSERT INTO v_domains (domain_uuid, domain_name, domain_enabled) VALUES ('{id}', '{name}', true);")
    };
    let row = |id: &str, domain: &str, subcategory: &str, value: &str| {
        format!(
            "INSERT INTO v_domain_settings (domain_setting_uuid, domain_uuid, domain_setting_category, \
             domain_setting_subcategory, domain_setting_name, domain_setting_value, domain_setting_enabled) \
             VALUES ('{id}', '{domain}', 'users', '{subcategory}', 'numeric', '{value}', true);"
        )
    };
    [
        domain(NORTH, "north.example.test"),
        domain(SOUTH, "south.example.test"),
        domain(BELOW, "sub.north.example.test"),
        row(NORTH_ROW, NORTH, "password_length", "14"),
        row(SOUTH_ROW, SOUTH, "password_length", "9417"),
        row("cccccccc-1111-4000-8000-000000000003", BELOW, "password_length", "9533"),
    ]
    .concat()
}

/// A certificate for `names`, with an order that runs and says its names.
async fn ordered(app: &TestApp, names: &[&str]) -> (CertificateId, OrderId) {
    let (store, now) = (&app.state.deeds.store, app.state.deeds.clock.now());
    let parsed: Vec<_> = names.iter().map(|name| CertificateName::parse(name).unwrap()).collect();
    let certificate = store.certificate_for(&parsed, KeyKind::Rsa2048, 0, now).await.unwrap();
    let actor = Actor { name: "ann".to_owned(), address: Some("192.0.2.77".to_owned()) };
    let subject = names.join(", ");
    let act = Act {
        act: "certificate.order",
        subject: &subject,
        domain: parsed.iter().all(|name| name.base() == parsed[0].base()).then(|| parsed[0].base().as_str()),
        ..Act::default()
    };
    let (order, _) = store.queue_order(certificate, &actor, act, now).await.unwrap();
    store.claim_order(now).await.unwrap().unwrap();
    store.add_step(order, &format!("Asking the CA for {subject}"), now).await.unwrap();
    (certificate, order)
}

#[track_caller]
fn assert_own(answer: &Answer, what: &str) {
    let headers = format!("{:?}", answer.headers);
    for word in FOREIGN {
        assert!(!answer.body.contains(word), "{what}: {word} in {}", answer.body);
        assert!(!headers.contains(word), "{what}: {word} in {headers}");
    }
    assert!(!answer.status.is_server_error(), "{what}: {}", answer.status);
}

#[tokio::test]
async fn a_tenant_sees_what_holds_in_its_domain_and_what_belongs_to_it() {
    let town = Town::new().await;

    town.north.get("/").await.assert_redirect("/passwords");
    let passwords = town.north.get("/passwords").await;
    let certificates = town.north.get("/certificates").await;
    let order = town.north.get(&format!("/certificates/orders/{}", town.orders.north.1)).await;
    let trail = town.north.get("/trail").await;
    let policy = town.north.json("/api/policy").await;

    passwords.assert_says(StatusCode::OK, "set by your domain");
    assert!(passwords.text("#overrides + *, #overrides ~ table").contains("users.password_length"));
    certificates.assert_says(StatusCode::OK, "*.north.example.test");
    order.assert_says(StatusCode::OK, "Asking the CA for north.example.test");
    assert_eq!(policy["overrides"].as_array().unwrap().len(), 1);
    assert_eq!(policy["overrides"][0]["row"], NORTH_ROW);
    let rows = trail.text("table.trail tbody");
    assert!(rows.contains("users.password_length of north.example.test"), "{rows}");
    assert!(rows.contains("ordered north.example.test, *.north.example.test"), "{rows}");
    assert_eq!(rows.matches(" UTC").count(), 3, "a change, its undo, an order: {rows}");
    let nav = passwords.text("header nav");
    assert_eq!(nav.split_whitespace().filter(|word| word.len() > 1).collect::<Vec<_>>().join(" "), nav_of_a_tenant());
    for answer in [&passwords, &certificates, &order, &trail] {
        assert_own(answer, "own pages");
    }
}

fn nav_of_a_tenant() -> &'static str {
    "Passwords \u{2013} not judged Certificates \u{2013} not judged Trail"
}

/// Every page that is read, with everything that could lead out of the own domain.
async fn paths(town: &Town) -> Vec<String> {
    let newest = town.app.trail("").await[0].id.0 + 1;
    let mut paths: Vec<String> = router::table()
        .iter()
        .filter(|row| row.method == Method::GET && !row.path.ends_with("/events"))
        .map(|row| routes::example(row.path))
        .collect();
    for path in [
        "/passwords",
        "/passwords/credentials",
        "/passwords/credentials/export",
        "/certificates",
        "/trail",
        "/api/policy",
        "/api/walls",
        "/operators",
    ] {
        for query in [
            "find=south",
            "find=SOUTH.example",
            "find=sub.nort",
            "find=%73outh.",
            "find=192.0.2",
            "find=ann",
            "find=%25",
            "find=' OR 1=1 --",
            "scope=global",
            &format!("scope={SOUTH}"),
            &format!("domain={SOUTH}&tenant={SOUTH}&domain_uuid={SOUTH}&role=operator"),
            &format!("after={SOUTH_ROW}"),
            &format!("after={}", SOUTH_ROW.to_uppercase()),
            &format!("before={newest}"),
            "before=9223372036854775807",
            "page=1",
            "find=south&page=0",
        ] {
            paths.push(format!("{path}?{query}"));
        }
    }
    for (certificate, order) in town.orders.foreign() {
        for path in [
            format!("/certificates/orders/{order}"),
            format!("/certificates/orders/{order}/events"),
            format!("/certificates/orders/%3{}", order.0),
            format!("/certificates/orders/0{order}"),
            format!("/certificates/orders/+{order}"),
            format!("/certificates//orders/{order}"),
            format!("/CERTIFICATES/orders/{order}"),
            format!("/certificates/orders/{order}/"),
            format!("/api/orders/{order}"),
            format!("/api/orders/%3{}", order.0),
            format!("/certificates/{certificate}/renew"),
        ] {
            paths.push(path);
        }
    }
    paths
}

/// ASVS 8.2.2, 8.2.3, 8.4.1.
#[tokio::test]
async fn no_address_shows_a_tenant_anything_of_another() {
    let town = Town::new().await;
    let paths = paths(&town).await;

    for path in &paths {
        for method in [Method::GET, Method::HEAD] {
            let answer = town.north.send(town.north.request(method.clone(), path)).await;

            // A search box says what was typed into it; nothing else of the page may.
            let typed = answer.body.replace("value=\"SOUTH.example\"", "");
            assert_own(&Answer { body: typed, ..answer }, &format!("{method} {path}"));
        }
    }
    for (_, order) in town.orders.foreign() {
        for path in [
            format!("/certificates/orders/{order}"),
            format!("/certificates/orders/{order}/events"),
            format!("/api/orders/{order}"),
        ] {
            let foreign = town.north.get(&path).await;
            let nobodys = town.north.get(&path.replace(&order.to_string(), "4242")).await;
            assert_eq!((foreign.status, &foreign.body), (StatusCode::NOT_FOUND, &nobodys.body), "{path}");
        }
    }
    let said = town.operator.get("/passwords?find=south").await;
    assert!(said.body.contains("south.example.test"), "the operator sees what the tenant does not");
}

/// ASVS 8.2.2, 15.3.3.
#[tokio::test]
async fn no_form_lets_a_tenant_change_anything_of_another() {
    let town = Town::new().await;
    let own = town.north.get("/passwords").await.form("/passwords/settings", &[("scope", NORTH)]);
    let foreign = town.operator.get("/passwords").await.form("/passwords/settings", &[("scope", SOUTH)]);
    let value = |name: &str| foreign.fields.iter().find(|(field, _)| field == name).unwrap().1.clone();
    let (xmin, base) = (value("base_xmin"), value("base_value"));
    let global = town.operator.get("/passwords").await.form("/passwords/settings", &[("scope", "global")]);
    let globally: Vec<(&str, &str)> =
        global.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let changes: [&[(&str, &str)]; 8] = [
        &[("scope", SOUTH), ("row", SOUTH_ROW), ("base_value", &base), ("base_xmin", &xmin)],
        &[("scope", NORTH), ("row", SOUTH_ROW), ("base_value", &base), ("base_xmin", &xmin)],
        &[("scope", &SOUTH.to_uppercase()), ("row", SOUTH_ROW), ("base_value", &base), ("base_xmin", &xmin)],
        &[("scope", BELOW)],
        &[("scope", "global"), ("row", "missing"), ("key", "users.password_uppercase"), ("value", "true")],
        &[("scope", "Global")],
        &[("scope", NORTH), ("row", "missing")],
        &globally,
    ];
    let before = town.all().await;

    for change in changes {
        let mut change = change.to_vec();
        change.retain(|(name, _)| *name != "csrf");
        if !change.iter().any(|(name, _)| *name == "value") {
            change.push(("value", "77"));
        }
        let answer = town.north.press(&own, &change).await;
        assert!(answer.status.is_client_error(), "{change:?}: {}", answer.status);
        assert_own(&answer, &format!("{change:?}"));
    }
    for entry in town.app.trail("policy.").await {
        if entry.subject.ends_with("of north.example.test") {
            continue;
        }
        let answer = town.north.submit("/passwords/undo", &[("entry", &entry.id.to_string())]).await;
        assert_own(&answer, "undo");
        let said = town.north.get("/passwords").await;
        assert_own(&said, "undo");
        assert!(said.text(".flash").contains("nothing to take back"), "{}", said.text(".flash"));
    }
    for (certificate, _) in town.orders.foreign() {
        let answer = town.north.submit(&format!("/certificates/{certificate}/renew"), &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_own(&answer, "renew");
    }
    let more = [("role", "operator"), ("domain", "south.example.test"), ("domain_uuid", SOUTH), ("scope", SOUTH)];
    for path in ["/certificates/orders", "/certificates/account", "/operators", "/operators/1/role", "/look-again"] {
        let answer = town.north.submit(path, &more).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }

    assert!(town.all().await == before, "something was changed");
    assert_eq!(town.north.json("/api/session").await["role"], "tenant");
}

#[tokio::test]
async fn a_tenant_changes_its_own_setting_and_puts_it_back() {
    let town = Town::new().await;
    let form = town.north.get("/passwords").await.form("/passwords/settings", &[("scope", NORTH)]);

    town.north.press(&form, &[("value", "18"), ("role", "operator")]).await.assert_redirect("/passwords");

    let page = town.north.get("/passwords").await;
    assert!(page.text(".flash").contains("users.password_length is 18 now"), "{}", page.text(".flash"));
    assert_eq!(town.north.json("/api/policy").await["overrides"][0]["stored"]["value"], "18");
    let undo = page.forms("/passwords/undo", &[]).remove(0);
    town.north.press(&undo, &[]).await.assert_redirect("/passwords");
    assert_eq!(town.north.json("/api/policy").await["overrides"][0]["stored"]["value"], "14");
    let refused = town.north.press(&form, &[("value", "words")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("value=\"words\""), "{}", refused.words());
    assert_own(&refused, "a refused form");
}

#[tokio::test]
async fn a_renewal_of_its_own_certificate_is_queued_or_says_no_name_of_others() {
    let town = Town::new().await;

    let answer = town.north.submit(&format!("/certificates/{}/renew", town.orders.north.0), &[]).await;

    // No name server is set in this house.
    answer.assert_redirect("/certificates");
    let said = town.north.get("/certificates").await.text(".flash");
    assert!(said.contains("It cannot be renewed now. An operator sees why."), "{said}");
}

/// ASVS 7.4.2, 8.3.2.
#[tokio::test]
async fn a_tenants_stream_ends_within_a_second_of_its_domain_or_account_being_switched_off() {
    let town = Town::new().await;
    let (north, app) = (&town.north, &town.app);
    let path = format!("/certificates/orders/{}/events", town.orders.north.1);
    let off = "UPDATE v_domains SET domain_enabled = false WHERE domain_name = 'north.example.test'";
    let on = "UPDATE v_domains SET domain_enabled = true WHERE domain_name = 'north.example.test'";
    let actor = Actor { name: "ann".to_owned(), address: None };
    let nora = app.state.deeds.store.account_named("nora").await.unwrap().unwrap();

    for by in ["domain", "role", "account"] {
        let mut stream = north.open(north.request(Method::GET, &path).build().unwrap()).await;
        assert_eq!(stream.status(), StatusCode::OK, "{by}");
        stream.chunk().await.unwrap().unwrap();
        match by {
            "domain" => town.database.run(off).await,
            "role" => {
                let post = Post::Tenant { id: tenant(SOUTH), name: "south.example.test".to_owned() };
                app.state.deeds.change_post(&actor, nora, &post).await.unwrap();
            }
            _ => app.state.deeds.disable_account(&actor, nora).await.unwrap(),
        }
        let start = std::time::Instant::now();
        while stream.chunk().await.unwrap().is_some() {}
        assert!(start.elapsed() < Duration::from_secs(1), "{by}: {:?}", start.elapsed());
        match by {
            "domain" => {
                let answer = north.get("/passwords").await;
                answer.assert_says(StatusCode::FORBIDDEN, "Your domain is switched off in FusionPBX");
                assert_eq!(answer.forms("/sign-out", &[]).len(), 1, "there is a way out");
                town.database.run(on).await;
            }
            "role" => {
                assert_eq!(north.get(&path).await.status, StatusCode::NOT_FOUND);
                let post = Post::Tenant { id: tenant(NORTH), name: "north.example.test".to_owned() };
                app.state.deeds.change_post(&actor, nora, &post).await.unwrap();
            }
            _ => north.get("/passwords").await.assert_redirect("/sign-in?next=/passwords"),
        }
    }
}

#[tokio::test]
async fn the_domains_id_binds_and_never_its_name() {
    let town = Town::new().await;
    let (north, database) = (&town.north, &town.database);
    let own = format!("/certificates/orders/{}", town.orders.north.1);

    // Renamed: the settings stay its own, the certificates of the old name do not.
    database
        .run(&format!("UPDATE v_domains SET domain_name = 'new.example.test' WHERE domain_uuid = '{NORTH}'"))
        .await;
    north.get("/passwords").await.assert_says(StatusCode::OK, "new.example.test");
    assert_eq!(north.get(&own).await.status, StatusCode::NOT_FOUND);
    // Another tenant takes the name: what is called so is that one's now.
    database
        .run(&format!("UPDATE v_domains SET domain_name = 'north.example.test' WHERE domain_uuid = '{SOUTH}'"))
        .await;
    assert_eq!(north.get(&own).await.status, StatusCode::NOT_FOUND);
    // Two of one name, however it is written: nobody can say whose a certificate is.
    database
        .run(&format!("UPDATE v_domains SET domain_name = ' North.Example.TEST.' WHERE domain_uuid = '{NORTH}'"))
        .await;
    north.get("/certificates").await.assert_says(StatusCode::OK, "another domain is called the same");
    assert_eq!(north.get(&own).await.status, StatusCode::NOT_FOUND);
    // Gone.
    database.run(&format!("DELETE FROM v_domains WHERE domain_uuid = '{NORTH}'")).await;
    for path in ["/passwords", "/certificates", "/trail", &own] {
        north.get(path).await.assert_says(StatusCode::FORBIDDEN, "is not in FusionPBX any more");
    }
    let api = north.get("/api/policy").await;
    assert_eq!(api.status, StatusCode::FORBIDDEN);
    assert!(api.body.contains("is not in FusionPBX any more"), "{}", api.body);
}

#[tokio::test]
async fn without_fusionpbx_a_tenants_pages_say_not_tested_and_show_nothing() {
    let dead = open("postgres://rampart@127.0.0.1:1/fusionpbx".to_owned());
    for neighbours in [Neighbours::from(dead), Neighbours::default()] {
        let app = TestApp::start(neighbours).await;
        let (_, order) = ordered(&app, &["north.example"]).await;
        let tenant = app.signed_in_as(Role::Tenant).await;

        for path in ["/passwords", "/certificates", "/trail", &format!("/certificates/orders/{order}")] {
            let answer = tenant.get(path).await;
            answer.assert_says(StatusCode::SERVICE_UNAVAILABLE, "not tested");
            assert!(!answer.body.contains("Asking the CA"), "{path}");
        }
        assert_eq!(tenant.get("/api/policy").await.status, StatusCode::SERVICE_UNAVAILABLE);
        tenant.submit("/sign-out", &[]).await.assert_redirect("/sign-in");
    }
}

#[tokio::test]
async fn nothing_is_in_reach_of_nobody() {
    let app = TestApp::alone().await;
    let (certificate, order) = ordered(&app, &["north.example.test"]).await;
    let store = &app.state.deeds.store;

    assert_eq!(store.certificates(&Reach::Nothing).await.unwrap(), []);
    assert_eq!(store.certificate(&Reach::Nothing, certificate).await.unwrap(), None);
    assert_eq!(store.order(&Reach::Nothing, order).await.unwrap(), None);
    assert_eq!(store.orders(&Reach::Nothing, 10).await.unwrap(), []);
    assert_eq!(store.steps(&Reach::Nothing, order, 0).await.unwrap(), []);
    assert_eq!(store.orders(&Reach::Everything, 10).await.unwrap().len(), 1);
    assert!(!Reach::Nothing.covers(None) && !Reach::Nothing.covers(Some(TenantId(Uuid::nil()))));
}

#[test]
fn no_page_reaches_further_than_its_visitor() {
    let web = format!("{}/src/web", env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![std::path::PathBuf::from(web)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            // As an argument, a value or a field; patterns only look.
            let makes = ["(&Reach::Everything", "{ Reach::Everything }", "Ok(Reach::Everything)", "reach: Reach::Ev"];
            if makes.iter().any(|make| text.contains(make)) {
                files.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    assert_eq!(files, ["auth.rs"]);
}
