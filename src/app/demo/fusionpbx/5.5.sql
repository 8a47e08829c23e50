-- The part of FusionPBX 5.5.7's schema that Rampart reads: columns and types as that version makes them.
-- FusionPBX has one primary key a table and no other rule: no default, no foreign key, no unique or check constraint.

CREATE TABLE v_domains (
    domain_uuid uuid PRIMARY KEY, domain_parent_uuid uuid, domain_name text, domain_description text,
    domain_enabled boolean, insert_date timestamptz, insert_user uuid, update_date timestamptz, update_user uuid
);

CREATE TABLE v_software (
    software_uuid uuid PRIMARY KEY, software_name text, software_url text, software_version text,
    insert_date timestamptz, insert_user uuid, update_date timestamptz, update_user uuid
);

CREATE TABLE v_default_settings (
    default_setting_uuid uuid PRIMARY KEY, app_uuid uuid, default_setting_category text,
    default_setting_subcategory text, default_setting_name text, default_setting_value text,
    default_setting_order numeric, default_setting_description text, default_setting_enabled boolean,
    insert_date timestamptz, insert_user uuid, update_date timestamptz, update_user uuid
);

CREATE TABLE v_domain_settings (
    domain_setting_uuid uuid PRIMARY KEY, domain_uuid uuid, app_uuid uuid, domain_setting_category text,
    domain_setting_subcategory text, domain_setting_name text, domain_setting_value text,
    domain_setting_order numeric, domain_setting_description text, domain_setting_enabled boolean,
    insert_date timestamptz, insert_user uuid, update_date timestamptz, update_user uuid
);

CREATE TABLE v_user_settings (
    user_setting_uuid uuid PRIMARY KEY, user_uuid uuid, domain_uuid uuid, user_setting_category text,
    user_setting_subcategory text, user_setting_name text, user_setting_value text, user_setting_order numeric,
    user_setting_description text, user_setting_enabled boolean, insert_date timestamptz, insert_user uuid,
    update_date timestamptz, update_user uuid
);

CREATE TABLE v_users (
    user_uuid uuid PRIMARY KEY, domain_uuid uuid, contact_uuid uuid, username text, password text, salt text,
    user_status text, add_user text, add_date text, user_email text, api_key text, user_totp_secret text,
    user_type text, user_enabled boolean, insert_date timestamptz, insert_user uuid, update_date timestamptz,
    update_user uuid
);

CREATE TABLE v_groups (
    group_uuid uuid PRIMARY KEY, domain_uuid uuid, group_name text, group_description text,
    group_protected boolean, group_level numeric, insert_date timestamptz, insert_user uuid,
    update_date timestamptz, update_user uuid
);

CREATE TABLE v_user_groups (
    user_group_uuid uuid PRIMARY KEY, domain_uuid uuid, group_name text, group_uuid uuid, user_uuid uuid,
    insert_date timestamptz, insert_user uuid, update_date timestamptz, update_user uuid
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
    absolute_codec_string text, directory_visible boolean, directory_exten_visible boolean,
    max_registrations text, call_screen_enabled boolean, nibble_account text, do_not_disturb boolean,
    forward_all_enabled boolean, forward_busy_enabled boolean, forward_no_answer_enabled boolean,
    forward_user_not_registered_enabled boolean, follow_me_enabled boolean, follow_me_destinations text,
    extension_language text, extension_dialect text, extension_voice text, extension_type text, enabled boolean,
    force_ping boolean, insert_date timestamptz, insert_user uuid, update_date timestamptz, update_user uuid
);

CREATE TABLE v_extension_users (
    extension_user_uuid uuid PRIMARY KEY, domain_uuid uuid, extension_uuid uuid, user_uuid uuid, insert_date timestamptz, insert_user uuid,
    update_date timestamptz, update_user uuid
);

CREATE TABLE v_voicemails (
    voicemail_uuid uuid PRIMARY KEY, domain_uuid uuid, voicemail_password text, greeting_id numeric,
    voicemail_mail_to text, voicemail_sms_to text, voicemail_attach_file text, voicemail_file text,
    voicemail_description text, voicemail_name_base64 text, voicemail_id text, voicemail_tutorial boolean,
    voicemail_alternate_greet_id text, voicemail_recording_instructions boolean,
    voicemail_recording_options boolean, voicemail_transcription_enabled boolean,
    voicemail_local_after_email boolean, voicemail_local_after_forward boolean, voicemail_enabled boolean,
    insert_date timestamptz, insert_user uuid, update_date timestamptz, update_user uuid
);

