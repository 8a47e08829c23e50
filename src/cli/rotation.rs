//! `rampart credentials rotate|undo|confirm`: new secrets from the command line. Without `--yes` only the plan is printed.

use std::io::{self, Write};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;

use crate::base::chain::printable;
use crate::base::ids::{BatchId, RotationId};
use crate::base::role::Reach;
use crate::cli::check::Format;
use crate::deeds::Deeds;
use crate::deeds::rotation::phones::phones;
use crate::deeds::rotation::{Draft, Item, MOST_IN_BATCH, NewShown, places};
use crate::fusionpbx::FusionPbx;
use crate::fusionpbx::rotation::{SecretKind, Target};
use crate::host::Agent;
use crate::store::batches::BatchState;
use crate::store::trail::Actor;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Extension, mailbox, device.
    pub kind: SecretKind,
    /// The tenant, as FusionPBX calls it.
    pub domain: &'a str,
    /// Numbers, `101,105-110`; empty for all of the tenant.
    pub places: &'a str,
    /// Whether to do it, and not only to show the plan.
    pub is_sure: bool,
}

/// Whom the command works with.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// FusionPBX's database.
    pub fusionpbx: &'a FusionPbx,
    /// The agent; it need not be there.
    pub agent: &'a Agent,
}

#[derive(Serialize)]
struct PlanJson<'a> {
    plan: Vec<ItemJson<'a>>,
}

#[derive(Serialize)]
struct ItemJson<'a> {
    kind: &'static str,
    domain: &'a str,
    place: &'a str,
    enabled: bool,
    lines: usize,
    lines_elsewhere: u64,
}

#[derive(Serialize)]
struct DoneJson<'a> {
    rotation: i64,
    changed: Vec<NewJson<'a>>,
    switch: Vec<String>,
}

#[derive(Serialize)]
struct NewJson<'a> {
    kind: &'static str,
    domain: &'a str,
    place: &'a str,
    secret: &'a str,
}

/// Plans new secrets, and with `is_sure` gives them, in one batch, and prints them this once.
///
/// # Errors
/// Nothing was changed: in words, why.
pub async fn rotate(
    deeds: &Deeds,
    around: Around<'_>,
    wanted: &Wanted<'_>,
    format: Format,
    out: &mut impl Write,
) -> Result<()> {
    let targets = targets(around.fusionpbx, wanted).await?;
    let draft = deeds.draft_rotation(around.fusionpbx, &Reach::Everything, &targets).await?;
    if !wanted.is_sure {
        return Ok(print_plan(&draft, format, out)?);
    }
    ensure!(
        draft.planned.len() <= MOST_IN_BATCH,
        "{} are too many at once; name at most {MOST_IN_BATCH} with --places",
        draft.planned.len()
    );
    let actor = Actor { name: "command line".to_owned(), address: None };
    let plan = (targets.as_slice(), Some(draft.digest.as_str()));
    let begun = deeds.begin_rotation(around.fusionpbx, &actor, &Reach::Everything, plan, MOST_IN_BATCH);
    let rotation = begun.await.context("nothing was changed")?;
    let batch = only_batch(deeds, rotation).await?;
    let done = deeds.rotate_batch(around.fusionpbx, &actor, &Reach::Everything, batch).await;
    done.context("nothing was changed")?;
    let items: Vec<Item> = draft.planned.iter().map(Item::from).collect();
    let failed = deeds.flush_batch(around.agent, &items).await;
    let shown = deeds.show_batch(&actor, &Reach::Everything, batch).await?;
    Ok(print_done(rotation, &shown, failed, format, out)?)
}

