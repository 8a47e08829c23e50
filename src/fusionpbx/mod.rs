//! Floor 1: the only code that knows FusionPBX's database. Everything read here is hostile text.

pub mod survey;
