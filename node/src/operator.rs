//! What the operator of an appliance tells its markets from the command line. Only who may open the data directory can.

use crate::appliance;
use clap::{Args, Subcommand};
use serde_json::Value;
use std::error::Error;
use std::path::PathBuf;

/// Of which appliance, and what.
#[derive(Debug, Args)]
pub struct MarketArgs {
    /// Data directory of the running appliance
    #[arg(long, default_value = "plinth-data")]
    data_dir: PathBuf,
    #[command(subcommand)]
    wish: Wish,
}

#[derive(Debug, Subcommand)]
enum Wish {
    /// Halt a market at once: only cancels are taken, and its calendar passes it by until it is resumed
    Halt(Named),
    /// Let a halted market go on where its calendar has it by now
    Resume {
        #[command(flatten)]
        named: Named,
        /// Collect orders first, for as long as a volatility auction of the instrument takes
        #[arg(long)]
        auction: bool,
    },
}

#[derive(Debug, Args)]
struct Named {
    /// Symbol of the instrument
    #[arg(long)]
    instrument: String,
}

impl MarketArgs {
    /// Asks for it and says what came of it; it is durable then.
    ///
    /// # Errors
    ///
    /// When no appliance answers, or it is refused.
    pub fn run(&self) -> Result<(), Box<dyn Error>> {
        let (name, symbol, way) = match &self.wish {
            Wish::Halt(named) => ("halt", &named.instrument, ""),
            Wish::Resume { named, auction } => ("resume", &named.instrument, if *auction { " auction" } else { "" }),
        };
        if symbol.is_empty() || symbol.contains(char::is_whitespace) {
            return Err(format!("{symbol:?} is no symbol").into());
        }
        let answer = appliance::request(&self.data_dir, &format!("{name} {symbol}{way}"))
            .map_err(|error| format!("no appliance answers in {}: {error}", self.data_dir.display()))?;
        let answer: Value = serde_json::from_str(&answer)?;
        match (answer["phase"].as_str(), answer["refused"].as_str().or_else(|| answer["error"].as_str())) {
            (Some(phase), _) => println!("{symbol}: {phase}, record {}", answer["seq"]),
            (None, Some(reason)) => return Err(reason.into()),
            (None, None) => return Err(format!("the appliance says {answer}").into()),
        }
        Ok(())
    }
}
