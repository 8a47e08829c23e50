//! Where secrets lie in this FusionPBX, as questions that all answer in the shape of `row::SecretRow`. Which columns
//! exist is asked of the schema, which of them the role may read of PostgreSQL.

use std::collections::HashSet;

use sqlx::postgres::PgConnection;

use crate::fusionpbx::error::FusionPbxError;
use crate::fusionpbx::schema::Schema;
use crate::policy::secrets::Kind;

/// One question for secrets.
pub(super) struct Table {
    /// As FusionPBX names it.
    pub(super) name: &'static str,
    /// What kind of secret.
    pub(super) kind: Kind,
    /// Whether a row may belong to all tenants.
    pub(super) may_be_global: bool,
    /// The question, or why it cannot be asked.
    pub(super) sql: Result<String, String>,
}

/// The columns that exist and may not be read.
pub(super) struct Rights {
    forbidden: HashSet<(String, String)>,
}

impl Rights {
    pub(super) async fn ask(connection: &mut PgConnection) -> Result<Self, FusionPbxError> {
        let forbidden: Vec<(String, String)> = sqlx::query_as(
            "SELECT relation.relname::text, attribute.attname::text \
             FROM pg_catalog.pg_class AS relation \
             JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace \
             JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = relation.oid \
             WHERE namespace.nspname = 'public' AND relation.relkind IN ('r', 'p', 'v') \
                AND relation.relname LIKE 'v\\_%' AND attribute.attnum > 0 AND NOT attribute.attisdropped \
                AND NOT has_column_privilege(relation.oid, attribute.attnum, 'SELECT')",
        )
        .fetch_all(connection)
        .await?;
        Ok(Self { forbidden: forbidden.into_iter().collect() })
    }

    pub(super) fn may_read(&self, table: &str, column: &str) -> bool {
        !self.forbidden.contains(&(table.to_owned(), column.to_owned()))
    }
}

/// The columns of one table under an alias.
pub(super) struct Columns<'a> {
    pub(super) schema: &'a Schema,
    pub(super) rights: &'a Rights,
    pub(super) table: &'static str,
    pub(super) alias: &'static str,
}

impl Columns<'_> {
    /// A column without which the question cannot be asked.
    ///
    /// # Errors
    /// In words: it does not exist, or may not be read.
    pub(super) fn needed(&self, column: &'static str) -> Result<String, String> {
        let Self { schema, rights, table, alias } = self;
        schema.require(table, &[column]).map_err(|error| error.to_string())?;
        if !rights.may_read(table, column) {
            return Err(format!("not permitted: no grant to read {table}.{column}"));
        }
        Ok(format!("{alias}.{column}"))
    }

    /// A column as text, or NULL where it does not exist or may not be read.
    pub(super) fn or_null(&self, column: &'static str) -> String {
        self.needed(column).map_or_else(|_| "NULL::text".to_owned(), |name| format!("{name}::text"))
    }

    /// A flag as a boolean; on where this FusionPBX has no such flag.
    ///
    /// # Errors
    /// It may not be read, or holds no flag.
    pub(super) fn flag(&self, column: &'static str) -> Result<String, String> {
        if !self.schema.has(self.table, column) {
            return Ok("true".to_owned());
        }
        self.needed(column)?;
        self.schema.flag(self.alias, self.table, column).map_err(|error| error.to_string())
    }
}

/// Every question, in the order in which they are asked: extensions and mailboxes before what is compared with them.
pub(super) fn all(schema: &Schema, rights: &Rights) -> Vec<Table> {
    let of = |table| Columns { schema, rights, table, alias: "t" };
    let table = |name, kind, may_be_global, sql| Table { name, kind, may_be_global, sql };
    let rooms = |pin| conference_rooms(&of("v_conference_rooms"), pin);
    vec![
        table("v_extensions", Kind::Extension, false, extensions(&of("v_extensions"))),
        table("v_voicemails", Kind::Voicemail, false, voicemails(&of("v_voicemails"))),
        table("v_device_lines", Kind::Line, false, lines(&of("v_device_lines"))),
        table("v_gateways", Kind::Gateway, true, gateways(&of("v_gateways"))),
        table("v_devices", Kind::Device, true, devices(&of("v_devices"))),
        table("v_default_settings", Kind::Provisioning, true, default_settings(&of("v_default_settings"), false)),
        table("v_default_settings", Kind::Pin, true, default_settings(&of("v_default_settings"), true)),
        table("v_domain_settings", Kind::Provisioning, false, domain_settings(&of("v_domain_settings"), false)),
        table("v_domain_settings", Kind::Pin, false, domain_settings(&of("v_domain_settings"), true)),
        table("v_pin_numbers", Kind::Pin, true, pin_numbers(&of("v_pin_numbers"))),
        table("v_conference_rooms", Kind::Pin, true, rooms("moderator_pin")),
        table("v_conference_rooms", Kind::Pin, true, rooms("participant_pin")),
        table("v_conferences", Kind::Pin, true, conferences(&of("v_conferences"))),
        table("v_fax", Kind::Pin, true, faxes(&of("v_fax"))),
        table("v_call_center_agents", Kind::Pin, true, agents(&of("v_call_center_agents"))),
    ]
}

