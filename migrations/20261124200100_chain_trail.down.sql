UPDATE orders SET trail_id = NULL;
DROP TABLE trail_agent;
DROP TABLE trail_open;
DROP TABLE trail;
DROP TABLE trail_head;
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
