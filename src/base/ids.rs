//! One id type for each kind of row, so that an operator's id can never stand where an order's belongs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

macro_rules! fusionpbx_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

row_id!(
    /// A row of our `operators`.
    OperatorId
);
row_id!(
    /// A row of our `certificates`: a set of names that is kept covered.
    CertificateId
);
row_id!(
    /// A row of our `orders`: one attempt to get a certificate.
    OrderId
);
row_id!(
    /// A row of our `trail`.
    TrailId
);
row_id!(
    /// A row of our `acme_accounts`.
    AccountId
);
fusionpbx_id!(
    /// `v_domains.domain_uuid`: a tenant.
    TenantId
);
fusionpbx_id!(
    /// `v_default_settings.default_setting_uuid` or `v_domain_settings.domain_setting_uuid`.
    SettingId
);
