//! Services from M to Z.

use dns_update::DnsUpdater;
use dns_update::providers::oraclecloud::OracleCloudConfig;
use dns_update::providers::ovh::OvhEndpoint;
use dns_update::providers::volcengine::VolcengineConfig;
use dns_update::providers::yandexcloud::YandexCloudConfig;

use crate::acme::challenge::provider::{
    Provider, WAIT, choice, hinted, lines, optional, secret, service, text, url, writer,
};

pub(super) const PROVIDERS: &[Provider] = &[
    service("mythicbeasts", "Mythic Beasts", &[text("username", "Key ID"), secret("password", "Secret")], |v| {
        DnsUpdater::new_mythicbeasts(v.get("username"), v.get("password"), WAIT)
    }),
    service("namedotcom", "Name.com", &[text("username", "User"), secret("token", "API token")], |v| {
        DnsUpdater::new_namedotcom(v.get("username"), v.get("token"), WAIT)
    }),
    service(
        "namecheap",
        "Namecheap",
        &[
            text("user", "API user"),
            secret("key", "API key"),
            hinted(text("client_ip", "This host's address"), "as it is allowed at Namecheap"),
            optional(text("username", "User, where it is not the API user")),
        ],
        |v| DnsUpdater::new_namecheap(v.get("user"), v.get("key"), v.get("client_ip"), v.maybe("username"), WAIT),
    ),
    service("namesilo", "NameSilo", &[secret("key", "API key")], |v| DnsUpdater::new_namesilo(v.get("key"), WAIT)),
    service(
        "netcup",
        "netcup",
        &[text("customer", "Customer number"), secret("key", "API key"), secret("password", "API password")],
        |v| DnsUpdater::new_netcup(v.get("customer"), v.get("key"), v.get("password"), WAIT),
    ),
    service("netlify", "Netlify", &[secret("token", "Access token")], |v| {
        DnsUpdater::new_netlify(v.get("token"), WAIT)
    }),
    service("nifcloud", "NIFCLOUD", &[text("access_key", "Access key"), secret("secret_key", "Secret key")], |v| {
        DnsUpdater::new_nifcloud(v.get("access_key"), v.get("secret_key"), WAIT)
    }),
    service("ns1", "NS1", &[secret("key", "API key")], |v| DnsUpdater::new_ns1(v.get("key"), WAIT)),
    service(
        "oraclecloud",
        "Oracle Cloud",
        &[
            text("tenancy", "Tenancy OCID"),
            text("user", "User OCID"),
            text("fingerprint", "Key fingerprint"),
            hinted(lines("private_key", "Private key"), "PEM, without a passphrase"),
            text("region", "Region"),
            text("compartment", "Compartment OCID"),
        ],
        |v| {
            DnsUpdater::new_oraclecloud(OracleCloudConfig {
                tenancy_ocid: v.get("tenancy").to_owned(),
                user_ocid: v.get("user").to_owned(),
                fingerprint: v.get("fingerprint").to_owned(),
                private_key_pem: v.get("private_key").to_owned(),
                private_key_password: None,
                region: v.get("region").to_owned(),
                compartment_ocid: v.get("compartment").to_owned(),
                request_timeout: WAIT,
            })
        },
    ),
    service(
        "ovh",
        "OVH",
        &[
            text("application_key", "Application key"),
            secret("application_secret", "Application secret"),
            secret("consumer_key", "Consumer key"),
            choice(
                "endpoint",
                "Endpoint",
                &["ovh-eu", "ovh-us", "ovh-ca", "kimsufi-eu", "kimsufi-ca", "soyoustart-eu", "soyoustart-ca"],
            ),
        ],
        |v| {
            let endpoint = match v.get("endpoint") {
                "ovh-us" => OvhEndpoint::OvhUs,
                "ovh-ca" => OvhEndpoint::OvhCa,
                "kimsufi-eu" => OvhEndpoint::KimsufiEu,
                "kimsufi-ca" => OvhEndpoint::KimsufiCa,
                "soyoustart-eu" => OvhEndpoint::SoyoustartEu,
                "soyoustart-ca" => OvhEndpoint::SoyoustartCa,
                _ => OvhEndpoint::OvhEu,
            };
            let (secret, consumer) = (v.get("application_secret"), v.get("consumer_key"));
            DnsUpdater::new_ovh(v.get("application_key"), secret, consumer, endpoint, WAIT)
        },
    ),
    service("plesk", "Plesk", &[url("url", "Address of the server"), secret("key", "API key")], |v| {
        DnsUpdater::new_plesk(v.get("url"), v.get("key"), WAIT)
    }),
    service("porkbun", "Porkbun", &[text("key", "API key"), secret("secret", "Secret API key")], |v| {
        DnsUpdater::new_porkbun(v.get("key"), v.get("secret"), WAIT)
    }),
    service(
        "pdns",
        "PowerDNS",
        &[
            url("url", "Address of its API"),
            secret("key", "API key"),
            optional(hinted(text("server", "Server"), "localhost where it is empty")),
        ],
        |v| DnsUpdater::new_pdns(v.get("key"), v.maybe("url"), v.maybe("server"), WAIT),
    ),
    service(
        "rfc2136",
        "RFC 2136 (BIND, Knot, PowerDNS, Windows with TSIG)",
        &[
            hinted(text("server", "Primary server"), "address and port: 192.0.2.1:53"),
            text("key_name", "Name of the TSIG key"),
            choice("algorithm", "Algorithm", &["hmac-sha256", "hmac-sha384", "hmac-sha512"]),
            hinted(secret("key", "TSIG key"), "base64, as tsig-keygen prints it"),
        ],
        writer::open_rfc2136,
    ),
    service("safedns", "SafeDNS (ANS)", &[secret("token", "API token")], |v| {
        DnsUpdater::new_safedns(v.get("token"), WAIT)
    }),
    service("scaleway", "Scaleway", &[secret("token", "Secret key")], |v| {
        DnsUpdater::new_scaleway(v.get("token"), WAIT)
    }),
    service(
        "selectel",
        "Selectel",
        &[
            text("username", "Service user"),
            secret("password", "Password"),
            text("account_id", "Account ID"),
            text("project_id", "Project ID"),
        ],
        |v| {
            let (account, project) = (v.get("account_id"), v.get("project_id"));
            DnsUpdater::new_selectel(v.get("username"), v.get("password"), account, project, WAIT)
        },
    ),
    service("simplycom", "Simply.com", &[text("account", "Account"), secret("key", "API key")], |v| {
        DnsUpdater::new_simplycom(v.get("account"), v.get("key"), WAIT)
    }),
    service("spaceship", "Spaceship", &[text("key", "API key"), secret("secret", "API secret")], |v| {
        DnsUpdater::new_spaceship(v.get("key"), v.get("secret"), WAIT)
    }),
    service(
        "tencentcloud",
        "Tencent Cloud (DNSPod)",
        &[
            text("secret_id", "Secret ID"),
            secret("secret_key", "Secret key"),
            optional(text("region", "Region")),
            optional(secret("session_token", "Session token")),
        ],
        |v| {
            let (region, token) = (v.maybe("region"), v.maybe("session_token"));
            DnsUpdater::new_tencentcloud(v.get("secret_id"), v.get("secret_key"), region, token, WAIT)
        },
    ),
    service(
        "transip",
        "TransIP",
        &[
            text("login", "User"),
            hinted(lines("private_key", "Private key"), "PEM"),
            choice("scope", "The key works from", &["listed addresses", "anywhere"]),
        ],
        |v| DnsUpdater::new_transip(v.get("login"), v.get("private_key"), v.get("scope") == "anywhere", WAIT),
    ),
    service("ultradns", "UltraDNS", &[text("username", "User"), secret("password", "Password")], |v| {
        DnsUpdater::new_ultradns(v.get("username"), v.get("password"), None, WAIT)
    }),
    service("vercel", "Vercel", &[secret("token", "Access token"), optional(text("team_id", "Team ID"))], |v| {
        DnsUpdater::new_vercel(v.get("token"), v.maybe("team_id"), WAIT)
    }),
    service(
        "volcengine",
        "Volcano Engine",
        &[
            text("access_key", "Access key ID"),
            secret("secret_key", "Secret access key"),
            optional(text("region", "Region")),
        ],
        |v| {
            DnsUpdater::new_volcengine(VolcengineConfig {
                access_key: v.get("access_key").to_owned(),
                secret_key: v.get("secret_key").to_owned(),
                region: v.owned("region"),
                host: None,
                scheme: None,
                request_timeout: WAIT,
            })
        },
    ),
    service("vultr", "Vultr", &[secret("key", "API key")], |v| DnsUpdater::new_vultr(v.get("key"), WAIT)),
    service("websupport", "Websupport", &[text("key", "API key"), secret("secret", "Secret")], |v| {
        DnsUpdater::new_websupport(v.get("key"), v.get("secret"), WAIT)
    }),
    service(
        "yandexcloud",
        "Yandex Cloud",
        &[hinted(lines("key", "Service account's key"), "the JSON file, in base64"), text("folder_id", "Folder ID")],
        |v| {
            DnsUpdater::new_yandexcloud(YandexCloudConfig {
                iam_token_b64: v.get("key").to_owned(),
                folder_id: v.get("folder_id").to_owned(),
                request_timeout: WAIT,
            })
        },
    ),
    service("zoneeu", "Zone.eu", &[text("username", "User"), secret("key", "API key")], |v| {
        DnsUpdater::new_zoneeu(v.get("username"), v.get("key"), WAIT)
    }),
];
