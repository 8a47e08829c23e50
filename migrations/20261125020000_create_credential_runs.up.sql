-- Runs of the audit of credentials: how many places have what, and of the newest run where. Never a secret. A run is
-- written in pieces, so that nobody waits for it, and counts from when it is finished.
CREATE TABLE credential_runs (
    id       INTEGER NOT NULL PRIMARY KEY,
    began_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    judged   INTEGER NOT NULL,
    places   INTEGER NOT NULL,
    finished INTEGER NOT NULL DEFAULT 0
) STRICT;

-- One row for each tenant, table, reason and severity; with an empty table and reason, how many places there are by
-- the worst that each has. The tenant is a `domain_uuid`, empty for what belongs to none, `*` for all together.
CREATE TABLE credential_counts (
    run_id     INTEGER NOT NULL REFERENCES credential_runs (id) ON DELETE CASCADE,
    tenant     TEXT    NOT NULL,
    table_name TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    severity   INTEGER NOT NULL,
    places     INTEGER NOT NULL,
    PRIMARY KEY (run_id, tenant, table_name, reason, severity)
) STRICT, WITHOUT ROWID;

CREATE TABLE credential_gaps (
    run_id     INTEGER NOT NULL REFERENCES credential_runs (id) ON DELETE CASCADE,
    table_name TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    PRIMARY KEY (run_id, table_name, reason)
) STRICT, WITHOUT ROWID;

-- The places of the newest run, worst first; `reasons` is ` too-short common `. `own_severity` is what the tenant itself
-- may know, which is nothing of other tenants' secrets; 5: nothing at all.
CREATE TABLE credential_places (
    id           INTEGER NOT NULL PRIMARY KEY,
    run_id       INTEGER NOT NULL REFERENCES credential_runs (id) ON DELETE CASCADE,
    table_name   TEXT    NOT NULL,
    tenant       TEXT    NOT NULL,
    domain       TEXT    NOT NULL,
    place        TEXT    NOT NULL,
    severity     INTEGER NOT NULL,
    own_severity INTEGER NOT NULL,
    reasons      TEXT    NOT NULL
) STRICT;
CREATE INDEX credential_places_tenant ON credential_places (tenant, run_id, id);
CREATE INDEX credential_places_run ON credential_places (run_id, id);
