-- The demo's town. Everything follows from numbers, so that each run makes the same rows, and a large town takes
-- seconds. `town.rs` replaces the words in braces.

-- Tenants: eleven with names of a town, one that is hostile, and numbered ones beyond.
INSERT INTO v_domains (domain_uuid, domain_name, domain_enabled, domain_description)
SELECT md5('tenant ' || n)::uuid,
    CASE
        WHEN n <= 11 THEN (ARRAY['north', 'south', 'east', 'west', 'harbour', 'market', 'mill', 'abbey', 'castle',
            'bridge', 'garden'])[n] || '.example.test'
        WHEN n = 12 THEN '<img src=x onerror=alert(1)>' || U&'\202E' || 'tset.elpmaxe'
        ELSE 't' || lpad(n::text, 5, '0') || '.example.test'
    END,
    true, 'Tenant ' || n
FROM generate_series(1, {tenants}) AS n;

-- SIP passwords as FusionPBX generates them, but for some that people chose.
INSERT INTO v_extensions (extension_uuid, domain_uuid, extension, password, accountcode, effective_caller_id_name,
    effective_caller_id_number, user_context, call_timeout, enabled, description)
SELECT md5('extension ' || n || ' ' || e)::uuid, md5('tenant ' || n)::uuid, (100 + e)::text,
    CASE
        WHEN e = 7 THEN (100 + e)::text
        WHEN e = 19 THEN '1234'
        WHEN e = 23 THEN 'Summer2024'
        WHEN e = 31 AND n <= 3 THEN 'qwertyuiop'
        ELSE substr(translate(encode(sha256(('sip ' || n || ' ' || e)::bytea), 'base64'), '+/=', '!^$'), 1, 20)
    END,
    d.domain_name, 'Desk ' || (100 + e), (100 + e)::text, d.domain_name, 30,
    CASE WHEN e = 20 THEN {off} ELSE {on} END, 'Desk ' || e
FROM generate_series(1, {tenants}) AS n
CROSS JOIN generate_series(1, {extensions}) AS e
JOIN v_domains AS d ON d.domain_uuid = md5('tenant ' || n)::uuid;

-- A voicemail box each; every tenth PIN is one that a stranger tries first.
INSERT INTO v_voicemails (voicemail_uuid, domain_uuid, voicemail_id, voicemail_password, voicemail_file,
    voicemail_local_after_email, voicemail_enabled)
SELECT md5('voicemail ' || n || ' ' || e)::uuid, md5('tenant ' || n)::uuid, (100 + e)::text,
    CASE
        WHEN e % 10 = 1 THEN '1234'
        WHEN e % 20 = 2 THEN (100 + e)::text
        WHEN e % 20 = 12 THEN '0000'
        ELSE lpad((('x' || substr(md5('pin ' || n || ' ' || e), 1, 7))::bit(28)::int % 100000000)::text, 8, '0')
    END,
    'attach', {on}, {on}
FROM generate_series(1, {tenants}) AS n CROSS JOIN generate_series(1, {extensions}) AS e;

-- A phone for every fifth extension, from six vendors.
INSERT INTO v_devices (device_uuid, domain_uuid, {device_address}, device_label, device_vendor, device_model,
    device_template, device_enabled, device_username, device_password, device_provisioned_date,
    device_provisioned_method, device_provisioned_ip, device_provisioned_agent)
SELECT md5('device ' || n || ' ' || e)::uuid, md5('tenant ' || n)::uuid,
    '02' || substr(md5('device ' || n || ' ' || e), 1, 10), 'Desk ' || (100 + e), make.vendor, make.model,
    make.vendor || '/' || make.model, {on}, 'admin', '',
    timestamptz '2026-11-20 08:00:00+00' - make_interval(hours => (n * 7 + e) % 2000),
    CASE WHEN (n + e / 5) % 4 = 0 THEN 'http' ELSE 'https' END, '198.51.100.' || (n + e) % 250 + 1, make.agent
FROM generate_series(1, {tenants}) AS n
CROSS JOIN generate_series(5, {extensions}, 5) AS e
JOIN (VALUES
    (0, 'yealink', 't46u', 'Yealink SIP-T46U 108.86.0.20'),
    (1, 'polycom', 'vvx411', 'FileTransport PolycomVVX-VVX_411-UA/5.9.5.0614'),
    (2, 'grandstream', 'gxp2170', 'Grandstream Model HW GXP2170 SW 1.0.11.6'),
    (3, 'snom', 'd785', 'Mozilla/4.0 (compatible; snomD785-SIP 10.1.54.13)'),
    (4, 'cisco', 'spa504g', 'Cisco/SPA504G-7.4.9c'),
    (5, 'fanvil', 'x5u', 'Fanvil X5U 2.4.10')
) AS make (place, vendor, model, agent) ON make.place = (n + e / 5) % 6;

-- A line holds a copy of its extension's password.
INSERT INTO v_device_lines (device_line_uuid, domain_uuid, device_uuid, line_number, server_address, display_name,
    user_id, auth_id, password, sip_port, sip_transport, register_expires, enabled)
SELECT md5('line ' || n || ' ' || e)::uuid, x.domain_uuid, md5('device ' || n || ' ' || e)::uuid, '1', x.user_context,
    x.extension, x.extension, x.extension, x.password, 5060, CASE WHEN e % 15 = 0 THEN 'tls' ELSE 'tcp' END, 120, {on}
