//! Waiting for somebody else's load.
//!
//! Whatever ends a lease says so on the shard channel that is called as the lease, and so lies in
//! its slot. A message says no more than that it is time to look: one that is lost, or that the
//! ACL keeps back, costs a moment, and one too many a look.

use std::time::Duration;

use super::core::Core;
use super::keys::Place;
use super::outcome::Outcome;
use crate::store::Subscription;

/// How long whoever is told waits at least before looking untold: for a lease that was evicted,
/// or messages that were lost.
const UNTOLD: Duration = Duration::from_millis(500);

/// One flight's wait, from the first look that found the lease taken.
#[derive(Debug, Default)]
pub(super) struct Wait {
    looks: u32,
    /// Tells that the lease has ended, if that can be had.
    ends: Option<Subscription>,
}

impl<V> Core<V> {
    /// Waits until it is time to ask for the lease again, which is somebody else's for this long.
    /// The first wait takes a round trip, to subscribe.
    pub(super) async fn wait(&self, wait: &mut Wait, place: &Place, left: Duration) {
        let look = wait.looks;
        wait.looks += 1;
        if look == 0 {
            self.count(Outcome::LeaseWait);
            wait.ends = self.listen(place).await;
            if wait.ends.is_some() {
                // The lease may have ended before anybody listened.
                return;
            }
        }
        let time = self.store.time();
        let pause = self.pauses.pause(look);
        let Some(ends) = &mut wait.ends else {
            return time.sleep(pause.min(left)).await;
        };
        // A gap is as good as a message.
        let is_over = tokio::select! {
            biased;
            event = ends.next() => event.is_none(),
            () = time.sleep(left.min(UNTOLD + pause)) => false,
        };
        if is_over {
            wait.ends = None;
        }
    }

    async fn listen(&self, place: &Place) -> Option<Subscription> {
        #[cfg(all(test, feature = "embedded"))]
        if let Some(chaos) = &self.chaos
            && chaos.deafens().await
        {
            return None;
        }
        let subscribe = self.store.subscribe_shards(place.lease());
        let subscribed = subscribe.within(self.policy.deadline).await;
        subscribed
            .inspect_err(|error| tracing::debug!(%error, "a wait goes on without being told"))
            .ok()
    }
}
