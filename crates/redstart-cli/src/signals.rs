//! SIGINT and SIGTERM: the first asks for an orderly end, the second does not ask.

use std::io;

/// Listens for signals from now on.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// To be called inside the runtime, before anybody is told that the program is ready.
    pub(crate) fn listen() -> io::Result<Signals> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};

            Ok(Signals {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Signals {})
    }

    /// Ready at the next signal, which is taken note of and nothing else.
    pub(crate) async fn first(&mut self) {
        self.next().await;
    }

    /// Ready at the first signal. From then on another one ends the process at once.
    pub(crate) async fn shutdown(mut self) {
        let name = self.next().await;
        tracing::info!("{name}: shutting down; once more to end at once");
        tokio::spawn(async move {
            let name = self.next().await;
            tracing::warn!("{name} again: ending at once");
            std::process::exit(1);
        });
    }

    async fn next(&mut self) -> &'static str {
        #[cfg(unix)]
        {
            tokio::select! {
                _ = self.interrupt.recv() => "SIGINT",
                _ = self.terminate.recv() => "SIGTERM",
            }
        }
        #[cfg(not(unix))]
        {
            let _ = tokio::signal::ctrl_c().await;
            "Ctrl-C"
        }
    }
}
