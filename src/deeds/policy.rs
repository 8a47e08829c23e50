//! Changing the password policy in FusionPBX, and taking a change back.
