-- Browsers that an operator has signed in with. Such a one is no way in: it has a bucket and a place in the queue of its
-- own, so that strangers cannot keep the operator out. The cookie's value is never stored, only its SHA-256.
CREATE TABLE devices (
    digest       TEXT    NOT NULL,
    operator_id  INTEGER NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    browser      TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    CONSTRAINT devices_one_each PRIMARY KEY (digest, operator_id)
) STRICT;
CREATE INDEX devices_by_operator ON devices (operator_id, last_used_at);
CREATE INDEX devices_by_last_used ON devices (last_used_at);