FROM generate_series(1, {tenants}) AS n
CROSS JOIN generate_series(5, {extensions}, 5) AS e
JOIN v_extensions AS x ON x.extension_uuid = md5('extension ' || n || ' ' || e)::uuid;

-- A trunk each; a third of them with the same short password.
INSERT INTO v_gateways (gateway_uuid, domain_uuid, gateway, username, password, proxy, register, expire_seconds,
    profile, enabled)
SELECT md5('gateway ' || n)::uuid, md5('tenant ' || n)::uuid, 'carrier1', 'trunk' || n,
    CASE WHEN n % 3 = 0 THEN 'trunk123' ELSE md5('trunk ' || n) END, 'sip.carrier.example', {on}, 800, 'external', {on}
FROM generate_series(1, {tenants}) AS n;

-- Accounts: an administrator and three users a tenant. The hashes look like bcrypt and fit no password.
INSERT INTO v_users (user_uuid, domain_uuid, username, password, user_email, user_enabled)
SELECT md5('user ' || n || ' ' || u)::uuid, md5('tenant ' || n)::uuid,
    (ARRAY['admin', 'ann', 'ben', 'cleo'])[u],
    '$2y$10$' || substr(md5('one ' || n || u) || md5('two ' || n || u), 1, 53),
    (ARRAY['admin', 'ann', 'ben', 'cleo'])[u] || '@example.test',
    CASE WHEN u = 4 THEN {off} ELSE {on} END
FROM generate_series(1, {tenants}) AS n CROSS JOIN generate_series(1, 4) AS u;

-- The provider's own accounts, in the first tenant: one as the shell installer stores it (MD5), one with an API key.
INSERT INTO v_users (user_uuid, domain_uuid, username, password, salt, api_key, user_enabled)
SELECT md5('staff ' || name)::uuid, md5('tenant 1')::uuid, name, password, salt, api_key, {on}
FROM (VALUES
    ('root', '$2y$10$' || substr(md5('one root') || md5('two root'), 1, 53), NULL, NULL),
    ('installer', md5('of the installer'), md5('salt')::uuid::text, NULL),
    ('billing', '$2y$10$' || substr(md5('one billing') || md5('two billing'), 1, 53), NULL, md5('api key 1') || 'x')
) AS staff (name, password, salt, api_key);

INSERT INTO v_user_groups (user_group_uuid, domain_uuid, group_name, group_uuid, user_uuid)
SELECT md5('member ' || member.user_uuid)::uuid, member.domain_uuid, g.group_name, g.group_uuid, member.user_uuid
FROM (
    SELECT user_uuid, domain_uuid,
        CASE username WHEN 'root' THEN 'superadmin' WHEN 'installer' THEN 'superadmin' WHEN 'admin' THEN 'admin' ELSE 'user' END
            AS group_name
    FROM v_users
) AS member
JOIN v_groups AS g ON g.group_name = member.group_name;

-- Settings of tenants: weaker ones that count, weaker ones that do not, stronger ones.
INSERT INTO v_domain_settings (domain_setting_uuid, domain_uuid, domain_setting_category, domain_setting_subcategory,
    domain_setting_name, domain_setting_value, domain_setting_enabled)
SELECT md5('setting ' || n || category || subcategory)::uuid, md5('tenant ' || n)::uuid, category, subcategory, 'numeric',
    value, enabled
FROM (VALUES
    (3, 'users', 'password_length', '8', true),
    (5, 'extension', 'password_length', '8', true),
    (5, 'extension', 'password_strength', '1', true),
    (12, 'extension', 'password_length', '6', true),
    (4, 'users', 'password_length', '4', false),
    (6, 'users', 'password_length', '', true),
    (9, 'users', 'password_length', '16', true),
    (10, 'voicemail', 'password_length', '10', true)
) AS planted (n, category, subcategory, value, enabled)
WHERE n <= {tenants}
UNION ALL
SELECT md5('setting ' || n)::uuid, md5('tenant ' || n)::uuid, 'users', 'password_length', 'numeric',
    CASE WHEN n % 10 = 0 THEN '8' ELSE '20' END, true
FROM generate_series(13, {tenants}) AS n
WHERE n % 10 = 0 OR n % 7 = 0;

-- A second enabled row of one setting: which of the two wins is left to chance.
INSERT INTO v_default_settings (default_setting_uuid, default_setting_category, default_setting_subcategory,
    default_setting_name, default_setting_value, default_setting_enabled)
VALUES (md5('duplicate')::uuid, 'voicemail', 'password_length', 'numeric', '4', true);

-- Provisioning switched on, and nobody gave it a user name: phones' configurations are open to all.
UPDATE v_default_settings SET default_setting_enabled = true
WHERE default_setting_category = 'provision' AND default_setting_subcategory IN ('enabled', 'auto_insert_enabled');

-- A list that lets everyone in, left over from a test.
INSERT INTO v_access_control_nodes (access_control_node_uuid, access_control_uuid, node_type, node_cidr, node_description)
SELECT md5('node open')::uuid, access_control_uuid, 'allow', '0.0.0.0/0', 'carrier test, remove me'
FROM v_access_controls WHERE access_control_default = 'deny' ORDER BY access_control_name DESC LIMIT 1;
