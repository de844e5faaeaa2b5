//! SHUTDOWN: whoever serves the engine to others is asked to stop.

use crate::shim::Mutex;

type Request = Box<dyn Fn() -> bool + Send + Sync>;

/// Those who can stop serving. Nobody, for an engine inside its own process.
#[derive(Default)]
pub(crate) struct Shutdown {
    listeners: Mutex<Vec<Request>>,
}

impl Shutdown {
    /// Has `request` called when a client asks for a shutdown, as long as it answers true.
    pub(crate) fn listen(&self, request: impl Fn() -> bool + Send + Sync + 'static) {
        self.listeners.lock().push(Box::new(request));
    }

    /// Passes a client's request on; false if there is nobody to pass it to.
    pub(crate) fn request(&self) -> bool {
        let mut listeners = self.listeners.lock();
        listeners.retain(|request| request());
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
