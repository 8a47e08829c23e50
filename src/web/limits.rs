//! How many event streams one session may hear.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// At most so many event streams at once for one session: each holds a connection.
const MOST_STREAMS: u32 = 2;

/// The event streams that are open, by session.
#[derive(Clone, Debug, Default)]
pub struct EventStreams(Arc<Mutex<HashMap<i128, u32>>>);

impl EventStreams {
    /// A place for one more stream of `session`; `None` if two are open already.
    #[must_use]
    pub fn enter(&self, session: i128) -> Option<StreamPlace> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(session).or_default();
        if *count >= MOST_STREAMS {
            return None;
        }
        *count += 1;
        Some(StreamPlace { streams: self.clone(), session })
    }
}

/// The place of one open stream. Dropping it makes room for another.
#[derive(Debug)]
pub struct StreamPlace {
    streams: EventStreams,
    session: i128,
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.session);
            }
        }
    }
}
