-- Rampart's role in FusionPBX's database. Run it once, as a superuser, in FusionPBX's database; again after an upgrade
-- of FusionPBX, since a rebuilt table loses its grants:
--
--   sudo -u postgres psql -d fusionpbx -v ON_ERROR_STOP=1 -f fusionpbx-role.sql
--
-- To have accounts judged too (old hashes, no second factor, API keys), Rampart must be able to read those columns.
-- They are secrets: grant them only if you want that check.
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
            FROM unnest(ARRAY[
                'SELECT v_software software_uuid,software_name,software_version',
                'SELECT v_domains domain_uuid,domain_name,domain_enabled',
                'SELECT v_default_settings default_setting_uuid,default_setting_category,default_setting_subcategory,default_setting_name,default_setting_value,default_setting_order,default_setting_enabled,xmin',
                'UPDATE v_default_settings default_setting_value,default_setting_enabled,update_date',
                'INSERT v_default_settings default_setting_uuid,default_setting_category,default_setting_subcategory,default_setting_name,default_setting_value,default_setting_enabled,default_setting_description,insert_date',
                'SELECT v_domain_settings domain_setting_uuid,domain_uuid,domain_setting_category,domain_setting_subcategory,domain_setting_name,domain_setting_value,domain_setting_order,domain_setting_enabled,xmin',
                'UPDATE v_domain_settings domain_setting_value,domain_setting_enabled,update_date',
                'SELECT v_user_settings user_setting_uuid,user_uuid,domain_uuid,user_setting_category,user_setting_subcategory,user_setting_name,user_setting_value,user_setting_order,user_setting_enabled',
                'SELECT v_users user_uuid,domain_uuid,username,user_enabled',
                'SELECT v_groups group_uuid,domain_uuid,group_name,group_level',
                'SELECT v_user_groups user_group_uuid,domain_uuid,group_name,group_uuid,user_uuid',
                'SELECT v_access_controls access_control_uuid,access_control_name,access_control_default',
                'SELECT v_access_control_nodes access_control_node_uuid,access_control_uuid,node_type,node_cidr,node_domain,node_description',
                'SELECT v_modules module_uuid,module_name,module_enabled,module_default_enabled'
            ]) AS lines (line)
            UNION ALL
            SELECT 'SELECT', 'v_users', unnest(ARRAY['password', 'api_key', 'user_totp_secret'])
            WHERE judge_accounts
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
