//! What an account is for, and how far it reaches.

use std::fmt;
use std::str::FromStr;

use crate::base::ids::TenantId;

/// What an account is for. What each may do stands beside the routes, in `web/may.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees all walls and changes nothing.
    Viewer,
    /// Sees the same; renews certificates.
    Support,
    /// Sees and changes what belongs to one FusionPBX domain.
    Tenant,
    /// Sees and changes everything.
    Operator,
}

/// No role is called that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of viewer, support, tenant, operator")]
pub struct NoSuchRole;

impl Role {
    /// Every role, from the least to the most.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Support, Self::Tenant, Self::Operator];

    /// As the store, the command line and forms have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Support => "support",
            Self::Tenant => "tenant",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

impl FromStr for Role {
    type Err = NoSuchRole;

    fn from_str(text: &str) -> Result<Self, NoSuchRole> {
        Self::ALL.into_iter().find(|role| role.word() == text).ok_or(NoSuchRole)
    }
}

/// How far an account reaches. Whatever reads for a page takes one, so that none can be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All tenants, and what belongs to none.
    Everything,
    /// What belongs to this FusionPBX domain, and nothing else.
    Domain(TenantId),
}