CREATE TABLE v_devices (
    device_uuid uuid PRIMARY KEY, domain_uuid uuid, device_profile_uuid uuid, device_label text,
    device_vendor text, device_model text, device_firmware_version text, device_template text,
    device_user_uuid uuid, device_username text, device_password text, device_uuid_alternate uuid,
    device_description text, device_provisioned_method text, device_provisioned_ip text, device_address text,
    device_location text, device_serial_number text, device_enabled boolean, device_enabled_date timestamptz,
    device_provisioned_date timestamptz, device_provisioned_agent text, insert_date timestamptz,
    insert_user uuid, update_date timestamptz, update_user uuid
);

CREATE TABLE v_device_lines (
    device_line_uuid uuid PRIMARY KEY, domain_uuid uuid, device_uuid uuid, line_number text,
    server_address text, outbound_proxy_primary text, outbound_proxy_secondary text, display_name text,
    user_id text, auth_id text, password text, sip_port numeric, sip_transport text, register_expires numeric,
    shared_line text, server_address_primary text, server_address_secondary text, label text, enabled boolean,
    insert_date timestamptz, insert_user uuid, update_date timestamptz, update_user uuid
);

CREATE TABLE v_gateways (
    gateway_uuid uuid PRIMARY KEY, domain_uuid uuid, gateway text, username text, password text,
    auth_username text, realm text, from_user text, from_domain text, proxy text, register_proxy text,
    outbound_proxy text, expire_seconds numeric, register_transport text, retry_seconds numeric, extension text,
    ping text, sip_cid_type text, codec_prefs text, channels numeric, extension_in_contact text, context text,
    profile text, hostname text, description text, distinct_to boolean, register boolean, contact_params text,
    ping_min text, ping_max text, contact_in_ping boolean, caller_id_in_from boolean, supress_cng boolean,
    enabled boolean, insert_date timestamptz, insert_user uuid, update_date timestamptz, update_user uuid
);

CREATE TABLE v_sip_profiles (
    sip_profile_uuid uuid PRIMARY KEY, sip_profile_name text, sip_profile_hostname text,
    sip_profile_description text, sip_profile_enabled boolean, insert_date timestamptz, insert_user uuid,
    update_date timestamptz, update_user uuid
);

CREATE TABLE v_sip_profile_settings (
    sip_profile_setting_uuid uuid PRIMARY KEY, sip_profile_uuid uuid, sip_profile_setting_name text,
    sip_profile_setting_value text, sip_profile_setting_description text, sip_profile_setting_enabled boolean,
    insert_date timestamptz, insert_user uuid, update_date timestamptz, update_user uuid
);

CREATE TABLE v_access_controls (
    access_control_uuid uuid PRIMARY KEY, access_control_name text, access_control_default text,
    access_control_description text, insert_date timestamptz, insert_user uuid, update_date timestamptz,
    update_user uuid
);

CREATE TABLE v_access_control_nodes (
    access_control_node_uuid uuid PRIMARY KEY, access_control_uuid uuid, node_type text, node_cidr text,
    node_description text, insert_date timestamptz, insert_user uuid, update_date timestamptz, update_user uuid
);

CREATE TABLE v_event_guard_logs (
    event_guard_log_uuid uuid PRIMARY KEY, hostname text, log_date timestamptz, filter text, ip_address text,
    extension text, user_agent text, log_status text, insert_date timestamptz, insert_user uuid,
    update_date timestamptz, update_user uuid
);

CREATE TABLE v_user_logs (
    user_log_uuid uuid PRIMARY KEY, domain_uuid uuid, timestamp timestamptz, user_uuid uuid, username text,
    type text, result text, remote_address text, user_agent text, hostname text, detail text, session_id text,
    insert_date timestamptz, insert_user uuid, update_date timestamptz, update_user uuid
);

CREATE TABLE v_vars (
    var_uuid uuid PRIMARY KEY, var_category text, var_name text, var_value text, var_command text,
    var_hostname text, var_order numeric, var_description text, var_enabled boolean, insert_date timestamptz,
    insert_user uuid, update_date timestamptz, update_user uuid
);

CREATE TABLE v_modules (
    module_uuid uuid PRIMARY KEY, module_label text, module_name text, module_category text,
    module_order numeric, module_description text, module_enabled boolean, module_default_enabled boolean,
    insert_date timestamptz, insert_user uuid, update_date timestamptz, update_user uuid
);

