//! Monitoring: INFO's fields, by the names that every exporter reads.

use std::collections::HashMap;

use super::{Finding, Shortfall, Stage, check, figures};

/// The tour has executed more than that by now.
const COMMANDS_AT_LEAST: u64 = 1_000;

pub(super) async fn run(stage: &Stage) -> Finding {
    let info = stage.store.command(["INFO"]).returning::<String>().await?;
    let fields: HashMap<&str, &str> = info
        .lines()
        .filter_map(|line| line.split_once(':'))
        .collect();
    let field = |name: &str| {
        let missing = || Shortfall::Untrue(format!("INFO does not tell {name}"));
        fields.get(name).copied().ok_or_else(missing)
    };
    let number = |name: &str| -> Result<u64, Shortfall> {
        let text = field(name)?;
        text.parse()
            .map_err(|_| Shortfall::Untrue(format!("{name} is {text}")))
    };
    let version = field("redis_version")?;
    let memory = field("used_memory_human")?;
    let clients = number("connected_clients")?;
    let commands = number("total_commands_processed")?;
    check(number("used_memory")? > 0, || "it uses no memory".into())?;
    check(clients > 0, || "nobody is connected".into())?;
    check(commands >= COMMANDS_AT_LEAST, || {
        format!("only {commands} commands are counted")
    })?;
    let commands = figures::count(commands);
    Ok(format!(
        "INFO as Redis {version}: {memory} used, {clients} clients, {commands} commands"
    ))
}
