-- The part of FusionPBX 5.0.1's schema that Rampart reads: columns and types as that version makes them.
-- FusionPBX has one primary key a table and no other rule: no default, no foreign key, no unique or check constraint.

CREATE TABLE v_domains (
    domain_uuid uuid PRIMARY KEY, domain_parent_uuid uuid, domain_name text, domain_description text,
    domain_enabled boolean
);

CREATE TABLE v_software (
    software_uuid uuid PRIMARY KEY, software_name text, software_url text, software_version text
);

CREATE TABLE v_default_settings (
    default_setting_uuid uuid PRIMARY KEY, app_uuid uuid, default_setting_category text,
    default_setting_subcategory text, default_setting_name text, default_setting_value text,
    default_setting_order numeric, default_setting_description text, default_setting_enabled boolean
);

CREATE TABLE v_domain_settings (
    domain_setting_uuid uuid PRIMARY KEY, domain_uuid uuid, app_uuid uuid, domain_setting_category text,
    domain_setting_subcategory text, domain_setting_name text, domain_setting_value text,
    domain_setting_order numeric, domain_setting_description text, domain_setting_enabled boolean
);

CREATE TABLE v_user_settings (
    user_setting_uuid uuid PRIMARY KEY, user_uuid uuid, domain_uuid uuid, user_setting_category text,
    user_setting_subcategory text, user_setting_name text, user_setting_value text, user_setting_order numeric,
    user_setting_description text, user_setting_enabled boolean
);

CREATE TABLE v_users (
    user_uuid uuid PRIMARY KEY, domain_uuid uuid, contact_uuid uuid, username text, password text, salt text,
    user_status text, add_user text, add_date text, user_email text, api_key text, user_enabled text
);

CREATE TABLE v_groups (
    group_uuid uuid PRIMARY KEY, domain_uuid uuid, group_name text, group_description text,
    group_protected text, group_level numeric
);

CREATE TABLE v_user_groups (
    user_group_uuid uuid PRIMARY KEY, domain_uuid uuid, group_name text, group_uuid uuid, user_uuid uuid
);

CREATE TABLE v_settings (
    setting_uuid uuid PRIMARY KEY, numbering_plan text, event_socket_ip_address text, event_socket_port text,
    event_socket_password text, xml_rpc_http_port text, xml_rpc_auth_realm text, xml_rpc_auth_user text,
    xml_rpc_auth_pass text, admin_pin numeric, mod_shout_decoder text, mod_shout_volume text,
    event_socket_acl text
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
    absolute_codec_string text, directory_visible text, directory_exten_visible text, max_registrations text,
    call_screen_enabled text, nibble_account text, do_not_disturb text, forward_all_enabled text,
    forward_busy_enabled text, forward_no_answer_enabled text, forward_user_not_registered_enabled text,
    follow_me_enabled text, follow_me_destinations text, enabled text, force_ping text
);

CREATE TABLE v_extension_users (
    extension_user_uuid uuid PRIMARY KEY, domain_uuid uuid, extension_uuid uuid, user_uuid uuid
);

CREATE TABLE v_voicemails (
    voicemail_uuid uuid PRIMARY KEY, domain_uuid uuid, voicemail_password text, greeting_id numeric,
    voicemail_mail_to text, voicemail_sms_to text, voicemail_attach_file text, voicemail_file text,
    voicemail_description text, voicemail_name_base64 text, voicemail_id text, voicemail_tutorial text,
    voicemail_alternate_greet_id numeric, voicemail_transcription_enabled text,
    voicemail_local_after_email text, voicemail_enabled text
);

CREATE TABLE v_devices (
    device_uuid uuid PRIMARY KEY, domain_uuid uuid, device_profile_uuid uuid, device_label text,
    device_vendor text, device_model text, device_firmware_version text, device_template text,
    device_user_uuid uuid, device_username text, device_password text, device_uuid_alternate uuid,
    device_description text, device_provisioned_method text, device_provisioned_ip text, device_location text,
    device_enabled text, device_enabled_date timestamptz, device_provisioned_date timestamptz,
    device_provisioned_agent text, device_mac_address text
);

CREATE TABLE v_device_lines (
    device_line_uuid uuid PRIMARY KEY, domain_uuid uuid, device_uuid uuid, line_number text,
    server_address text, outbound_proxy_primary text, outbound_proxy_secondary text, display_name text,
    user_id text, auth_id text, password text, sip_port numeric, sip_transport text, register_expires numeric,
    shared_line text, server_address_primary text, server_address_secondary text, label text, enabled text
);

