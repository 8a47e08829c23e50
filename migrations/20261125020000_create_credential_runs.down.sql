DROP TABLE credential_places;
DROP TABLE credential_gaps;
DROP TABLE credential_counts;
DROP TABLE credential_runs;
