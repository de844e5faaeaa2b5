//! Whether messages still come through: one is published where commands go, and has to arrive where
//! subscriptions are.
//!
//! A connection may be alive and at the wrong server: one that an address led to before a failover,
//! or one that was cut off from the others. Such a server answers every PING and pushes nothing.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use redstart_protocol::Value;

use crate::store::error::OperationName;
use crate::store::remote::RemoteConfig;
use crate::store::remote::route::Router;
use crate::store::replay::Deadline;
use crate::store::subscriber::{Kind, Order, Push, Verb};

/// Silence after which nobody knows whether messages still come through.
const SILENCE: Duration = Duration::from_secs(30);

const PUBLISH: OperationName = OperationName::named("subscriber.probe");

/// Of one connection.
pub(super) struct Probe {
    config: Arc<RemoteConfig>,
    router: Weak<Router>,
    /// Private to this connection.
    channel: Bytes,
    stage: Stage,
    is_subscribed: bool,
    /// When something was heard last.
    heard: Duration,
}

enum Stage {
    Quiet,
    Subscribing,
    Publishing(Pin<Box<dyn Future<Output = bool> + Send>>),
    /// It was published, and has to arrive by then.
    Awaiting(Duration),
    /// The user of this store may not do it.
    Forbidden,
}

impl Probe {
    pub(super) fn new(config: &Arc<RemoteConfig>, router: &Weak<Router>) -> Probe {
        let number = config.random.below(u64::MAX);
        Probe {
            config: Arc::clone(config),
            router: Weak::clone(router),
            channel: format!("__redstart:probe:{number:016x}").into(),
            stage: Stage::Quiet,
            is_subscribed: false,
            heard: config.time.monotonic(),
        }
    }

    /// Begins if it was quiet for long enough; what has to be said for that.
    pub(super) fn begin(&mut self) -> Option<Order> {
        let now = self.config.time.monotonic();
        if !matches!(self.stage, Stage::Quiet) || now.saturating_sub(self.heard) < SILENCE {
            return None;
        }
        if self.is_subscribed {
            self.publish();
            return None;
        }
        self.stage = Stage::Subscribing;
        Some(Order {
            verb: Verb::Enter,
            kind: Kind::Channel,
            names: vec![self.channel.clone()],
        })
    }

    /// Whether the push was for the probe alone.
    pub(super) fn hear(&mut self, push: &Push) -> bool {
        match push {
            Push::Message { kind, name, .. } => {
                self.heard = self.config.time.monotonic();
                let is_own = *kind == Kind::Channel && **name == *self.channel;
                if is_own && matches!(self.stage, Stage::Publishing(_) | Stage::Awaiting(_)) {
                    self.stage = Stage::Quiet;
                }
                is_own
            }
            Push::Confirmed { verb, kind, name } => {
                let is_own = *kind == Kind::Channel && **name == *self.channel;
                if is_own && *verb == Verb::Enter {
                    self.is_subscribed = true;
                    self.publish();
                }
                is_own
            }
        }
    }

    /// Whether the refusal was for the probe alone.
    pub(super) fn is_refused(&mut self, order: &Order) -> bool {
        let is_own = order.kind == Kind::Channel && order.names == [&self.channel];
        if is_own {
            self.stage = Stage::Forbidden;
        }
        is_own
    }

    fn publish(&mut self) {
        let (config, router) = (Arc::clone(&self.config), Weak::clone(&self.router));
        let mut command = redis::cmd("PUBLISH");
        command.arg(&*self.channel).arg("");
        let within = config.unresponsive_after;
        self.stage = Stage::Publishing(Box::pin(async move {
            let Some(router) = router.upgrade() else {
                return false;
            };
            let deadline = Deadline::within(within, &config.time);
            let Ok(route) = router.route(None, 0, &PUBLISH, deadline).await else {
                return false;
            };
            tokio::select! {
                answer = route.link.ask(&command) => matches!(answer, Some(Value::Integer(_))),
                () = config.time.sleep_until(deadline.at) => false,
            }
        }));
    }

    /// Completes when a message was published and has not arrived. A dropped future loses nothing.
    pub(super) async fn fails(&mut self) {
        loop {
            match &mut self.stage {
                Stage::Publishing(publishing) => {
                    let published = publishing.await;
                    let now = self.config.time.monotonic();
                    self.stage = match published {
                        true => Stage::Awaiting(now.saturating_add(self.config.unresponsive_after)),
                        // Where nothing can be published, nothing can be found out.
                        false => {
                            self.heard = now;
                            Stage::Quiet
                        }
                    };
                }
                Stage::Awaiting(until) => {
                    let until = *until;
                    return self.config.time.sleep_until(until).await;
                }
                Stage::Quiet | Stage::Subscribing | Stage::Forbidden => {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}
