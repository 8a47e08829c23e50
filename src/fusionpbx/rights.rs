//! What Rampart needs in FusionPBX's database, column by column, and the SQL that grants just that.
//!
//! `packaging/fusionpbx-role.sql` is [`role_script`], word for word; a test holds the two together.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a right is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To see tenants, settings, groups, access lists and modules.
    Look,
    /// To change a password setting and take it back.
    Policy,
    /// To judge the secrets of extensions, mailboxes, devices, gateways and rooms where they lie.
    Credentials,
    /// To give them new ones.
    Rotation,
    /// To see and change the switch's own passwords where FusionPBX keeps them in its database (through 5.1).
    Switch,
    /// To let an address go that event guard blocks.
    Unblock,
    /// To judge the passwords, API keys and second factors of FusionPBX's users. Optional: whoever reads them can try to
    /// break them, and an API key opens FusionPBX.
    Accounts,
}

impl Purpose {
    /// All, as they are shown.
    pub const ALL: [Self; 7] =
        [Self::Look, Self::Policy, Self::Credentials, Self::Rotation, Self::Switch, Self::Unblock, Self::Accounts];

    /// In words: what it allows.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Look => "see tenants, settings, groups, access lists and modules",
            Self::Policy => "change the password policy",
            Self::Credentials => "judge the secrets of extensions, mailboxes, devices, gateways and rooms",
            Self::Rotation => "give them new secrets",
            Self::Switch => "see and change the switch's passwords that lie in the database",
            Self::Unblock => "let an address go that event guard blocks",
            Self::Accounts => "judge the passwords, API keys and second factors of FusionPBX's users",
        }
    }

    /// Whether the script grants it only when asked to.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::Accounts)
    }
}

/// What may be done with columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    Select,
    Insert,
    Update,
}

impl Verb {
    pub(super) const fn sql(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
        }
    }
}

/// Columns of a table, and what may be done with them. Those that a generation does not have are left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Right {
    pub(super) purpose: Purpose,
    pub(super) verb: Verb,
    pub(super) table: &'static str,
    pub(super) columns: &'static str,
}

impl Right {
    pub(super) fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns.split(' ')
    }
}

impl fmt::Display for Right {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {}", self.verb.sql(), self.table, self.columns.replace(' ', ","))
    }
}

const fn right(purpose: Purpose, verb: Verb, table: &'static str, columns: &'static str) -> Right {
    Right { purpose, verb, table, columns }
}

