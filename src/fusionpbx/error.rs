//! What can go wrong with FusionPBX's database, in words for an operator. No variant ever holds the URL.

use crate::base::chain::printable;

/// Why FusionPBX's database gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum FusionPbxError {
    /// No connection: it is down, the address is wrong, or every connection is taken.
    #[error("FusionPBX's database cannot be reached")]
    Unreachable(#[source] sqlx::Error),
    /// It answered and refused the sign-in: wrong password, role or database.
    #[error("FusionPBX's database refuses the sign-in: {reason}")]
    Denied {
        /// The server's own words.
        reason: String,
    },
    /// The role may not do this: a grant of `fusionpbx-role.sql` is missing.
    #[error("the database role may not do this: {reason}")]
    Forbidden {
        /// The server's own words.
        reason: String,
    },
    /// This FusionPBX has no such table or column.
    #[error("this FusionPBX has no {}", place(table, column))]
    Missing {
        /// The table, if known.
        table: String,
        /// The column; empty if the whole table is missing.
        column: String,
    },
    /// The tables are no longer what they were when we last looked; the next call looks again.
    #[error("FusionPBX's tables have changed: {reason}")]
    Altered {
        /// The server's own words.
        reason: String,
    },
    /// A statement took longer than 5 seconds, or a lock was held for longer than 2.
    #[error("FusionPBX's database took too long to answer")]
    TimedOut(#[source] sqlx::Error),
    /// Anything else that the database said.
    #[error("FusionPBX's database could not answer the question")]
    Query(#[source] sqlx::Error),
}

impl FusionPbxError {
    /// Whether the tables are not what was expected.
    #[must_use]
    pub const fn is_about_schema(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Altered { .. })
    }
}

fn place(table: &str, column: &str) -> String {
    if column.is_empty() { format!("table {table}") } else { format!("column {table}.{column}") }
}

impl From<sqlx::Error> for FusionPbxError {
    fn from(error: sqlx::Error) -> Self {
        let Some(answer) = error.as_database_error() else {
            return match error {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Protocol(_) => Self::Unreachable(error),
                other => Self::Query(other),
            };
        };
        let reason = printable(answer.message());
        // https://www.postgresql.org/docs/15/errcodes-appendix.html
        match answer.code().as_deref().unwrap_or_default() {
            "28000" | "28P01" | "3D000" => Self::Denied { reason },
            "42501" => Self::Forbidden { reason },
            // Undefined column, table or function, a type that is not the one we saw, a cached plan of old types.
            "42703" | "42P01" | "42883" | "42804" | "0A000" => Self::Altered { reason },
            "57014" | "55P03" => Self::TimedOut(error),
            // Shutting down, starting up, crashed, too many connections, connection lost.
            code if code.starts_with("57P") || code.starts_with("53") || code.starts_with("08") => {
                Self::Unreachable(error)
            }
            _ => Self::Query(error),
        }
    }
}
