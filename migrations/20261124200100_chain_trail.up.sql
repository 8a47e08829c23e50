-- The trail becomes a chain: rows are only added, each with a hash over the row before it, its number and all its columns.
-- Nothing was released before this, so entries of the former table are not kept.
UPDATE orders SET trail_id = NULL;
DROP TABLE trail;

-- One row for each record. An entry is its open record and what refers to it: its close, and that it was undone.
CREATE TABLE trail (
    id           INTEGER PRIMARY KEY,
    kind         TEXT    NOT NULL
        CONSTRAINT trail_kind CHECK (kind IN ('open', 'close', 'undone', 'forgotten', 'break')),
    at           INTEGER NOT NULL,
    entry        INTEGER,
    actor        TEXT,
    address      TEXT,
    act          TEXT,
    subject      TEXT,
    domain       TEXT,
    before       TEXT,
    after        TEXT,
    outcome      TEXT CONSTRAINT trail_outcome CHECK (outcome IN ('done', 'failed', 'refused')),
    reason       TEXT,
    inverse      TEXT,
    undone_by    INTEGER,
    begins       INTEGER,
    begins_after TEXT,
    hash         BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX trail_close_of ON trail (entry) WHERE kind = 'close';
CREATE UNIQUE INDEX trail_undone_of ON trail (entry) WHERE kind = 'undone';
CREATE INDEX trail_by_domain ON trail (domain, id) WHERE kind = 'open' AND domain IS NOT NULL;

-- The entries that are open, so that none need be searched for.
CREATE TABLE trail_open (
    entry INTEGER NOT NULL PRIMARY KEY REFERENCES trail (id)
) STRICT;

-- The end of the chain, and where it begins since older records were forgotten; sealed with the key file.
CREATE TABLE trail_head (
    one    INTEGER NOT NULL PRIMARY KEY CONSTRAINT trail_head_one CHECK (one = 1),
    first  INTEGER NOT NULL,
    before BLOB    NOT NULL,
    number INTEGER NOT NULL,
    hash   BLOB    NOT NULL,
    sealed BLOB
) STRICT;
INSERT INTO trail_head (one, first, before, number, hash) VALUES (1, 1, zeroblob(32), 0, zeroblob(32));

-- The end of the agent's own half, as it last said it; sealed with the key file.
CREATE TABLE trail_agent (
    one    INTEGER NOT NULL PRIMARY KEY CONSTRAINT trail_agent_one CHECK (one = 1),
    at     INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hash   BLOB    NOT NULL,
    sealed BLOB    NOT NULL
) STRICT;

CREATE TRIGGER trail_keeps_records BEFORE UPDATE ON trail
BEGIN
    SELECT raise(ABORT, 'a record of the trail is never changed');
END;
CREATE TRIGGER trail_keeps_its_length BEFORE DELETE ON trail
WHEN old.id >= (SELECT first FROM trail_head)
BEGIN
    SELECT raise(ABORT, 'a record of the trail is only forgotten with all before it');
END;