-- Security settings as this version ships them.
INSERT INTO v_default_settings (default_setting_uuid, default_setting_category, default_setting_subcategory,
    default_setting_name, default_setting_value, default_setting_enabled, insert_date)
SELECT md5('default ' || row)::uuid, category, subcategory, name, nullif(value, ''), enabled, now()
FROM (VALUES
    (1, 'authentication', 'email_send_mode', 'text', 'email_queue', true),
    (2, 'authentication', 'methods', 'array', 'database', true),
    (3, 'authentication', 'methods', 'array', 'email', false),
    (4, 'authentication', 'methods', 'array', 'totp', false),
    (5, 'cdr', 'archive_database_password', 'text', '', false),
    (6, 'cdr', 'cidr', 'array', '127.0.0.1/32', true),
    (7, 'cdr', 'http_enabled', 'boolean', 'false', true),
    (8, 'domain', 'cidr', 'array', '', false),
    (9, 'email', 'smtp_auth', 'text', 'true', true),
    (10, 'email', 'smtp_password', 'text', '', true),
    (11, 'email', 'smtp_username', 'text', '', true),
    (12, 'email', 'smtp_validate_certificate', 'boolean', 'true', true),
    (13, 'extension', 'call_timeout', 'numeric', '30', true),
    (14, 'extension', 'extension_range', 'text', '100-199', false),
    (15, 'extension', 'icon_registered_color', 'text', '#12d600', false),
    (16, 'extension', 'icon_unregistered_color', 'text', '#e21b1b', false),
    (17, 'extension', 'limit_max', 'numeric', '5', true),
    (18, 'extension', 'password_length', 'numeric', '20', true),
    (19, 'extension', 'password_lowercase', 'boolean', 'true', true),
    (20, 'extension', 'password_number', 'boolean', 'true', true),
    (21, 'extension', 'password_special', 'boolean', 'true', false),
    (22, 'extension', 'password_strength', 'numeric', '4', true),
    (23, 'extension', 'password_uppercase', 'boolean', 'true', false),
    (24, 'extension', 'session_rotate', 'boolean', 'true', true),
    (25, 'extension', 'type', 'text', 'default', true),
    (26, 'extension', 'user_record_default', 'text', '', true),
    (27, 'login', 'destination', 'text', '/core/dashboard/', false),
    (28, 'login', 'domain_name', 'array', 'pbx1.yourdomain.com', false),
    (29, 'login', 'domain_name_visible', 'boolean', 'true', false),
    (30, 'login', 'message', 'text', 'Welcome', true),
    (31, 'login', 'password_reset_domain', 'text', '', false),
    (32, 'provision', 'admin_name', 'text', 'admin', false),
    (33, 'provision', 'admin_password', 'text', '', false),
    (34, 'provision', 'auto_insert_enabled', 'boolean', 'true', false),
    (35, 'provision', 'cidr', 'array', '', false),
    (36, 'provision', 'enabled', 'boolean', 'true', false),
    (37, 'provision', 'fanvil_menu_password', 'text', '123', true),
    (38, 'provision', 'grandstream_ldap_password', 'text', 'super-secret', false),
    (39, 'provision', 'grandstream_wifi_ap1_password', 'text', '', true),
    (40, 'provision', 'grandstream_wifi_ap2_password', 'text', '', true),
    (41, 'provision', 'grandstream_wifi_password', 'text', '', true),
    (42, 'provision', 'http_auth_enabled', 'boolean', 'true', true),
    (43, 'provision', 'http_auth_password', 'array', '', false),
    (44, 'provision', 'http_auth_type', 'text', 'digest', false),
    (45, 'provision', 'http_auth_username', 'text', '', false),
    (46, 'provision', 'http_domain_filter', 'boolean', 'true', true),
    (47, 'provision', 'user_name', 'text', 'user', false),
    (48, 'provision', 'user_password', 'text', '', false),
    (49, 'session', 'filesystem_retention_days', 'numeric', '1', true),
    (50, 'switch', 'base', 'dir', '/usr', true),
    (51, 'switch', 'bin', 'dir', '', true),
    (52, 'switch', 'call_center', 'dir', '/etc/freeswitch/autoload_configs', false),
    (53, 'switch', 'conf', 'dir', '/etc/freeswitch', true),
    (54, 'switch', 'db', 'dir', '/var/lib/freeswitch/db', true),
    (55, 'switch', 'dialplan', 'dir', '/etc/freeswitch/dialplan', false),
    (56, 'switch', 'extensions', 'dir', '/etc/freeswitch/directory', false),
    (57, 'switch', 'grammar', 'dir', '/usr/share/freeswitch/grammar', true),
    (58, 'switch', 'languages', 'dir', '/etc/freeswitch/languages', true),
    (59, 'switch', 'log', 'dir', '/var/log/freeswitch', true),
    (60, 'switch', 'mod', 'dir', '/usr/lib/freeswitch/mod', true),
    (61, 'switch', 'recordings', 'dir', '/var/lib/freeswitch/recordings', true),
    (62, 'switch', 'scripts', 'dir', '/usr/share/freeswitch/scripts', true),
    (63, 'switch', 'sip_profiles', 'dir', '/etc/freeswitch/sip_profiles', false),
    (64, 'switch', 'sounds', 'dir', '/usr/share/freeswitch/sounds', true),
    (65, 'switch', 'storage', 'dir', '/var/lib/freeswitch/storage', true),
    (66, 'switch', 'voicemail', 'dir', '/var/lib/freeswitch/storage/voicemail', true),
    (67, 'system', 'firewall_name', 'text', '', false),
    (68, 'users', 'database_retention_days', 'numeric', '180', true),
    (69, 'users', 'find_time', 'numeric', '3600', true),
    (70, 'users', 'max_retry', 'numeric', '5', true),
    (71, 'users', 'password_length', 'numeric', '12', true),
    (72, 'users', 'password_lowercase', 'boolean', 'true', true),
    (73, 'users', 'password_number', 'boolean', 'true', true),
    (74, 'users', 'password_special', 'boolean', 'false', true),
    (75, 'users', 'password_uppercase', 'boolean', 'true', true),
    (76, 'users', 'unique', 'text', 'global', false),
    (77, 'users', 'username_format', 'text', 'any', true),
    (78, 'voicemail', 'database_retention_days', 'numeric', '90', true),
    (79, 'voicemail', 'deletion_queue_retention_hours', 'numeric', '24', true),
    (80, 'voicemail', 'display_domain_name', 'boolean', 'true', false),
    (81, 'voicemail', 'enabled_default', 'boolean', 'true', true),
    (82, 'voicemail', 'filesystem_retention_days', 'numeric', '90', true),
    (83, 'voicemail', 'greeting_max_length', 'numeric', '90', true),
    (84, 'voicemail', 'greeting_silence_seconds', 'numeric', '3', true),
    (85, 'voicemail', 'greeting_silence_threshold', 'numeric', '200', true),
    (86, 'voicemail', 'keep_local', 'boolean', 'true', true),
    (87, 'voicemail', 'message_caller_id_number', 'text', 'before', false),
    (88, 'voicemail', 'message_date_time', 'text', 'before', false),
    (89, 'voicemail', 'message_max_length', 'numeric', '300', true),
    (90, 'voicemail', 'message_order', 'text', 'asc', true),
    (91, 'voicemail', 'message_silence_seconds', 'numeric', '3', true),
    (92, 'voicemail', 'message_silence_threshold', 'numeric', '200', true),
    (93, 'voicemail', 'not_found_message', 'boolean', 'false', true),
    (94, 'voicemail', 'password_complexity', 'boolean', 'true', false),
    (95, 'voicemail', 'password_length', 'numeric', '8', true),
    (96, 'voicemail', 'password_min_length', 'numeric', '4', false),
    (97, 'voicemail', 'remote_access', 'boolean', 'false', true),
    (98, 'voicemail', 'smtp_from', 'text', '', false),
    (99, 'voicemail', 'smtp_from_name', 'text', '', false),
    (100, 'voicemail', 'storage_type', 'text', 'base64', false),
    (101, 'voicemail', 'transcription_enabled_default', 'boolean', 'false', true),
    (102, 'voicemail', 'use_deletion_queue', 'boolean', 'false', false),
    (103, 'voicemail', 'voicemail_file', 'text', 'attach', true)
) AS shipped (row, category, subcategory, name, value, enabled);

