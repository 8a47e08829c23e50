-- Browser sessions. The cookie's value is never stored, only its SHA-256.
CREATE TABLE sessions (
    digest       TEXT    NOT NULL PRIMARY KEY,
    operator_id  INTEGER REFERENCES operators (id) ON DELETE CASCADE,
    address      TEXT,
    data         TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_operator ON sessions (operator_id);
CREATE INDEX sessions_by_last_seen ON sessions (last_seen_at);
