-- What Rampart may write to at a DNS service: what anyone may see of it (`settings`, JSON), and its secrets, sealed.
CREATE TABLE dns_credentials (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL CONSTRAINT dns_credentials_one_name UNIQUE,
    provider   TEXT    NOT NULL,
    settings   TEXT    NOT NULL,
    secrets    BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
-- The zones that an operator approved: names in them may be ordered, each proved in the zone's way.
CREATE TABLE dns_zones (
    zone          TEXT    NOT NULL CONSTRAINT dns_zones_one_each PRIMARY KEY,
    way           TEXT    NOT NULL
        CONSTRAINT dns_zones_way CHECK (way IN ('dns-01', 'dns-account-01', 'dns-persist-01', 'http-01', 'manual')),
    credential_id INTEGER REFERENCES dns_credentials (id),
    approved_by   TEXT    NOT NULL,
    approved_at   INTEGER NOT NULL,
    CONSTRAINT dns_zones_credential CHECK ((credential_id IS NOT NULL) = (way IN ('dns-01', 'dns-account-01')))
) STRICT;
CREATE INDEX dns_zones_by_credential ON dns_zones (credential_id);
-- How the last test of a zone went, also of one that stands in rampart.toml.
CREATE TABLE dns_tests (
    zone    TEXT    NOT NULL CONSTRAINT dns_tests_one_each PRIMARY KEY,
    at      INTEGER NOT NULL,
    is_good INTEGER,
    words   TEXT    NOT NULL
) STRICT;