INSERT INTO v_software (software_uuid, software_name, software_url, software_version, insert_date)
VALUES (md5('software')::uuid, 'FusionPBX', 'https://www.fusionpbx.com', '5.5.7', now());

INSERT INTO v_groups (group_uuid, group_name, group_protected, group_level, group_description, insert_date)
SELECT md5('group ' || name)::uuid, name, false, level, description, now()
FROM (VALUES
    ('superadmin', 80, 'Super Administrator Group'), ('admin', 50, 'Administrator Group'), ('user', 30, 'User Group'),
    ('agent', 20, 'Call Center Agent Group'), ('fax', 20, 'Fax User Group'), ('public', 10, 'Public Group')
) AS shipped (name, level, description);

INSERT INTO v_access_controls (access_control_uuid, access_control_name, access_control_default, insert_date)
VALUES
    (md5('list rfc1918')::uuid, 'rfc1918', 'deny', now()),
    (md5('list providers')::uuid, 'providers', 'deny', now());

INSERT INTO v_access_control_nodes (access_control_node_uuid, access_control_uuid, node_type, node_cidr, insert_date)
SELECT md5('node ' || network)::uuid, md5('list rfc1918')::uuid, 'allow', network, now()
FROM (VALUES ('10.0.0.0/8'), ('172.16.0.0/12'), ('192.168.0.0/16')) AS shipped (network);

