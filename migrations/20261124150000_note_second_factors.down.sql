ALTER TABLE operators DROP COLUMN factor_at;
