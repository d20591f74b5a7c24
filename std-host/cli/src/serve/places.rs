//! Where the program listens, and why it cannot.

use std::io;

use clap::Args;
use wirelet_host::{Builder, Certificates, Listen};

use super::tls::TlsArgs;

/// Where to listen.
#[derive(Args, Debug)]
pub(super) struct PlaceArgs {
    /// Listen here; may be repeated. Port 0 takes a free one [default: 127.0.0.1:8567, or the sockets
    /// that were handed over as systemd does it, which are listened at in any case]
    #[arg(long, value_name = "ADDR:PORT|unix:PATH", value_parser = parse_place)]
    listen: Vec<Place>,
    /// The permissions of the Unix sockets that are made, such as 660: who may write to one may connect
    /// [default: what the umask leaves]
    #[cfg(unix)]
    #[arg(long, value_name = "MODE", value_parser = parse_mode)]
    unix_mode: Option<u32>,
    #[command(flatten)]
    tls: TlsArgs,
    /// Give each thread a socket of its own for each address of TCP (`SO_REUSEPORT`)
    #[arg(long)]
    reuse_port: bool,
}

/// A place, as an argument names it.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Tcp(String),
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

impl PlaceArgs {
    /// Reads the certificates, if there are to be any.
    pub(super) fn certificates(&self) -> Result<Option<Certificates>, String> {
        self.tls.certificates()
    }

    /// Adds all places to a server.
    pub(super) fn add(
        &self,
        mut builder: Builder,
        certificates: Option<&Certificates>,
    ) -> Result<Builder, String> {
        let secure = |listen: Listen| match certificates {
            Some(certificates) => listen.with_tls(certificates.clone()),
            None => listen,
        };
        let mut places = Vec::new();
        #[cfg(unix)]
        for socket in handed_over()? {
            places.push(match socket {
                HandedOver::Tcp(listener) => secure(listener.into()),
                HandedOver::Unix(listener) => listener.into(),
            });
        }
        for place in &self.listen {
            let listen = self.listen_at(place);
            places.push(match place {
                Place::Tcp(_) => secure(listen),
                #[cfg(unix)]
                Place::Unix(_) => listen,
            });
        }
        if places.is_empty() {
            places.push(secure(DEFAULT.into()));
        }
        for place in places {
            builder = builder.listen(place);
        }
        Ok(builder.reuse_port(self.reuse_port))
    }

    /// Makes a place of an argument, which may be another's than ours.
    pub(super) fn listen_at(&self, place: &Place) -> Listen {
        match place {
            Place::Tcp(addr) => Listen::tcp(&**addr),
            #[cfg(unix)]
            Place::Unix(path) => match self.unix_mode {
                Some(mode) => Listen::unix(path).with_mode(mode),
                None => Listen::unix(path),
            },
        }
    }

    /// Says what is wrong that clap cannot see; `metrics` is where else is listened.
    pub(super) fn check(&self, metrics: Option<&Place>) -> Result<(), &'static str> {
        #[cfg(unix)]
        if self.unix_mode.is_some()
            && !self.listen.iter().chain(metrics).any(|place| matches!(place, Place::Unix(_)))
        {
            return Err("--unix-mode is only for places such as --listen unix:/run/wirelet.sock");
        }
        let _ = metrics;
        self.tls.check()
    }
}

/// Says what to do about a place that cannot be listened at; `flag` is what named it.
pub(super) fn explain(error: &io::Error, flag: &str) -> String {
    let what = match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("another program listens there; take another with {flag}")
        }
        io::ErrorKind::PermissionDenied => format!(
            "a port below 1024 needs a privilege (CAP_NET_BIND_SERVICE), and a Unix socket a directory \
             that this user may write to; take another with {flag}"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("this machine has no such address; take one that it has with {flag}")
        }
        _ => return format!("cannot listen on {error} (from {flag})"),
    };
    format!("cannot listen on {error}: {what}")
}

pub(super) fn parse_place(place: &str) -> Result<Place, String> {
    #[cfg(unix)]
    if let Some(path) = place.strip_prefix("unix:") {
        return match path {
            "" => Err("the path is missing; write unix:/run/wirelet.sock".into()),
            path => Ok(Place::Unix(path.into())),
        };
    }
    let (host, port) = match place.rsplit_once(':') {
        Some(parts) => parts,
        None if place.parse::<u16>().is_ok() => ("", place),
        None => return Err(format!("the port is missing; write {place}:8567")),
    };
    if host.is_empty() {
        return Err(format!(
            "the address is missing; write 127.0.0.1:{port}, or 0.0.0.0:{port} for all"
        ));
    }
    if host.contains(':') && !host.starts_with('[') {
        return Err(format!("an IPv6 address stands in brackets; write [{host}]:{port}"));
    }
    match port.parse::<u16>() {
        Ok(_) => Ok(Place::Tcp(place.into())),
        Err(_) => Err(format!("{port:?} is no port; one is a number from 0 to 65535")),
    }
}

#[cfg(unix)]
fn parse_mode(mode: &str) -> Result<u32, &'static str> {
    match u32::from_str_radix(mode, 8) {
        Ok(mode @ 0..=0o777) => Ok(mode),
        _ => Err("a mode has three octal digits, such as 660: owner and group"),
    }
}

/// A socket that listened before the program began.
#[cfg(unix)]
enum HandedOver {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

/// Takes the sockets that `LISTEN_FDS` tells of.
#[cfg(unix)]
fn handed_over() -> Result<Vec<HandedOver>, String> {
    let mut sockets = listenfd::ListenFd::from_env();
    let mut taken = Vec::new();
    for i in 0..sockets.len() {
        let socket = match sockets.take_tcp_listener(i) {
            Ok(listener) => listener.map(HandedOver::Tcp),
            Err(_) => sockets
                .take_unix_listener(i)
                .map_err(|error| {
                    format!(
                        "socket {i} of LISTEN_FDS is none that listens over TCP or Unix: {error}"
                    )
                })?
                .map(HandedOver::Unix),
        };
        taken.extend(socket);
    }
    Ok(taken)
}

/// Where to listen if nothing else is said.
const DEFAULT: &str = "127.0.0.1:8567";
