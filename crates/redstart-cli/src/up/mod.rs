//! `redstart up`: a real deployment on this machine, for development.

mod logs;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use redstart_testkit::{Cluster, Deployment, Sentinel, Server, ServerBinary, Topology};

use crate::arguments::{UpArguments, UpTopology};
use crate::output::{Style, print_line, report};
use crate::serving;
use crate::signals::Signals;
use logs::Logs;

/// How often the logs are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What a cluster's nodes add to their ports for the ports they use among themselves.
const BUS_OFFSET: u16 = 10_000;

/// Starts the deployment, follows its logs, and ends it at a signal.
pub(crate) fn run(arguments: &UpArguments) -> ExitCode {
    match up(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            report(&format!("redstart: {reason}"));
            ExitCode::FAILURE
        }
    }
}

fn up(arguments: &UpArguments) -> Result<(), String> {
    let style = Style::of_stdout();
    let binary = match &arguments.server {
        Some(name) => ServerBinary::named(name),
        None => ServerBinary::from_path(),
    };
    let binary = binary.map_err(|error| error.to_string())?;
    check_ports(arguments)?;
    let title = title(arguments.topology, &binary);
    // Until it is up, a signal ends this process, and the servers with it.
    let mut deployment = start(arguments, binary).map_err(|error| error.to_string())?;
    let runtime = serving::runtime()?;
    runtime.block_on(async {
        let signals = Signals::listen().map_err(|error| format!("no signals: {error}"))?;
        let mut logs = Logs::of(&deployment);
        show(&title, &deployment, arguments, style);
        let mut shutdown = pin!(signals.shutdown());
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = look.tick() => logs.follow(&mut deployment, arguments.quiet),
            }
        }
        Ok::<_, String>(())
    })?;
    let ended = match arguments.dir {
        // What is kept has to be written first.
        Some(_) => deployment.stop().map_err(|error| error.to_string()),
        None => Ok(()),
    };
    drop(deployment);
    // Not before: until here a second signal ends this process at once, and the servers with it.
    serving::end(runtime);
    ended
}

fn start(
    arguments: &UpArguments,
    binary: ServerBinary,
) -> Result<Deployment, redstart_testkit::ServerError> {
    const KEPT: [&str; 2] = ["--appendonly", "yes"];
    let (port, directory) = (arguments.port, directory(arguments));
    Ok(match arguments.topology {
        UpTopology::Standalone => {
            let mut server = Server::builder(binary).port(port);
            if let Some(directory) = directory {
                server = server
                    .directory(directory.join(port.to_string()))
                    .args(KEPT);
            }
            Deployment::Standalone(server.start()?)
        }
        UpTopology::Sentinel => {
            let mut sentinel = Sentinel::builder(binary).port(port);
            if let Some(directory) = directory {
                let [option, value] = KEPT;
                sentinel = sentinel.directory(directory).arg(option).arg(value);
            }
            Deployment::Sentinel(sentinel.start()?)
        }
        UpTopology::Cluster => {
            let mut cluster = Cluster::builder(binary).port(port);
            if let Some(directory) = directory {
                let [option, value] = KEPT;
                cluster = cluster.directory(directory).arg(option).arg(value);
            }
            Deployment::Cluster(cluster.start()?)
        }
    })
}

/// Where to work, if it is to be kept: deployments of different kinds apart.
fn directory(arguments: &UpArguments) -> Option<PathBuf> {
    let name = topology(arguments.topology).name();
    arguments.dir.as_deref().map(|dir: &Path| dir.join(name))
}

fn topology(chosen: UpTopology) -> Topology {
    match chosen {
        UpTopology::Standalone => Topology::Standalone,
        UpTopology::Sentinel => Topology::Sentinel,
        UpTopology::Cluster => Topology::Cluster,
    }
}

/// Fails with the first port that is taken, before anything is started.
fn check_ports(arguments: &UpArguments) -> Result<(), String> {
    let (count, offsets): (u16, &[u16]) = match arguments.topology {
        UpTopology::Standalone => (1, &[0]),
        UpTopology::Sentinel => (6, &[0]),
        UpTopology::Cluster => (6, &[0, BUS_OFFSET]),
    };
    for offset in offsets {
        for index in 0..count {
            let port = arguments.port.checked_add(offset + index);
            let port = port.ok_or("--port: the ports that follow it end at 65535")?;
            if let Err(error) = TcpListener::bind(("127.0.0.1", port)) {
                return Err(format!(
                    "port {port} cannot be used: {error}; --port chooses others"
                ));
            }
        }
    }
    Ok(())
}

fn title(topology: UpTopology, binary: &ServerBinary) -> String {
    let what = match topology {
        UpTopology::Standalone => "standalone · one server",
        UpTopology::Sentinel => "Sentinel · a primary, 2 replicas, 3 sentinels",
        UpTopology::Cluster => "Cluster · 3 primaries, 3 replicas",
    };
    let name = binary.path().file_name().unwrap_or_default();
    format!("{what} · {} {}", name.display(), binary.version())
}

fn show(title: &str, deployment: &Deployment, arguments: &UpArguments, style: Style) {
    let line = |label: &str, text: &str| print_line(&format!("  {label:<10} {text}"));
    let port = arguments.port;
    print_line("");
    print_line(&format!(
        "  {}  {}",
        style.red(&style.bold("redstart up")),
        style.faint(title)
    ));
    print_line("");
    // Without colour, so that scripts can read it.
    line("URL", &deployment.url());
    print_line("");
    match deployment {
        Deployment::Standalone(_) => {}
        Deployment::Sentinel(_) => {
            let sentinels = format!("{}-{}", port + 3, port + 5);
            line("Servers", &format!("{port}-{}", port + 2));
            line("Sentinels", &sentinels);
            print_line("");
        }
        Deployment::Cluster(_) => {
            line("Nodes", &format!("{port}-{}", port + 5));
            print_line("");
        }
    }
    match deployment {
        Deployment::Standalone(_) => {
            let command = format!("redis-cli -p {port} SET greeting hello");
            line("Try it", &style.cyan(&command));
        }
        Deployment::Sentinel(deployment) => {
            let name = deployment.name();
            let sentinel = port + 3;
            let who = format!("redis-cli -p {sentinel} SENTINEL GET-MASTER-ADDR-BY-NAME {name}");
            line("Try it", &style.cyan(&who));
            let failover = format!("redis-cli -p {sentinel} SENTINEL FAILOVER {name}");
            line("", &style.cyan(&failover));
        }
        Deployment::Cluster(_) => {
            let set = format!("redis-cli -c -p {port} SET greeting hello");
            line("Try it", &style.cyan(&set));
            let nodes = format!("redstart cluster nodes redis://127.0.0.1:{port}");
            line("", &style.cyan(&nodes));
        }
    }
    print_line("");
    let fate = match &arguments.dir {
        Some(directory) => format!("{} keeps the keys.", directory.display()),
        None => "The keys go with it; --dir DIR keeps them.".to_owned(),
    };
    let text = format!("Up until Ctrl-C. {fate}");
    print_line(&format!("  {}", style.faint(&text)));
    print_line("");
}
