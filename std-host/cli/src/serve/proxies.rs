//! Which proxies are believed, and what the system looks after on each connection, as arguments.

use std::net::IpAddr;

use clap::Args;
use wirelet_host::{Builder, IpNet};

use crate::units::{Time, parse_time};

/// What stands between the server and its clients.
#[derive(Args, Debug)]
pub(super) struct ProxyArgs {
    /// Believe this proxy, or those of this network, when it says who a connection is from: by X-Forwarded-For or
    /// Forwarded in a request, or with --proxy-protocol; may be repeated. Unix sockets are believed then, too
    /// [default: none]
    #[arg(long, value_name = "ADDRESS[/BITS]", value_parser = parse_network)]
    trusted_proxy: Vec<IpNet>,
    /// Expect the PROXY protocol, version 1 or 2, in front of each connection, and let in nobody but proxies:
    /// those of --trusted-proxy, or else those on this machine
    #[arg(long)]
    proxy_protocol: bool,
    /// Let the system probe a TCP connection that is silent for so long (`SO_KEEPALIVE`); 0: never
    #[arg(long, value_name = "TIME", value_parser = parse_time, default_value = "0")]
    tcp_keepalive: Time,
    /// Let the system end a TCP connection on which what was sent is not acknowledged for so long
    /// (`TCP_USER_TIMEOUT`, on Linux); 0: what the system does, some 15 minutes
    #[arg(long, value_name = "TIME", value_parser = parse_time, default_value = "0")]
    tcp_user_timeout: Time,
}

impl ProxyArgs {
    /// Sets a server up.
    pub(super) fn add(&self, builder: Builder) -> Builder {
        let mut builder = builder
            .trusted_proxies(self.trusted_proxy.iter().copied())
            .proxy_protocol(self.proxy_protocol);
        if !self.tcp_keepalive.0.is_zero() {
            builder = builder.tcp_keepalive(self.tcp_keepalive.0);
        }
        if !self.tcp_user_timeout.0.is_zero() {
            builder = builder.tcp_user_timeout(self.tcp_user_timeout.0);
        }
        builder
    }

    /// Tells whether clients come through a proxy, so that they are elsewhere than it is.
    pub(super) const fn are_there(&self) -> bool {
        self.proxy_protocol || !self.trusted_proxy.is_empty()
    }
}

fn parse_network(text: &str) -> Result<IpNet, &'static str> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| "a proxy is an address or a network, such as 127.0.0.1, ::1 or 10.0.0.0/8")
}
