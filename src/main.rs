//! The konspekt program; see `konspekt --help`.

use std::process::ExitCode;

use clap::Parser;
use konspekt::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            // The chain reads outward in: what was being done, then why it failed.
            eprintln!("konspekt: {error:#}");
            ExitCode::FAILURE
        }
    }
}
