//! `generate`: files that are derived from the metric catalogue and the configuration's types.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;

use super::print;
use crate::generate::{Artefact, Inputs, Links, What};
use crate::signal::catalog;

/// `ssowatch generate`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// What.
    #[arg(value_enum)]
    what: What,
    /// Writes the files below this folder, instead of to stdout.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Base URL under which people reach the admin listener, for links.
    #[arg(long, default_value = "http://127.0.0.1:9470", value_name = "URL", value_parser = url)]
    external_url: String,
    /// Where the runbooks are; the name of the alert is appended after a slash. Default: `URL/runbooks` of ssowatch itself.
    #[arg(long, value_name = "URL", value_parser = url)]
    runbooks: Option<String>,
}

fn url(text: &str) -> Result<String, String> {
    crate::outbound::base_url(text).map_err(|problem| format!("it {problem}"))
}

/// Makes the files and prints them, or writes them and prints their paths.
pub(super) fn command(args: &Args) -> anyhow::Result<()> {
    let links = Links::new(&args.external_url, args.runbooks.as_deref());
    let schema = crate::config::schema();
    let inputs = Inputs { catalog: &catalog::ALL, schema: &schema, links: &links };
    let artefacts = args.what.artefacts(&inputs);
    let Some(dir) = &args.dir else { return print(&joined(&artefacts)) };
    for Artefact { path, content } in &artefacts {
        let file = dir.join(path);
        let folder = file.parent().unwrap_or(dir);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&file, content))
            .with_context(|| format!("cannot write {}", file.display()))?;
        print(&format!("{}\n", file.display()))?;
    }
    Ok(())
}

/// One file as it is; of several each under its name, as `head` and `tail` do.
fn joined(artefacts: &[Artefact]) -> String {
    match artefacts {
        [one] => one.content.clone(),
        several => {
            let each = |Artefact { path, content }: &Artefact| format!("==> {path} <==\n{content}");
            several.iter().map(each).collect::<Vec<_>>().join("\n")
        }
    }
}
