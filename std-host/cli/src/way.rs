//! The way to a server, as `connect` and `bench` are told it.

use clap::Args;
use wirelet_host::{ClientOptions, ConnectTo, Resolve};

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
