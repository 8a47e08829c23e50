//! The page of credentials: what a run found, down to the place, never the value; a tenant sees its own alone.

use std::sync::Arc;
use std::time::Duration;

use rampart::app::demo::fusionpbx::Generation;
use rampart::base::ids::TenantId;
use rampart::base::role::Post;
use rampart::jobs::credentials::CredentialAudit;
use reqwest::StatusCode;
use serde_json::Value;
use tokio::sync::Notify;

use crate::support::app::TestApp;
use crate::support::browser::Browser;
use crate::support::fusionpbx::Database;

const PAGE: &str = "/passwords/credentials";
const EXPORT: &str = "/passwords/credentials/export";

struct House {
    app: TestApp,
    database: Database,
}

impl House {
    async fn new() -> Self {
        let database = Database::town(Generation::V5_5).await;
        let app = TestApp::start(database.fusionpbx().await.into()).await;
        Self { app, database }
    }

    /// What the job does when somebody asks.
    async fn audit(&self) {
        let job = CredentialAudit {
            deeds: self.app.state.deeds.clone(),
            fusionpbx: self.app.state.fusionpbx.clone(),
            wanted: self.app.state.credentials_wanted.clone(),
            look_again: Arc::new(Notify::new()),
            interval: Duration::ZERO,
        };
        job.audit().await;
    }