INSERT INTO v_sip_profiles (sip_profile_uuid, sip_profile_name, sip_profile_enabled, insert_date)
SELECT md5('profile ' || name)::uuid, name, true, now() FROM (VALUES ('internal'), ('external')) AS shipped (name);

INSERT INTO v_sip_profile_settings (sip_profile_setting_uuid, sip_profile_uuid, sip_profile_setting_name,
    sip_profile_setting_value, sip_profile_setting_enabled, insert_date)
SELECT md5(profile || ' ' || name)::uuid, md5('profile ' || profile)::uuid, name, value, enabled, now()
FROM (VALUES
    ('internal', 'tls', '$${internal_ssl_enable}', true), ('internal', 'tls-only', 'false', true),
    ('internal', 'tls-verify-policy', 'none', true), ('internal', 'auth-calls', 'true', true),
    ('internal', 'log-auth-failures', 'false', true), ('internal', 'accept-blind-auth', 'true', false),
    ('internal', 'accept-blind-reg', 'true', false), ('internal', 'apply-inbound-acl', 'providers', true),
    ('external', 'tls', '$${external_ssl_enable}', true), ('external', 'tls-only', 'false', true),
    ('external', 'tls-verify-policy', 'none', true), ('external', 'apply-inbound-acl', 'providers', true)
) AS shipped (profile, name, value, enabled);

INSERT INTO v_vars (var_uuid, var_category, var_name, var_value, var_enabled, insert_date)
SELECT md5('var ' || name)::uuid, 'SIP', name, value, true, now()
FROM (VALUES ('external_ssl_enable', 'false'), ('sip_tls_version', 'tlsv1,tlsv1.1,tlsv1.2')) AS shipped (name, value);

-- A module that is off is NULL here, not false.
INSERT INTO v_modules (module_uuid, module_label, module_name, module_category, module_order, module_enabled,
    module_default_enabled, insert_date)
SELECT md5(name)::uuid, label, name, category, 800, enabled, enabled, now()
FROM (VALUES
    ('Commands', 'mod_commands', 'Applications', true), ('Sofia SIP', 'mod_sofia', 'Endpoints', true),
    ('Event Socket', 'mod_event_socket', 'Event Handlers', true), ('XML RPC', 'mod_xml_rpc', 'XML Interfaces', NULL),
    ('Voicemail', 'mod_voicemail', 'Applications', NULL)
) AS shipped (label, name, category, enabled);

CREATE INDEX v_domain_settings_domain_uuid_fkey ON v_domain_settings (domain_uuid);
CREATE INDEX v_users_domain_uuid_fkey ON v_users (domain_uuid);
CREATE INDEX v_user_settings_domain_uuid_fkey ON v_user_settings (domain_uuid);
CREATE INDEX v_user_settings_user_uuid_fkey ON v_user_settings (user_uuid);
CREATE INDEX v_user_groups_user_uuid_fkey ON v_user_groups (user_uuid);
CREATE INDEX v_extensions_domain_uuid_fkey ON v_extensions (domain_uuid);
CREATE INDEX v_voicemails_domain_uuid_fkey ON v_voicemails (domain_uuid);
CREATE INDEX v_devices_domain_uuid_fkey ON v_devices (domain_uuid);
CREATE INDEX v_device_lines_device_uuid_fkey ON v_device_lines (device_uuid);
CREATE INDEX v_gateways_domain_uuid_fkey ON v_gateways (domain_uuid);
