//! A set of connections that is looked through by some while others join and leave.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::hub::id::ConnectionId;
use crate::hub::peer::Peer;

/// To join, to leave and to find one cost the same, however many there are.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    members: HashSet<Member>,
    /// All of them in the order of their ids, until one joins or leaves.
    list: Option<Arc<[Arc<Peer>]>>,
}

/// A connection, found by its id.
#[derive(Debug)]
struct Member(Arc<Peer>);

impl Borrow<ConnectionId> for Member {
    fn borrow(&self) -> &ConnectionId {
        self.0.id_ref()
    }
}

impl Hash for Member {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id().hash(state);
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Eq for Member {}

impl Roster {
    /// Returns false if it is a member already.
    pub(crate) fn join(&mut self, peer: &Arc<Peer>) -> bool {
        let is_new = self.members.insert(Member(Arc::clone(peer)));
        if is_new {
            self.list = None;
        }
        is_new
    }

    /// Returns false if it is no member.
    pub(crate) fn leave(&mut self, id: ConnectionId) -> bool {
        let was_member = self.members.remove(&id);
        if was_member {
            self.list = None;
            // What a crowd has left.
            if self.members.capacity() > 4 * self.members.len() + KEPT {
                self.members.shrink_to(2 * self.members.len());
            }
        }
        was_member
    }

    pub(crate) fn find(&self, id: ConnectionId) -> Option<&Arc<Peer>> {
        self.members.get(&id).map(|Member(peer)| peer)
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns all members in the order of their ids, to be gone through without the lock.
    pub(crate) fn list(&mut self) -> Arc<[Arc<Peer>]> {
        let Self { members, list } = self;
        Arc::clone(list.get_or_insert_with(|| {
            let mut list: Vec<_> = members.iter().map(|Member(peer)| Arc::clone(peer)).collect();
            list.sort_unstable_by_key(|peer| peer.id());
            list.into()
        }))
    }
}

/// So much room is kept in any case.
const KEPT: usize = 64;
