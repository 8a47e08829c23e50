//! The console's routes, from the router's own table: a new one turns up here by itself.

use rampart::web::may::May;
use rampart::web::router;

/// One path with its methods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    /// As the router has it: `/certificates/{id}/renew`.
    pub(crate) path: String,
    /// `get`, `post`.
    pub(crate) methods: Vec<String>,
    /// Whether strangers may reach it.
    pub(crate) is_open: bool,
}

impl Route {
    /// The path with something in place of its parameters.
    pub(crate) fn example(&self) -> String {
        example(&self.path)
    }

    /// Whether it is a page that one can come back to after signing in: no stream, no file, nothing for programs.
    pub(crate) fn is_page(&self) -> bool {
        let is_other =
            ["/events", "/export"].iter().any(|end| self.path.ends_with(end)) || self.path.starts_with("/api/");
        self.has("get") && !self.is_open && !is_other
    }

    pub(crate) fn has(&self, method: &str) -> bool {
        self.methods.iter().any(|own| own == method)
    }
}

/// `path` with something in place of its parameters.
pub(crate) fn example(path: &str) -> String {
    // Whoever it is about is not there: account 1 is.
    let path = if path.starts_with("/operators/") { path.replace("{id}", "999") } else { path.to_owned() };
    path.replace("{id}", "1").replace("{token}", "no-such-link").replace("{file}", "rampart.css")
}

/// Every path of the console.
pub(crate) fn all() -> Vec<Route> {
    let mut all: Vec<Route> = Vec::new();
    for row in router::table() {
        let (method, is_open) = (row.method.as_str().to_lowercase(), row.may == May::Anyone);
        match all.iter_mut().find(|route| route.path == row.path) {
            Some(route) => {
                assert_eq!(route.is_open, is_open, "{}: half open", row.path);
                route.methods.push(method);
            }
            None => all.push(Route { path: row.path.to_owned(), methods: vec![method], is_open }),
        }
    }
    all
}
