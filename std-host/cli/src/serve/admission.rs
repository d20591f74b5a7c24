//! Who is let in, and with which words.

use clap::Args;
use wirelet::handshake::{AllowList, Refusal, Status};
use wirelet_host::http::HeaderName;
use wirelet_host::{Accept, Builder, Handshake, Hosts, Origins};

/// Who is let in, and with which words.
#[derive(Args, Debug)]
pub(super) struct AdmissionArgs {
    /// Let in pages of this origin, such as `https://example.com`, besides what sends none as it is no browser;
    /// `https://*.example.com` for all names below, `null` for local files and sandboxes, `file://` for the devices
    /// that send that; may be repeated [default: those of the host that is connected to, whatever the scheme]
    #[arg(long, value_parser = parse_origin)]
    origin: Vec<String>,
    /// Let in pages of the whole world
    #[arg(long, conflicts_with = "origin")]
    any_origin: bool,
    /// Answer only requests for this host, as it stands in Host: with the port, unless it is 80 or 443;
    /// `*.example.com` is for all names below; may be repeated [default: all, but where only programs on this machine
    /// can connect, pages have to ask for `localhost`, `127.0.0.1` or `[::1]` (DNS rebinding)]
    #[arg(long, value_parser = parse_host)]
    host: Vec<String>,
    /// Answer requests for every host, such as those of a reverse proxy on this machine
    #[arg(long, conflicts_with = "host")]
    any_host: bool,
    /// Let in at this path, and answer 404 at others; may be repeated [default: all]
    #[arg(long, value_parser = parse_path)]
    path: Vec<String>,
    /// Speak this subprotocol with clients that offer it; may be repeated, the best first
    #[arg(long, value_name = "NAME", value_parser = parse_subprotocol)]
    subprotocol: Vec<String>,
    /// Add a header field to the acceptance; may be repeated
    #[arg(long, value_name = "NAME:VALUE", value_parser = parse_header)]
    header: Vec<(String, String)>,
}

impl AdmissionArgs {
    /// Sets a server up to look at origins and hosts.
    pub(super) fn add(&self, builder: Builder) -> Builder {
        let origins = match &*self.origin {
            _ if self.any_origin => Origins::Any,
            [] => Origins::Same,
            origins => Origins::Only(origins.to_vec()),
        };
        builder.origins(origins).hosts(self.hosts())
    }

    fn hosts(&self) -> Hosts {
        match &*self.host {
            _ if self.any_host => Hosts::Any,
            [] => Hosts::ByPlace,
            hosts => Hosts::Only(hosts.to_vec()),
        }
    }

    /// Tells whether it was said which hosts are served.
    pub(super) fn has_hosts(&self) -> bool {
        self.hosts() != Hosts::ByPlace
    }

    /// Tells whether only hosts are served that were named.
    #[cfg(unix)]
    pub(super) const fn names_hosts(&self) -> bool {
        !self.host.is_empty()
    }

    /// Tells whether a path is served.
    pub(super) fn serves(&self, path: &str) -> bool {
        self.path.is_empty() || self.path.iter().any(|served| served == path)
    }

    /// Adds to an acceptance what was asked for.
    pub(super) fn complete(&self, mut accept: Accept, handshake: &Handshake<'_>) -> Accept {
        let supported: Vec<&str> = self.subprotocol.iter().map(String::as_str).collect();
        let chosen = handshake.upgrade.choose_subprotocol(&supported);
        accept = accept.with_subprotocol(chosen.map(str::to_owned));
        for (name, value) in &self.header {
            accept = accept.with_header(name.clone(), value.clone());
        }
        accept
    }
}

fn parse_origin(origin: &str) -> Result<String, &'static str> {
    match origin {
        "*" => Err("--any-origin lets in all"),
        _ if AllowList::is_origin(origin) => Ok(origin.into()),
        _ => Err(
            "no client can have it; an origin is a scheme and a host in ASCII, such as https://example.com, \
                  http://127.0.0.1:8080 or https://*.example.com, or it is null or file://",
        ),
    }
}

fn parse_host(host: &str) -> Result<String, &'static str> {
    match host {
        "*" => Err("--any-host answers for all"),
        _ if AllowList::is_host(host) => Ok(host.into()),
        _ => Err(
            "no request can have it; a host is a name or an address in ASCII, maybe with a port, such as \
                  example.com, example.com:8567, *.example.com or [::1]:8567",
        ),
    }
}

fn parse_path(path: &str) -> Result<String, &'static str> {
    match path.as_bytes() {
        [b'/', rest @ ..]
            if rest.iter().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(byte)) =>
        {
            Ok(path.into())
        }
        [b'/', ..] => Err(
            "no request can have it; a path has no query, no # and no spaces, and what is not ASCII \
                           is percent-encoded",
        ),
        _ => Err("a path begins with / and has no query"),
    }
}

fn parse_subprotocol(name: &str) -> Result<String, &'static str> {
    // RFC 6455 §4.1: a token, as the name of a header field is one.
    match HeaderName::from_bytes(name.as_bytes()) {
        Ok(_) => Ok(name.into()),
        Err(_) => Err("a subprotocol is a name without spaces, commas and the like"),
    }
}

fn parse_header(field: &str) -> Result<(String, String), String> {
    let (name, value) = field.split_once(':').ok_or("a header field is NAME:VALUE")?;
    let (name, value) = (name.trim(), value.trim());
    // The engine knows what may be sent; any response will do.
    let fields = [(name, value)];
    let response = Refusal::new(Status::OK).headers(&fields);
    response.encode(&mut vec![0; field.len() + 512]).map_err(|error| error.to_string())?;
    Ok((name.into(), value.into()))
}
