//! What scanners try: other methods, and what others leave lying about.

use reqwest::{Method, StatusCode};

use crate::support::app::TestApp;

/// ASVS 4.1.4, 13.4.4.
#[tokio::test]
async fn methods_that_nobody_needs_are_refused() {
    let app = TestApp::alone().await;
    let browser = app.operator().await;

    for method in
        ["TRACE", "TRACK", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "MKCOL", "COPY", "MOVE", "LOCK", "DEBUG"]
    {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        for path in
            ["/", "/sign-in", "/passwords", "/passwords/settings", "/static/rampart.css", "/healthz", "/csp-report"]
        {
            let answer = browser.send(browser.request(method.clone(), path).header("x-echo", "come-back")).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert!(!answer.body.contains("come-back"), "{method} {path}");
        }
    }
}

/// What scanners look for.
const PROBED: [&str; 104] = [
    "/.git/config",
    "/.git/HEAD",
    "/.git/index",
    "/.gitignore",
    "/.svn/entries",
    "/.hg/hgrc",
    "/.env",
    "/.env.local",
    "/.htaccess",
    "/.htpasswd",
    "/.DS_Store",
    "/.well-known/security.txt",
    "/.well-known/openid-configuration",
    "/.ssh/id_rsa",
    "/.bash_history",
    "/.aws/credentials",
    "/.docker/config.json",
    "/.npmrc",
    "/.vscode/settings.json",
    "/debug",
    "/debug/pprof/",
    "/debug/vars",
    "/_debug",
    "/console",
    "/metrics",
    "/prometheus",
    "/stats",
    "/status",
    "/server-status",
    "/server-info",
    "/nginx_status",
    "/info",
    "/health",
    "/healthz/",
    "/ready",
    "/trace",
    "/actuator",
    "/actuator/env",
    "/actuator/heapdump",
    "/openapi.json",
    "/openapi.yaml",
    "/swagger.json",
    "/swagger-ui/",
    "/swagger-ui.html",
    "/api",
    "/api/",
    "/api/docs",
    "/api/v1",
    "/api/swagger.json",
    "/api-docs",
    "/docs",
    "/redoc",
    "/graphql",
    "/graphiql",
    "/admin",
    "/admin/",
    "/administrator",
    "/phpinfo.php",
    "/info.php",
    "/index.php",
    "/wp-login.php",
    "/xmlrpc.php",
    "/phpmyadmin/",
    "/adminer.php",
    "/cgi-bin/",
    "/shell",
    "/exec",
    "/backup",
    "/backup.zip",
    "/backup.sql",
    "/dump.sql",
    "/db.sqlite",
    "/rampart.sqlite",
    "/store.key",
    "/console.key",
    "/rampart.toml",
    "/agent.toml",
    "/config",
    "/config.json",
    "/config.php",
    "/web.config",
    "/robots.txt",
    "/sitemap.xml",
    "/crossdomain.xml",
    "/clientaccesspolicy.xml",
    "/favicon.ico",
    "/test",
    "/tests",
    "/src/",
    "/Cargo.toml",
    "/Cargo.lock",
    "/target/",
    "/templates/base.html",
    "/static",
    "/static/",
    "/static/rampart.css.map",
    "/static/rampart.js.map",
    "/static/../Cargo.toml",
    "/static/%2e%2e/Cargo.toml",
    "/../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/..;/etc/passwd",
    "/static/%00",
];

/// ASVS 13.4.2, 13.4.5.
#[tokio::test]
async fn nothing_lies_beside_the_routes() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;

    for path in PROBED {
        for browser in [&operator, &app.stranger()] {
            let answer = browser.get(path).await;
            assert!(matches!(answer.status.as_u16(), 400 | 404), "{path}: {}", answer.status);
            assert!(!answer.text("h1").is_empty() || answer.body.contains("error"), "{path} has no page");
        }
    }
}
