//! A private nginx with the layout of the site that FusionPBX's installer for Debian leaves: three servers, the
//! provisioning rewrites, the web socket proxy, php-fpm, the files that are denied. On 127.0.0.1 and high ports only.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::Uid;
use tokio::net::TcpStream;

use crate::app::demo::process::{Child, Start, free_port};

/// How long nginx may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// A running private nginx. Dropping it ends it.
#[derive(Debug)]
pub struct Nginx {
    /// The port of the TLS server.
    pub https_port: u16,
    /// The port of the server that redirects to TLS, but for provisioning.
    pub http_port: u16,
    /// The port of the server for the host itself (127.0.0.1:80 on a real host).
    pub local_port: u16,
    /// The program.
    pub program: PathBuf,
    /// The main configuration file.
    pub config: PathBuf,
    /// The site file.
    pub site: PathBuf,
    /// The certificate it serves to begin with, PEM: self-signed, for the name `fusionpbx`.
    pub first_certificate: PathBuf,
    /// The process.
    pub child: Child,
}

impl Nginx {
    /// Writes its files into `directory`, which must exist, and starts it. It includes `<agent_include>/*.conf`, whether
    /// that directory is there yet or not. Paths may hold no white space.
    ///
    /// # Errors
    /// nginx is not installed, or did not answer in time: the error holds the end of its log.
    pub async fn start(directory: &Path, agent_include: &Path) -> io::Result<Self> {
        let mut last = io::Error::other("nginx was not tried");
        // Between choosing a free port and using it another program may have taken it.
        for _ in 0..3 {
            match Self::try_start(directory, agent_include).await {
                Ok(nginx) => return Ok(nginx),
                Err(error) if error.to_string().contains("Address already in use") => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    async fn try_start(directory: &Path, agent_include: &Path) -> io::Result<Self> {
        let [tls, plain, local] = [free_port()?, free_port()?, free_port()?];
        let program = PathBuf::from("/usr/sbin/nginx");
        let (config, site) = (directory.join("nginx.conf"), directory.join("fusionpbx"));
        let first_certificate = directory.join("nginx.crt");
        for name in ["temp", "www/app", "letsencrypt"] {
            fs::create_dir_all(directory.join(name))?;
        }
        fs::write(directory.join("www/index.html"), "<!doctype html><title>FusionPBX</title><p>FusionPBX\n")?;
        self_signed(&first_certificate, &directory.join("nginx.key"))?;
        fs::write(directory.join("fastcgi_params"), FASTCGI_PARAMS)?;
        fs::write(&config, main_file(directory, &site, agent_include))?;
        let ports = [("{LOCAL}", local), ("{HTTP}", plain), ("{HTTPS}", tls)];
        let text = ports.iter().fold(SITE.to_owned(), |text, (mark, port)| text.replace(mark, &port.to_string()));
        fs::write(&site, text.replace("{DIR}", &directory.display().to_string()))?;

        // Should we die, the master is told to end, and with it its workers; killed, it would leave them behind.
        let start = Start::program("/usr/bin/setpriv", directory).arg("--pdeathsig").arg("TERM").arg("--");
        let mut child =
            start.arg(&program).arg("-e").arg(directory.join("error.log")).arg("-c").arg(&config).spawn()?;
        let answers = async || TcpStream::connect(("127.0.0.1", tls)).await.is_ok();
        child.wait_until(DEADLINE, answers).await?;
        let nginx = Self {
            https_port: tls,
            http_port: plain,
            local_port: local,
            program,
            config,
            site,
            first_certificate,
            child,
        };
        Ok(nginx)
    }

    /// The `[nginx]` section of an agent's settings for this nginx, with `include` inside the agent's place.
    #[must_use]
    pub fn agent_settings(&self, include: &Path) -> String {
        format!(
            "[nginx]\nprogram = '{}'\nconfig = '{}'\nsite = '{}'\nlisteners = ['127.0.0.1:{}']\ninclude = '{}'\n",
            self.program.display(),
            self.config.display(),
            self.site.display(),
            self.https_port,
            include.display()
        )
    }
}

fn self_signed(certificate: &Path, key: &Path) -> io::Result<()> {
    let made = rcgen::generate_simple_self_signed(["fusionpbx".to_owned()]).map_err(io::Error::other)?;
    fs::write(certificate, made.cert.pem())?;
    fs::write(key, made.signing_key.serialize_pem())
}

fn main_file(directory: &Path, site: &Path, agent_include: &Path) -> String {
    let directory = directory.display();
    let user = if Uid::effective().is_root() { "user www-data;\n" } else { "" };
    format!(
        "{user}worker_processes 2;
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{
    worker_connections 256;
}}
http {{
    client_body_temp_path {directory}/temp/body;
    proxy_temp_path {directory}/temp/proxy;
    fastcgi_temp_path {directory}/temp/fastcgi;
    uwsgi_temp_path {directory}/temp/uwsgi;
    scgi_temp_path {directory}/temp/scgi;
    server_names_hash_bucket_size 256;
    default_type text/html;
    access_log {directory}/access.log;
    include {site};
    include {include}/*.conf;
}}
",
        site = site.display(),
        include = agent_include.display(),
    )
}

const FASTCGI_PARAMS: &str = "\
fastcgi_param QUERY_STRING $query_string;
fastcgi_param REQUEST_METHOD $request_method;
fastcgi_param CONTENT_TYPE $content_type;
fastcgi_param CONTENT_LENGTH $content_length;
fastcgi_param REQUEST_URI $request_uri;
fastcgi_param DOCUMENT_ROOT $document_root;
fastcgi_param REMOTE_ADDR $remote_addr;
fastcgi_param SERVER_NAME $server_name;
fastcgi_param HTTPS $https if_not_empty;
";

const SITE: &str = r#"# The host itself: status and the switch's own requests.
server {
    listen 127.0.0.1:{LOCAL};
    server_name 127.0.0.1;
    access_log {DIR}/access.log;
    client_max_body_size 80M;
    location / {
        root {DIR}/www;
        index index.php index.html;
    }
    location ~ \.htaccess {
        deny all;
    }
}

# Clear text: redirected, but for what phones and the switch fetch.
server {
    listen 127.0.0.1:{HTTP};
    server_name fusionpbx;
    access_log {DIR}/access.log;
    location /.well-known/acme-challenge {
        root {DIR}/letsencrypt;
    }
    if ($uri !~* "^.*(provision|xml_cdr|firmware).*$") {
        rewrite ^(.*)$ https://$host$1 permanent;
    }
    # Yealink, by MAC address
    rewrite "^/provision/([A-Fa-f0-9]{12})\.cfg$" /app/provision/index.php?mac=$1 last;
    root {DIR}/www;
}

server {
    listen 127.0.0.1:{HTTPS} ssl default_server;
    server_name fusionpbx;

    ssl_certificate {DIR}/nginx.crt;
    ssl_certificate_key {DIR}/nginx.key;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
    ssl_ciphers HIGH:!aNULL:!MD5;
    ssl_session_cache shared:SSL:40m;
    ssl_session_timeout 2h;
    ssl_session_tickets off;

    access_log {DIR}/access.log;
    client_max_body_size 80M;
    client_body_buffer_size 128k;

    # Provisioning: each vendor asks in its own way.
    rewrite "^.*/provision/file([0-9]{3})\.cfg$" /app/provision/index.php?file=file$1.cfg last; # Yealink, common files
    rewrite "^.*/provision/([A-Fa-f0-9]{12})(\.(xml|cfg))?$" /app/provision/index.php?mac=$1 last;
    rewrite "^.*/provision/([A-Fa-f0-9]{12})-([A-Za-z0-9_]+)\.cfg$" "/app/provision/index.php?mac=$1&file=%7b%24mac%7d-$2.cfg" last; # Polycom
    rewrite "^.*/provision/cfg([A-Fa-f0-9]{12})(\.(xml|cfg))?$" /app/provision/?mac=$1 last; # Grandstream
    rewrite "^.*/provision/SEP([A-Fa-f0-9]{12})\.cnf\.xml$" "/app/provision/?mac=$1&file=%7b%24mac%7d.cnf.xml" last; # Cisco
    rewrite '^.*/provision/snom(\d+)-([A-Fa-f0-9]{12})\.htm$' /app/provision/?mac=$2 last; # Snom
    rewrite "^/api/v1/(.*)$" /api/index.php?rewrite_uri=$1 last;

    root {DIR}/www;
    index index.php index.html;

    location /websockets/ {
        proxy_pass http://127.0.0.1:8080;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_set_header Host $host;
    }

    location ~ \.php$ {
        include fastcgi_params;
        fastcgi_pass unix:{DIR}/php-fpm.sock;
        fastcgi_index index.php;
        fastcgi_param SCRIPT_FILENAME {DIR}/www$fastcgi_script_name;
    }

    # What nobody may fetch.
    location ~ /\.(?!well-known) {
        deny all;
    }
    location ~* \.(db|git|lua|sql)$ {
        deny all;
    }
}
"#;
