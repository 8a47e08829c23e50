//! Floor 5: builds, starts and stops the console, and the demo's throwaway world. Nobody imports this floor but the
//! programs and the tests.

pub mod build;
pub mod confine;
pub mod console_tls;
pub mod demo;
pub mod edge;
pub mod fusionpbx;
pub mod keep_running;
pub mod listener;
pub mod open_files;
pub mod places;
pub mod privileges;
pub mod serve;
pub mod tls_only;
