-- Accounts with certificate authorities. The key is kept before the CA hears of it, so that a kill in between makes no
-- second account; key and credentials are sealed with the key file. Without a url the account was not made yet.
CREATE TABLE acme_accounts (
    id            INTEGER PRIMARY KEY,
    directory_url TEXT    NOT NULL,
    account_key   BLOB    NOT NULL,
    url           TEXT,
    contact       TEXT    NOT NULL DEFAULT '',
    credentials   BLOB,
    created_at    INTEGER NOT NULL,
    CONSTRAINT acme_accounts_one_per_directory UNIQUE (directory_url)
) STRICT;

-- A set of names that is kept covered. Keys and generations lie with the agent.
CREATE TABLE certificates (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    names           TEXT    NOT NULL,
    key_kind        TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    generation      INTEGER,
    issuer          TEXT,
    serial          TEXT,
    not_before      INTEGER,
    not_after       INTEGER,
    failures        INTEGER NOT NULL DEFAULT 0,
    last_attempt_at INTEGER,
    last_failure    TEXT,
    jitter          INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER,
    paused_until    INTEGER,
    progress        TEXT,
    CONSTRAINT certificates_names_unique UNIQUE (names)
) STRICT;

-- One attempt to get one certificate. At most one is open for each certificate.
CREATE TABLE orders (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    certificate_id INTEGER NOT NULL REFERENCES certificates (id),
    asked_by       TEXT    NOT NULL,
    trail_id       INTEGER REFERENCES trail (id),
    state          TEXT    NOT NULL DEFAULT 'queued'
        CONSTRAINT orders_state CHECK (state IN ('queued', 'running', 'done', 'failed')),
    lease_until    INTEGER,
    created_at     INTEGER NOT NULL,
    ended_at       INTEGER,
    failure_place  TEXT,
    failure        TEXT,
    served_serial  TEXT,
    proofs         TEXT
) STRICT;
CREATE UNIQUE INDEX orders_one_open ON orders (certificate_id) WHERE state IN ('queued', 'running');
CREATE INDEX orders_by_state ON orders (state, id);

-- What happened in an order, in plain words, for the page that follows it.
CREATE TABLE order_steps (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    at       INTEGER NOT NULL,
    words    TEXT    NOT NULL
) STRICT;
CREATE INDEX order_steps_by_order ON order_steps (order_id, id);