/// Everything that some part of Rampart reads or writes, and nothing else.
pub(super) const RIGHTS: [Right; 39] = {
    use Purpose::{Accounts, Credentials, Look, Policy, Rotation, Switch, Unblock};
    use Verb::{Insert, Select, Update};
    [
        right(Look, Select, "v_software", "software_uuid software_name software_version"),
        right(Look, Select, "v_domains", "domain_uuid domain_name domain_enabled"),
        right(
            Look,
            Select,
            "v_default_settings",
            "default_setting_uuid default_setting_category default_setting_subcategory default_setting_name \
             default_setting_value default_setting_order default_setting_enabled update_date update_user xmin",
        ),
        right(
            Look,
            Select,
            "v_domain_settings",
            "domain_setting_uuid domain_uuid domain_setting_category domain_setting_subcategory domain_setting_name \
             domain_setting_value domain_setting_order domain_setting_enabled update_date update_user xmin",
        ),
        right(
            Look,
            Select,
            "v_user_settings",
            "user_setting_uuid user_uuid domain_uuid user_setting_category user_setting_subcategory \
             user_setting_name user_setting_value user_setting_order user_setting_enabled",
        ),
        right(Look, Select, "v_users", "user_uuid domain_uuid username user_email user_enabled"),
        right(Look, Select, "v_groups", "group_uuid domain_uuid group_name group_level"),
        right(Look, Select, "v_group_permissions", "domain_uuid permission_name permission_assigned group_name"),
        right(Look, Select, "v_user_groups", "user_group_uuid domain_uuid group_name group_uuid user_uuid"),
        right(Look, Select, "v_group_users", "group_user_uuid domain_uuid group_name group_uuid user_uuid"),
        right(Look, Select, "v_user_logs", "timestamp domain_uuid user_uuid username type result remote_address"),
        right(Look, Select, "v_access_controls", "access_control_uuid access_control_name access_control_default"),
        right(
            Look,
            Select,
            "v_access_control_nodes",
            "access_control_node_uuid access_control_uuid node_type node_cidr node_domain node_description",
        ),
        right(Look, Select, "v_modules", "module_uuid module_name module_enabled module_default_enabled xmin"),
        right(Policy, Update, "v_default_settings", "default_setting_value default_setting_enabled update_date"),
        right(
            Policy,
            Insert,
            "v_default_settings",
            "default_setting_uuid default_setting_category default_setting_subcategory default_setting_name \
             default_setting_value default_setting_enabled default_setting_description insert_date app_uuid",
        ),
        right(Policy, Update, "v_domain_settings", "domain_setting_value domain_setting_enabled update_date"),
        right(
            Credentials,
            Select,
            "v_extensions",
            "extension_uuid domain_uuid extension number_alias password enabled user_context \
             effective_caller_id_name directory_first_name directory_last_name description xmin",
        ),
        right(Credentials, Select, "v_extension_users", "domain_uuid extension_uuid user_uuid"),
        right(
            Credentials,
            Select,
            "v_voicemails",
            "voicemail_uuid domain_uuid voicemail_id voicemail_password voicemail_enabled voicemail_description xmin",
        ),
        right(
            Credentials,
            Select,
            "v_devices",
            "device_uuid domain_uuid device_address device_mac_address device_label device_vendor device_model \
             device_template device_username device_password device_enabled device_provisioned_date \
             device_provisioned_method device_provisioned_ip device_provisioned_agent xmin",
        ),
        right(
            Credentials,
            Select,
            "v_device_lines",
            "device_line_uuid domain_uuid device_uuid line_number server_address user_id auth_id password enabled \
             sip_transport xmin",
        ),
        right(
            Credentials,
            Select,
            "v_gateways",
            "gateway_uuid domain_uuid gateway username auth_username password proxy register register_transport \
             profile enabled xmin",
        ),
        right(
            Credentials,
            Select,
            "v_pin_numbers",
            "pin_number_uuid domain_uuid pin_number accountcode enabled xmin",
        ),
        right(
            Credentials,
            Select,
            "v_conference_rooms",
            "conference_room_uuid domain_uuid conference_room_name moderator_pin participant_pin enabled xmin",
        ),
        right(
            Credentials,
            Select,
            "v_conferences",
            "conference_uuid domain_uuid conference_name conference_extension conference_pin_number \
             conference_enabled xmin",
        ),
        right(
            Credentials,
            Select,
            "v_call_center_agents",
            "call_center_agent_uuid domain_uuid agent_name agent_id agent_password xmin",
        ),
        right(Credentials, Select, "v_fax", "fax_uuid domain_uuid fax_extension fax_name fax_pin_number xmin"),
        right(Rotation, Update, "v_extensions", "password update_date"),
        right(Rotation, Update, "v_device_lines", "password update_date"),
        right(Rotation, Update, "v_voicemails", "voicemail_password update_date"),
        right(Rotation, Update, "v_devices", "device_password update_date"),
        right(
            Switch,
            Select,
            "v_settings",
            "setting_uuid event_socket_ip_address event_socket_port event_socket_password event_socket_acl \
             xml_rpc_http_port xml_rpc_auth_realm xml_rpc_auth_user xml_rpc_auth_pass xmin",
        ),
        right(
            Switch,
            Update,
            "v_settings",
            "event_socket_password xml_rpc_http_port xml_rpc_auth_realm xml_rpc_auth_user xml_rpc_auth_pass",
        ),
        right(Switch, Update, "v_modules", "module_enabled update_date"),
        right(
            Unblock,
            Select,
            "v_event_guard_logs",
            "event_guard_log_uuid hostname log_date filter ip_address extension user_agent log_status xmin",
        ),
        right(Unblock, Update, "v_event_guard_logs", "log_status log_date update_date"),
        right(Accounts, Select, "v_users", "password salt api_key user_totp_secret"),
        right(Accounts, Select, "v_user_logs", "detail"),
    ]
};

