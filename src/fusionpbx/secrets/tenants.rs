//! Whose a row is: every tenant with its name, and the lengths that the policy in force asks for.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::schema::Schema;
use crate::fusionpbx::secrets::fingerprints::NOBODY;
use crate::policy::secrets::domain_words;

/// A tenant, as far as judging needs it.
pub(super) struct Tenant {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) words: Vec<String>,
    pub(super) is_enabled: bool,
    pub(super) lengths: Lengths,
}

/// The lengths that the policy in force asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lengths {
    /// Of SIP secrets.
    pub(super) extension: Option<u32>,
    /// Of voicemail PINs.
    pub(super) voicemail: Option<u32>,
}

/// All tenants.
pub(super) struct Tenants {
    all: Vec<Tenant>,
    places: HashMap<Uuid, u32>,
    names: HashMap<String, u32>,
}

impl Tenants {
    /// Reads them, with `lengths` for those that override nothing.
    pub(super) async fn read(
        connection: &mut PgConnection,
        schema: &Schema,
        lengths: Lengths,
    ) -> Result<Self, FusionPbxError> {
        schema.require("v_domains", &["domain_uuid", "domain_name"])?;
        let enabled = schema.flag("d", "v_domains", "domain_enabled").unwrap_or_else(|_| "true".to_owned());
        let sql = format!("SELECT d.domain_uuid, coalesce(d.domain_name, ''), {enabled} FROM v_domains AS d");
        let rows: Vec<(Uuid, String, bool)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await?;
        let mut tenants = Self { all: Vec::new(), places: HashMap::new(), names: HashMap::new() };
        for (id, name, is_enabled) in rows {
            let place = u32::try_from(tenants.all.len()).unwrap_or(NOBODY);
            tenants.places.insert(id, place);
            tenants.names.insert(name.to_lowercase(), place);
            tenants.all.push(Tenant { id, words: domain_words(&name), name, is_enabled, lengths });
        }
        Ok(tenants)
    }

    /// Puts the tenants' own lengths in. FusionPBX takes the last of several; an empty value overrides nothing.
    pub(super) async fn override_lengths(
        &mut self,
        connection: &mut PgConnection,
        schema: &Schema,
    ) -> Result<(), FusionPbxError> {
        schema.require("v_domain_settings", &["domain_uuid", "domain_setting_category", "domain_setting_value"])?;
        let enabled = schema.flag("t", "v_domain_settings", "domain_setting_enabled")?;
        let sql = format!(
            "SELECT t.domain_uuid, t.domain_setting_category, t.domain_setting_value FROM v_domain_settings AS t \
             WHERE {enabled} AND t.domain_setting_subcategory = 'password_length' \
                AND t.domain_setting_category IN ('extension', 'voicemail') \
                AND coalesce(t.domain_setting_value, '') <> '' AND t.domain_uuid IS NOT NULL \
             ORDER BY t.domain_setting_order ASC NULLS LAST, t.domain_setting_uuid"
        );
        let rows: Vec<(Uuid, String, String)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await?;
        for (id, category, value) in rows {
            let place = self.place(Some(id)).and_then(|place| usize::try_from(place).ok());
            let Some(tenant) = place.and_then(|place| self.all.get_mut(place)) else { continue };
            let length = value.trim().parse().ok();
            match category.as_str() {
                "extension" => tenant.lengths.extension = length,
                _ => tenant.lengths.voicemail = length,
            }
        }
        Ok(())
    }

    /// The place of a tenant in the list.
    pub(super) fn place(&self, id: Option<Uuid>) -> Option<u32> {
        self.places.get(&id?).copied()
    }

    /// The tenant at a place.
    pub(super) fn at(&self, place: Option<u32>) -> Option<&Tenant> {
        self.all.get(usize::try_from(place?).ok()?)
    }

    /// The tenant whose domain is called `name`, in any case.
    pub(super) fn called(&self, name: &str) -> Option<&Tenant> {
        self.at(self.names.get(name).copied().or_else(|| self.names.get(&name.to_lowercase()).copied()))
    }
}