/// Puts the former secrets of a rotation back, or lets them go.
///
/// # Errors
/// In words, why not. What was dealt with before stays so.
pub async fn end(
    deeds: &Deeds,
    around: Around<'_>,
    rotation: RotationId,
    is_confirmed: bool,
    out: &mut impl Write,
) -> Result<()> {
    let actor = Actor { name: "command line".to_owned(), address: None };
    let batches = deeds.store.batches_of(rotation).await?;
    let open: Vec<_> = batches.iter().filter(|batch| batch.state == BatchState::Changed).collect();
    if open.is_empty() {
        bail!("rotation {rotation} has no batch that waits for this");
    }
    for batch in open {
        if is_confirmed {
            deeds.confirm_batch(&actor, &Reach::Everything, batch.id).await?;
            writeln!(out, "Batch {} is confirmed: its former secrets are forgotten.", batch.position)?;
            continue;
        }
        deeds.undo_batch(around.fusionpbx, &actor, &Reach::Everything, batch.id).await?;
        writeln!(out, "Batch {}: the former secrets hold again.", batch.position)?;
        say_caches(&deeds.flush_batch(around.agent, &batch.items()?).await, out)?;
    }
    Ok(())
}

async fn targets(fusionpbx: &FusionPbx, wanted: &Wanted<'_>) -> Result<Vec<Target>> {
    let places = places::parse(wanted.places).map_err(anyhow::Error::msg)?;
    let called = fusionpbx.tenants_called(wanted.domain).await?;
    let [tenant] = called.as_slice() else {
        let how_many = if called.is_empty() { "no enabled tenant" } else { "more than one tenant" };
        bail!("there is {how_many} called {}", printable(wanted.domain));
    };
    let found = fusionpbx.find_secrets(&Reach::Everything, wanted.kind, tenant.id, &places).await?;
    ensure!(!found.is_empty(), "{} has no {} of that number", printable(&tenant.name), wanted.kind.word());
    Ok(found)
}

async fn only_batch(deeds: &Deeds, rotation: RotationId) -> Result<BatchId> {
    let batches = deeds.store.batches_of(rotation).await?;
    batches.first().map(|batch| batch.id).context("the rotation has no batch")
}

fn print_plan(draft: &Draft, format: Format, out: &mut impl Write) -> io::Result<()> {
    let items: Vec<Item> = draft.planned.iter().map(Item::from).collect();
    if format == Format::Json {
        let plan = items.iter().map(|item| ItemJson {
            kind: item.target.kind.word(),
            domain: &item.tenant_name,
            place: &item.place,
            enabled: item.is_enabled,
            lines: item.lines.len(),
            lines_elsewhere: item.lines_elsewhere,
        });
        return writeln!(out, "{}", serde_json::to_string_pretty(&PlanJson { plan: plan.collect() })?);
    }
    for item in &items {
        let lines = match item.lines.len() {
            0 => String::new(),
            1 => ", with one line of a phone".to_owned(),
            count => format!(", with {count} lines of phones"),
        };
        writeln!(
            out,
            "{} {} of {}{lines}",
            item.target.kind.word(),
            printable(&item.place),
            printable(&item.tenant_name)
        )?;
    }
    for (vendor, method, count) in phones(&items) {
        writeln!(out, "must fetch again: {count} of {}, last over {}", printable(&vendor), printable(&method))?;
    }
    writeln!(out, "Nothing was changed. Add --yes to give these new secrets.")
}

fn print_done(
    rotation: RotationId,
    shown: &[NewShown],
    failed: Vec<String>,
    format: Format,
    out: &mut impl Write,
) -> io::Result<()> {
    if format == Format::Json {
        let changed = shown.iter().map(|new| NewJson {
            kind: new.item.target.kind.word(),
            domain: &new.item.tenant_name,
            place: &new.item.place,
            secret: new.secret.expose(),
        });
        let done = DoneJson { rotation: rotation.0, changed: changed.collect(), switch: failed };
        return writeln!(out, "{}", serde_json::to_string_pretty(&done)?);
    }
    for new in shown {
        let (what, tenant) = (new.item.target.kind.word(), printable(&new.item.tenant_name));
        writeln!(out, "{what} {} of {tenant}: {}", printable(&new.item.place), new.secret.expose())?;
    }
    say_caches(&failed, out)?;
    writeln!(
        out,
        "They are not shown again. When the phones are back: rampart credentials confirm {rotation}. To put the former ones \
         back: rampart credentials undo {rotation}."
    )
}

fn say_caches(failed: &[String], out: &mut impl Write) -> io::Result<()> {
    for words in failed {
        writeln!(out, "The switch may go on with what it has in its caches: {}", printable(words))?;
    }
    Ok(())
}
