-- The part of FusionPBX 4.4.1's schema that Rampart reads: columns and types as that version makes them.
-- FusionPBX has one primary key a table and no other rule: no default, no foreign key, no unique or check constraint.

CREATE TABLE v_domains (
    domain_uuid uuid PRIMARY KEY, domain_parent_uuid uuid, domain_name text, domain_description text,
    domain_enabled text
);

CREATE TABLE v_software (
    software_uuid uuid PRIMARY KEY, software_name text, software_url text, software_version text
);

CREATE TABLE v_default_settings (
    default_setting_uuid uuid PRIMARY KEY, app_uuid uuid, default_setting_category text,
    default_setting_subcategory text, default_setting_name text, default_setting_value text,
    default_setting_order numeric, default_setting_description text, default_setting_enabled text
);

CREATE TABLE v_domain_settings (
    domain_setting_uuid uuid PRIMARY KEY, domain_uuid uuid, app_uuid uuid, domain_setting_category text,
    domain_setting_subcategory text, domain_setting_name text, domain_setting_value text,
    domain_setting_order numeric, domain_setting_description text, domain_setting_enabled text
);

CREATE TABLE v_user_settings (
    user_setting_uuid uuid PRIMARY KEY, user_uuid uuid, domain_uuid uuid, user_setting_category text,
    user_setting_subcategory text, user_setting_name text, user_setting_value text, user_setting_order numeric,
    user_setting_description text, user_setting_enabled text
);

CREATE TABLE v_users (
    user_uuid uuid PRIMARY KEY, domain_uuid uuid, contact_uuid uuid, username text, password text, salt text,
    user_status text, add_user text, add_date text, api_key uuid, user_enabled text
);

CREATE TABLE v_groups (
    group_uuid uuid PRIMARY KEY, domain_uuid uuid, group_name text, group_description text,
    group_protected text
);

CREATE TABLE v_group_users (
    group_user_uuid uuid PRIMARY KEY, domain_uuid uuid, group_name text, group_uuid uuid, user_uuid uuid
);

CREATE TABLE v_settings (
    setting_uuid uuid PRIMARY KEY, numbering_plan text, event_socket_ip_address text, event_socket_port text,
    event_socket_password text, xml_rpc_http_port text, xml_rpc_auth_realm text, xml_rpc_auth_user text,
    xml_rpc_auth_pass text, admin_pin numeric, mod_shout_decoder text, mod_shout_volume text
);

CREATE TABLE v_extensions (
    extension_uuid uuid PRIMARY KEY, domain_uuid uuid, extension text, number_alias text, password text,
    accountcode text, effective_caller_id_name text, effective_caller_id_number text,
    outbound_caller_id_name text, outbound_caller_id_number text, emergency_caller_id_name text,
    emergency_caller_id_number text, directory_first_name text, directory_last_name text, limit_max text,
    limit_destination text, missed_call_app text, missed_call_data text, user_context text, toll_allow text,
    call_timeout numeric, call_group text, user_record text, hold_music text, auth_acl text, cidr text,
    sip_force_contact text, sip_force_expires numeric, mwi_account text, sip_bypass_media text,
    unique_id numeric, dial_string text, dial_user text, dial_domain text, forward_all_destination text,
    forward_busy_destination text, forward_no_answer_destination text,
    forward_user_not_registered_destination text, follow_me_uuid uuid, description text,
    absolute_codec_string text, directory_visible text, directory_exten_visible text, call_screen_enabled text, nibble_account numeric, do_not_disturb text, forward_all_enabled text,
    forward_busy_enabled text, forward_no_answer_enabled text, forward_user_not_registered_enabled text,
    forward_caller_id_uuid uuid, enabled text, force_ping text
);

CREATE TABLE v_extension_users (
    extension_user_uuid uuid PRIMARY KEY, domain_uuid uuid, extension_uuid uuid, user_uuid uuid
);

