//! The command line.

mod annotate;
mod corpus;
mod diff;
mod evaluate;
mod explain;
mod hand_labels;
mod labels;
mod methods;
mod models;
mod progress;
mod run;
mod train;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::engine::{Backend, Device};

const EXAMPLES: &str = "\
Examples:
  konspekt                                  the bundled study
  konspekt run pipelines/my-study           a study of your own
  konspekt run --essays texts/ --out out/   the bundled codebook, your essays
  konspekt explain okafor-2011              why its row says what it says
  konspekt evaluate --labels labels/        how far to trust it
  konspekt train pipelines/my-study         teach it your hand labels
  konspekt labels export --format brat      the hand labels for a tool; import brings them back
  konspekt annotate essay.md | jq .voices   the layers of one essay

Exit codes: 0 done; 1 failed; 2 wrong usage; 3 done, but some essays could not be read.";

/// Reads a folder of essays and lays their causal theses side by side
#[derive(Parser)]
#[command(version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Read a study's essays, print the comparison table and write it to files (the default)
    #[command(after_help = EXAMPLES)]
    Run(RunArgs),
    /// Print the layers of files as JSON lines: body, sentences, entities, claims, voices, stances
    Annotate(AnnotateArgs),
    /// Score the last run against hand labels (runs first where there is none)
    Evaluate(EvaluateArgs),
    /// Say of one essay which sentences made each cell, and what would have changed it
    Explain(ExplainArgs),
    /// Bring hand labels to annotation tools and back, and several readers' into one
    #[command(subcommand)]
    Labels(labels::LabelsCommand),
    /// Say what changed between two runs: cells, evidence, and why (exit code 1 if anything did)
    Diff(diff::DiffArgs),
    /// Make a run again and say whether its bytes are the same (exit code 1 if not)
    Verify(diff::VerifyArgs),
    /// Print a methods paragraph for a run, with its figures and BibTeX
    Methods(methods::MethodsArgs),
    /// Fit the study to hand labels, and say what that gains on essays kept out
    Train(train::TrainArgs),
    /// Fetch larger networks from the Hugging Face hub, list them, verify them
    #[command(subcommand)]
    Models(models::ModelsCommand),
    /// Print a completion script for a shell
    Completions { shell: Shell },
}

/// The study and its essays.
#[derive(Args, Clone)]
struct RunArgs {
    /// A study: a folder with a pipeline.toml, or the name of one in pipelines/
    #[arg(default_value = "origins-of-stalinism")]
    study: String,
    /// Files or folders of essays, instead of the study's own
    #[arg(long, value_name = "PATH", num_args = 1..)]
    essays: Vec<PathBuf>,
    /// Where to write, instead of outputs/<study>/
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Clone)]
struct AnnotateArgs {
    /// Files; `-` reads JSON lines {"id", "text"} from standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Take the whole text as the essay: no title, menu or notes are looked for
    #[arg(long)]
    raw: bool,
    /// Also what this network says of the sentences, in its own labels: a Hugging Face folder,
    /// or the name of a fetched one (with --engine torch safetensors, else ONNX)
    #[arg(long = "network", value_name = "FOLDER|NAME")]
    networks: Vec<String>,
    /// The study whose passes and codebook are used
    #[arg(long, default_value = "origins-of-stalinism")]
    study: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Clone)]
struct ExplainArgs {
    /// A file, or the name of one of the study's essays
    essay: PathBuf,
    /// The study whose passes and codebook are used
    #[arg(long, default_value = "origins-of-stalinism")]
    study: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Clone)]
struct EvaluateArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Label files or folders of them, instead of the study's own labels/; folders in a
    /// folder are readers, compared with each other
    #[arg(long, value_name = "PATH", num_args = 1..)]
    labels: Vec<PathBuf>,
    /// The output folder of another run of the same essays, to be compared with this one
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,
    /// How often essays are drawn for intervals and tests
    #[arg(long, value_name = "N", default_value_t = 1000)]
    draws: usize,
    /// Where the drawing begins
    #[arg(long, value_name = "N", default_value_t = 1917)]
    seed: u64,
}

#[derive(Args, Clone)]
struct Common {
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
    /// Worker threads [default: all cores]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Never touch the network (only `models fetch` ever does)
    #[arg(long)]
    offline: bool,
    /// Go by the codebook's definitions alone, also for theses with hand labels, and by default thresholds
    #[arg(long)]
    zero_shot: bool,
    /// Folder of networks, instead of models/
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// What runs the networks; torch is in builds with the cargo feature of that name
    #[arg(long, value_enum, value_name = "ENGINE", default_value = "rten")]
    engine: EngineName,
    /// Where torch computes: cpu, cuda, or cuda:N for the Nth NVIDIA card, from 0
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: Device,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EngineName {
    Rten,
    Torch,
}

impl Common {
    fn backend(&self) -> Result<Backend> {
        match (self.engine, self.device) {
            (EngineName::Torch, device) => Ok(Backend::Torch(device)),
            (EngineName::Rten, Device::Cpu) => Ok(Backend::Rten),
            (EngineName::Rten, device) => {
                bail!(
                    "--device {device}: the engine rten computes on the processor; add --engine torch"
                )
            }
        }
    }
}

/// How a command that did its work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Some essays could not be read; each was named.
    SomeUnread,
    /// Two runs are not the same.
    Differs,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::SomeUnread => Self::from(3),
            Outcome::Differs => Self::FAILURE,
        }
    }
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> Result<Outcome> {
        match self.command.unwrap_or(Command::Run(self.run)) {
            Command::Run(args) => run::run(&args),
            Command::Annotate(args) => annotate::run(&args),
            Command::Evaluate(args) => evaluate::run(&args),
            Command::Explain(args) => explain::run(&args),
            Command::Labels(command) => labels::run(&command),
            Command::Diff(args) => diff::diff_runs(&args),
            Command::Verify(args) => diff::verify(&args),
            Command::Methods(args) => methods::run(&args),
            Command::Train(args) => train::run(&args),
            Command::Models(command) => models::run(&command),
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "konspekt", &mut script);
                run::finish(std::io::Write::write_all(&mut std::io::stdout(), &script))?;
                Ok(Outcome::Done)
            }
        }
    }
}
