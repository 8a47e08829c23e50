-- When somebody signed in last is asked for each account.
CREATE INDEX trail_sign_ins ON trail (subject, id) WHERE kind = 'open' AND act = 'session.sign-in';
