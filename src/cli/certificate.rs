//! `rampart certificate plan|order|renew|list|show|revoke`: the same acts as the page, as text or JSON.

use std::io::{self, BufRead as _, IsTerminal as _, Write};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;
use serde_json::json;

use crate::acme::account::Reason;
use crate::acme::renewal::Decision;
use crate::base::chain::printable;
use crate::base::encoding::{hex, sha256_hex};
use crate::base::ids::{CertificateId, OrderId};
use crate::base::names::{CertificateName, Fqdn, OperatorName};
use crate::base::role::Reach;
use crate::base::secret::Secret;
use crate::cli::check::Format;
use crate::deeds::Deeds;
use crate::deeds::certificates::{Issuing, NewCertificate, OrderError, Queued, joined, next_step};
use crate::deeds::step_up::{StepUp, StepUpError};
use crate::store::certificates::{CertificateRow, Choices};
use crate::store::orders::{OrderRow, OrderState};
use crate::store::trail::Actor;
use crate::wire::request::KeyKind;

/// How often a waiting command looks.
const LOOK: Duration = Duration::from_millis(300);

/// So long may an order wait for a console to take it up.
const PATIENCE: Duration = Duration::from_mins(2);

/// What is to be ordered.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Names, `*.` in front of one for a wildcard.
    pub names: &'a [String],
    /// The kind of key.
    pub key: KeyKind,
    /// The CA's directory; `None`: that of rampart.toml.
    pub directory_url: Option<String>,
    /// The CA's profile.
    pub profile: Option<String>,
    /// The root that the chain is to lead to.
    pub chain_root: Option<String>,
    /// Who vouches with a code, where the agent may not keep these names yet.
    pub operator: Option<&'a str>,
}

#[derive(Serialize)]
struct CertificateJson {
    id: i64,
    names: Vec<String>,
    key: &'static str,
    directory: Option<String>,
    profile: Option<String>,
    chain_root: Option<String>,
    issuer: Option<String>,
    serial: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    renewal: Option<String>,
    failures: u32,
    last_failure: Option<String>,
    revoked: bool,
}

fn actor() -> Actor {
    Actor { name: "command line".to_owned(), address: None }
}

fn as_json(row: &CertificateRow, deeds: &Deeds) -> CertificateJson {
    let own = row.in_force.as_ref();
    let renewal = next_step(row, deeds.clock.now()).map(|decision| match decision {
        Decision::Wait { until } => until.rfc3339(),
        Decision::Renew { why } | Decision::RenewUrgently { why } => format!("now: {why}"),
    });
    CertificateJson {
        id: row.id.0,
        names: row.names.iter().map(ToString::to_string).collect(),
        key: row.key.word(),
        directory: row.choices.directory_url.clone(),
        profile: row.choices.profile.clone(),
        chain_root: row.choices.chain_root.clone(),
        issuer: own.map(|own| printable(&own.issuer)),
        serial: own.map(|own| printable(&own.serial)),
        not_before: own.map(|own| own.not_before.rfc3339()),
        not_after: own.map(|own| own.not_after.rfc3339()),
        renewal,
        failures: row.failures,
        last_failure: row.last_failure.as_deref().map(printable),
        revoked: row.void_since.is_some(),
    }
}

/// Prints every certificate that is kept, or the one with this number.
///
/// # Errors
/// The store failed, there is no such certificate, or `out` is gone.
pub async fn list(deeds: &Deeds, only: Option<CertificateId>, format: Format, out: &mut impl Write) -> Result<()> {
    let mut rows = deeds.store.certificates(&Reach::Everything).await?;
    rows.retain(|row| only.is_none_or(|id| row.id == id));
    ensure!(only.is_none() || !rows.is_empty(), "there is no such certificate");
    let all: Vec<CertificateJson> = rows.iter().map(|row| as_json(row, deeds)).collect();
    if format == Format::Json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?);
    }
    for one in &all {
        let until = one.not_after.as_deref().unwrap_or("not deployed yet");
        writeln!(out, "{:>5}  {until}  {}", one.id, one.names.join(" "))?;
        if only.is_some() {
            let text = serde_json::to_value(one)?;
            for (key, value) in text.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
                writeln!(out, "       {key}: {value}")?;
            }
        }
        if let Some(failure) = &one.last_failure {
            writeln!(out, "       failed {} times, last: {failure}", one.failures)?;
        }
    }
    Ok(())
}

/// Prints what to order for tenants without a certificate.
///
/// # Errors
/// The store failed, or `out` is gone.
pub async fn plan(
    deeds: &Deeds,
    issuing: &Issuing,
    tenants: &[String],
    format: Format,
    out: &mut impl Write,
) -> Result<()> {
    let made = deeds.plan_coverage(issuing, tenants).await?;
    let outside: Vec<&str> = made.plan.outside.iter().map(Fqdn::as_str).collect();
    if format == Format::Json {
        let orders: Vec<_> = made
            .plan
            .orders
            .iter()
            .map(|order| json!({"names": order.names, "tenants": order.tenants, "at": order.at.rfc3339()}))
            .collect();
        let plan = json!({"covered": made.plan.covered, "orders": orders, "outside": outside,
            "unnameable": made.unnameable.iter().map(|name| printable(name)).collect::<Vec<_>>()});
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&plan)?)?);
    }
    writeln!(out, "{} tenants are covered; {} orders are needed", made.plan.covered, made.plan.orders.len())?;
    for order in &made.plan.orders {
        writeln!(out, "  {}  {} ({} tenants)", order.at.minutes(), joined(&order.names), order.tenants.len())?;
    }
    for name in outside {
        writeln!(out, "  not possible: {name} lies in no approved zone")?;
    }
    for name in &made.unnameable {
        writeln!(out, "  not possible: {} is no name that a certificate can hold", printable(name))?;
    }
    Ok(())
}