CREATE TABLE v_voicemails (
    voicemail_uuid uuid PRIMARY KEY, domain_uuid uuid, voicemail_password text, greeting_id numeric,
    voicemail_mail_to text, voicemail_sms_to text, voicemail_attach_file text, voicemail_file text,
    voicemail_description text, voicemail_name_base64 text, voicemail_id numeric, voicemail_tutorial text,
    voicemail_alternate_greet_id numeric, voicemail_transcription_enabled text,
    voicemail_local_after_email text, voicemail_enabled text
);

CREATE TABLE v_devices (
    device_uuid uuid PRIMARY KEY, domain_uuid uuid, device_profile_uuid uuid, device_label text,
    device_vendor text, device_model text, device_firmware_version text, device_template text,
    device_user_uuid uuid, device_username text, device_password text, device_uuid_alternate uuid,
    device_description text, device_provisioned_method text, device_provisioned_ip text,
    device_enabled text, device_enabled_date timestamp, device_provisioned_date timestamp,
    device_mac_address text
);

CREATE TABLE v_device_lines (
    device_line_uuid uuid PRIMARY KEY, domain_uuid uuid, device_uuid uuid, line_number text,
    server_address text, outbound_proxy_primary text, outbound_proxy_secondary text, display_name text,
    user_id text, auth_id text, password text, sip_port numeric, sip_transport text, register_expires numeric,
    shared_line text, enabled text
);

CREATE TABLE v_gateways (
    gateway_uuid uuid PRIMARY KEY, domain_uuid uuid, gateway text, username text, password text,
    auth_username text, realm text, from_user text, from_domain text, proxy text, register_proxy text,
    outbound_proxy text, expire_seconds numeric, register_transport text, retry_seconds numeric, extension text,
    ping text, sip_cid_type text, codec_prefs text, channels numeric, extension_in_contact text, context text,
    profile text, hostname text, description text, distinct_to text, register text, caller_id_in_from text, supress_cng text, enabled text
);

CREATE TABLE v_sip_profiles (
    sip_profile_uuid uuid PRIMARY KEY, sip_profile_name text, sip_profile_hostname text,
    sip_profile_description text, sip_profile_enabled text
);

CREATE TABLE v_sip_profile_settings (
    sip_profile_setting_uuid uuid PRIMARY KEY, sip_profile_uuid uuid, sip_profile_setting_name text,
    sip_profile_setting_value text, sip_profile_setting_description text, sip_profile_setting_enabled text
);

CREATE TABLE v_access_controls (
    access_control_uuid uuid PRIMARY KEY, access_control_name text, access_control_default text,
    access_control_description text
);

CREATE TABLE v_access_control_nodes (
    access_control_node_uuid uuid PRIMARY KEY, access_control_uuid uuid, node_type text, node_cidr text,
    node_description text, node_domain text
);

CREATE TABLE v_vars (
    var_uuid uuid PRIMARY KEY, var_category text, var_name text, var_value text, var_command text,
    var_hostname text, var_order numeric, var_description text, var_enabled text
);

CREATE TABLE v_modules (
    module_uuid uuid PRIMARY KEY, module_label text, module_name text, module_category text,
    module_order numeric, module_description text, module_enabled text, module_default_enabled text
);

-- Security settings as this version ships them.
INSERT INTO v_default_settings (default_setting_uuid, default_setting_category, default_setting_subcategory,
    default_setting_name, default_setting_value, default_setting_enabled)
