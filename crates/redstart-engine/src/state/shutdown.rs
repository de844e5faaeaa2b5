//! SHUTDOWN: whoever serves the engine to others is asked to stop.

use std::sync::Arc;

use parking_lot::Mutex;

type Request = Arc<dyn Fn() + Send + Sync>;

/// Those who can stop serving. Nobody, for an engine inside its own process.
#[derive(Default)]
pub(crate) struct Shutdown {
    listeners: Mutex<Vec<Request>>,
}

impl Shutdown {
    /// Has `request` called when a client asks for a shutdown.
    pub(crate) fn listen(&self, request: impl Fn() + Send + Sync + 'static) {
        self.listeners.lock().push(Arc::new(request));
    }

    /// Passes a client's request on; false if there is nobody to pass it to.
    pub(crate) fn request(&self) -> bool {
        let listeners = self.listeners.lock().clone();
        for request in &listeners {
            request();
        }
        !listeners.is_empty()
    }
}

impl std::fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shutdown")
            .field("listeners", &self.listeners.lock().len())
            .finish()
    }
}
