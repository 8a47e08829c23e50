-- What an operator may do, and for a tenant's own operator the FusionPBX domain that binds, with its name as last seen.
-- A row that is added without a role may do the least; whoever is there already keeps what they had.
ALTER TABLE operators ADD COLUMN role TEXT NOT NULL DEFAULT 'viewer'
    CONSTRAINT operators_role CHECK (role IN ('viewer', 'support', 'tenant', 'operator'));
UPDATE operators SET role = 'operator';
ALTER TABLE operators ADD COLUMN domain_uuid TEXT
    CONSTRAINT operators_domain CHECK ((role = 'tenant') = (domain_uuid IS NOT NULL));
ALTER TABLE operators ADD COLUMN domain_name TEXT
    CONSTRAINT operators_domain_name CHECK ((domain_uuid IS NULL) = (domain_name IS NULL));

-- The one name that all names of a certificate are, or are `*.` in front of; none where they differ.
CREATE VIEW certificate_bases AS
SELECT named.id AS certificate_id, min(named.base) AS base
FROM (SELECT certificates.id AS id,
             CASE WHEN substr(one.value, 1, 2) = '*.' THEN substr(one.value, 3) ELSE one.value END AS base
      FROM certificates, json_each(certificates.names) AS one) AS named
GROUP BY named.id
HAVING min(named.base) = max(named.base);

-- A link that lets one invited account set its password: shown once, to whoever made it. Only the digest is kept.
CREATE TABLE invitations (
    digest      TEXT    NOT NULL PRIMARY KEY,
    operator_id INTEGER NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER
) STRICT;
CREATE INDEX invitations_by_operator ON invitations (operator_id);
