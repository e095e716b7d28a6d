//! The arguments of `flowlake config`.

use clap::Args;

/// Show which options the environment and flowlake.toml set, and where each comes from
#[derive(Debug, Args)]
#[command(after_help = "flowlake.toml is looked for in the current folder, then in $XDG_CONFIG_HOME/flowlake/ \
                        (~/.config/flowlake/). FLOWLAKE_CONFIG names another file; set to nothing, it means none. \
                        docs/configuration.md has an example.")]
pub struct Config {
    /// A command: all of its options are shown, with their defaults
    pub command: Option<String>,
    /// A lake of flowlake.toml
    #[arg(value_name = "@NAME")]
    pub name: Option<String>,
}

impl Config {
    /// The command and the lake's name with its `@`: in either order, or one alone.
    pub fn asked(&self) -> (Option<&str>, Option<&str>) {
        match (self.command.as_deref(), self.name.as_deref()) {
            (Some(name), command) if name.starts_with('@') => (command, Some(name)),
            asked => asked,
        }
    }
}