fn extensions(of: &Columns<'_>) -> Result<String, String> {
    Ok(format!(
        "SELECT {}, {}, {}, {}, {}, {}, {}, NULL::text FROM v_extensions AS t",
        of.needed("extension_uuid")?,
        of.needed("domain_uuid")?,
        of.flag("enabled")?,
        of.needed("password")?,
        of.needed("extension")?,
        of.or_null("number_alias"),
        of.or_null("effective_caller_id_name"),
    ))
}

fn voicemails(of: &Columns<'_>) -> Result<String, String> {
    // A number in 4.4, which has lost its leading zeros.
    Ok(format!(
        "SELECT {}, {}, {}, {}, {}::text, NULL::text, NULL::text, NULL::text FROM v_voicemails AS t",
        of.needed("voicemail_uuid")?,
        of.needed("domain_uuid")?,
        of.flag("voicemail_enabled")?,
        of.needed("voicemail_password")?,
        of.needed("voicemail_id")?,
    ))
}

fn lines(of: &Columns<'_>) -> Result<String, String> {
    let phones = Columns { table: "v_devices", alias: "d", ..*of };
    let device = of.needed("device_uuid")?;
    let (address, phone_enabled, join) = match (phone_address(&phones), phones.flag("device_enabled")) {
        (Ok(address), Ok(enabled)) => {
            let join = format!(" LEFT JOIN v_devices AS d ON d.device_uuid = {device}");
            (format!("coalesce(nullif({address}, ''), {device}::text, '')"), enabled, join)
        }
        _ => (format!("coalesce({device}::text, '')"), "true".to_owned(), String::new()),
    };
    Ok(format!(
        "SELECT {}, {}, {} AND ({device} IS NULL OR {phone_enabled}), {}, coalesce(nullif({}, ''), {}), {}, NULL::text, \
            {address} || ' line ' || coalesce({}, '') FROM v_device_lines AS t{join}",
        of.needed("device_line_uuid")?,
        of.needed("domain_uuid")?,
        of.flag("enabled")?,
        of.needed("password")?,
        of.or_null("auth_id"),
        of.or_null("user_id"),
        of.or_null("server_address"),
        of.or_null("line_number"),
    ))
}

/// `device_mac_address` through 5.0.
fn phone_address(of: &Columns<'_>) -> Result<String, String> {
    of.needed("device_uuid")?;
    of.needed("device_address").or_else(|_| of.needed("device_mac_address"))
}

fn gateways(of: &Columns<'_>) -> Result<String, String> {
    Ok(format!(
        "SELECT {}, {}, {}, {}, CASE WHEN {} THEN 'register' ELSE '' END, {}, {}, coalesce({}, '') FROM v_gateways AS t",
        of.needed("gateway_uuid")?,
        of.needed("domain_uuid")?,
        of.flag("enabled")?,
        of.needed("password")?,
        of.flag("register")?,
        of.or_null("auth_username"),
        of.or_null("username"),
        of.needed("gateway")?,
    ))
}

fn devices(of: &Columns<'_>) -> Result<String, String> {
    let password = of.needed("device_password")?;
    Ok(format!(
        "SELECT {}, {}, {}, {password}, NULL::text, {}, {}, coalesce({}, '') FROM v_devices AS t \
         WHERE coalesce({password}, '') <> ''",
        of.needed("device_uuid")?,
        of.needed("domain_uuid")?,
        of.flag("device_enabled")?,
        of.or_null("device_label"),
        of.or_null("device_username"),
        phone_address(of)?,
    ))
}

