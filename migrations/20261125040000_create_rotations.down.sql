DROP TABLE rotation_batches;
DROP TABLE rotations;
