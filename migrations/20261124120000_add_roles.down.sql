DROP TABLE invitations;
DROP VIEW certificate_bases;
ALTER TABLE operators DROP COLUMN domain_name;
ALTER TABLE operators DROP COLUMN domain_uuid;
ALTER TABLE operators DROP COLUMN role;
