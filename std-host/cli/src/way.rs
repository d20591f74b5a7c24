//! The way to a server, as `connect` and `bench` are told it.

use clap::Args;
use wirelet_host::{ClientOptions, ConnectTo, Proxy, Resolve};

mod tls;

pub(crate) use tls::{Frames, Trust};

/// What the request says besides the URL, and where TCP leads.
#[derive(Args, Debug)]
pub(crate) struct Way {
    /// Add a header field to the request; may be repeated. Authorization goes before a user in the URL, Host
    /// takes the place of the URL's
    #[arg(long = "header", value_name = "NAME:VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    /// Connect to these addresses of HOST at PORT, whatever the system says; `*` is every host; may be
    /// repeated
    #[arg(long, value_name = "HOST:PORT:ADDR[,ADDR]")]
    resolve: Vec<Resolve>,
    /// Connect to HOST2:PORT2 in place of HOST1:PORT1 (empty: any, the same), with Host and the name for TLS
    /// of the URL; may be repeated
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2")]
    connect_to: Vec<ConnectTo>,
}

/// The proxies on the way.
#[derive(Args, Debug)]
pub(crate) struct Proxies {
    /// Connect through this proxy: `http://`, `https://`, `socks5://` or `socks5h://`, which looks names up
    /// itself, as in `socks5h://USER:PASSWORD@HOST:PORT`; empty is none. By default, that of the environment
    /// as for curl: `http_proxy` for `ws://`, `HTTPS_PROXY` for `wss://`, `ALL_PROXY`
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Connect directly to these hosts: names with all below them, addresses, networks such as `10.0.0.0/8`,
    /// separated by commas; `*` is every host. By default `NO_PROXY` of the environment
    #[arg(long, value_name = "LIST")]
    no_proxy: Option<String>,
}

impl Proxies {
    /// Returns what the library takes.
    pub(crate) fn into_proxy(self) -> Result<Option<Proxy>, String> {
        let var = |name| std::env::var(name).ok();
        let proxy = match self.proxy.as_deref() {
            Some("") => None,
            Some(url) => {
                let list = var("no_proxy").or_else(|| var("NO_PROXY")).unwrap_or_default();
                Some(Proxy::new(url)?.with_exceptions(&list))
            }
            None => Proxy::from_env()?,
        };
        Ok(match self.no_proxy {
            Some(list) => proxy.map(|proxy| proxy.with_exceptions(&list)),
            None => proxy,
        })
    }
}

impl Way {
    /// Returns these options, and defaults.
    pub(crate) fn into_options(self) -> Result<ClientOptions, String> {
        let is_host = |(name, _): &(String, String)| name.eq_ignore_ascii_case("Host");
        let (mut hosts, headers): (Vec<_>, Vec<_>) = self.headers.into_iter().partition(is_host);
        let host = hosts.pop().map(|(_, value)| value);
        if !hosts.is_empty() {
            return Err("a request has one Host; --header gives it twice".into());
        }
        Ok(ClientOptions {
            host,
            headers,
            resolve: self.resolve,
            connect_to: self.connect_to,
            ..ClientOptions::default()
        })
    }
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header field is NAME:VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
