//! Who has subscribed to what.

use std::collections::HashMap;
use std::sync::Arc;

use crate::hub::peer::{ConnectionId, Peer};

/// The topics that anybody has subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    /// Subscribers in the order of their ids, at least one to each topic.
    subscribers: HashMap<Arc<str>, Vec<Arc<Peer>>>,
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
        let subscribers = self.subscribers.entry(Arc::clone(&name)).or_default();
        let Err(at) = position(subscribers, peer.id()) else { return false };
        subscribers.insert(at, Arc::clone(peer));
        self.topics.entry(peer.id()).or_default().push(name);
        true
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

    pub(crate) fn subscribers(&self, topic: &str) -> &[Arc<Peer>] {
        self.subscribers.get(topic).map_or(&[], Vec::as_slice)
    }

    /// Returns the topics of a connection.
    pub(crate) fn of(&self, id: ConnectionId) -> &[Arc<str>] {
        self.topics.get(&id).map_or(&[], Vec::as_slice)
    }

    fn remove(&mut self, id: ConnectionId, topic: &str) {
        let Some(subscribers) = self.subscribers.get_mut(topic) else { return };
        if let Ok(at) = position(subscribers, id) {
            subscribers.remove(at);
        }
        if subscribers.is_empty() {
            self.subscribers.remove(topic);
        }
    }
}

fn position(peers: &[Arc<Peer>], id: ConnectionId) -> Result<usize, usize> {
    peers.binary_search_by_key(&id, |peer| peer.id())
}
