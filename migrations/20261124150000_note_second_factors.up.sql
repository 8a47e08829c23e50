-- Since when an operator has a second factor. The factor itself lies with the agent, where the console cannot read it.
ALTER TABLE operators ADD COLUMN factor_at INTEGER;
