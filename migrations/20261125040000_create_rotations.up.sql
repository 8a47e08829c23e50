-- New secrets for FusionPBX's extensions, mailboxes and devices: a rotation is done in batches, one after the other.
CREATE TABLE rotations (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    made_by TEXT    NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;
-- What a batch is about (`items`, JSON without a secret), how far it is, and while it can be undone the former secrets, and
-- until they were shown once the new ones (`secrets`, sealed). `versions` are those that it left in FusionPBX.
CREATE TABLE rotation_batches (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    rotation_id INTEGER NOT NULL REFERENCES rotations (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    items       TEXT    NOT NULL,
    state       TEXT    NOT NULL DEFAULT 'waiting'
        CONSTRAINT rotation_batches_state CHECK (state IN ('waiting', 'changing', 'changed', 'confirmed', 'undone')),
    entry       INTEGER,
    changed_at  INTEGER,
    versions    TEXT,
    secrets     BLOB,
    shown       INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT rotation_batches_one_each UNIQUE (rotation_id, position),
    CONSTRAINT rotation_batches_keep_nothing CHECK (secrets IS NULL OR state IN ('changing', 'changed'))
) STRICT;
