//! Password settings as FusionPBX resolves them: default, then domain, then user, each later one overwriting.
//!
//! Only enabled rows count; an enabled row whose value is NULL or empty is skipped; default rows are read in
//! `default_setting_order` and the last one wins (`resources/classes/settings.php`, 5.5.7).

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::base::ids::{SettingId, TenantId};
use crate::fusionpbx::database::FusionPbx;
use crate::fusionpbx::error::FusionPbxError;
use crate::policy::{Era, Evidence, Key, SETTINGS, Treatment};

/// What a settings row says: a value and whether it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The value; NULL and empty are both "no value" to FusionPBX, yet two different things to a compare-and-set.
    pub value: Option<String>,
    /// Whether the row counts.
    pub enabled: bool,
}

impl Stored {
    /// The value that counts: enabled and not empty.
    #[must_use]
    pub fn counting(&self) -> Option<&str> {
        self.value.as_deref().filter(|value| self.enabled && !value.is_empty())
    }

    /// Whether both look the same on a page, where NULL and empty do, and line ends of any kind (a browser sends each as
    /// CR LF: WHATWG HTML, section 4.10.21.4).
    #[must_use]
    pub fn reads_as(&self, other: &Self) -> bool {
        let text = |stored: &Self| stored.value.clone().unwrap_or_default().replace("\r\n", "\n").replace('\r', "\n");
        self.enabled == other.enabled && text(self) == text(other)
    }
}

/// One row of `v_default_settings` or `v_domain_settings`, as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingRow {
    /// Its key.
    pub id: SettingId,
    /// Value and flag.
    pub stored: Stored,
    /// Its order as text; `None` sorts last, as PostgreSQL does.
    pub order: Option<String>,
    /// The transaction that wrote this version of the row: it changes with every update, even to the same value.
    pub xmin: String,
}

/// Which row of a setting wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Winner {
    /// No enabled row has a value.
    Nobody,
    /// The row at this place.
    Row(usize),
    /// Several rows with different values stand in the same order: FusionPBX takes whichever the database hands out
    /// last. Their places.
    Unclear(Vec<usize>),
}

/// The global rows of one password setting, in the order in which FusionPBX reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyReading {
    /// Which setting.
    pub key: Key,
    /// Every row, disabled ones too.
    pub rows: Vec<SettingRow>,
    /// Which one counts.
    pub winner: Winner,
    /// The generation of this FusionPBX: it decides what the setting does.
    pub era: Era,
}

impl PolicyReading {
    pub(super) fn new(key: Key, rows: Vec<SettingRow>, era: Era) -> Self {
        let winner = winner(&rows);
        Self { key, rows, winner, era }
    }

    /// What this FusionPBX does with the setting.
    #[must_use]
    pub fn treatment(&self) -> Treatment {
        self.key.treatment(self.era)
    }

    /// How many rows are enabled; more than one is a fault.
    #[must_use]
    pub fn enabled_rows(&self) -> usize {
        self.rows.iter().filter(|row| row.stored.enabled).count()
    }

    /// The value in force. Where it is unclear which row wins, the weakest of them.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        match &self.winner {
            Winner::Nobody => None,
            Winner::Row(place) => self.rows.get(*place).and_then(|row| row.stored.counting()),
            Winner::Unclear(places) => {
                let values = places.iter().filter_map(|place| self.rows.get(*place)?.stored.counting());
                values.reduce(
                    |one, other| {
                        if self.key.setting().is_weaker(Some(other), Some(one)) { other } else { one }
                    },
                )
            }
        }
    }

    /// The row that a change of this setting is about: the winner, else the last one read; `None` if there is no row.
    #[must_use]
    pub fn row(&self) -> Option<&SettingRow> {
        match &self.winner {
            Winner::Row(place) => self.rows.get(*place),
            Winner::Unclear(places) => places.last().and_then(|place| self.rows.get(*place)),
            Winner::Nobody => self.rows.last(),
        }
    }

    /// Whether the page should show it: where a row is there, or where this generation is its home.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        !self.rows.is_empty() || self.key.setting().home.includes(self.era)
    }
}

