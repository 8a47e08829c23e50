//! What an account is for, and how far it reaches.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::base::chain::printable;
use crate::base::ids::TenantId;
use crate::base::names::Fqdn;

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

    /// What it is for, in a sentence.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Viewer => "Sees all walls, certificates and the trail. Changes nothing.",
            Self::Support => "Sees the same. Asks for a fresh look and renews certificates.",
            Self::Tenant => "Sees and changes the password settings of one domain, and renews its certificates.",
            Self::Operator => "Sees and changes everything, accounts too.",
        }
    }

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

/// A role with what it needs: a tenant's is bound to one domain, no other is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Post {
    /// Sees all walls.
    Viewer,
    /// Sees the same; renews certificates.
    Support,
    /// Has one domain.
    Tenant {
        /// `v_domains.domain_uuid`, which binds.
        id: TenantId,
        /// Its name as last seen.
        name: String,
    },
    /// Has everything.
    Operator,
}

impl Post {
    /// The role.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self {
            Self::Viewer => Role::Viewer,
            Self::Support => Role::Support,
            Self::Tenant { .. } => Role::Tenant,
            Self::Operator => Role::Operator,
        }
    }

    /// The domain that it is bound to, and its name as last seen.
    #[must_use]
    pub fn domain(&self) -> Option<(TenantId, &str)> {
        match self {
            Self::Tenant { id, name } => Some((*id, name)),
            Self::Viewer | Self::Support | Self::Operator => None,
        }
    }

    /// The post of a role with a domain; `None` if the role needs one and there is none.
    #[must_use]
    pub fn of(role: Role, domain: Option<(TenantId, String)>) -> Option<Self> {
        match (role, domain) {
            (Role::Viewer, _) => Some(Self::Viewer),
            (Role::Support, _) => Some(Self::Support),
            (Role::Tenant, Some((id, name))) => Some(Self::Tenant { id, name }),
            (Role::Tenant, None) => None,
            (Role::Operator, _) => Some(Self::Operator),
        }
    }
}

impl fmt::Display for Post {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant { name, .. } => write!(out, "tenant of {}", printable(name)),
            Self::Viewer | Self::Support | Self::Operator => self.role().fmt(out),
        }
    }
}

/// How far a visitor reaches. Whatever reads or changes something on a visitor's behalf takes one, so that none can be
/// forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All tenants, and what belongs to none.
    Everything,
    /// What belongs to this FusionPBX domain, and nothing else.
    Domain(OwnDomain),
    /// Nothing at all.
    Nothing,
}

/// The FusionPBX domain of a tenant's own operator, as FusionPBX has it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnDomain {
    /// What binds: `v_domains.domain_uuid`.
    pub id: TenantId,
    /// Its present name. Hostile text.
    pub name: String,
    /// Its present name as certificates have it; `None` where it is no host name, or where another domain is called the
    /// same, so that nobody could say whose a certificate is.
    pub host: Option<Fqdn>,
}

impl Reach {
    /// The one name that a certificate's names must all be, or be `*.` in front of; empty where none will do, `None`
    /// where all will.
    #[must_use]
    pub fn base(&self) -> Option<&str> {
        match self {
            Self::Everything => None,
            Self::Domain(domain) => Some(domain.host.as_ref().map_or("", Fqdn::as_str)),
            Self::Nothing => Some(""),
        }
    }

    /// The one tenant whose rows are in reach; the nil id where nobody's are, `None` where everyone's are.
    #[must_use]
    pub const fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Everything => None,
            Self::Domain(domain) => Some(domain.id),
            Self::Nothing => Some(TenantId(Uuid::nil())),
        }
    }

    /// Whether rows of `tenant` are in reach; `None` is what holds for all tenants.
    #[must_use]
    pub fn covers(&self, tenant: Option<TenantId>) -> bool {
        match self {
            Self::Everything => true,
            Self::Domain(domain) => tenant == Some(domain.id),
            Self::Nothing => false,
        }
    }
}
