//! Defaults from the nearest `pyproject.toml` that has a `[tool.ungil]`.

use std::path::{Path, PathBuf};

use clap::{ColorChoice, ValueEnum};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::args::Color;
use crate::error::{Error, Result};
use crate::suggest;

/// `[tool.ungil]`: what holds for every verb.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Config {
    pub(super) color: Option<String>,
    pub(super) quiet: Option<bool>,
    pub(super) timeout: Option<f64>,
    pub(super) start_method: Option<String>,
    #[serde(skip)]
    pub(super) run: RunConfig,
    #[serde(skip)]
    pub(super) compare: CompareConfig,
    /// Where it comes from and what it says, for messages.
    #[serde(skip)]
    origin: Option<String>,
}

/// `[tool.ungil.run]`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RunConfig {
    pub(super) workload: Option<String>,
    pub(super) worker: Option<String>,
    pub(super) workers: Option<i64>,
    pub(super) tasks: Option<i64>,
    pub(super) iterations: Option<i64>,
    pub(super) items: Option<String>,
    pub(super) timeout: Option<f64>,
    pub(super) start_method: Option<String>,
    pub(super) quiet: Option<bool>,
}

/// `[tool.ungil.compare]`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct CompareConfig {
    pub(super) workloads: Option<Vec<String>>,
    pub(super) worker: Option<Vec<String>>,
    pub(super) workers: Option<Vec<i64>>,
    pub(super) tasks: Option<i64>,
    pub(super) repeat: Option<i64>,
    pub(super) iterations: Option<i64>,
    pub(super) items: Option<String>,
    pub(super) full: Option<bool>,
    pub(super) budget: Option<f64>,
    pub(super) timeout: Option<f64>,
    pub(super) start_method: Option<String>,
    pub(super) quiet: Option<bool>,
}

impl Config {
    /// A refusal may be about what nobody has typed: it names the file, and what that sets.
    pub(super) fn with_origin(&self, error: Error) -> Error {
        match (&self.origin, error) {
            (Some(origin), Error::Usage(message)) => {
                Error::Usage(format!("{message}\nDefaults come from {origin}."))
            }
            (_, error) => error,
        }
    }

    /// When to use colour, where the command line does not say.
    pub(super) fn color(&self) -> Result<ColorChoice> {
        let Some(name) = &self.color else {
            return Ok(ColorChoice::Auto);
        };
        Color::from_str(name, false).map(ColorChoice::from).map_err(|_| {
            Error::Usage(format!(
                "pyproject.toml: [tool.ungil] color is \"{name}\": it must be auto, always or never."
            ))
        })
    }
}

const GENERAL: &[&str] = &["color", "quiet", "timeout", "start-method"];
const RUN: &[&str] = &[
    "workload",
    "worker",
    "workers",
    "tasks",
    "iterations",
    "items",
    "timeout",
    "start-method",
    "quiet",
];
const COMPARE: &[&str] = &[
    "workloads",
    "worker",
    "workers",
    "tasks",
    "repeat",
    "iterations",
    "items",
    "full",
    "budget",
    "timeout",
    "start-method",
    "quiet",
];

/// The configuration that holds in the current directory; empty where there is none.
pub(super) fn nearest() -> Result<Config> {
    let Ok(directory) = std::env::current_dir() else {
        return Ok(Config::default());
    };
    for directory in directory.ancestors() {
        let file = directory.join("pyproject.toml");
        let Ok(text) = std::fs::read_to_string(&file) else {
            continue;
        };
        let mut document: Table = text.parse().map_err(|error: toml::de::Error| {
            Error::Usage(format!("cannot read {}: {error}", file.display()))
        })?;
        let section = document
            .get_mut("tool")
            .and_then(|tool| tool.as_table_mut()?.remove("ungil"));
        if let Some(section) = section {
            return Reader { file }.config(section);
        }
    }
    Ok(Config::default())
}

/// A message about a type, with the names that TOML has for them.
fn in_toml_words(message: &str) -> String {
    message
        .replace("a sequence", "a list in brackets, as in [1, 2]")
        .replace("expected i64", "expected a whole number")
        .replace("expected f64", "expected a number")
}

struct Reader {
    file: PathBuf,
}

impl Reader {
    fn config(&self, section: Value) -> Result<Config> {
        let mut general = self.table("tool.ungil", section)?;
        let origin = self.origin(&general);
        let run = general.remove("run");
        let compare = general.remove("compare");
        let verbs = ["run", "compare"];
        let known: Vec<&str> = GENERAL.iter().copied().chain(verbs).collect();
        let mut config: Config = self.section("tool.ungil", general, &known)?;
        if let Some(run) = run {
            let table = self.table("tool.ungil.run", run)?;
            config.run = self.section("tool.ungil.run", table, RUN)?;
        }
        if let Some(compare) = compare {
            let table = self.table("tool.ungil.compare", compare)?;
            config.compare = self.section("tool.ungil.compare", table, COMPARE)?;
        }
        config.origin = origin;
        Ok(config)
    }

    /// The file and the keys it sets.
    fn origin(&self, general: &Table) -> Option<String> {
        let keys = general.iter().flat_map(|(key, value)| match value {
            Value::Table(verb) => verb.keys().map(|inner| format!("{key}.{inner}")).collect(),
            _ => vec![key.clone()],
        });
        let keys: Vec<String> = keys.collect();
        (!keys.is_empty()).then(|| format!("{}: {}", self.shown().display(), keys.join(", ")))
    }

    fn table(&self, name: &str, value: Value) -> Result<Table> {
        match value {
            Value::Table(table) => Ok(table),
            other => Err(self.error(&format!(
                "{name} must be a table, and is of type {}.",
                other.type_str()
            ))),
        }
    }

    fn section<T: DeserializeOwned>(&self, name: &str, table: Table, known: &[&str]) -> Result<T> {
        if let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(self.error(&format!(
                "unknown key \"{key}\" in [{name}]. The keys are {}.{}",
                known.join(", "),
                suggest::did_you_mean(key, known.iter().copied()),
            )));
        }
        // One key at a time, so that the message can name it.
        for (key, value) in &table {
            let one = Table::from_iter([(key.clone(), value.clone())]);
            if let Err(error) = one.try_into::<T>() {
                let message = in_toml_words(error.message());
                return Err(self.error(&format!("[{name}] {key}: {message}")));
            }
        }
        table
            .try_into()
            .map_err(|error| self.error(&format!("[{name}]: {}", error.message())))
    }

    fn error(&self, message: &str) -> Error {
        Error::Usage(format!("{}: {message}", self.shown().display()))
    }

    /// Relative to the current directory where it is below it.
    fn shown(&self) -> &Path {
        std::env::current_dir()
            .ok()
            .and_then(|here| self.file.strip_prefix(here).ok())
            .unwrap_or(&self.file)
    }
}
