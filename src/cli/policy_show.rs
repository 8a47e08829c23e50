//! `rampart policy show`: what holds, where it comes from, and what FusionPBX does with it.

use serde_json::{Value, json};

use crate::base::chain::printable;
use crate::base::ids::TenantId;
use crate::base::role::{OwnDomain, Reach};
use crate::deeds::policy::spoken;
use crate::fusionpbx::overrides::OverridesWanted;
use crate::fusionpbx::{FusionPbx, FusionPbxError, Level, PolicyReading, SettingRow, Winner};

/// Everything that holds for all, as JSON and as lines.
///
/// # Errors
/// FusionPBX's database does not answer.
pub(super) async fn all(fusionpbx: &FusionPbx) -> Result<(Value, Vec<String>), FusionPbxError> {
    let evidence = fusionpbx.evidence().await?;
    let global = fusionpbx.global_policy().await?;
    let (mut settings, mut lines) = (Vec::new(), vec![evidence.words().to_owned()]);
    for reading in global.iter().filter(|reading| reading.is_shown()) {
        let wanted = OverridesWanted { key: Some(reading.key), limit: 1, ..OverridesWanted::default() };
        let overrides = fusionpbx.overrides(&Reach::Everything, &global, &wanted).await?;
        let treatment = reading.treatment();
        settings.push(json!({
            "key": reading.key.to_string(), "value": reading.value(), "winner": winner(reading),
            "rows": reading.rows.iter().map(row).collect::<Vec<_>>(),
            "enforcement": {
                "kind": treatment.enforcement.word(), "words": treatment.words, "source": treatment.source,
            },
            "overrides": overrides.total, "weaker_overrides": overrides.weaker,
            "below_floor": reading.key.setting().is_below_floor(reading.value()),
        }));
        let weaker =
            if overrides.weaker > 0 { format!(", weaker in {} overrides", overrides.weaker) } else { String::new() };
        lines.push(format!(
            "{:<32} {:<8} {}{weaker}",
            reading.key.to_string(),
            printable(reading.value().unwrap_or("not set")),
            treatment.enforcement.words(),
        ));
    }
    let secrets = fusionpbx.phone_secrets(&Reach::Everything).await?;
    for one in &secrets {
        lines.push(format!("{:<32} {}", format!("provision.{}", one.secret.subcategory), one.state().words()));
    }
    let secrets: Vec<Value> = secrets
        .iter()
        .map(|one| {
            json!({
                "key": format!("provision.{}", one.secret.subcategory), "state": one.state(), "values": one.values(),
                "tenants": one.tenants, "weak_tenants": one.weak_tenants,
            })
        })
        .collect();
    let era = evidence.era();
    lines.push(era.to_be_seen().to_owned());
    let document = json!({
        "evidence": evidence.words(), "settings": settings, "secrets": secrets, "to_be_seen": era.to_be_seen(),
    });
    Ok((document, lines))
}

/// What holds for one tenant.
///
/// # Errors
/// FusionPBX's database does not answer.
pub(super) async fn one(
    fusionpbx: &FusionPbx,
    tenant: TenantId,
    name: &str,
) -> Result<(Value, Vec<String>), FusionPbxError> {
    let global = fusionpbx.global_policy().await?;
    let reach = Reach::Domain(OwnDomain { id: tenant, name: name.to_owned(), host: None });
    let wanted = OverridesWanted { limit: u16::MAX, ..OverridesWanted::default() };
    let own = fusionpbx.overrides(&reach, &global, &wanted).await?;
    let (mut settings, mut lines) = (Vec::new(), vec![printable(name)]);
    for effective in fusionpbx.effective_policy(tenant, None).await? {
        let rows: Vec<Value> =
            own.overrides.iter().filter(|one| one.key == effective.key).map(|one| row(&one.row)).collect();
        let is_shown = global.iter().any(|reading| reading.key == effective.key && reading.is_shown());
        if !is_shown && rows.is_empty() {
            continue;
        }
        let treatment = effective.key.treatment(effective.era);
        let (value, level) = match &effective.value {
            None => (None, "nobody"),
            Some((value, Level::Default)) => (Some(value), "default"),
            Some((value, Level::Domain | Level::User)) => (Some(value), "domain"),
        };
        let is_weaker = own.overrides.iter().any(|one| one.key == effective.key && one.is_weaker);
        lines.push(format!(
            "{:<32} {:<8} {level:<8} {}{}",
            effective.key.to_string(),
            value.map_or_else(|| "not set".to_owned(), |value| printable(value)),
            treatment.enforcement.words(),
            if is_weaker { ", weaker than the default" } else { "" },
        ));
        settings.push(json!({
            "key": effective.key.to_string(), "value": value, "winner": level, "rows": rows,
            "enforcement": {
                "kind": treatment.enforcement.word(), "words": treatment.words, "source": treatment.source,
            },
            "weaker": is_weaker,
        }));
    }
    Ok((json!({ "domain": name, "settings": settings }), lines))
}

fn winner(reading: &PolicyReading) -> Value {
    match &reading.winner {
        Winner::Nobody => json!("nobody"),
        Winner::Row(place) => json!({ "row": reading.rows.get(*place).map(|row| row.id) }),
        Winner::Unclear(places) => {
            let rows = places.iter().filter_map(|place| reading.rows.get(*place)).map(|row| row.id);
            json!({ "unclear": rows.collect::<Vec<_>>() })
        }
    }
}

fn row(row: &SettingRow) -> Value {
    json!({ "id": row.id, "value": row.stored.value, "enabled": row.stored.enabled, "order": row.order,
            "words": spoken(&row.stored) })
}
