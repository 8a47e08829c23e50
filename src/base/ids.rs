//! One id type for each kind of row, so that an operator's id can never stand where an order's belongs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }

        impl FromStr for $name {
            type Err = <$inner as FromStr>::Err;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id!(
    /// A row of our `operators`.
    OperatorId(i64)
);
id!(
    /// A row of our `certificates`: a set of names that is kept covered.
    CertificateId(i64)
);
id!(
    /// A row of our `orders`: one attempt to get a certificate.
    OrderId(i64)
);
id!(
    /// A row of our `trail`.
    TrailId(i64)
);
id!(
    /// A row of our `acme_accounts`.
    AccountId(i64)
);
id!(
    /// A row of our `dns_credentials`.
    DnsCredentialId(i64)
);
id!(
    /// A row of our `rotations`: new secrets for FusionPBX's extensions, mailboxes and devices.
    RotationId(i64)
);
id!(
    /// A row of our `rotation_batches`.
    BatchId(i64)
);
id!(
    /// `v_domains.domain_uuid`: a tenant.
    TenantId(Uuid)
);
id!(
    /// `v_default_settings.default_setting_uuid` or `v_domain_settings.domain_setting_uuid`.
    SettingId(Uuid)
);
