//! What an option is called outside of the command line: `--time-zone` is `time-zone` in a file, and
//! `FLOWLAKE_TIME_ZONE` in the environment.

use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::cli::Cli;

/// Options of one name that mean different things in different commands: these are called otherwise.
const RENAMED: [(&str, &str, &str); 4] = [
    ("convert", "format", "source-format"),
    ("rejects", "format", "source-format"),
    ("ddl", "table", "ddl-table"),
    ("expire", "until", "expire-until"),
];

/// An option of a command, under the name that it has in every command which takes it.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    pub name: &'a str,
    pub arg: &'a Arg,
}

impl Setting<'_> {
    /// `--name` as it is typed.
    pub fn flag(&self) -> String {
        format!("--{}", self.arg.get_long().expect("settings are options with a long name"))
    }

    pub fn is_switch(&self) -> bool {
        matches!(self.arg.get_action(), ArgAction::SetTrue)
    }

    /// Whether it may be given several times.
    pub fn is_list(&self) -> bool {
        matches!(self.arg.get_action(), ArgAction::Append)
    }
}

/// The options of a command, in the order of its help.
pub fn settings(command: &Command) -> impl Iterator<Item = Setting<'_>> {
    command.get_arguments().filter_map(|arg| {
        let long = arg.get_long()?;
        Some(Setting { name: name(command.get_name(), long), arg })
    })
}

fn name<'a>(command: &str, long: &'a str) -> &'a str {
    let renamed = RENAMED.iter().find(|(of, name, _)| (*of, *name) == (command, long));
    renamed.map_or(long, |(_, _, name)| name)
}

/// The environment variable of a setting.
pub fn variable(name: &str) -> String {
    format!("FLOWLAKE_{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// The command line, whose `--help` names the variable of each option; `-h` stays short.
pub fn program() -> Command {
    let program = Cli::command().mut_args(|arg| with_variable(arg, ""));
    // clap would give these to the commands when it reads a line, which is too late for whoever asks what they take.
    let of_all: Vec<Arg> = program.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    program.mut_subcommands(|command| {
        let of = command.get_name().to_owned();
        command.mut_args(|arg| with_variable(arg, &of)).args(of_all.clone())
    })
}

fn with_variable(arg: Arg, command: &str) -> Arg {
    let Some(long) = arg.get_long() else { return arg };
    let variable = variable(name(command, long));
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
    arg.long_help(format!("{help}\n[env: {variable}]"))
}
