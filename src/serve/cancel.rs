//! Which statement a cancellation means: connections by the number and secret that they were given.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use pgwire::api::cancel::CancelHandler;
use pgwire::messages::cancel::CancelRequest;
use pgwire::messages::startup::SecretKey;
use tokio::sync::watch;

type Key = (i32, Bytes);

/// Connections that may be cancelled. The number that is watched grows with each cancellation.
#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<HashMap<Key, watch::Sender<u64>>>);

/// A connection's place in the registry, given back when it is dropped.
pub(super) struct Registered {
    registry: Arc<Registry>,
    key: Key,
}

impl Registry {
    pub(super) fn register(
        self: &Arc<Self>,
        (pid, secret): (i32, SecretKey),
        cancel: watch::Sender<u64>,
    ) -> Registered {
        let key = (pid, secret.to_bytes());
        self.0.lock().expect("no holder of the lock panics").insert(key.clone(), cancel);
        Registered { registry: self.clone(), key }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.0.lock().expect("no holder of the lock panics").remove(&self.key);
    }
}

#[async_trait]
impl CancelHandler for Registry {
    async fn on_cancel_request(&self, request: CancelRequest) {
        let connections = self.0.lock().expect("no holder of the lock panics");
        if let Some(cancel) = connections.get(&(request.pid, request.secret_key.to_bytes())) {
            cancel.send_modify(|cancellations| *cancellations += 1);
        }
    }
}
