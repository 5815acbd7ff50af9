//! Commands: results go to stdout, logs to stderr; exit code 0 done, 1 failed at run time, 2 wrong usage or configuration.

mod check;
mod generate;
mod knock;
mod run;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::app::weak_key;
use crate::config::{self, Config};
use crate::demo;
use crate::replay;
use crate::simulate;

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
    /// A simulated provider and the daemon in one process: see a page fire and resolve, without credentials or network.
    #[command(after_help = "Example: ssowatch demo --for 2m")]
    Demo(demo::Args),
    /// A scenario as recorded events, with the ground truth. The same seed gives the same bytes.
    #[command(
        after_help = "Example: ssowatch simulate --out events.ndjson.zst --truth truth.json okta-outage"
    )]
    Simulate(simulate::Args),
    /// Validates the configuration and says what would run.
    #[command(after_help = "Example: ssowatch check --config ssowatch.yaml --online")]
    Check {
        /// Configuration file (YAML).
        #[arg(long)]
        config: Option<PathBuf>,
        /// Also tries what a start needs: secrets, the data directory, the listeners, the keys of WorkOS and Datadog, and
        /// whether the receivers and the OTLP endpoint are there; nobody is paged by it. Exit code 1 when something fails.
        #[arg(long)]
        online: bool,
    },
    /// Files that are derived from the metric catalogue and the configuration's types.
    #[command(
        after_help = "Example: ssowatch generate rules --dir . --external-url https://ssowatch.example.com"
    )]
    Generate(generate::Args),
}

/// Runs the command line and gives its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = cli.log_format;
    // The demo says itself what happens.
    logs(format, if matches!(cli.command, Command::Demo(_)) { "error" } else { "info" });
    let outcome = match cli.command {
        Command::Run { config, data_dir } => {
            let origin = run::Origin { file: config, data_dir };
            match load(origin.file.as_deref(), format)
                .and_then(|config| begun(origin.complete(config), format))
            {
                Ok(loaded) => run::command(loaded, &origin),
                Err(code) => return code,
            }
        }
        Command::Replay(args) => match load(args.config.as_deref(), format) {
            Ok(config) => replay::command(&args, &config),
            Err(code) => return code,
        },
        Command::Demo(args) => {
            let own = args.config.as_deref().map(|file| load(Some(file), format)).transpose();
            match (config::scenario(&args.scenario), own) {
                (Ok(scenario), Ok(own)) => demo::command(&args, scenario, own),
                (Ok(_), Err(code)) => return code,
                (Err(error), _) => {
                    complain(format, &error.to_string());
                    return ExitCode::from(2);
                }
            }
        }
        Command::Simulate(args) => match config::scenario(&args.scenario) {
            Ok(scenario) => simulate::command(&args, scenario),
            Err(error) => {
                complain(format, &error.to_string());
                return ExitCode::from(2);
            }
        },
        Command::Check { config, online } => {
            match load(config.as_deref(), format).and_then(|config| begun(config, format)) {
                Ok(config) => check(&config, online),
                Err(code) => return code,
            }
        }
        Command::Generate(args) => generate::command(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the results has seen enough, e.g. `| head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format, &format!("{error:#}"));
            ExitCode::from(if error.is::<replay::OtherRecording>() { 2 } else { 1 })
        }
    }
}

fn logs(format: LogFormat, level: &str) {
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| level.into());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        // Colours are for people: not in files and journals.
        LogFormat::Text => builder.with_target(false).with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// Says why a command failed, whatever `RUST_LOG` lets through.
fn complain(format: LogFormat, problem: &str) {
    let line = match format {
        LogFormat::Text => format!("error: {problem}"),
        LogFormat::Json => {
            serde_json::json!({"level": "ERROR", "fields": {"message": "Command failed.", "error": problem}}).to_string()
        }
    };
    // A closed stderr leaves nobody to tell; the exit code remains.
    drop(writeln!(io::stderr(), "{line}"));
}

fn load(file: Option<&Path>, format: LogFormat) -> Result<Config, ExitCode> {
    Config::load(file).map_err(|error| {
        complain(format, &error.to_string());
        ExitCode::from(2)
    })
}

/// Refuses what nobody should begin with, though it works.
fn begun(config: Config, format: LogFormat) -> Result<Config, ExitCode> {
    match weak_key(&config) {
        Ok(_) => Ok(config),
        Err(problem) => {
            complain(format, &problem);
            Err(ExitCode::from(2))
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<io::Error>();
    cause.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}

fn check(config: &Config, online: bool) -> anyhow::Result<()> {
    print(&check::summary(config).map_err(anyhow::Error::msg)?)?;
    if !online {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(check::online(config)).map_err(anyhow::Error::msg)?;
    for finding in &findings {
        print(&format!("{finding}\n"))?;
    }
    let failed = findings.iter().filter(|finding| finding.failed()).count();
    anyhow::ensure!(failed == 0, "{failed} of {} checks failed", findings.len());
    Ok(())
}
