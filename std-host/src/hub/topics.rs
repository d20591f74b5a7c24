//! Who has subscribed to what.

use std::collections::HashMap;
use std::sync::Arc;

use crate::hub::id::ConnectionId;
use crate::hub::peer::Peer;
use crate::hub::roster::Roster;

/// The topics that anybody has subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    /// At least one subscriber to each topic.
    subscribers: HashMap<Arc<str>, Roster>,
    /// The topics of each connection that has any.
    topics: HashMap<ConnectionId, Vec<Arc<str>>>,
}

impl Topics {
    /// Returns false if the peer is a subscriber already.
    pub(crate) fn subscribe(&mut self, peer: &Arc<Peer>, topic: &str) -> bool {
        let name = match self.subscribers.get_key_value(topic) {
            Some((name, _)) => Arc::clone(name),
            None => topic.into(),
        };
        let is_new = self.subscribers.entry(Arc::clone(&name)).or_default().join(peer);
        if is_new {
            self.topics.entry(peer.id()).or_default().push(name);
        }
        is_new
    }

    /// Returns false if the connection is no subscriber.
    pub(crate) fn unsubscribe(&mut self, id: ConnectionId, topic: &str) -> bool {
        let Some(topics) = self.topics.get_mut(&id) else { return false };
        let Some(at) = topics.iter().position(|name| **name == *topic) else { return false };
        topics.swap_remove(at);
        if topics.is_empty() {
            self.topics.remove(&id);
        }
        self.remove(id, topic);
        true
    }

    /// Takes a connection out of all topics.
    pub(crate) fn leave(&mut self, id: ConnectionId) {
        for topic in self.topics.remove(&id).unwrap_or_default() {
            self.remove(id, &topic);
        }
    }

    /// Returns the subscribers of a topic.
    pub(crate) fn subscribers(&mut self, topic: &str) -> Arc<[Arc<Peer>]> {
        self.subscribers.get_mut(topic).map(Roster::list).unwrap_or_default()
    }

    /// Returns the topics of a connection.
    pub(crate) fn of(&self, id: ConnectionId) -> &[Arc<str>] {
        self.topics.get(&id).map_or(&[], Vec::as_slice)
    }

    fn remove(&mut self, id: ConnectionId, topic: &str) {
        let Some(subscribers) = self.subscribers.get_mut(topic) else { return };
        subscribers.leave(id);
        if subscribers.len() == 0 {
            self.subscribers.remove(topic);
        }
    }
}