SELECT md5('default ' || row)::uuid, category, subcategory, name, nullif(value, ''), enabled
FROM (VALUES
    (1, 'cdr', 'cidr', 'array', '127.0.0.1/32', true),
    (2, 'cdr', 'http_enabled', 'boolean', 'true', true),
    (3, 'domain', 'cidr', 'array', '', false),
    (4, 'email', 'smtp_auth', 'text', 'true', true),
    (5, 'email', 'smtp_password', 'text', '', true),
    (6, 'email', 'smtp_username', 'text', '', true),
    (7, 'email', 'smtp_validate_certificate', 'boolean', 'true', true),
    (8, 'login', 'domain_name', 'array', 'pbx1.yourdomain.com', false),
    (9, 'login', 'domain_name_visible', 'boolean', 'true', false),
    (10, 'login', 'message', 'text', 'Welcome', true),
    (11, 'provision', 'admin_name', 'text', '', false),
    (12, 'provision', 'admin_password', 'text', '', false),
    (13, 'provision', 'auto_insert_enabled', 'boolean', 'true', false),
    (14, 'provision', 'cidr', 'array', '', false),
    (15, 'provision', 'enabled', 'text', 'true', false),
    (16, 'provision', 'grandstream_ldap_password', 'text', 'super-secret', false),
    (17, 'provision', 'http_auth_disable', 'boolean', 'false', false),
    (18, 'provision', 'http_auth_password', 'array', '', false),
    (19, 'provision', 'http_auth_type', 'text', 'digest', false),
    (20, 'provision', 'http_auth_username', 'text', '', false),
    (21, 'provision', 'http_domain_filter', 'boolean', 'true', true),
    (22, 'security', 'password_length', 'numeric', '10', true),
    (23, 'security', 'password_lowercase', 'boolean', 'true', true),
    (24, 'security', 'password_number', 'boolean', 'true', false),
    (25, 'security', 'password_special', 'boolean', 'true', false),
    (26, 'security', 'password_strength', 'numeric', '4', true),
    (27, 'security', 'password_uppercase', 'boolean', 'true', false),
    (28, 'security', 'session_rotate', 'boolean', 'true', true),
    (29, 'switch', 'base', 'dir', '/usr', true),
    (30, 'switch', 'bin', 'dir', '', true),
    (31, 'switch', 'call_center', 'dir', '/etc/freeswitch/autoload_configs', false),
    (32, 'switch', 'conf', 'dir', '/etc/freeswitch', true),
    (33, 'switch', 'db', 'dir', '/var/lib/freeswitch/db', true),
    (34, 'switch', 'dialplan', 'dir', '/etc/freeswitch/dialplan', false),
    (35, 'switch', 'extensions', 'dir', '/etc/freeswitch/directory', false),
    (36, 'switch', 'grammar', 'dir', '/usr/share/freeswitch/grammar', true),
    (37, 'switch', 'log', 'dir', '/var/log/freeswitch', true),
    (38, 'switch', 'mod', 'dir', '/usr/lib/freeswitch/mod', true),
    (39, 'switch', 'phrases', 'dir', '/etc/freeswitch/lang', true),
    (40, 'switch', 'recordings', 'dir', '/var/lib/freeswitch/recordings', true),
    (41, 'switch', 'scripts', 'dir', '/usr/share/freeswitch/scripts', true),
    (42, 'switch', 'sip_profiles', 'dir', '/etc/freeswitch/sip_profiles', false),
    (43, 'switch', 'sounds', 'dir', '/usr/share/freeswitch/sounds', true),
    (44, 'switch', 'storage', 'dir', '/var/lib/freeswitch/storage', true),
    (45, 'switch', 'voicemail', 'dir', '/var/lib/freeswitch/storage/voicemail', true),
    (46, 'user', 'password_length', 'numeric', '10', true),
    (47, 'user', 'password_lowercase', 'boolean', 'true', true),
    (48, 'user', 'password_number', 'boolean', 'true', true),
    (49, 'user', 'password_special', 'boolean', 'true', true),
    (50, 'user', 'password_uppercase', 'boolean', 'true', true),
    (51, 'user', 'unique', 'text', 'global', false),
    (52, 'voicemail', 'display_domain_name', 'boolean', 'true', false),
    (53, 'voicemail', 'greeting_max_length', 'numeric', '90', true),
    (54, 'voicemail', 'keep_local', 'boolean', 'true', true),
    (55, 'voicemail', 'message_max_length', 'numeric', '300', true),
    (56, 'voicemail', 'message_order', 'text', 'asc', true),
    (57, 'voicemail', 'not_found_message', 'boolean', 'false', true),
    (58, 'voicemail', 'password_complexity', 'boolean', 'true', false),
    (59, 'voicemail', 'password_length', 'numeric', '8', true),
    (60, 'voicemail', 'password_min_length', 'numeric', '4', false),
    (61, 'voicemail', 'remote_access', 'boolean', 'false', true),
    (62, 'voicemail', 'smtp_from', 'text', '', true),
    (63, 'voicemail', 'smtp_from_name', 'text', '', true),
    (64, 'voicemail', 'storage_type', 'text', 'base64', false),
    (65, 'voicemail', 'voicemail_file', 'text', 'attach', true)
) AS shipped (row, category, subcategory, name, value, enabled);

