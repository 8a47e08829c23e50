-- Every sign-in, refusal, change and automatic act: opened before it happens, closed after it.
CREATE TABLE trail (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    actor     TEXT    NOT NULL,
    address   TEXT,
    act       TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    before    TEXT,
    after     TEXT,
    outcome   TEXT    NOT NULL DEFAULT 'open' CONSTRAINT trail_outcome CHECK (outcome IN ('open', 'done', 'failed', 'refused')),
    reason    TEXT,
    inverse   TEXT,
    undone_by INTEGER REFERENCES trail (id)
) STRICT;
CREATE INDEX trail_by_act ON trail (act, id);
