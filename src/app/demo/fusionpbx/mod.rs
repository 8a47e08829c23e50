//! FusionPBX-shaped databases, written for this project: the schema of three generations and the settings they ship.

/// A generation of FusionPBX's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// As 4.4.1: every flag is text, settings in the categories `user` and `security`, no views.
    V4_4,
    /// As 5.0.1: `v_settings` is there, flags outside settings are text, no row has dates.
    V5_0,
    /// As 5.5.7: flags are boolean, rows have dates, the switch's own settings have left the database.
    V5_5,
}

impl Generation {
    /// Each of them, oldest first.
    pub const ALL: [Self; 3] = [Self::V4_4, Self::V5_0, Self::V5_5];

    /// The SQL that makes an empty database this generation's: tables, shipped settings, groups, access lists.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::V4_4 => include_str!("4.4.sql"),
            Self::V5_0 => include_str!("5.0.sql"),
            Self::V5_5 => include_str!("5.5.sql"),
        }
    }

    /// A word for names of databases: `v4_4`, `v5_0` or `v5_5`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::V4_4 => "v4_4",
            Self::V5_0 => "v5_0",
            Self::V5_5 => "v5_5",
        }
    }
}

/// The SQL that gives Rampart its role in FusionPBX's database, as an operator runs it.
pub const ROLE: &str = include_str!("../../../../packaging/fusionpbx-role.sql");