    async fn tenant(&self, name: &str) -> Browser {
        let owner = self.database.owner().await;
        let id: uuid::Uuid = sqlx::query_scalar("SELECT domain_uuid FROM v_domains WHERE domain_name = $1")
            .bind(name)
            .fetch_one(&owner)
            .await
            .unwrap();
        owner.close().await;
        let post = Post::Tenant { id: TenantId(id), name: name.to_owned() };
        self.app.signed_in_with("nora", &post).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_leads_from_counts_to_places_and_shows_no_secret() {
    let house = House::new().await;
    let operator = house.app.operator().await;
    operator.get(PAGE).await.assert_says(StatusCode::OK, "nobody has looked yet");

    operator.submit(&format!("{PAGE}/audit"), &[]).await.assert_redirect(PAGE);
    tokio::time::timeout(Duration::from_secs(5), house.app.state.credentials_wanted.notified()).await.unwrap();
    house.audit().await;

    let all = operator.get(PAGE).await;
    all.assert_says(StatusCode::OK, "with something wrong");
    assert!(all.text("#counts ~ table").contains("equals-extension"), "{}", all.words());
    assert!(all.body.contains("north.example.test"), "the tenants with the most are named");
    let equal = operator.get(&format!("{PAGE}?reason=equals-extension&table=v_extensions")).await;
    assert!(equal.text("#places ~ table").contains("107"), "{}", equal.words());
    assert!(!equal.text("#places ~ table").contains("119"), "{}", equal.words());
    let plan = equal.attribute("#places ~ table a.quiet", "href");
    let plan = operator.get(&plan).await;
    assert!(plan.words().contains("extension 107"), "a place leads to the plan of a new secret: {}", plan.words());
    let found = operator.get(&format!("{PAGE}?find=mill.example&table=v_voicemails")).await;
    assert!(found.text("#places ~ table").contains("102"), "{}", found.words());
    let mut seen = 0;
    let mut at = format!("{PAGE}?table=v_extensions");
    loop {
        let page = operator.get(&at).await;
        seen += page.body.matches("<code>v_extensions</code></th>").count();
        let Some(next) = page.body.split("rel=\"next\"").next().filter(|_| page.body.contains("rel=\"next\"")) else {
            break;
        };
        at = next
            .rsplit("href=\"")
            .next()
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .replace("&amp;", "&")
            .replace("&#38;", "&");
    }
    assert_eq!(seen, 3 * 12 + 3, "every place once");
    for secret in ["Summer2024", "qwertyuiop", "trunk123", "JBSWY3DPEHPK3PXP"] {
        assert!(!all.body.contains(secret), "{secret}");
        let kept = house.app.bytes_kept();
        let found = kept.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
        assert!(!found, "{secret} is in our own store");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_has_every_place_and_no_formula() {
    let house = House::new().await;
    house
        .database
        .run(
            "UPDATE v_extensions SET extension = '=cmd|''/C calc''!A1' WHERE extension = '119'; \
              UPDATE v_gateways SET gateway = '+carrier', password = 'x'",
        )
        .await;
    house.audit().await;
    let operator = house.app.operator().await;

    let csv = operator.get(&format!("{EXPORT}?format=csv")).await;
    let json = operator.get(&format!("{EXPORT}?format=json&table=v_gateways")).await;

    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert!(csv.body.starts_with("table,domain,place,severity,reasons\r\n"));
    assert!(csv.body.contains("\"'=cmd|'/C calc'!A1\""), "an apostrophe in front");
    assert!(csv.body.contains("\"'+carrier\""));
    for line in csv.body.split("\r\n").filter(|line| !line.is_empty()) {
        for cell in line.split(',') {
            assert!(!cell.trim_start_matches('"').starts_with(['=', '+', '-', '@', '\t']), "{line}");
        }
    }
    let places: Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(places.as_array().unwrap().len(), 12);
    assert!(places.as_array().unwrap().iter().all(|place| place["table"] == "v_gateways"));
}

/// That another tenant has the same secret is none of a tenant's business: by trying, it would find theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_sees_its_own_places_and_nothing_of_others() {
    let house = House::new().await;
    house
        .database
        .run(
            "UPDATE v_extensions SET password = 'kQ7wz!Tr9p2$mmX4vB8s' WHERE extension = '140' AND user_context IN \
              ('north.example.test', 'south.example.test')",
        )
        .await;
    house.audit().await;
    let north = house.tenant("north.example.test").await;
    let owner = house.database.owner().await;
    let south: uuid::Uuid =
        sqlx::query_scalar("SELECT domain_uuid FROM v_domains WHERE domain_name = 'south.example.test'")
            .fetch_one(&owner)
            .await
            .unwrap();
    owner.close().await;

    let queries = [
        String::new(),
        "?find=south".to_owned(),
        format!("?tenant={south}"),
        "?reason=reused-across-tenants".to_owned(),
        "?after=1".to_owned(),
        "?find=%25&table=v_gateways".to_owned(),
    ];
    for path in [PAGE, EXPORT] {
        for query in &queries {
            for format in ["csv", "json"] {
                let join = if query.is_empty() { '?' } else { '&' };
                let page = north.get(&format!("{path}{query}{join}format={format}")).await;
                assert_eq!(page.status, StatusCode::OK, "{path}{query}");
                let shown =
                    page.body.replace("?find=south", "").replace("value=\"south\"", "").replace("find=south", "");
                for foreign in ["south", "mill.example", "reused-across-tenants", &south.to_string()] {
                    assert!(!shown.contains(foreign), "{path}{query}: {foreign}");
                }
            }
        }
    }
    let own = north.get(PAGE).await;
    assert!(own.text("#places ~ table").contains("107"), "{}", own.words());
    let named = north.get(&format!("{PAGE}?find=140&table=v_extensions")).await;
    assert!(named.text("#places ~ table").is_empty(), "a place whose only fault is another's: {}", named.words());
    assert!(!own.body.contains("Audit the credentials now"), "a tenant does not ask");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trend_is_kept_when_places_are_replaced_and_a_failed_run_says_why() {
    let house = House::new().await;
    house.app.operator().await;
    house.audit().await;
    house.app.clock.advance(Duration::from_hours(6));
    house.database.run("UPDATE v_extensions SET password = md5(extension_uuid::text) || 'X!'").await;
    house.audit().await;

    // Six hours on the session is over.
    let operator = house.app.signed_in().await;
    operator.get(PAGE).await.assert_says(StatusCode::OK, "The trend in numbers");
    let pool = house.app.own_tables().await;
    let runs: i64 =
        sqlx::query_scalar("SELECT count(DISTINCT run_id) FROM credential_places").fetch_one(&pool).await.unwrap();
    assert_eq!(runs, 1, "places of the newest run alone");
    pool.close().await;
    house.app.sweep.look(true).await;
    let walls = operator.json("/api/walls").await;
    let of = |id: &str| {
        let findings = walls["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["id"] == id).unwrap()["result"].as_str().unwrap().to_owned()
    };
    assert_eq!(of("CR-05"), "fail");
    assert_eq!(of("CR-04"), "pass");
    house.database.run("ALTER TABLE v_domains RENAME TO v_gone").await;
    house.audit().await;
    house.app.sweep.look(true).await;

    operator.get(PAGE).await.assert_says(StatusCode::OK, "The last run did not end");
}
