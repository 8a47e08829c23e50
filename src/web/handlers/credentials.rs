//! Credentials: what the newest run of the audit found, down to the place, never the value. Nothing is judged here.

use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::audit::facts::Source;
use crate::base::chain::printable;
use crate::base::clock::spoken;
use crate::base::ids::TenantId;
use crate::base::role::Reach;
use crate::store::credentials::{PlacesWanted, ReasonCount, RunHead};
use crate::web::auth::Visit;
use crate::web::csrf::Guarded;
use crate::web::error::PageError;
use crate::web::handlers::credential_view as drawn;
use crate::web::handlers::draw;
use crate::web::handlers::sign_in::NoFields;
use crate::web::handlers::trail::form_encoded;
use crate::web::may::May;
use crate::web::pages::credentials::{CredentialFind, CredentialsPage, FoundView, GapRow, TenantRow};
use crate::web::parts::{Choice, Mark, Pager};
use crate::web::state::AppState;
use crate::web::{flash, routes, view};

/// Places on one page.
const PAGE: u32 = 50;
/// Tenants that are named.
const TENANTS: u32 = 10;
/// Runs of the trend that are drawn.
const TREND: u32 = 60;

/// What the address asks for.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct CredentialsAsk {
    #[serde(default)]
    pub(super) find: String,
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) table: String,
    #[serde(default)]
    pub(super) tenant: String,
    #[serde(default)]
    pub(super) after: i64,
    #[serde(default)]
    pub(super) format: String,
}

impl CredentialsAsk {
    /// The tenant that is asked for; a tenant's own operator has one already.
    pub(super) fn tenant(&self, reach: &Reach) -> Option<TenantId> {
        self.tenant.parse().ok().filter(|_| *reach == Reach::Everything)
    }

    /// The same with what cannot be searched for left out.
    pub(super) fn known(self, reach: &Reach) -> Self {
        let is_one_of = |choices: Vec<Choice>, asked: &str| choices.iter().any(|choice| choice.value == asked);
        let reason = Some(self.reason).filter(|asked| is_one_of(drawn::reason_choices("", reach), asked));
        let table = Some(self.table).filter(|asked| is_one_of(drawn::table_choices(""), asked));
        Self { reason: reason.unwrap_or_default(), table: table.unwrap_or_default(), ..self }
    }

    pub(super) fn wanted(&self, reach: &Reach, limit: u32) -> PlacesWanted {
        PlacesWanted {
            reason: self.reason.clone(),
            table: self.table.clone(),
            tenant: self.tenant(reach),
            find: self.find.trim().to_owned(),
            after: self.after,
            limit,
        }
    }

    /// The same search as the query of an address, without the page.
    fn query(&self, reach: &Reach) -> String {
        let tenant = self.tenant(reach).map(|tenant| tenant.to_string()).unwrap_or_default();
        format!(
            "?find={}&reason={}&table={}&tenant={tenant}",
            form_encoded(&self.find),
            form_encoded(&self.reason),
            form_encoded(&self.table)
        )
    }
}

/// The page.
pub(crate) async fn get(
    State(app): State<AppState>,
    visit: Visit,
    Query(ask): Query<CredentialsAsk>,
) -> Result<Response, PageError> {
    let ask = ask.known(&visit.reach);
    let newest = app.deeds.store.newest_credential_run().await?;
    let now = app.deeds.clock.now();
    let age = newest.as_ref().map_or_else(
        || "nobody has looked yet".to_owned(),
        |newest| format!("judged {} ago", spoken(now.since(newest.ended))),
    );
    let found = match &newest {
        Some(newest) => Some(found(&app, &visit, newest, &ask).await?),
        None => None,
    };
    let failure = match &app.walls.borrow().facts.credentials {
        // Why FusionPBX's database does not answer is the host's business.
        Source::Unknown { reason, .. } if visit.reach == Reach::Everything => Some(printable(reason)),
        Source::Unknown { .. } => Some("FusionPBX's database did not answer.".to_owned()),
        Source::NotYet | Source::Known { .. } => None,
    };
    let tenant = match ask.tenant(&visit.reach) {
        Some(tenant) => chosen(&app, &visit, newest.as_ref(), tenant).await?,
        None => String::new(),
    };
    draw(&CredentialsPage {
        frame: view::frame(&app, &visit, "Credentials", "passwords").await?,
        domain: visit.domain.as_ref().map(|(_, name)| printable(name)).unwrap_or_default(),
        tenant,
        age,
        may_audit: visit.may(May::LookAgain),
        failure,
        found,
    })
}

/// Asks the background for a run; the page does not wait for it.
pub(crate) async fn audit(
    State(app): State<AppState>,
    visit: Visit,
    Guarded(NoFields {}): Guarded<NoFields>,
) -> Result<Response, PageError> {
    app.credentials_wanted.notify_one();
    let text = "Rampart judges the credentials now. It takes a few seconds: then load this page once more.";
    flash::done(&visit.session, text, routes::CREDENTIALS).await
}

