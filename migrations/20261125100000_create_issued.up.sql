-- Every certificate that a CA signed for us: what revocation, renewal windows and the way back rest on.
CREATE TABLE issued (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    certificate_id INTEGER NOT NULL REFERENCES certificates (id) ON DELETE CASCADE,
    generation     INTEGER NOT NULL,
    directory_url  TEXT    NOT NULL,
    serial         TEXT    NOT NULL,
    ari_id         TEXT,
    not_before     INTEGER NOT NULL,
    not_after      INTEGER NOT NULL,
    chain_pem      TEXT    NOT NULL,
    issued_at      INTEGER NOT NULL,
    revoked_at     INTEGER,
    revoked_for    TEXT,
    CONSTRAINT issued_once UNIQUE (certificate_id, generation)
) STRICT;

-- When the CA would like the certificate in force to be renewed (RFC 9773), and when it is asked again.
CREATE TABLE renewal_windows (
    certificate_id INTEGER PRIMARY KEY REFERENCES certificates (id) ON DELETE CASCADE,
    directory_url  TEXT    NOT NULL,
    ari_id         TEXT    NOT NULL,
    not_after      INTEGER NOT NULL,
    opens_at       INTEGER,
    closes_at      INTEGER,
    chosen_at      INTEGER,
    explanation    TEXT,
    asked_at       INTEGER,
    ask_at         INTEGER NOT NULL,
    failures       INTEGER NOT NULL DEFAULT 0,
    trouble        TEXT
) STRICT;
CREATE INDEX renewal_windows_by_ask ON renewal_windows (ask_at);

-- What was asked of a CA, so that no loop and no restart can eat its limits. Exempt is what the CA counts against nothing.
CREATE TABLE ca_spent (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    directory_url TEXT    NOT NULL,
    kind          TEXT    NOT NULL
        CONSTRAINT ca_spent_kind CHECK (kind IN ('order', 'domain', 'names', 'refused')),
    subject       TEXT    NOT NULL,
    at            INTEGER NOT NULL,
    is_exempt     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX ca_spent_by_subject ON ca_spent (directory_url, kind, subject, at);
