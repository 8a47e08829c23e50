//! The demo's town: tenants, extensions, phones and accounts of a FusionPBX server, with some faults on purpose.

use crate::app::demo::fusionpbx::Generation;
use crate::app::demo::postgres::{Postgres, PostgresError};

/// How large the town is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Town {
    /// Tenants: the first 11 have names such as `north.example.test`, the 12th a hostile one, the rest are numbered.
    pub tenants: u32,
    /// Extensions of each tenant, each with a voicemail box, every fifth with a phone.
    pub extensions: u32,
}

impl Default for Town {
    /// The demo's: 12 tenants, 600 extensions.
    fn default() -> Self {
        Self { tenants: 12, extensions: 50 }
    }
}

/// The zone below which every tenant but the hostile one has its name.
pub const ZONE: &str = "example.test";

/// The name of the 12th tenant: markup, and a mark that turns the text around.
pub const HOSTILE_NAME: &str = "<img src=x onerror=alert(1)>\u{202e}tset.elpmaxe";

/// Fills `database`, which must hold `generation`'s schema and nothing else. 10,000 tenants with few extensions take
/// seconds.
///
/// # Errors
/// The server refused a statement.
pub async fn fill(
    postgres: &Postgres,
    database: &str,
    generation: Generation,
    town: Town,
) -> Result<(), PostgresError> {
    postgres.run_sql(database, &statements(generation, town)).await
}

fn statements(generation: Generation, town: Town) -> String {
    let (on, off, device_address, first, last) = match generation {
        Generation::V4_4 => ("'true'", "'false'", "device_mac_address", BEFORE_4_4, AFTER_4_4),
        Generation::V5_0 => ("'true'", "'false'", "device_mac_address", "", ""),
        Generation::V5_5 => ("true", "false", "device_address", "", ONLY_IN_5_5),
    };
    let statements = include_str!("fusionpbx/town.sql")
        .replace("{tenants}", &town.tenants.to_string())
        .replace("{extensions}", &town.extensions.to_string())
        .replace("{on}", on)
        .replace("{off}", off)
        .replace("{device_address}", device_address);
    // One transaction, so that a town is whole or not there; statistics, so that large towns are planned well.
    format!("BEGIN; {first}{statements}{last} COMMIT; ANALYZE;")
}

/// The town is written for later tables: those of 4.4 look like them while it is filled.
const BEFORE_4_4: &str = "
ALTER TABLE v_users ADD user_email text, ALTER api_key TYPE text;
ALTER TABLE v_voicemails ALTER voicemail_id TYPE text;
ALTER TABLE v_devices ADD device_provisioned_agent text;
ALTER TABLE v_group_users RENAME TO v_user_groups;
ALTER TABLE v_user_groups RENAME group_user_uuid TO user_group_uuid;
";

/// And go back; settings stand in the categories of 4.4.
const AFTER_4_4: &str = "
UPDATE v_users SET api_key = md5(api_key) WHERE api_key IS NOT NULL;
ALTER TABLE v_users DROP user_email, ALTER api_key TYPE uuid USING api_key::uuid;
ALTER TABLE v_voicemails ALTER voicemail_id TYPE numeric USING voicemail_id::numeric;
ALTER TABLE v_devices DROP device_provisioned_agent;
ALTER TABLE v_user_groups RENAME user_group_uuid TO group_user_uuid;
ALTER TABLE v_user_groups RENAME TO v_group_users;
UPDATE v_domain_settings SET domain_setting_category =
    CASE domain_setting_category WHEN 'users' THEN 'user' WHEN 'extension' THEN 'security' ELSE domain_setting_category END;
";

/// A second factor for one of the administrators, and what event guard has blocked.
const ONLY_IN_5_5: &str = "
UPDATE v_users SET user_totp_secret = 'JBSWY3DPEHPK3PXP' WHERE username = 'root';
INSERT INTO v_event_guard_logs (event_guard_log_uuid, hostname, log_date, filter, ip_address, extension, user_agent,
    log_status)
SELECT md5('guard ' || n)::uuid, 'pbx', timestamptz '2026-11-22 06:00:00+00' - make_interval(mins => n * 17),
    CASE WHEN n % 3 = 0 THEN 'sip-auth-ip' ELSE 'sip-auth-fail' END, '203.0.113.' || n, '100@north.example.test',
    'friendly-scanner', CASE WHEN n % 5 = 0 THEN 'unblocked' ELSE 'blocked' END
FROM generate_series(1, 40) AS n;
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_in_braces_is_left() {
        for generation in Generation::ALL {
            let sql = statements(generation, Town::default());
            assert!(!sql.contains('{') && !sql.contains('}'), "{generation:?}");
        }
    }
}