/// The name of the tenant that was chosen, as the newest run has it.
async fn chosen(
    app: &AppState,
    visit: &Visit,
    newest: Option<&RunHead>,
    tenant: TenantId,
) -> Result<String, PageError> {
    let wanted = PlacesWanted { tenant: Some(tenant), limit: 1, ..PlacesWanted::default() };
    let id = newest.map_or(0, |newest| newest.id);
    let places = app.deeds.store.credential_places(&visit.reach, id, &wanted).await?;
    Ok(places.first().map_or_else(|| tenant.to_string(), |(_, place)| printable(&place.domain)))
}

async fn found(
    app: &AppState,
    visit: &Visit,
    newest: &RunHead,
    ask: &CredentialsAsk,
) -> Result<FoundView, PageError> {
    let (store, reach) = (&app.deeds.store, &visit.reach);
    let counts = store.credential_counts(reach, ask.tenant(reach), newest.id).await?;
    let mut places = store.credential_places(reach, newest.id, &ask.wanted(reach, PAGE + 1)).await?;
    let is_more = places.len() > PAGE as usize;
    places.truncate(PAGE as usize);
    let (here, path) = (ask.query(reach), routes::CREDENTIALS);
    let next = places.last().filter(|_| is_more).map(|(row, _)| format!("{path}{here}&after={row}"));
    let previous = (ask.after > 0).then(|| format!("{path}{here}"));
    let trend = store.credential_trend(reach, TREND).await?;
    let tenants =
        if ask.tenant(reach).is_none() { store.worst_tenants(reach, newest.id, TENANTS).await? } else { Vec::new() };
    let total: u64 = counts.iter().filter(|count| count.reason.is_empty()).map(|count| count.places).sum();
    let gaps = store.credential_gaps(newest.id).await?;
    let may_renew = visit.may(May::RotateSecrets);
    let row = |is_account| drawn::reasons(&counts, is_account, |count| reason_path(ask, reach, count));
    Ok(FoundView {
        mark: mark(total, &gaps),
        words: words(newest, total, reach),
        severities: drawn::severities(&counts),
        trend: drawn::trend(&trend),
        secrets: row(false),
        accounts: row(true),
        tenants: tenants
            .into_iter()
            .map(|(tenant, domain, places)| TenantRow {
                domain: printable(&domain),
                places: places.to_string(),
                href: format!("{path}?tenant={tenant}"),
            })
            .collect(),
        gaps: gaps
            .into_iter()
            .map(|(table, reason)| GapRow {
                table,
                // What the role may do is the host's business.
                reason: if *reach == Reach::Everything { printable(&reason) } else { String::new() },
            })
            .collect(),
        find: CredentialFind {
            typed: ask.find.clone(),
            tenant: ask.tenant(reach).map(|tenant| tenant.to_string()).unwrap_or_default(),
            reasons: drawn::reason_choices(&ask.reason, reach),
            tables: drawn::table_choices(&ask.table),
        },
        pager: Pager { words: format!("{} places shown", places.len()), previous, next },
        rows: places.iter().map(|(_, place)| drawn::place(place, may_renew)).collect(),
        renew: if may_renew { drawn::renew_all(&places) } else { Vec::new() },
        cut: cut(newest, reach),
        exports: (export_path(&here, "csv"), export_path(&here, "json")),
    })
}

const fn mark(total: u64, gaps: &[(String, String)]) -> Mark {
    match (total, gaps.is_empty()) {
        (0, true) => Mark::Pass,
        (0, false) => Mark::NotTested,
        _ => Mark::Fail,
    }
}

fn words(newest: &RunHead, total: u64, reach: &Reach) -> String {
    let places = if total == 1 { "1 place".to_owned() } else { format!("{total} places") };
    if *reach == Reach::Everything {
        format!("{places} with something wrong; {} rows judged in {} s", newest.judged, newest.seconds)
    } else {
        format!("{places} with something wrong in your domain")
    }
}

fn cut(newest: &RunHead, reach: &Reach) -> String {
    if newest.kept >= newest.found {
        return String::new();
    }
    if *reach == Reach::Everything {
        format!("Of {} places the {} worst are listed; the others are only counted.", newest.found, newest.kept)
    } else {
        "Not every place can be listed; the others are only counted.".to_owned()
    }
}

fn reason_path(ask: &CredentialsAsk, reach: &Reach, count: &ReasonCount) -> String {
    let ask = CredentialsAsk { reason: count.reason.clone(), table: count.table.clone(), ..ask.clone() };
    format!("{}{}#places", routes::CREDENTIALS, ask.query(reach))
}

fn export_path(query: &str, format: &str) -> String {
    format!("{}{query}&format={format}", routes::CREDENTIALS_EXPORT)
}
