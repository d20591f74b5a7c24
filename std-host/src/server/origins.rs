//! Which pages may connect, and under which names (RFC 6455 §10.2).

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
pub enum Origins {
    /// Those of the host that is connected to.
    #[default]
    Same,
    /// Those of the whole world: any page that a user opens can use this server in their name.
    Any,
    /// These alone, each as `https://example.com` or `https://example.com:8080`.
    Only(Vec<String>),
}

/// Lets requests in or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate {
    pub(crate) origins: Origins,
    /// Values of `Host`; none are all.
    pub(crate) hosts: Vec<String>,
}

impl Gate {
    /// Says why a request is not let in.
    pub(crate) fn check(&self, upgrade: &Upgrade<'_>) -> Result<(), &'static str> {
        let hosts: Vec<&str> = self.hosts.iter().map(String::as_str).collect();
        if !hosts.is_empty() && !AllowList::Only(&hosts).permits(Some(upgrade.host())) {
            return Err("this host is not served here");
        }
        let is_let_in = match &self.origins {
            Origins::Any => true,
            Origins::Same => upgrade.is_same_origin(),
            Origins::Only(list) => {
                let list: Vec<&str> = list.iter().map(String::as_str).collect();
                AllowList::OnlyOrMissing(&list).permits(upgrade.origin())
            }
        };
        if is_let_in { Ok(()) } else { Err("pages of this origin may not connect") }
    }
}