INSERT INTO v_software (software_uuid, software_name, software_url, software_version)
VALUES (md5('software')::uuid, 'FusionPBX', 'https://www.fusionpbx.com', '4.4.1');

INSERT INTO v_groups (group_uuid, group_name, group_protected, group_description)
SELECT md5('group ' || name)::uuid, name, 'false', description
FROM (VALUES
    ('superadmin', 'Super Administrator Group'), ('admin', 'Administrator Group'), ('user', 'User Group'),
    ('agent', 'Call Center Agent Group'), ('public', 'Public Group')
) AS shipped (name, description);

INSERT INTO v_access_controls (access_control_uuid, access_control_name, access_control_default)
VALUES
    (md5('list lan')::uuid, 'lan', 'allow'),
    (md5('list domains')::uuid, 'domains', 'deny');

INSERT INTO v_sip_profiles (sip_profile_uuid, sip_profile_name, sip_profile_enabled)
SELECT md5('profile ' || name)::uuid, name, 'true' FROM (VALUES ('internal'), ('external')) AS shipped (name);

INSERT INTO v_sip_profile_settings (sip_profile_setting_uuid, sip_profile_uuid, sip_profile_setting_name,
    sip_profile_setting_value, sip_profile_setting_enabled)
SELECT md5(profile || ' ' || name)::uuid, md5('profile ' || profile)::uuid, name, value, enabled
FROM (VALUES
    ('internal', 'tls', '$${internal_ssl_enable}', 'true'), ('internal', 'tls-only', 'false', 'true'),
    ('internal', 'tls-verify-policy', 'none', 'true'), ('internal', 'auth-calls', 'true', 'true'),
    ('internal', 'log-auth-failures', 'false', 'true'), ('internal', 'accept-blind-auth', 'true', 'false'),
    ('internal', 'accept-blind-reg', 'true', 'false'), ('internal', 'apply-inbound-acl', 'providers', 'true'),
    ('external', 'tls', '$${external_ssl_enable}', 'true'), ('external', 'tls-only', 'false', 'true'),
    ('external', 'tls-verify-policy', 'none', 'true'), ('external', 'apply-inbound-acl', 'providers', 'true')
) AS shipped (profile, name, value, enabled);

INSERT INTO v_vars (var_uuid, var_category, var_name, var_value, var_enabled)
SELECT md5('var ' || name)::uuid, 'SIP', name, value, 'true'
FROM (VALUES ('external_ssl_enable', 'false'), ('sip_tls_version', 'tlsv1')) AS shipped (name, value);

INSERT INTO v_modules (module_uuid, module_label, module_name, module_category, module_order, module_enabled,
    module_default_enabled)
SELECT md5(name)::uuid, label, name, category, 800, enabled, enabled
FROM (VALUES
    ('Commands', 'mod_commands', 'Applications', 'true'), ('Sofia SIP', 'mod_sofia', 'Endpoints', 'true'),
    ('Event Socket', 'mod_event_socket', 'Event Handlers', 'true'), ('XML RPC', 'mod_xml_rpc', 'XML Interfaces', 'false'),
    ('Voicemail', 'mod_voicemail', 'Applications', 'false')
) AS shipped (label, name, category, enabled);

INSERT INTO v_settings (setting_uuid, numbering_plan, event_socket_ip_address, event_socket_port,
    event_socket_password, xml_rpc_http_port, xml_rpc_auth_realm, xml_rpc_auth_user, xml_rpc_auth_pass)
VALUES (md5('settings')::uuid, 'US', '127.0.0.1', '8021', 'ClueCon', '8080', 'freeswitch', 'freeswitch', 'works');
