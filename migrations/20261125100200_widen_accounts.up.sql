-- One account in use for each CA; an ended one may be followed by another. A private CA brings its own root. The next key is
-- kept before the CA hears of it, so that a kill in between loses no account.
CREATE TABLE acme_accounts_wide (
    id            INTEGER PRIMARY KEY,
    directory_url TEXT    NOT NULL,
    root_pem      TEXT,
    account_key   BLOB    NOT NULL,
    next_key      BLOB,
    url           TEXT,
    contact       TEXT    NOT NULL DEFAULT '',
    credentials   BLOB,
    binding       TEXT,
    created_at    INTEGER NOT NULL,
    ended_at      INTEGER
) STRICT;
INSERT INTO acme_accounts_wide (id, directory_url, account_key, url, contact, credentials, created_at)
SELECT id, directory_url, account_key, url, contact, credentials, created_at FROM acme_accounts;
DROP TABLE acme_accounts;
ALTER TABLE acme_accounts_wide RENAME TO acme_accounts;
CREATE UNIQUE INDEX acme_accounts_one_in_use ON acme_accounts (directory_url) WHERE ended_at IS NULL;

-- What is chosen for a certificate: which CA (none: that of rampart.toml), which of its profiles, the root that its chain is
-- to lead to. And whether what is in force must go: revoked, or without its key.
ALTER TABLE certificates ADD COLUMN directory_url TEXT;
ALTER TABLE certificates ADD COLUMN profile TEXT;
ALTER TABLE certificates ADD COLUMN chain_root TEXT;
ALTER TABLE certificates ADD COLUMN void_since INTEGER;
