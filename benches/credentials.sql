-- N extensions as FusionPBX 5.5 keeps them, in a database of our own: 97 in 100 as its generator makes them, the others as people do.
-- psql -v n=1000000 -v tenants=1000
CREATE TABLE v_domains (
    domain_uuid uuid PRIMARY KEY, domain_parent_uuid uuid, domain_name text, domain_enabled boolean, domain_description text
);
CREATE TABLE v_default_settings (
    default_setting_uuid uuid PRIMARY KEY, app_uuid uuid, default_setting_category text, default_setting_subcategory text,
    default_setting_name text, default_setting_value text, default_setting_order numeric, default_setting_enabled boolean,
    default_setting_description text
);
CREATE TABLE v_domain_settings (
    domain_setting_uuid uuid PRIMARY KEY, domain_uuid uuid, app_uuid uuid, domain_setting_category text,
    domain_setting_subcategory text, domain_setting_name text, domain_setting_value text, domain_setting_order numeric,
    domain_setting_enabled boolean, domain_setting_description text
);
CREATE TABLE v_extensions (
    extension_uuid uuid PRIMARY KEY, domain_uuid uuid, extension text, number_alias text, password text, accountcode text,
    effective_caller_id_name text, effective_caller_id_number text, outbound_caller_id_name text,
    outbound_caller_id_number text, emergency_caller_id_name text, emergency_caller_id_number text,
    directory_first_name text, directory_last_name text, user_context text, toll_allow text, call_timeout numeric,
    call_group text, user_record text, hold_music text, description text, enabled boolean, insert_date timestamptz
);
INSERT INTO v_domains SELECT md5('tenant ' || n)::uuid, NULL, 'tenant-' || n || '.example.test', true, NULL
FROM generate_series(1, :tenants) AS n;
INSERT INTO v_default_settings VALUES
    (gen_random_uuid(), NULL, 'extension', 'password_length', 'numeric', '20', 0, true, NULL),
    (gen_random_uuid(), NULL, 'voicemail', 'password_length', 'numeric', '8', 0, true, NULL);
INSERT INTO v_extensions
SELECT gen_random_uuid(), md5('tenant ' || (n % :tenants + 1))::uuid, e, NULL,
    CASE
        WHEN n % 100 = 0 THEN e
        WHEN n % 100 = 1 THEN (ARRAY['1234', 'password', 'qwertyuiop', 'letmein', 'abc12345'])[n / 100 % 5 + 1]
        WHEN n % 100 = 2 THEN (ARRAY['Summer', 'Winter', 'Office', 'Phone', 'Carrier'])[n / 100 % 5 + 1] || (1990 + n / 500 % 40) || '!'
        ELSE translate(encode(substring(sha256(('salt ' || n)::bytea) FOR 15), 'base64'), '+/l', '!^$')
    END,
    NULL, 'Desk ' || e, e, 'Company', '2025550100', NULL, NULL, 'First', 'Last', 'tenant-' || (n % :tenants + 1) || '.example.test', 'local', 30,
    NULL, NULL, 'local_stream://default', 'Desk ' || n, n % 50 <> 3, now()
FROM (SELECT n, (1000 + n / :tenants)::text AS e FROM generate_series(0, :n - 1) AS n) AS numbered;
VACUUM ANALYZE;
