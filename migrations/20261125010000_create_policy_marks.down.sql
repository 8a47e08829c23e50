DROP TABLE policy_marks;
