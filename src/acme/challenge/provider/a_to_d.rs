//! Services from A to D.

use dns_update::DnsUpdater;
use dns_update::providers::azuredns::{AzureDnsConfig, AzureEnvironment};
use dns_update::providers::bluecatv2::BluecatV2Config;
use dns_update::providers::edgedns::EdgeDnsConfig;

use crate::acme::challenge::provider::{
    Provider, WAIT, choice, hinted, optional, secret, service, single, text, url,
};

pub(super) const PROVIDERS: &[Provider] = &[
    service(
        "edgedns",
        "Akamai Edge DNS",
        &[
            hinted(text("host", "Host"), "as in .edgerc: akab-….luna.akamaiapis.net"),
            secret("client_token", "Client token"),
            secret("client_secret", "Client secret"),
            secret("access_token", "Access token"),
            optional(text("account_switch_key", "Account switch key")),
        ],
        |v| {
            DnsUpdater::new_edgedns(EdgeDnsConfig {
                host: v.get("host").to_owned(),
                client_token: v.get("client_token").to_owned(),
                client_secret: v.get("client_secret").to_owned(),
                access_token: v.get("access_token").to_owned(),
                account_switch_key: v.owned("account_switch_key"),
                request_timeout: WAIT,
            })
        },
    ),
    service(
        "alidns",
        "Alibaba Cloud DNS",
        &[
            text("access_key", "Access key ID"),
            secret("secret_key", "Access key secret"),
            optional(text("region", "Region")),
            optional(secret("security_token", "Security token")),
            optional(text("line", "Line")),
        ],
        |v| {
            let (region, token, line) = (v.maybe("region"), v.maybe("security_token"), v.maybe("line"));
            DnsUpdater::new_alidns(v.get("access_key"), v.get("secret_key"), region, token, line, WAIT)
        },
    ),
    service("arvancloud", "ArvanCloud", &[secret("key", "API key")], |v| {
        DnsUpdater::new_arvancloud(v.get("key"), WAIT)
    }),
    service(
        "autodns",
        "AutoDNS (InterNetX)",
        &[
            text("username", "User"),
            secret("password", "Password"),
            optional(hinted(text("context", "Context"), "a number; 4 where nothing else was said")),
        ],
        |v| {
            let context = v.maybe("context").and_then(|context| context.parse().ok());
            DnsUpdater::new_autodns(v.get("username"), v.get("password"), context, WAIT)
        },
    ),
    service(
        "lightsail",
        "AWS Lightsail",
        &[
            text("access_key", "Access key ID"),
            secret("secret_key", "Secret access key"),
            optional(secret("session_token", "Session token")),
            optional(text("region", "Region")),
            optional(text("domain", "Domain")),
        ],
        |v| {
            DnsUpdater::new_lightsail(dns_update::providers::lightsail::LightsailConfig {
                access_key_id: v.get("access_key").to_owned(),
                secret_access_key: v.get("secret_key").to_owned(),
                session_token: v.owned("session_token"),
                region: v.owned("region"),
                domain: v.owned("domain"),
                request_timeout: WAIT,
            })
        },
    ),
    service(
        "route53",
        "AWS Route 53",
        &[
            text("access_key", "Access key ID"),
            secret("secret_key", "Secret access key"),
            optional(secret("session_token", "Session token")),
            optional(text("region", "Region")),
            optional(hinted(text("hosted_zone_id", "Hosted zone ID"), "found by name where it is empty")),
        ],
        |v| {
            DnsUpdater::new_route53(dns_update::providers::route53::Route53Config {
                access_key_id: v.get("access_key").to_owned(),
                secret_access_key: v.get("secret_key").to_owned(),
                session_token: v.owned("session_token"),
                region: v.owned("region"),
                hosted_zone_id: v.owned("hosted_zone_id"),
                private_zone_only: None,
                endpoint: None,
            })
        },
    ),
    service(
        "azuredns",
        "Azure DNS",
        &[
            text("tenant_id", "Tenant ID"),
            text("client_id", "Client ID"),
            secret("client_secret", "Client secret"),
            text("subscription_id", "Subscription ID"),
            text("resource_group", "Resource group"),
            choice("environment", "Environment", &["public", "china", "usgovernment"]),
        ],
        |v| {
            DnsUpdater::new_azuredns(AzureDnsConfig {
                tenant_id: v.get("tenant_id").to_owned(),
                client_id: v.get("client_id").to_owned(),
                client_secret: v.get("client_secret").to_owned(),
                subscription_id: v.get("subscription_id").to_owned(),
                resource_group: v.get("resource_group").to_owned(),
                environment: AzureEnvironment::from_str_lossy(v.get("environment")),
                request_timeout: WAIT,
            })
        },
    ),
    service(
        "baiducloud",
        "Baidu Cloud",
        &[text("access_key", "Access key ID"), secret("secret_key", "Secret access key")],
        |v| DnsUpdater::new_baiducloud(v.get("access_key"), v.get("secret_key"), WAIT),
    ),
    service(
        "bluecatv2",
        "BlueCat Address Manager (API v2)",
        &[
            url("url", "Address of the server"),
            text("username", "User"),
            secret("password", "Password"),
            text("config_name", "Configuration"),
            text("view_name", "View"),
        ],
        |v| {
            DnsUpdater::new_bluecatv2(BluecatV2Config {
                server_url: v.get("url").to_owned(),
                username: v.get("username").to_owned(),
                password: v.get("password").to_owned(),
                config_name: v.get("config_name").to_owned(),
                view_name: v.get("view_name").to_owned(),
                skip_deploy: false,
                request_timeout: WAIT,
            })
        },
    ),
    service("bunny", "Bunny", &[secret("key", "API key")], |v| DnsUpdater::new_bunny(v.get("key"), WAIT)),
    service(
        "cloudflare",
        "Cloudflare",
        &[hinted(secret("token", "API token"), "with Zone:Read and DNS:Edit for the zones it serves, nothing more")],
        |v| DnsUpdater::new_cloudflare(v.get("token"), WAIT),
    ),
    service(
        "cloudns",
        "ClouDNS",
        &[
            optional(hinted(text("auth_id", "Auth ID"), "this or the sub-user's ID")),
            optional(text("sub_auth_id", "Sub-user's auth ID")),
            secret("password", "Auth password"),
        ],
        |v| {
            let sub = v.maybe("sub_auth_id");
            // The library takes one of the two.
            let main = v.maybe("auth_id").filter(|_| sub.is_none());
            DnsUpdater::new_cloudns(main, sub, v.get("password"), WAIT)
        },
    ),
    service("constellix", "Constellix", &[text("key", "API key"), secret("secret", "Secret key")], |v| {
        DnsUpdater::new_constellix(v.get("key"), v.get("secret"), WAIT)
    }),
    service(
        "cpanel",
        "cPanel",
        &[url("url", "Address of the server"), text("username", "User"), secret("token", "API token")],
        |v| DnsUpdater::new_cpanel(v.get("url"), v.get("username"), v.get("token"), WAIT),
    ),
    single("ddnss", "ddnss.de", &[secret("key", "Update key")], |v| DnsUpdater::new_ddnss(v.get("key"), WAIT)),
    service("desec", "deSEC", &[secret("token", "Token")], |v| DnsUpdater::new_desec(v.get("token"), WAIT)),
    service("digitalocean", "DigitalOcean", &[secret("token", "API token")], |v| {
        DnsUpdater::new_digitalocean(v.get("token"), WAIT)
    }),
    service("dnsmadeeasy", "DNS Made Easy", &[text("key", "API key"), secret("secret", "Secret key")], |v| {
        DnsUpdater::new_dnsmadeeasy(v.get("key"), v.get("secret"), WAIT)
    }),
    service("dnsimple", "DNSimple", &[secret("token", "API token"), text("account_id", "Account ID")], |v| {
        DnsUpdater::new_dnsimple(v.get("token"), v.get("account_id"), WAIT)
    }),
    service("domeneshop", "Domeneshop", &[text("token", "API token"), secret("secret", "API secret")], |v| {
        DnsUpdater::new_domeneshop(v.get("token"), v.get("secret"), WAIT)
    }),
    service("dreamhost", "DreamHost", &[secret("key", "API key")], |v| DnsUpdater::new_dreamhost(v.get("key"), WAIT)),
    single("duckdns", "Duck DNS", &[secret("token", "Token")], |v| DnsUpdater::new_duckdns(v.get("token"), WAIT)),
    service("dynu", "Dynu", &[secret("key", "API key")], |v| DnsUpdater::new_dynu(v.get("key"), WAIT)),
];