/// Which settings hold a secret: of provisioning those that end so, and the PIN that recording asks for. The ones of a
/// phone's menu are typed on its keypad.
fn setting_is(category: &str, subcategory: &str, is_pin: bool) -> String {
    let typed = format!(
        "({category} = 'recordings' OR {subcategory} ~ '(menu|admin_mode)_password$' OR {subcategory} ~ '(^|_)pin$')"
    );
    let not = if is_pin { "" } else { "NOT " };
    format!(
        "(({category} = 'provision' AND {subcategory} ~ '(^|_)(password|pin)$') \
          OR ({category} = 'recordings' AND {subcategory} = 'recording_password')) AND {not}{typed}"
    )
}

fn default_settings(of: &Columns<'_>, is_pin: bool) -> Result<String, String> {
    let (category, subcategory) = (of.needed("default_setting_category")?, of.needed("default_setting_subcategory")?);
    let value = of.needed("default_setting_value")?;
    Ok(format!(
        "SELECT {}, NULL::uuid, true, {value}, NULL::text, NULL::text, NULL::text, {category} || '.' || {subcategory} \
         FROM v_default_settings AS t WHERE {} AND coalesce({value}, '') <> '' AND {}",
        of.needed("default_setting_uuid")?,
        of.flag("default_setting_enabled")?,
        setting_is(&category, &subcategory, is_pin),
    ))
}

fn domain_settings(of: &Columns<'_>, is_pin: bool) -> Result<String, String> {
    let (category, subcategory) = (of.needed("domain_setting_category")?, of.needed("domain_setting_subcategory")?);
    let value = of.needed("domain_setting_value")?;
    Ok(format!(
        "SELECT {}, {}, true, {value}, NULL::text, NULL::text, NULL::text, {category} || '.' || {subcategory} \
         FROM v_domain_settings AS t WHERE {} AND coalesce({value}, '') <> '' AND {}",
        of.needed("domain_setting_uuid")?,
        of.needed("domain_uuid")?,
        of.flag("domain_setting_enabled")?,
        setting_is(&category, &subcategory, is_pin),
    ))
}

fn pin_numbers(of: &Columns<'_>) -> Result<String, String> {
    // The number is the secret: the row is named by whom it is charged to, or by its key.
    let key = of.needed("pin_number_uuid")?;
    Ok(format!(
        "SELECT {key}, {}, {}, {}, NULL::text, NULL::text, NULL::text, coalesce(nullif({}, ''), {key}::text) \
         FROM v_pin_numbers AS t",
        of.needed("domain_uuid")?,
        of.flag("enabled")?,
        of.needed("pin_number")?,
        of.or_null("accountcode"),
    ))
}

fn conference_rooms(of: &Columns<'_>, pin: &'static str) -> Result<String, String> {
    let secret = of.needed(pin)?;
    let key = of.needed("conference_room_uuid")?;
    Ok(format!(
        "SELECT {key}, {}, {}, {secret}, NULL::text, NULL::text, NULL::text, \
            coalesce(nullif({}, ''), {key}::text) || ' {pin}' \
         FROM v_conference_rooms AS t WHERE coalesce({secret}, '') <> ''",
        of.needed("domain_uuid")?,
        of.flag("enabled")?,
        of.or_null("conference_room_name"),
    ))
}

fn conferences(of: &Columns<'_>) -> Result<String, String> {
    let secret = of.needed("conference_pin_number")?;
    Ok(format!(
        "SELECT {}, {}, {}, {secret}, {}, NULL::text, NULL::text, NULL::text \
         FROM v_conferences AS t WHERE coalesce({secret}, '') <> ''",
        of.needed("conference_uuid")?,
        of.needed("domain_uuid")?,
        of.flag("conference_enabled")?,
        of.needed("conference_extension")?,
    ))
}

fn faxes(of: &Columns<'_>) -> Result<String, String> {
    let secret = of.needed("fax_pin_number")?;
    Ok(format!(
        "SELECT {}, {}, true, {secret}::text, {}::text, NULL::text, NULL::text, NULL::text \
         FROM v_fax AS t WHERE coalesce({secret}::text, '') <> ''",
        of.needed("fax_uuid")?,
        of.needed("domain_uuid")?,
        of.needed("fax_extension")?,
    ))
}

fn agents(of: &Columns<'_>) -> Result<String, String> {
    let secret = of.needed("agent_password")?;
    Ok(format!(
        "SELECT {}, {}, true, {secret}::text, {}, NULL::text, NULL::text, {} \
         FROM v_call_center_agents AS t WHERE coalesce({secret}::text, '') <> ''",
        of.needed("call_center_agent_uuid")?,
        of.needed("domain_uuid")?,
        of.or_null("agent_id"),
        of.or_null("agent_name"),
    ))
}
