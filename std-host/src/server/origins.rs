//! Which pages may connect, and under which names (RFC 6455 §10.2).

use std::net::IpAddr;

use http::uri::Authority;
use wirelet::handshake::{AllowList, Upgrade};

/// Says the pages of which origins a browser may let in. What is no browser sends no origin, and is
/// not asked for one.
///
/// ```
/// use wirelet_host::Origins;
///
/// let origins = Origins::Only(vec!["https://example.com".into()]);
/// assert_ne!(origins, Origins::default());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origins {
    /// Those of the host that is connected to, whatever their scheme; what is no browser may send the URL
    /// that it connects to. Default ports are as none.
    #[default]
    Same,
    /// Those of the whole world: any page that a user opens can use this server in their name.
    Any,
    /// These alone: `https://example.com` or `http://example.com:8080`, `https://*.example.com` for all
    /// names below, `null` for pages without an origin, `file://` for what sends that. As
    /// [`AllowList`] says, which also tells what can never match and is an error of
    /// [`Builder::bind`](crate::Builder::bind).
    Only(Vec<String>),
}

/// Says under which names a server answers: what a request may have as its `Host`.
///
/// A page of an attacker may have a name that is pointed at this machine after the page was loaded (DNS
/// rebinding). To the browser both are one, so that [`Origins::Same`] lets it in; what gives it away is
/// the name.
///
/// ```
/// use wirelet_host::{Builder, Hosts};
///
/// // Behind a reverse proxy that passes on the name that it was asked for:
/// let builder = Builder::new().hosts(["example.com", "example.com:8080"]);
/// // or one that looks at the name itself:
/// let builder = Builder::new().hosts(Hosts::Any);
/// # let _ = builder;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hosts {
    /// If all places that are listened at are loopback addresses or Unix sockets, to what may be a page (that
    /// is all but a request to upgrade without an `Origin`): `localhost`, names that end with `.localhost`,
    /// `127.0.0.1` and the like, and `[::1]`, each with any port. To others, and for a
    /// [`Service`](crate::Service): all.
    #[default]
    ByPlace,
    /// All.
    Any,
    /// These alone, each as it stands in `Host`: `example.com:8567`; 80 and 443 are as no port.
    /// `*.example.com` is for all names below. What can never match is an error of
    /// [`Builder::bind`](crate::Builder::bind).
    Only(Vec<String>),
}

impl<S: Into<String>, const N: usize> From<[S; N]> for Hosts {
    fn from(hosts: [S; N]) -> Self {
        Self::Only(hosts.into_iter().map(Into::into).collect())
    }
}

impl From<Vec<String>> for Hosts {
    fn from(hosts: Vec<String>) -> Self {
        Self::Only(hosts)
    }
}

/// Lets requests in or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate {
    pub(crate) origins: Origins,
    pub(crate) hosts: Hosts,
    /// Only programs on this machine can connect.
    pub(crate) is_local: bool,
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptOut {
    pub(crate) why: &'static str,
    pub(crate) hint: &'static str,
}

impl Gate {
    /// Finds what can never match.
    pub(crate) fn check_lists(&self) -> Result<(), String> {
        if let Origins::Only(list) = &self.origins
            && let Some(item) = list.iter().find(|item| !AllowList::is_origin(item))
        {
            return Err(format!("no origin can match {item:?}; one is such as {GOOD_ORIGINS}"));
        }
        if let Hosts::Only(list) = &self.hosts
            && let Some(item) = list.iter().find(|item| !AllowList::is_host(item))
        {
            return Err(format!("no host can match {item:?}; one is such as {GOOD_HOSTS}"));
        }
        Ok(())
    }

    /// Says why a request is not answered under the name that it asks for.
    pub(crate) fn check_host(
        &self,
        host: Option<&[u8]>,
        may_be_a_page: bool,
    ) -> Result<(), KeptOut> {
        match (&self.hosts, host) {
            (Hosts::ByPlace, Some(host))
                if self.is_local && may_be_a_page && !is_of_this_machine(host) =>
            {
                Err(NOT_LOCAL)
            }
            (Hosts::ByPlace | Hosts::Any, _) => Ok(()),
            (Hosts::Only(list), host) => {
                let list: Vec<&str> = list.iter().map(String::as_str).collect();
                if AllowList::Only(&list).permits(host) { Ok(()) } else { Err(NOT_SERVED) }
            }
        }
    }

    /// Says why a request for a connection is not let in.
    pub(crate) fn check_origin(&self, upgrade: &Upgrade<'_>) -> Result<(), KeptOut> {
        let is_let_in = match &self.origins {
            Origins::Any => true,
            Origins::Same => upgrade.is_same_origin(),
            Origins::Only(list) => {
                let list: Vec<&str> = list.iter().map(String::as_str).collect();
                AllowList::OnlyOrMissing(&list).permits(upgrade.origin())
            }
        };
        if is_let_in { Ok(()) } else { Err(FOREIGN) }
    }
}

/// Tells whether a `Host` means this machine, wherever it is asked for.
fn is_of_this_machine(host: &[u8]) -> bool {
    let Ok(authority) = Authority::try_from(host) else { return false };
    let name = authority.host().to_ascii_lowercase();
    if let Some(address) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        return address
            .parse()
            .is_ok_and(|address| IpAddr::V6(address).to_canonical().is_loopback());
    }
    // RFC 6761 §6.3: these names never leave the machine.
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse().is_ok_and(|address| IpAddr::V4(address).is_loopback())
}

const NOT_SERVED: KeptOut = KeptOut {
    why: "this host is not served here",
    hint: "Builder::hosts, --host HOST or --any-host",
};

const NOT_LOCAL: KeptOut = KeptOut {
    why: "this host is not served here: the server listens on its own machine alone, and answers as localhost, \
          127.0.0.1 and [::1], until it is told of other hosts",
    ..NOT_SERVED
};

const FOREIGN: KeptOut = KeptOut {
    why: "pages of this origin may not connect",
    hint: "Builder::origins, --origin ORIGIN",
};

const GOOD_ORIGINS: &str =
    "https://example.com, http://127.0.0.1:8080, https://*.example.com, null or file://, in ASCII";

const GOOD_HOSTS: &str = "example.com, example.com:8567, *.example.com or [::1]:8567, in ASCII";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_are_those_that_nobody_can_point_elsewhere() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "app.localhost:8567",
            "127.0.0.1",
            "127.255.0.9:8567",
            "[::1]",
            "[::1]:8567",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert!(is_of_this_machine(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            ":8567",
            "evil.example",
            "evil.example:8567",
            "127.0.0.1.evil.example",
            "localhost.evil.example:8567",
            "evil-localhost",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "[2001:db8::1]",
            "::1",
            "localhost:80:80",
            "a b",
        ] {
            assert!(!is_of_this_machine(host.as_bytes()), "{host}");
        }
    }
}
