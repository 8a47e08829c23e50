//! What a rotation would do, before anything is done.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use sha2::{Digest as _, Sha256};

use crate::base::encoding::hex;
use crate::base::ids::{RotationId, TenantId};
use crate::base::role::Reach;
use crate::deeds::Deeds;
use crate::deeds::rotation::{Item, MOST, MOST_IN_BATCH, RotationError};
use crate::fusionpbx::rotation::{PlannedSecret, SecretKind, Target};
use crate::fusionpbx::{Effective, FusionPbx, FusionPbxError};
use crate::policy::fresh::Recipe;
use crate::policy::generator::Strength;
use crate::store::trail::Actor;

/// A SIP password is never made shorter, nor longer, whatever the policy says.
const SIP_LENGTHS: (u32, u32) = (8, 64);

/// Nor a PIN.
const PIN_LENGTHS: (u32, u32) = (4, 20);

/// What would be done.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The rows as they were read.
    pub planned: Vec<PlannedSecret>,
    /// How each kind of secret of each tenant is made.
    pub recipes: BTreeMap<(TenantId, SecretKind), Recipe>,
    /// How many of those asked for are gone or out of reach.
    pub missing: usize,
    /// Says whether a later plan is the same.
    pub digest: String,
}

impl Deeds {
    /// Plans new secrets for `targets`, at most 500 of them.
    ///
    /// # Errors
    /// Nothing of them is there, or FusionPBX's database does not answer.
    pub async fn draft_rotation(
        &self,
        fusionpbx: &FusionPbx,
        reach: &Reach,
        targets: &[Target],
    ) -> Result<Draft, RotationError> {
        let mut targets = targets.to_vec();
        targets.sort();
        targets.dedup();
        targets.truncate(MOST);
        let planned = fusionpbx.plan_rotation(reach, &targets).await?;
        if planned.is_empty() {
            return Err(RotationError::Nothing);
        }
        let recipes = recipes(fusionpbx, &planned).await?;
        Ok(Draft { missing: targets.len() - planned.len(), digest: digest(&planned, &recipes), planned, recipes })
    }

    /// Notes a rotation of `targets` in batches of `size`, if the plan is still the one with this `digest`. Nothing is changed
    /// yet.
    ///
    /// # Errors
    /// See [`RotationError`].
    pub async fn begin_rotation(
        &self,
        fusionpbx: &FusionPbx,
        actor: &Actor,
        reach: &Reach,
        (targets, digest): (&[Target], Option<&str>),
        size: usize,
    ) -> Result<RotationId, RotationError> {
        let draft = self.draft_rotation(fusionpbx, reach, targets).await?;
        if digest.is_some_and(|digest| digest != draft.digest) {
            return Err(RotationError::PlanMoved);
        }
        let items: Vec<Item> = draft.planned.iter().map(Item::from).collect();
        let batches: Vec<String> = items
            .chunks(size.clamp(1, MOST_IN_BATCH))
            .filter_map(|batch| serde_json::to_string(batch).ok())
            .collect();
        Ok(self.store.plan_rotation(&actor.name, &batches, self.clock.now()).await?)
    }
}

/// How each kind of each tenant is made: the policy that is in force there.
pub(super) async fn recipes(
    fusionpbx: &FusionPbx,
    planned: &[PlannedSecret],
) -> Result<BTreeMap<(TenantId, SecretKind), Recipe>, FusionPbxError> {
    let mut tenants: BTreeMap<TenantId, Vec<Effective>> = BTreeMap::new();
    let mut recipes = BTreeMap::new();
    for one in planned {
        let tenant = one.tenant.id;
        let effective = match tenants.entry(tenant) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(fusionpbx.effective_policy(tenant, None).await?),
        };
        recipes.insert((tenant, one.target.kind), recipe(one.target.kind, effective));
    }
    Ok(recipes)
}

fn recipe(kind: SecretKind, effective: &[Effective]) -> Recipe {
    let value = |category: &str, name: &str| {
        let is_it = |one: &&Effective| one.key.category() == category && one.key.subcategory() == name;
        effective.iter().find(is_it)?.value.as_ref().map(|(value, _)| value.as_str())
    };
    // 4.4 makes SIP passwords by the settings of `security`.
    let sip = |name: &str| value("extension", name).or_else(|| value("security", name));
    match kind {
        SecretKind::Extension => Recipe::SIP.under(sip("password_length"), sip("password_strength"), SIP_LENGTHS),
        // Phones put it into addresses, where a `?` or `%` would mean something else.
        SecretKind::Device => Recipe {
            strength: Strength::of(3).unwrap_or(Strength::DIGITS),
            ..Recipe::SIP.under(sip("password_length"), None, SIP_LENGTHS)
        },
        SecretKind::Mailbox => Recipe::PIN.under(value("voicemail", "password_length"), None, PIN_LENGTHS),
    }
}

/// Everything that the plan rests on, in one line.
fn digest(planned: &[PlannedSecret], recipes: &BTreeMap<(TenantId, SecretKind), Recipe>) -> String {
    let mut hash = Sha256::new();
    for one in planned {
        hash.update(format!("{} {} {};", one.target.kind.word(), one.target.id, one.xmin));
        for line in &one.lines {
            hash.update(format!("{} {};", line.id, line.xmin));
        }
    }
    for ((tenant, kind), recipe) in recipes {
        hash.update(format!("{tenant} {} {} {};", kind.word(), recipe.length, recipe.strength.number()));
    }
    hex(&hash.finalize())
}
