//! Commands: results go to stdout, logs to stderr; exit code 0 done, 1 failed at run time, 2 wrong usage or configuration.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::app::Daemon;
use crate::clock::Clock;
use crate::config::Config;
use crate::replay;
use crate::signal::catalog::{self, Metric};

/// Watches enterprise single sign-on: WorkOS events in, rates and alerts out.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    /// How logs are written to stderr; `RUST_LOG` says which.
    #[arg(long, value_enum, default_value = "text", global = true)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// The daemon. Without a configuration: both listeners on loopback, pushed events taken without a token.
    #[command(after_help = "Example: ssowatch run --config ssowatch.yaml")]
    Run {
        /// Configuration file (YAML).
        #[arg(long)]
        config: Option<PathBuf>,
        /// Where the journal is kept, instead of `data_dir`.
        #[arg(long)]
        data_dir: Option<PathBuf>,
    },
    /// Backtest: recorded events in, alert timeline out.
    #[command(after_help = "Example: ssowatch replay --format json 'events/*.ndjson.gz'")]
    Replay(replay::Args),
    /// Validates the configuration.
    #[command(after_help = "Example: ssowatch check --config ssowatch.yaml")]
    Check {
        /// Configuration file (YAML).
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Prints what is derived from the metric catalogue and the configuration's types.
    #[command(after_help = "Example: ssowatch generate schema > ssowatch.schema.json")]
    Generate {
        /// What.
        #[arg(value_enum)]
        what: Generated,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Generated {
    /// The metrics reference in Markdown.
    Metrics,
    /// The JSON Schema of the configuration.
    Schema,
}

/// Runs the command line and gives its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    logs(cli.log_format);
    let outcome = match cli.command {
        Command::Run { config, data_dir } => match load(config.as_deref()) {
            Ok(config) => run(config, data_dir),
            Err(code) => return code,
        },
        Command::Replay(args) => match load(args.config.as_deref()) {
            Ok(config) => replay::command(&args, &config),
            Err(code) => return code,
        },
        Command::Check { config } => match load(config.as_deref()) {
            Ok(config) => print(&summary(&config)),
            Err(code) => return code,
        },
        Command::Generate { what } => print(&generate(what)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(1)
        }
    }
}

fn logs(format: LogFormat) {
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().init(),
    }
}

fn load(file: Option<&Path>) -> Result<Config, ExitCode> {
    Config::load(file).map_err(|error| {
        tracing::error!("{error}");
        ExitCode::from(2)
    })
}

fn run(mut config: Config, data_dir: Option<PathBuf>) -> anyhow::Result<()> {
    if let Some(data_dir) = data_dir {
        config.data_dir.0 = data_dir;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let daemon = Daemon::start(&config, Clock::system()).await?;
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminate.recv() => {}
        }
        tracing::info!("Stopping.");
        daemon.stop().await;
        Ok(())
    })
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}

/// What would run, without secrets.
fn summary(config: &Config) -> String {
    let webhook = if config.sources.workos_webhook.is_some() { "on" } else { "off" };
    let rules: Vec<_> = config.rules().iter().map(|rule| rule.name.to_string()).collect();
    format!(
        "The configuration is valid.\ndata_dir: {}\nadmin:    http://{}\nintake:   http://{}\nwebhook:  {webhook}\nrules:    {}\n",
        config.data_dir.0.display(),
        config.http.admin.listen,
        config.http.intake.listen,
        rules.join(", ")
    )
}

fn generate(what: Generated) -> String {
    match what {
        Generated::Schema => {
            let schema = crate::config::schema();
            format!("{}\n", serde_json::to_string_pretty(&schema).expect("a schema is JSON"))
        }
        Generated::Metrics => metrics_reference(),
    }
}

/// The metrics reference in Markdown.
#[must_use]
pub fn metrics_reference() -> String {
    let mut text = "# Metrics\n\nMade by `ssowatch generate metrics`. Prometheus names; in Datadog and OTLP a name is the one in the last column.\n\n\
        | name | kind | unit | labels | meaning | Datadog, OTLP |\n| --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for metric in catalog::ALL {
        let Metric { name, kind, unit, labels, help } = metric;
        let (kind, labels, dotted) = (kind.as_str(), labels.join(", "), metric.dotted());
        writeln!(text, "| `{name}` | {kind} | {unit} | {labels} | {help} | `{dotted}` |")
            .expect("memory grows");
    }
    text
}