/// `rows` stand in FusionPBX's reading order, ties in any.
fn winner(rows: &[SettingRow]) -> Winner {
    let counts = |(_, row): &(usize, &SettingRow)| row.stored.counting().is_some();
    let Some((last, winner)) = rows.iter().enumerate().rfind(counts) else { return Winner::Nobody };
    let rivals: Vec<usize> = rows
        .iter()
        .enumerate()
        .filter(counts)
        .filter(|(_, row)| row.order == winner.order)
        .map(|(place, _)| place)
        .collect();
    let agree = rivals.iter().all(|place| rows.get(*place).map(|row| &row.stored) == Some(&winner.stored));
    if agree { Winner::Row(last) } else { Winner::Unclear(rivals) }
}

/// Which level a value in force comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// `v_default_settings`.
    Default,
    /// `v_domain_settings`.
    Domain,
    /// `v_user_settings`.
    User,
}

/// The value of one setting for one tenant, and for one of its users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Which setting.
    pub key: Key,
    /// The generation of this FusionPBX.
    pub era: Era,
    /// The value that wins, and the level it comes from; `None` if no enabled row has one.
    pub value: Option<(String, Level)>,
}

/// A table of settings and how its columns begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) id: &'static str,
    pub(super) category: &'static str,
    pub(super) subcategory: &'static str,
    pub(super) value: &'static str,
    pub(super) order: &'static str,
    pub(super) enabled: &'static str,
}

pub(super) const DEFAULTS: Table = Table {
    name: "v_default_settings",
    id: "default_setting_uuid",
    category: "default_setting_category",
    subcategory: "default_setting_subcategory",
    value: "default_setting_value",
    order: "default_setting_order",
    enabled: "default_setting_enabled",
};

pub(super) const DOMAINS: Table = Table {
    name: "v_domain_settings",
    id: "domain_setting_uuid",
    category: "domain_setting_category",
    subcategory: "domain_setting_subcategory",
    value: "domain_setting_value",
    order: "domain_setting_order",
    enabled: "domain_setting_enabled",
};

const USERS: Table = Table {
    name: "v_user_settings",
    id: "user_setting_uuid",
    category: "user_setting_category",
    subcategory: "user_setting_subcategory",
    value: "user_setting_value",
    order: "user_setting_order",
    enabled: "user_setting_enabled",
};

impl Table {
    pub(super) const fn columns(&self) -> [&'static str; 6] {
        [self.id, self.category, self.subcategory, self.value, self.order, self.enabled]
    }
}

type RawRow = (Uuid, String, String, Option<String>, bool, Option<String>, String);

impl FusionPbx {
    /// Every password setting with its global rows, in the order of [`SETTINGS`]; one without a row has none.
    ///
    /// # Errors
    /// The database does not answer, or this FusionPBX lacks a column that is needed.
    pub async fn global_policy(&self) -> Result<Vec<PolicyReading>, FusionPbxError> {
        let rows = self.heed(self.read_rows(DEFAULTS, "").await)?;
        let era = self.evidence().await?.era();
        Ok(SETTINGS.iter().map(|setting| PolicyReading::new(setting.key, rows_of(setting.key, &rows), era)).collect())
    }