/// Orders a certificate. The agent's leave to keep it needs a code unless it is there already: asked for at the terminal, or
/// read from standard input.
///
/// # Errors
/// In words, why nothing was ordered.
pub async fn order(deeds: &Deeds, issuing: &Issuing, wanted: &Wanted<'_>) -> Result<OrderId> {
    let name = |text: &String| match text.strip_prefix("*.") {
        Some(base) => Fqdn::typed(base).map(CertificateName::wildcard),
        None => Fqdn::typed(text).map(CertificateName::exact),
    };
    let names = wanted.names.iter().map(name).collect::<Result<Vec<_>, _>>()?;
    let choices = Choices {
        directory_url: wanted.directory_url.clone(),
        profile: wanted.profile.clone(),
        chain_root: wanted.chain_root.clone(),
    };
    let new = NewCertificate { names, key: wanted.key, choices };
    let step_up = |code: Option<Secret<String>>| -> Result<StepUp> {
        let operator = OperatorName::parse(wanted.operator.unwrap_or("command-line"))?;
        let mut bytes = [0_u8; 16];
        deeds.random.fill(&mut bytes);
        // A session of its own, which ends with this command.
        let session = sha256_hex(hex(&bytes).as_bytes()).parse()?;
        Ok(StepUp { operator, session, code })
    };
    match deeds.order(issuing, &actor(), &new, step_up(None)?).await {
        Err(OrderError::StepUp(StepUpError::CodeNeeded)) => {
            ensure!(
                wanted.operator.is_some(),
                "the agent may not keep these names yet: name the operator whose code allows it with --operator"
            );
            let code = ask_code()?;
            Ok(deeds.order(issuing, &actor(), &new, step_up(Some(code))?).await?.order)
        }
        outcome => Ok(outcome?.order),
    }
}

fn ask_code() -> Result<Secret<String>> {
    if io::stdin().is_terminal() {
        write!(io::stderr(), "Code of the operator's second factor: ")?;
        io::stderr().flush()?;
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("no code was given")?;
    Ok(Secret::new(line.trim().to_owned()))
}

/// Queues a renewal now.
///
/// # Errors
/// In words, why nothing was queued.
pub async fn renew(deeds: &Deeds, issuing: &Issuing, id: CertificateId) -> Result<OrderId> {
    let Queued { order, .. } = deeds.renew(issuing, &actor(), &Reach::Everything, id).await?;
    Ok(order)
}

/// Revokes what is in force of a certificate.
///
/// # Errors
/// In words, why nothing was revoked.
pub async fn revoke(
    deeds: &Deeds,
    issuing: &Issuing,
    id: CertificateId,
    reason: Reason,
    out: &mut impl Write,
) -> Result<()> {
    deeds.revoke(issuing, &actor(), id, reason).await?;
    Ok(writeln!(out, "revoked; a running console replaces it within a minute or so")?)
}

/// Follows an order to its end, and prints its steps. Yes, if the certificate is served.
///
/// # Errors
/// The store failed, `out` is gone, or no console took the order up.
pub async fn wait(deeds: &Deeds, id: OrderId, format: Format, out: &mut impl Write) -> Result<bool> {
    let begun = deeds.clock.running();
    let mut after = 0;
    loop {
        for step in deeds.store.steps(&Reach::Everything, id, after).await? {
            after = step.id;
            if format == Format::Text {
                writeln!(out, "  {}  {}", step.at.time_of_day(), printable(&step.words))?;
            }
        }
        let order = deeds.store.order(&Reach::Everything, id).await?.context("the order is gone")?;
        match order.state {
            OrderState::Done => return ended(&order, format, out).map(|()| true),
            OrderState::Failed => return ended(&order, format, out).map(|()| false),
            OrderState::Queued if deeds.clock.running().saturating_sub(begun) > PATIENCE => {
                bail!("no console takes the order up: is `rampart serve` running on this state directory?")
            }
            OrderState::Queued | OrderState::Running => tokio::time::sleep(LOOK).await,
        }
    }
}

fn ended(order: &OrderRow, format: Format, out: &mut impl Write) -> Result<()> {
    let failure = order.failure.as_ref();
    if format == Format::Json {
        let text = json!({"order": order.id.0, "certificate": order.certificate.0,
            "served": order.state == OrderState::Done, "serial": order.served_serial,
            "failed": failure.map(|failure| json!({"place": failure.place, "words": printable(&failure.words)}))});
        return Ok(writeln!(out, "{text}")?);
    }
    match failure {
        Some(failure) => writeln!(out, "failed {}: {}", failure.place, printable(&failure.words))?,
        None => writeln!(out, "served: {}", order.served_serial.as_deref().unwrap_or_default())?,
    }
    Ok(())
}
