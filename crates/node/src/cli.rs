//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use load::bench::{self, BenchArgs};

use crate::config::{Config, Overrides};
use crate::server::Offline;
use crate::{demo_cluster, log_tools, server};

/// Exit code of a bad configuration or command line (`EX_CONFIG`).
const EXIT_CONFIG: u8 = 78;

/// A Redis-protocol server in cluster mode whose scripts are all-or-nothing.
#[derive(Parser)]
#[command(name = "atoll", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Subcommand)]
enum Command {
    Bench(Box<BenchArgs>),
    /// Run several nodes on this machine in one terminal, until Ctrl-C.
    DemoCluster(demo_cluster::DemoArgs),
    /// Take a file of Redis or Valkey (dump.rdb) into a data directory that has no data.
    Import(TransferArgs),
    /// Write the data of a node that is not running to a file that Redis and Valkey read.
    Export(TransferArgs),
    /// Look at the log of a node that is not running, or repair it.
    #[command(subcommand)]
    Log(log_tools::LogCommand),
}

#[derive(Args)]
struct TransferArgs {
    /// The file.
    #[arg(value_name = "FILE.rdb")]
    file: PathBuf,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
struct ServerArgs {
    /// Read this TOML file (config/atoll.toml documents every key).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Port to listen on [default: 6379].
    #[arg(long)]
    port: Option<String>,
    /// Addresses to listen on, separated by commas [default: 127.0.0.1].
    #[arg(long)]
    bind: Option<String>,
    /// Shards of this node, each with its own thread: a number, or auto for one a core.
    #[arg(long, value_name = "auto|N")]
    shards: Option<String>,
    /// Data directory [default: ./atoll-data].
    #[arg(long, value_name = "PATH")]
    dir: Option<String>,
    /// Set any other configuration key; lists are separated by commas. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl ServerArgs {
    fn config(&self) -> Result<Config, String> {
        let overrides = self.overrides()?;
        Config::read(self.config.as_deref(), &overrides).map_err(|error| error.to_string())
    }

    fn overrides(&self) -> Result<Overrides, String> {
        let flags = [
            ("port", &self.port),
            ("bind", &self.bind),
            ("shards", &self.shards),
            ("dir", &self.dir),
        ];
        let mut overrides = Overrides::new();
        for pair in &self.set {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| format!("--set {pair}: expected KEY=VALUE"))?;
            overrides.push((key.trim().into(), value.trim().into()));
        }
        for (key, value) in flags {
            overrides.extend(value.iter().map(|value| (key.to_owned(), value.clone())));
        }
        Ok(overrides)
    }
}

/// Runs what the command line says.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Bench(args)) => load_test(&args),
        Some(Command::DemoCluster(args)) => match demo_cluster::run(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("{error:#}"), 1),
        },
        Some(Command::Import(args)) => transfer(args, Offline::Import),
        Some(Command::Export(args)) => transfer(args, Offline::Export),
        Some(Command::Log(command)) => match log_tools::run(&command) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => fail(&format!("{error:#}"), 1),
        },
        None => serve(&cli.server),
    }
}

/// Puts load on a server that runs, or on clusters of this binary.
fn load_test(args: &BenchArgs) -> ExitCode {
    let run = || bench::run(args, &std::env::current_exe()?);
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&format!("{error:#}"), 1),
    }
}

/// Takes a file in, or writes one.
#[expect(clippy::print_stdout, reason = "the one line that says what was done")]
fn transfer(args: TransferArgs, work: fn(PathBuf) -> Offline) -> ExitCode {
    match args.server.config() {
        Ok(config) => match server::run_offline(config, work(args.file)) {
            Ok(said) => {
                println!("{said}");
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error.to_string(), 1),
        },
        Err(error) => fail(&error, EXIT_CONFIG),
    }
}

fn serve(args: &ServerArgs) -> ExitCode {
    match args.config() {
        Ok(config) => match server::run(config) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.to_string(), 1),
        },
        Err(error) => fail(&error, EXIT_CONFIG),
    }
}

#[expect(clippy::print_stderr, reason = "the one line that says why there is no server")]
fn fail(why: &str, code: u8) -> ExitCode {
    eprintln!("atoll: {why}");
    ExitCode::from(code)
}
