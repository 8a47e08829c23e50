-- What an operator may do, and for a tenant's own operator the FusionPBX domain that binds, with its name as last seen.
-- A row that is added without a role may do the least; whoever is there already keeps what they had.
ALTER TABLE operators ADD COLUMN role TEXT NOT NULL DEFAULT 'viewer'
    CONSTRAINT operators_role CHECK (role IN ('viewer', 'support', 'tenant', 'operator'));
UPDATE operators SET role = 'operator';
ALTER TABLE operators ADD COLUMN domain_uuid TEXT
    CONSTRAINT operators_domain CHECK ((role = 'tenant') = (domain_uuid IS NOT NULL));
ALTER TABLE operators ADD COLUMN domain_name TEXT
    CONSTRAINT operators_domain_name CHECK ((domain_uuid IS NULL) = (domain_name IS NULL));
