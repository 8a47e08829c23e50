-- People who may sign in to Rampart. FusionPBX's own users are not here.
CREATE TABLE operators (
    id            INTEGER PRIMARY KEY,
    name          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    disabled_at   INTEGER,
    CONSTRAINT operators_name_unique UNIQUE (name)
) STRICT;

-- A link that lets the first operator set a password: shown once, on a terminal. Only the digest is kept.
CREATE TABLE setup_links (
    digest     TEXT    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
