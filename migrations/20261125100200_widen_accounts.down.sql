ALTER TABLE certificates DROP COLUMN void_since;
ALTER TABLE certificates DROP COLUMN chain_root;
ALTER TABLE certificates DROP COLUMN profile;
ALTER TABLE certificates DROP COLUMN directory_url;
CREATE TABLE acme_accounts_narrow (
    id            INTEGER PRIMARY KEY,
    directory_url TEXT    NOT NULL,
    account_key   BLOB    NOT NULL,
    url           TEXT,
    contact       TEXT    NOT NULL DEFAULT '',
    credentials   BLOB,
    created_at    INTEGER NOT NULL,
    CONSTRAINT acme_accounts_one_per_directory UNIQUE (directory_url)
) STRICT;
INSERT INTO acme_accounts_narrow (id, directory_url, account_key, url, contact, credentials, created_at)
SELECT id, directory_url, account_key, url, contact, credentials, created_at FROM acme_accounts WHERE ended_at IS NULL;
DROP TABLE acme_accounts;
ALTER TABLE acme_accounts_narrow RENAME TO acme_accounts;
