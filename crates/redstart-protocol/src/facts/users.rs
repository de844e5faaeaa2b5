//! Users and what they may do.

use super::command::{Command, Group};
use super::replay::{self, Replay};

const GROUP: Group = Group::Server;

pub(super) const ACL: Command = Command::container(
    GROUP,
    "acl",
    &[
        other("acl|cat", -2)
            .says("The categories, or the commands of one")
            .costs("O(1)")
            .since("6.0.0")
            .no_script()
            .loading()
            .stale()
            .replay_as(Replay::Read),
        other("acl|deluser", -3)
            .says("Deletes users and closes their connections")
            .costs("O(1)")
            .since("6.0.0")
            .admin()
            .no_script()
            .loading()
            .stale()
            .replay_as(Replay::Idempotent),
        other("acl|dryrun", -4)
            .says("Whether a user might run a command")
            .costs("O(1)")
            .since("7.0.0")
            .admin()
            .no_script()
            .loading()
            .stale()
            .replay_as(Replay::Read),
        other("acl|genpass", -2)
            .says("A random password")
            .costs("O(1)")
            .since("6.0.0")
            .no_script()
            .loading()
            .stale()
            .replay_as(Replay::Read),
        other("acl|getuser", 3)
            .says("What a user may do")
            .costs("O(N), N: rules of the user")
            .since("6.0.0")
            .admin()
            .no_script()
            .loading()
            .stale()
            .replay_as(Replay::Read),
        other("acl|list", 2)
            .says("The users, as lines of an ACL file")
            .costs("O(N), N: users")
            .since("6.0.0")
            .admin()
            .no_script()
            .loading()
            .stale()
            .replay_as(Replay::Read),
        other("acl|load", 2)
            .says("Reads the users from the ACL file")
            .costs("O(N), N: users")
            .since("6.0.0")
            .admin()
            .no_script()
            .loading()
            .stale()
            .replay_as(Replay::Idempotent),
        other("acl|log", -2)
            .says("What was refused lately")
            .costs("O(N), N: entries answered")
            .since("6.0.0")
            .admin()
            .no_script()
            .loading()
            .stale()
            .replay_by(replay::acl_log),
        other("acl|save", 2)
            .says("Writes the users to the ACL file")
            .costs("O(N), N: users")
            .since("6.0.0")
            .admin()
            .no_script()
            .loading()
            .stale()
            .replay_as(Replay::Idempotent),
        other("acl|setuser", -3)
            .says("Creates a user or changes what it may do")
            .costs("O(N), N: rules given")
            .since("6.0.0")
            .admin()
            .no_script()
            .loading()
            .stale(),
        other("acl|users", 2)
            .says("The names of the users")
            .costs("O(N), N: users")
            .since("6.0.0")
            .admin()
            .no_script()
            .loading()
            .stale()
            .replay_as(Replay::Read),
        other("acl|whoami", 2)
            .says("The user of this connection")
            .costs("O(1)")
            .since("6.0.0")
            .no_script()
            .loading()
            .stale()
            .replay_as(Replay::Read),
        other("acl|help", 2)
            .says("Explains the ACL subcommands")
            .costs("O(1)")
            .since("6.0.0")
            .loading()
            .stale()
            .replay_as(Replay::Read),
    ],
)
.says("Looks after users and what they may do")
.since("6.0.0");

const fn other(name: &'static str, arity: i32) -> Command {
    Command::new(GROUP, name, arity)
}
