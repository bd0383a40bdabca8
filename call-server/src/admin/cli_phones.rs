//! The words of the command line about phones of the house.

use super::cli_class::Class;
use clap::{Args, Subcommand};

/// Commands about phones of the house.
#[derive(Debug, Subcommand)]
pub(crate) enum Phone {
    /// Add a phone. Its secret is random and shown once; give it to the phone together with its number as the user name.
    #[command(after_help = "Example:\n  call-server phone add 8001 --name 值班室 --class local")]
    Add(AddPhone),
    /// Every phone, its permission class, and where it is registered now.
    List,
    /// Remove a phone: it is no longer registered and can register no longer.
    Remove {
        /// Its number.
        #[arg(value_name = "NUMBER")]
        number: String,
    },
}

/// A phone to be added.
#[derive(Debug, Args)]
pub(crate) struct AddPhone {
    /// Its number, also its user name.
    #[arg(value_name = "NUMBER")]
    pub(crate) number: String,
    /// Whose it is, or where it stands.
    #[arg(long)]
    pub(crate) name: String,
    /// How far it may dial.
    #[arg(long, value_enum, default_value = "internal")]
    pub(crate) class: Class,
}
