-- Rampart's role in FusionPBX's database (written by `rampart doctor --sql`). Run it once, as a superuser, in FusionPBX's
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
                ARRAY[
                    'SELECT v_software software_uuid,software_name,software_version',
                    'SELECT v_domains domain_uuid,domain_name,domain_enabled',
                    'SELECT v_default_settings default_setting_uuid,default_setting_category,default_setting_subcategory,default_setting_name,default_setting_value,default_setting_order,default_setting_enabled,update_date,update_user,xmin',
                    'SELECT v_domain_settings domain_setting_uuid,domain_uuid,domain_setting_category,domain_setting_subcategory,domain_setting_name,domain_setting_value,domain_setting_order,domain_setting_enabled,update_date,update_user,xmin',
                    'SELECT v_user_settings user_setting_uuid,user_uuid,domain_uuid,user_setting_category,user_setting_subcategory,user_setting_name,user_setting_value,user_setting_order,user_setting_enabled',
                    'SELECT v_users user_uuid,domain_uuid,username,user_email,user_enabled',
                    'SELECT v_groups group_uuid,domain_uuid,group_name,group_level',
                    'SELECT v_group_permissions domain_uuid,permission_name,permission_assigned,group_name',
                    'SELECT v_user_groups user_group_uuid,domain_uuid,group_name,group_uuid,user_uuid',
                    'SELECT v_group_users group_user_uuid,domain_uuid,group_name,group_uuid,user_uuid',
                    'SELECT v_user_logs timestamp,domain_uuid,user_uuid,username,type,result,remote_address',
                    'SELECT v_access_controls access_control_uuid,access_control_name,access_control_default',
                    'SELECT v_access_control_nodes access_control_node_uuid,access_control_uuid,node_type,node_cidr,node_domain,node_description',
                    'SELECT v_modules module_uuid,module_name,module_enabled,module_default_enabled,xmin',
                    'UPDATE v_default_settings default_setting_value,default_setting_enabled,update_date',
                    'INSERT v_default_settings default_setting_uuid,default_setting_category,default_setting_subcategory,default_setting_name,default_setting_value,default_setting_enabled,default_setting_description,insert_date,app_uuid',
                    'UPDATE v_domain_settings domain_setting_value,domain_setting_enabled,update_date',
                    'SELECT v_extensions extension_uuid,domain_uuid,extension,number_alias,password,enabled,user_context,effective_caller_id_name,directory_first_name,directory_last_name,description,xmin',
                    'SELECT v_extension_users domain_uuid,extension_uuid,user_uuid',
                    'SELECT v_voicemails voicemail_uuid,domain_uuid,voicemail_id,voicemail_password,voicemail_enabled,voicemail_description,xmin',
                    'SELECT v_devices device_uuid,domain_uuid,device_address,device_mac_address,device_label,device_vendor,device_model,device_template,device_username,device_password,device_enabled,device_provisioned_date,device_provisioned_method,device_provisioned_ip,device_provisioned_agent,xmin',
                    'SELECT v_device_lines device_line_uuid,domain_uuid,device_uuid,line_number,server_address,user_id,auth_id,password,enabled,sip_transport,xmin',
                    'SELECT v_gateways gateway_uuid,domain_uuid,gateway,username,auth_username,password,proxy,register,register_transport,profile,enabled,xmin',
                    'SELECT v_pin_numbers pin_number_uuid,domain_uuid,pin_number,accountcode,enabled,xmin',
                    'SELECT v_conference_rooms conference_room_uuid,domain_uuid,conference_room_name,moderator_pin,participant_pin,enabled,xmin',
                    'SELECT v_conferences conference_uuid,domain_uuid,conference_name,conference_extension,conference_pin_number,conference_enabled,xmin',
                    'SELECT v_call_center_agents call_center_agent_uuid,domain_uuid,agent_name,agent_id,agent_password,xmin',
                    'SELECT v_fax fax_uuid,domain_uuid,fax_extension,fax_name,fax_pin_number,xmin',
                    'UPDATE v_extensions password,update_date',
                    'UPDATE v_device_lines password,update_date',
                    'UPDATE v_voicemails voicemail_password,update_date',
                    'UPDATE v_devices device_password,update_date',
                    'SELECT v_settings setting_uuid,event_socket_ip_address,event_socket_port,event_socket_password,event_socket_acl,xml_rpc_http_port,xml_rpc_auth_realm,xml_rpc_auth_user,xml_rpc_auth_pass,xmin',
                    'UPDATE v_settings event_socket_password,xml_rpc_http_port,xml_rpc_auth_realm,xml_rpc_auth_user,xml_rpc_auth_pass',
                    'UPDATE v_modules module_enabled,update_date',
                    'SELECT v_event_guard_logs event_guard_log_uuid,hostname,log_date,filter,ip_address,extension,user_agent,log_status,xmin',
                    'UPDATE v_event_guard_logs log_status,log_date,update_date'
                ] || CASE WHEN judge_accounts THEN ARRAY[
                    'SELECT v_users password,salt,api_key,user_totp_secret',
                    'SELECT v_user_logs detail'
                ] ELSE ARRAY[]::text[] END
            ) AS lines (line)
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