const HEAD: &str = r"-- Rampart's role in FusionPBX's database (written by `rampart doctor --sql`). Run it once, as a superuser, in FusionPBX's
-- database; again after an upgrade of FusionPBX, since a rebuilt table loses its grants:
--
--   sudo -u postgres psql -d fusionpbx -v ON_ERROR_STOP=1 -f fusionpbx-role.sql
--
-- To have FusionPBX's accounts judged too (old hashes, no second factor, API keys), Rampart must be able to read those
-- columns. They are secrets: grant them only if you want that check.
--
--   sudo -u postgres env PGOPTIONS='-c rampart.judge_accounts=on' psql -d fusionpbx -v ON_ERROR_STOP=1 -f fusionpbx-role.sql
--
-- The role has no password. The console's operating system user `rampart` signs in over the local socket (peer).
-- GRANT knows columns, not rows. So the role can read every default and domain setting, among them FusionPBX's mail
-- password; Rampart's code asks for password and provisioning settings only. And which settings rows may be written is
-- decided in that code too: known password settings, nothing else.

DO $role$
DECLARE
    item record;
    judge_accounts CONSTANT boolean := coalesce(current_setting('rampart.judge_accounts', true), '') = 'on';
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rampart') THEN
        CREATE ROLE rampart LOGIN;
    END IF;
    ALTER ROLE rampart NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT CONNECTION LIMIT 20;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO rampart', current_database());
    GRANT USAGE ON SCHEMA public TO rampart;
    -- What an earlier run granted and this one does not goes away, column grants included.
    REVOKE ALL ON ALL TABLES IN SCHEMA public FROM rampart;

    -- Only columns that this generation of FusionPBX has.
    FOR item IN
        SELECT wanted.right_name, wanted.table_name, wanted.column_name
        FROM (
            SELECT split_part(line, ' ', 1) AS right_name, split_part(line, ' ', 2) AS table_name,
                unnest(string_to_array(split_part(line, ' ', 3), ',')) AS column_name
            FROM unnest(
";

const TAIL: &str = r"            ) AS lines (line)
        ) AS wanted
        JOIN pg_class AS relation
            ON relation.relname = wanted.table_name AND relation.relnamespace = 'public'::regnamespace
        JOIN pg_attribute AS attribute
            ON attribute.attrelid = relation.oid AND attribute.attname = wanted.column_name
            AND NOT attribute.attisdropped
    LOOP
        EXECUTE format('GRANT %s (%I) ON public.%I TO rampart', item.right_name, item.column_name, item.table_name);
    END LOOP;
END
$role$;
";

/// The SQL that makes the role `rampart` and grants it what Rampart needs, in any generation of FusionPBX; run again,
/// it takes back what is no longer needed.
#[must_use]
pub fn role_script() -> String {
    let lines = |is_optional: bool| {
        let rights = RIGHTS.iter().filter(move |right| right.purpose.is_optional() == is_optional);
        rights.map(|right| format!("                    '{right}'")).collect::<Vec<_>>().join(",\n")
    };
    format!(
        "{HEAD}                ARRAY[\n{}\n                ] || CASE WHEN judge_accounts THEN ARRAY[\n{}\n                ] \
         ELSE ARRAY[]::text[] END\n{TAIL}",
        lines(false),
        lines(true)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packaged_script_is_what_the_code_says() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/fusionpbx-role.sql");

        if std::env::var_os("RAMPART_WRITE_ROLE").is_some() {
            std::fs::write(file, role_script()).unwrap();
        }

        assert_eq!(std::fs::read_to_string(file).unwrap(), role_script(), "RAMPART_WRITE_ROLE=1 writes it anew");
    }

    #[test]
    fn nothing_is_written_but_what_a_purpose_names() {
        let written: Vec<&str> =
            RIGHTS.iter().filter(|right| right.verb != Verb::Select).map(|right| right.table).collect();

        for table in written {
            assert!(table.starts_with("v_"), "{table}");
            assert!(!["v_users", "v_user_groups", "v_groups", "v_group_permissions"].contains(&table), "{table}");
        }
        for right in RIGHTS {
            let is_plain = |column: &str| column.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
            assert!(right.columns().all(is_plain), "{right}");
        }
    }
}
