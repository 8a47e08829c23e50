//! The main job in a real browser.
