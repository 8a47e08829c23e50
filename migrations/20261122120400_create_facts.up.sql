-- The last look at each source, so that pages need not wait and a restart forgets nothing.
CREATE TABLE facts (
    source TEXT NOT NULL PRIMARY KEY,
    body   TEXT NOT NULL
) STRICT;
