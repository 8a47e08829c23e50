//! The console's routes, read from its router: a new one turns up here by itself.

use std::collections::BTreeMap;

use syn::visit::Visit;
use syn::{Expr, ExprLit, ExprMethodCall, ItemConst, Lit};

/// One route.
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
        self.path.replace("{id}", "1").replace("{token}", "no-such-link").replace("{file}", "rampart.css")
    }

    pub(crate) fn has(&self, method: &str) -> bool {
        self.methods.iter().any(|own| own == method)
    }
}

#[derive(Default)]
struct Found {
    paths: BTreeMap<String, String>,
    function: String,
    routes: Vec<(String, Vec<String>, String)>,
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item_const(&mut self, item: &'ast ItemConst) {
        if let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = item.expr.as_ref() {
            self.paths.insert(item.ident.to_string(), text.value());
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function = item.sig.ident.to_string();
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if call.method == "route" {
            let Expr::Path(name) = &call.args[0] else { panic!("a route whose path is no constant") };
            let name = name.path.segments.last().unwrap().ident.to_string();
            self.routes.push((name, methods(&call.args[1]), self.function.clone()));
        }
        syn::visit::visit_expr_method_call(self, call);
    }
}

/// The methods in `get(a).post(b)`.
fn methods(expression: &Expr) -> Vec<String> {
    match expression {
        Expr::Call(call) => {
            let Expr::Path(name) = call.func.as_ref() else { panic!("a route without a method") };
            vec![name.path.segments.last().unwrap().ident.to_string()]
        }
        Expr::MethodCall(call) => {
            let mut all = methods(&call.receiver);
            all.push(call.method.to_string());
            all
        }
        _ => panic!("a route of another shape than get(…).post(…)"),
    }
}

/// Every route of the console.
pub(crate) fn all() -> Vec<Route> {
    let mut found = Found::default();
    for file in ["src/web/routes.rs", "src/web/router.rs"] {
        let text = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        found.visit_file(&syn::parse_file(&text).unwrap());
    }
    let route = |(name, methods, function): &(String, Vec<String>, String)| Route {
        path: found.paths[name].clone(),
        methods: methods.clone(),
        is_open: function != "for_operators",
    };
    found.routes.iter().map(route).collect()
}
