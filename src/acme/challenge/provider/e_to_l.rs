//! Services from E to L.

use std::collections::HashMap;

use dns_update::DnsUpdater;
use dns_update::providers::google_cloud_dns::GoogleCloudDnsConfig;
use dns_update::providers::infoblox::InfobloxConfig;
use dns_update::providers::joker::JokerAuth;

use crate::acme::challenge::provider::{
    Provider, WAIT, choice, hinted, lines, optional, secret, service, single, text,
};

pub(super) const PROVIDERS: &[Provider] = &[
    service("easydns", "easyDNS", &[text("token", "Token"), secret("key", "Key")], |v| {
        DnsUpdater::new_easydns(v.get("token"), v.get("key"), WAIT)
    }),
    service("exoscale", "Exoscale", &[text("key", "API key"), secret("secret", "API secret")], |v| {
        DnsUpdater::new_exoscale(v.get("key"), v.get("secret"), WAIT)
    }),
    single("freemyip", "freemyip.com", &[secret("token", "Token")], |v| {
        DnsUpdater::new_freemyip(v.get("token"), WAIT)
    }),
    service("gandiv5", "Gandi (LiveDNS)", &[secret("token", "Personal access token")], |v| {
        DnsUpdater::new_gandiv5(v.get("token"), WAIT)
    }),
    service("gcore", "Gcore", &[secret("token", "API token")], |v| DnsUpdater::new_gcore(v.get("token"), WAIT)),
    service("glesys", "GleSYS", &[text("user", "API user"), secret("key", "API key")], |v| {
        DnsUpdater::new_glesys(v.get("user"), v.get("key"), WAIT)
    }),
    service("godaddy", "GoDaddy", &[text("key", "API key"), secret("secret", "API secret")], |v| {
        DnsUpdater::new_godaddy(v.get("key"), v.get("secret"), WAIT)
    }),
    service(
        "googleclouddns",
        "Google Cloud DNS",
        &[
            text("project_id", "Project"),
            hinted(lines("service_account_json", "Service account's key"), "the JSON file, as Google hands it out"),
            optional(hinted(text("managed_zone", "Managed zone"), "found by name where it is empty")),
            optional(text("impersonate", "Service account to act as")),
        ],
        |v| {
            DnsUpdater::new_google_cloud_dns(GoogleCloudDnsConfig {
                service_account_json: v.get("service_account_json").to_owned(),
                project_id: v.get("project_id").to_owned(),
                managed_zone: v.owned("managed_zone"),
                private_zone: false,
                impersonate_service_account: v.owned("impersonate"),
                request_timeout: WAIT,
            })
        },
    ),
    service("hetzner", "Hetzner", &[secret("token", "API token")], |v| DnsUpdater::new_hetzner(v.get("token"), WAIT)),
    service("hostingde", "hosting.de", &[secret("key", "API key")], |v| {
        DnsUpdater::new_hostingde(v.get("key"), WAIT)
    }),
    service("hostinger", "Hostinger", &[secret("token", "API token")], |v| {
        DnsUpdater::new_hostinger(v.get("token"), WAIT)
    }),
    service(
        "huaweicloud",
        "Huawei Cloud",
        &[text("access_key", "Access key ID"), secret("secret_key", "Secret access key"), text("region", "Region")],
        |v| DnsUpdater::new_huaweicloud(v.get("access_key"), v.get("secret_key"), v.get("region"), WAIT),
    ),
    single(
        "hurricane",
        "Hurricane Electric (dynamic TXT)",
        &[hinted(lines("keys", "Keys"), "one line for each zone: example.com=key")],
        |v| {
            let pairs = v.get("keys").lines().filter_map(|line| line.split_once('='));
            let keys = pairs.map(|(zone, key)| (zone.trim().to_owned(), key.trim().to_owned()));
            DnsUpdater::new_hurricane(keys.collect::<HashMap<_, _>>(), WAIT)
        },
    ),
    service("ibmcloud", "IBM Cloud (SoftLayer)", &[text("username", "User"), secret("key", "API key")], |v| {
        DnsUpdater::new_ibmcloud(v.get("username"), v.get("key"), WAIT)
    }),
    service(
        "infoblox",
        "Infoblox",
        &[
            text("host", "Host"),
            optional(text("port", "Port")),
            text("username", "User"),
            secret("password", "Password"),
            optional(text("wapi_version", "WAPI version")),
            optional(text("dns_view", "DNS view")),
        ],
        |v| {
            DnsUpdater::new_infoblox(InfobloxConfig {
                host: v.get("host").to_owned(),
                port: v.owned("port"),
                username: v.get("username").to_owned(),
                password: v.get("password").to_owned(),
                wapi_version: v.owned("wapi_version"),
                dns_view: v.owned("dns_view"),
                request_timeout: WAIT,
            })
        },
    ),
    service("infomaniak", "Infomaniak", &[secret("token", "Access token")], |v| {
        DnsUpdater::new_infomaniak(v.get("token"), WAIT)
    }),
    service(
        "inwx",
        "INWX",
        &[
            text("username", "User"),
            secret("password", "Password"),
            choice("system", "System", &["production", "sandbox"]),
        ],
        |v| DnsUpdater::new_inwx(v.get("username"), v.get("password"), v.get("system") == "sandbox", WAIT),
    ),
    service("ionos", "IONOS", &[hinted(secret("key", "API key"), "public prefix, a dot, and the secret")], |v| {
        DnsUpdater::new_ionos(v.get("key"), WAIT)
    }),
    service("ipv64", "IPv64.net", &[secret("key", "API key")], |v| DnsUpdater::new_ipv64(v.get("key"), WAIT)),
    service(
        "joker",
        "Joker.com",
        &[
            optional(hinted(text("username", "User"), "leave empty and give an API key as the secret, or give both")),
            secret("secret", "Password or API key"),
        ],
        |v| {
            let auth = match v.maybe("username") {
                Some(user) => JokerAuth::username_password(user, v.get("secret")),
                None => JokerAuth::api_key(v.get("secret")),
            };
            DnsUpdater::new_joker(auth, WAIT)
        },
    ),
    service("linode", "Linode", &[secret("token", "API token")], |v| DnsUpdater::new_linode(v.get("token"), WAIT)),
    service("luadns", "LuaDNS", &[text("username", "E-mail address"), secret("token", "API token")], |v| {
        DnsUpdater::new_luadns(v.get("username"), v.get("token"), WAIT)
    }),
];