    /// What the tables say of how old this FusionPBX is.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn evidence(&self) -> Result<Evidence, FusionPbxError> {
        Ok(self.schema().await?.evidence())
    }

    /// The values in force for `tenant`, and for `user` where one is given.
    ///
    /// # Errors
    /// As [`FusionPbx::global_policy`].
    pub async fn effective_policy(
        &self,
        tenant: TenantId,
        user: Option<Uuid>,
    ) -> Result<Vec<Effective>, FusionPbxError> {
        let mut levels = vec![(Level::Default, self.heed(self.read_rows(DEFAULTS, "").await)?)];
        let of_tenant = format!("AND t.domain_uuid = '{tenant}'::uuid");
        levels.push((Level::Domain, self.heed(self.read_rows(DOMAINS, &of_tenant).await)?));
        if let Some(user) = user {
            let of_user = format!("{of_tenant} AND t.user_uuid = '{user}'::uuid");
            levels.push((Level::User, self.heed(self.read_rows(USERS, &of_user).await)?));
        }
        let era = self.evidence().await?.era();
        let effective = |key: Key| {
            let of_level = |(level, rows): &(Level, Vec<RawRow>)| {
                PolicyReading::new(key, rows_of(key, rows), era).value().map(|value| (value.to_owned(), *level))
            };
            Effective { key, era, value: levels.iter().rev().find_map(of_level) }
        };
        Ok(SETTINGS.iter().map(|setting| effective(setting.key)).collect())
    }

    /// `condition` is made of names of ours and of ids that were parsed, never of text from outside.
    async fn read_rows(&self, table: Table, condition: &str) -> Result<Vec<RawRow>, FusionPbxError> {
        let schema = self.schema().await?;
        schema.require(table.name, &table.columns())?;
        let flag = schema.flag("t", table.name, table.enabled)?;
        // User settings are never written, so their version is not asked for, nor granted.
        let version = if table == USERS { "''" } else { "t.xmin::text" };
        let Table { name, id, category, subcategory, value, order, .. } = table;
        let sql = format!(
            "SELECT t.{id}, t.{category}, t.{subcategory}, t.{value}, {flag}, t.{order}::text, {version} \
             FROM {name} AS t \
             JOIN unnest($1::text[], $2::text[]) AS known (category, subcategory) \
                 ON t.{category} = known.category AND t.{subcategory} = known.subcategory \
             WHERE true {condition} \
             ORDER BY t.{order} ASC NULLS LAST, t.{id} LIMIT 5000"
        );
        let (categories, subcategories) = known_names();
        let query = sqlx::query_as(AssertSqlSafe(sql)).bind(categories).bind(subcategories);
        Ok(query.fetch_all(&self.pool).await?)
    }
}

pub(super) fn known_names() -> (Vec<&'static str>, Vec<&'static str>) {
    SETTINGS.iter().map(|setting| (setting.key.category(), setting.key.subcategory())).unzip()
}

fn rows_of(key: Key, rows: &[RawRow]) -> Vec<SettingRow> {
    let is_of_key = |row: &&RawRow| row.1 == key.category() && row.2 == key.subcategory();
    let row = |(id, _, _, value, enabled, order, xmin): &RawRow| SettingRow {
        id: SettingId(*id),
        stored: Stored { value: value.clone(), enabled: *enabled },
        order: order.clone(),
        xmin: xmin.clone(),
    };
    rows.iter().filter(is_of_key).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: Option<&str>, enabled: bool, order: Option<&str>) -> SettingRow {
        SettingRow {
            id: SettingId(Uuid::new_v4()),
            stored: Stored { value: value.map(str::to_owned), enabled },
            order: order.map(str::to_owned),
            xmin: "1".to_owned(),
        }
    }

    #[test]
    fn the_last_enabled_row_with_a_value_wins() {
        let rows = [
            row(Some("12"), true, Some("10")),
            row(Some("16"), true, Some("20")),
            row(Some("30"), false, Some("30")),
            row(Some(""), true, Some("40")),
            row(None, true, None),
        ];

        assert_eq!(winner(&rows), Winner::Row(1));
        assert_eq!(winner(&rows[2..]), Winner::Nobody);
        assert_eq!(winner(&[]), Winner::Nobody);
    }

    #[test]
    fn rows_in_the_same_order_with_different_values_leave_it_unclear_and_the_weakest_counts() {
        let key = Key::find("users", "password_length").unwrap();
        let rows = vec![row(Some("16"), true, None), row(Some("8"), true, None), row(Some("12"), true, None)];

        let reading = PolicyReading::new(key, rows, Era::V5_5);

        assert_eq!(reading.winner, Winner::Unclear(vec![0, 1, 2]));
        assert_eq!(reading.value(), Some("8"));
        assert_eq!(reading.enabled_rows(), 3);
    }

    #[test]
    fn duplicates_that_agree_are_clear() {
        let rows = [row(Some("8"), true, None), row(Some("8"), true, None)];

        assert_eq!(winner(&rows), Winner::Row(1));
    }
}
