//! The program: parse, start the runtime, call the library, turn the result into an exit code.

use std::process::ExitCode;

use clap::Parser;
use flowlake::cli::Cli;
use flowlake::command;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("FLOWLAKE_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the system gives threads and sockets to a new process");
    let exit = match runtime.block_on(command::run(cli.command)) {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(hint) = error.hint() {
                eprintln!("  (hint: {hint})");
            }
            error.exit()
        }
    };
    ExitCode::from(exit as u8)
}
