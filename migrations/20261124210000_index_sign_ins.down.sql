DROP INDEX trail_sign_ins;
