//! The data folder, for commands that work on it while the server is stopped.

use std::env;
use std::path::{Path, PathBuf};

use automa_core::Automa;

use super::Failure;
use crate::exit_codes;
use crate::settings::{Layers, Place};

/// Which data folder.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct FolderArgs {
    /// The data folder [env: AUTOMA_DATA] [default: ./automa-data]
    #[arg(long, value_name = "FOLDER")]
    pub(super) data: Option<PathBuf>,
    /// The file with settings [env: AUTOMA_CONFIG] [default: automa.toml, where it is there]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

impl FolderArgs {
    /// Where the settings say that everything is kept.
    pub(super) fn place(&self) -> Result<Place, Failure> {
        let data = self.data.as_ref().map(|path| ("data", path.display().to_string()));
        Ok(layers(data, self.config.as_deref())?.place()?)
    }

    /// The data folder. One that is not there yet is none.
    pub(super) fn folder(&self) -> Result<PathBuf, Failure> {
        match self.place()? {
            Place::Folder(folder) => Ok(folder),
            Place::Memory => Err(Failure::new(exit_codes::USAGE, "database_url: there is no data folder in memory")),
        }
    }
}

/// The settings of this process.
pub(super) fn layers(
    flags: impl IntoIterator<Item = (&'static str, String)>,
    config: Option<&Path>,
) -> Result<Layers, Failure> {
    let environment =
        env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Ok(Layers::collect(flags, environment, config, Path::new(""))?)
}

/// The engine on a data folder, to manage and not to run anything.
pub(super) async fn open(folder: &Path) -> Result<Automa, Failure> {
    Ok(Automa::builder().folder(folder).open().await?)
}

/// The same, of a folder that must be there.
pub(super) async fn open_existing(folder: &Path) -> Result<Automa, Failure> {
    if !folder.exists() {
        let text = format!("data: there is no folder {}; give the one that the server uses", folder.display());
        return Err(Failure::new(exit_codes::FAILED, text));
    }
    open(folder).await
}
