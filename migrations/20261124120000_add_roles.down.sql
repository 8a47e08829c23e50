ALTER TABLE operators DROP COLUMN domain_name;
ALTER TABLE operators DROP COLUMN domain_uuid;
ALTER TABLE operators DROP COLUMN role;
