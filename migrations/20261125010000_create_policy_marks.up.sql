-- What Rampart last left in each settings row of FusionPBX that it changed, so that a later change by somebody else is
-- noticed. No row of these holds a secret.
CREATE TABLE policy_marks (
    setting TEXT    NOT NULL CONSTRAINT policy_marks_one_each PRIMARY KEY,
    tenant  TEXT,
    place   TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    value   TEXT,
    enabled INTEGER NOT NULL,
    version TEXT    NOT NULL,
    entry   INTEGER NOT NULL,
    drift   TEXT
) STRICT;
