//! The broker's program: settings in, a node that runs until it is told to stop.

use std::ffi::OsStr;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use highwater::config::{Config, Properties};
use highwater::host::tokio::TokioHost;
use highwater::server;
use tracing_subscriber::EnvFilter;

/// A Kafka-compatible replicated log broker.
///
/// Without --config it runs a cluster of one node, broker and controller at once, on
/// 127.0.0.1:9092.
#[derive(Debug, Parser)]
#[command(name = "highwater", version)]
struct Arguments {
    /// A file of Kafka's properties (process.roles, node.id, listeners, log.dirs, ...).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one property, whatever the file says. May be repeated.
    #[arg(long = "override", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// The data directory of the node that runs without --config.
    #[arg(long, value_name = "DIR", default_value = "data", conflicts_with = "config")]
    data_dir: String,
    /// Writes the log as JSON, one object a line. What is logged is chosen by RUST_LOG.
    #[arg(long)]
    log_json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logging(arguments.log_json);
    #[cfg(feature = "mutants")]
    warn_of_mutants();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start_logging(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(wants_colours(
            std::env::var_os("NO_COLOR").as_deref(),
            io::stderr().is_terminal(),
        ))
        .with_writer(io::stderr);
    if json { builder.json().init() } else { builder.init() }
}

/// Colours are for people: not in a file or a pipe, and not for whoever says no (no-color.org).
fn wants_colours(no_color: Option<&OsStr>, is_terminal: bool) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
}

/// A build that can be broken on purpose says so, lest it be taken for a sound one.
#[cfg(feature = "mutants")]
fn warn_of_mutants() {
    for mutant in highwater::mutants::Mutant::ALL {
        tracing::warn!("this build is for tests only, it contains {}", mutant.describe());
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let config = configure(arguments)?;
    let data_dir = config.log_dir.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let host = TokioHost::new(&data_dir)
            .with_context(|| format!("cannot use the data directory {data_dir}"))?;
        let advertised = config.network.advertised.clone();
        let ready = |ready: server::Ready| {
            announce(advertised.as_ref(), ready.port, &data_dir);
            if let Some(port) = ready.metrics_port {
                tracing::info!(port, "metrics are served at /metrics");
            }
        };
        let left = server::run(host, config, ready, asked_to_stop())
            .await
            .with_context(|| format!("the node with its data in {data_dir} cannot go on"))?;
        tracing::info!(?left, "stopped");
        Ok(())
    })
}

#[expect(clippy::print_stdout, reason = "where it listens is this program's output")]
fn announce(advertised: Option<&highwater::config::Endpoint>, port: u16, data_dir: &str) {
    match advertised {
        Some(endpoint) => {
            let port = if endpoint.port == 0 { port } else { endpoint.port };
            println!("highwater listens on {}:{port}, data in {data_dir}", endpoint.host);
        }
        None => println!("highwater controller listens on port {port}, data in {data_dir}"),
    }
}

fn configure(arguments: &Arguments) -> anyhow::Result<Config> {
    let Some(path) = &arguments.config else {
        anyhow::ensure!(
            arguments.overrides.is_empty(),
            "--override changes a file's settings; name one with --config"
        );
        return Ok(Config::embedded(&arguments.data_dir));
    };
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut properties =
        Properties::parse(&text).with_context(|| format!("in {}", path.display()))?;
    for setting in &arguments.overrides {
        properties.apply_override(setting)?;
    }
    let (config, warnings) =
        Config::from_properties(&properties).with_context(|| format!("in {}", path.display()))?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

/// Resolves on SIGTERM or Ctrl-C.
async fn asked_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminated = signal(SignalKind::terminate()).expect("SIGTERM can be listened for");
        tokio::select! {
            biased;
            _ = terminated.recv() => {}
            _ = interrupted => {}
        }
    }
    #[cfg(not(unix))]
    interrupted.await.expect("Ctrl-C can be listened for");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_and_for_who_does_not_mind() {
        assert!(wants_colours(None, true));
        assert!(wants_colours(Some(OsStr::new("")), true));
        assert!(!wants_colours(Some(OsStr::new("1")), true));
        assert!(!wants_colours(None, false));
    }
}
