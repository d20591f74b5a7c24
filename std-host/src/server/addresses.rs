//! How many connections each address has.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the connections of each address, up to a limit.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// 0 is none.
    limit: usize,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of an address, until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    addresses: Arc<Addresses>,
    key: IpAddr,
}

/// The address has as many connections as it may.
#[derive(Debug)]
pub(crate) struct TooMany;

impl Addresses {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, counts: Mutex::default() })
    }

    /// Counts one more; none if nobody counts, and for what has no address.
    pub(crate) fn count(
        self: &Arc<Self>,
        addr: Option<SocketAddr>,
    ) -> Result<Option<Counted>, TooMany> {
        let Some(addr) = addr.filter(|_| self.limit > 0) else { return Ok(None) };
        let key = network_of(addr.ip());
        let mut counts = self.lock();
        let n = counts.entry(key).or_default();
        if *n >= self.limit {
            return Err(TooMany);
        }
        *n += 1;
        Ok(Some(Counted { addresses: Arc::clone(self), key }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Entry::Occupied(mut n) = self.addresses.lock().entry(self.key) {
            *n.get_mut() -= 1;
            if *n.get() == 0 {
                n.remove();
            }
        }
    }
}

/// What counts as one address: in IPv6, of which a single machine has as many as it likes, its /64.
fn network_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        ip @ IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_limit_and_leaves_nothing_behind() {
        let addresses = Addresses::new(2);
        let count = |addr: &str| addresses.count(Some(addr.parse().unwrap()));
        let first = count("192.0.2.7:1").unwrap();
        let second = count("[::ffff:192.0.2.7]:2").unwrap();
        assert!(count("192.0.2.7:3").is_err());
        drop(first);
        let third = count("192.0.2.7:3").unwrap();
        assert!(count("192.0.2.7:4").is_err());
        // A network of IPv6 is one.
        let v6 = (count("[2001:db8::1]:1").unwrap(), count("[2001:db8::2]:1").unwrap());
        assert!(count("[2001:db8::3]:1").is_err());
        assert!(count("[2001:db8:0:1::3]:1").is_ok());
        // Of those that are gone nothing stays, also of one that was refused.
        drop((second, third, v6));
        assert!(addresses.lock().is_empty());
        // Who has no address is not counted.
        assert!(addresses.count(None).unwrap().is_none());
        let unlimited = Addresses::new(0);
        assert!(unlimited.count(Some("192.0.2.7:1".parse().unwrap())).unwrap().is_none());
    }
}