CREATE TABLE v_gateways (
    gateway_uuid uuid PRIMARY KEY, domain_uuid uuid, gateway text, username text, password text,
    auth_username text, realm text, from_user text, from_domain text, proxy text, register_proxy text,
    outbound_proxy text, expire_seconds numeric, register_transport text, retry_seconds numeric, extension text,
    ping text, sip_cid_type text, codec_prefs text, channels numeric, extension_in_contact text, context text,
    profile text, hostname text, description text, distinct_to text, register text, ping_min text,
    ping_max text, caller_id_in_from text, supress_cng text, enabled text
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

CREATE TABLE v_user_logs (
    user_log_uuid uuid PRIMARY KEY, domain_uuid uuid, timestamp timestamptz, user_uuid uuid, username text,
    type text, result text, remote_address text, user_agent text
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
    (1, 'cdr', 'archive_database_password', 'text', '', false),
    (2, 'cdr', 'cidr', 'array', '127.0.0.1/32', true),
    (3, 'cdr', 'http_enabled', 'boolean', 'true', true),
    (4, 'domain', 'cidr', 'array', '', false),
    (5, 'email', 'smtp_auth', 'text', 'true', true),
    (6, 'email', 'smtp_password', 'text', '', true),
    (7, 'email', 'smtp_username', 'text', '', true),
    (8, 'email', 'smtp_validate_certificate', 'boolean', 'true', true),
    (9, 'extension', 'password_length', 'numeric', '20', true),
    (10, 'extension', 'password_lowercase', 'boolean', 'true', true),
    (11, 'extension', 'password_number', 'boolean', 'true', false),
    (12, 'extension', 'password_special', 'boolean', 'true', false),
    (13, 'extension', 'password_strength', 'numeric', '4', true),
    (14, 'extension', 'password_uppercase', 'boolean', 'true', false),
    (15, 'extension', 'session_rotate', 'boolean', 'true', true),
    (16, 'extension', 'user_record_default', 'text', '', true),
    (17, 'login', 'domain_name', 'array', 'pbx1.yourdomain.com', false),
    (18, 'login', 'domain_name_visible', 'boolean', 'true', false),
    (19, 'login', 'message', 'text', 'Welcome', true),
    (20, 'login', 'password_reset_domain', 'text', '', false),
    (21, 'provision', 'admin_name', 'text', '', false),
    (22, 'provision', 'admin_password', 'text', '', false),
    (23, 'provision', 'auto_insert_enabled', 'boolean', 'true', false),
    (24, 'provision', 'cidr', 'array', '', false),
    (25, 'provision', 'enabled', 'text', 'true', false),
    (26, 'provision', 'fanvil_menu_password', 'numeric', '123', true),
    (27, 'provision', 'grandstream_ldap_password', 'text', 'super-secret', false),
    (28, 'provision', 'grandstream_wifi_password', 'text', '', true),
    (29, 'provision', 'http_auth_enabled', 'boolean', 'true', true),
    (30, 'provision', 'http_auth_password', 'array', '', false),
    (31, 'provision', 'http_auth_type', 'text', 'digest', false),
    (32, 'provision', 'http_auth_username', 'text', '', false),
    (33, 'provision', 'http_domain_filter', 'boolean', 'true', true),
    (34, 'provision', 'user_password', 'text', '', false),
    (35, 'switch', 'base', 'dir', '/usr', true),
    (36, 'switch', 'bin', 'dir', '', true),
    (37, 'switch', 'call_center', 'dir', '/etc/freeswitch/autoload_configs', false),
    (38, 'switch', 'conf', 'dir', '/etc/freeswitch', true),
    (39, 'switch', 'db', 'dir', '/var/lib/freeswitch/db', true),
    (40, 'switch', 'dialplan', 'dir', '/etc/freeswitch/dialplan', false),
    (41, 'switch', 'extensions', 'dir', '/etc/freeswitch/directory', false),
    (42, 'switch', 'grammar', 'dir', '/usr/share/freeswitch/grammar', true),
    (43, 'switch', 'languages', 'dir', '/etc/freeswitch/languages', true),
    (44, 'switch', 'log', 'dir', '/var/log/freeswitch', true),
    (45, 'switch', 'mod', 'dir', '/usr/lib/freeswitch/mod', true),
    (46, 'switch', 'recordings', 'dir', '/var/lib/freeswitch/recordings', true),
    (47, 'switch', 'scripts', 'dir', '/usr/share/freeswitch/scripts', true),
    (48, 'switch', 'sip_profiles', 'dir', '/etc/freeswitch/sip_profiles', false),
    (49, 'switch', 'sounds', 'dir', '/usr/share/freeswitch/sounds', true),
    (50, 'switch', 'storage', 'dir', '/var/lib/freeswitch/storage', true),
    (51, 'switch', 'voicemail', 'dir', '/var/lib/freeswitch/storage/voicemail', true),
    (52, 'users', 'find_time', 'numeric', '3600', true),
    (53, 'users', 'max_retry', 'numeric', '5', true),
    (54, 'users', 'password_length', 'numeric', '12', true),
    (55, 'users', 'password_lowercase', 'boolean', 'true', true),
    (56, 'users', 'password_number', 'boolean', 'true', true),
    (57, 'users', 'password_special', 'boolean', 'true', true),
    (58, 'users', 'password_uppercase', 'boolean', 'true', true),
    (59, 'users', 'unique', 'text', 'global', false),
    (60, 'users', 'username_format', 'text', 'any', true),
    (61, 'voicemail', 'display_domain_name', 'boolean', 'true', false),
    (62, 'voicemail', 'enabled_default', 'boolean', 'true', true),
    (63, 'voicemail', 'greeting_max_length', 'numeric', '90', true),
    (64, 'voicemail', 'greeting_silence_seconds', 'numeric', '3', true),
    (65, 'voicemail', 'greeting_silence_threshold', 'numeric', '200', true),
    (66, 'voicemail', 'keep_local', 'boolean', 'true', true),
    (67, 'voicemail', 'message_max_length', 'numeric', '300', true),
    (68, 'voicemail', 'message_order', 'text', 'asc', true),
    (69, 'voicemail', 'message_silence_seconds', 'numeric', '3', true),
    (70, 'voicemail', 'message_silence_threshold', 'numeric', '200', true),
    (71, 'voicemail', 'not_found_message', 'boolean', 'false', true),
    (72, 'voicemail', 'password_complexity', 'boolean', 'true', false),
    (73, 'voicemail', 'password_length', 'numeric', '8', true),
    (74, 'voicemail', 'password_min_length', 'numeric', '4', false),
    (75, 'voicemail', 'remote_access', 'boolean', 'false', true),
    (76, 'voicemail', 'smtp_from', 'text', '', false),
    (77, 'voicemail', 'smtp_from_name', 'text', '', false),
    (78, 'voicemail', 'storage_type', 'text', 'base64', false),
    (79, 'voicemail', 'transcription_enabled_default', 'boolean', 'false', true),
    (80, 'voicemail', 'voicemail_file', 'text', 'attach', true)
) AS shipped (row, category, subcategory, name, value, enabled);

INSERT INTO v_software (software_uuid, software_name, software_url, software_version)
VALUES (md5('software')::uuid, 'FusionPBX', 'https://www.fusionpbx.com', '5.0.1');

INSERT INTO v_groups (group_uuid, group_name, group_protected, group_level, group_description)
SELECT md5('group ' || name)::uuid, name, 'false', level, description
FROM (VALUES
    ('superadmin', 80, 'Super Administrator Group'), ('admin', 50, 'Administrator Group'), ('user', 30, 'User Group'),
    ('agent', 20, 'Call Center Agent Group'), ('public', 10, 'Public Group')
) AS shipped (name, level, description);

INSERT INTO v_access_controls (access_control_uuid, access_control_name, access_control_default)
VALUES
    (md5('list rfc1918')::uuid, 'rfc1918', 'allow'),
    (md5('list domains')::uuid, 'domains', 'deny');

INSERT INTO v_access_control_nodes (access_control_node_uuid, access_control_uuid, node_type, node_cidr)
SELECT md5('node ' || network)::uuid, md5('list rfc1918')::uuid, 'allow', network
FROM (VALUES ('10.0.0.0/8'), ('172.16.0.0/12'), ('192.168.0.0/16')) AS shipped (network);

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
FROM (VALUES ('external_ssl_enable', 'false'), ('sip_tls_version', 'tlsv1,tlsv1.1,tlsv1.2')) AS shipped (name, value);

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
