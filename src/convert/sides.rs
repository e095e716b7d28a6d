//! Both sides of a run, opened; and what is refused before anything is.

use std::path::{Path, PathBuf};

use super::{ConvertError, Options};
use crate::commit::{CommitError, LakeWriter, is_closed_to_others, make_folder};
use crate::lake::{Lake, LakeError, Names, Part, State, lake_around};
use crate::schema::{Layout, Types};
use crate::source::{self, Access, Location, Store};

/// Both sides of a run, opened.
#[derive(Debug)]
pub struct Sides {
    /// In the order of the options, each kept from what lies in the lake.
    pub sources: Vec<Store>,
    /// Writes to the lake, and has its reading side.
    pub writer: LakeWriter,
}

impl Sides {
    /// Opens the stores that the options name. A local lake's folder is made.
    pub async fn open(options: &Options) -> Result<Sides, ConvertError> {
        let writer = open_writer(&options.lake, &options.lake_access);
        Ok(Sides { sources: open_sources(options).await?, writer: writer.await? })
    }
}

/// What can be known to be wrong before a run.
pub(super) async fn check(options: &Options) -> Result<(), ConvertError> {
    for source in &options.sources {
        if options.lake.contains(source) || source.contains(&options.lake) {
            return Err(ConvertError::Overlap { lake: options.lake.url(), source_url: source.url() });
        }
    }
    let needs_lake = options.again.is_some() || options.sources.is_empty();
    if needs_lake && options.lake.path().is_some_and(|folder| !folder.exists()) {
        return Err(LakeError::NoLake { url: options.lake.url() }.into());
    }
    if let Some(format) = &options.format {
        Layout::from_format(format, &Types::default())?;
    }
    if let Some(scratch) = &options.scratch {
        check_temporary("--scratch", scratch, options)?;
    }
    check_place(options).await
}

/// That the lake is partitioned as the user asked for.
pub(super) fn check_partitioning(options: &Options, state: &State) -> Result<(), ConvertError> {
    let Some(create) = &state.create else { return Ok(()) };
    match options.partition_by {
        Some(asked) if asked != create.partition_by => Err(ConvertError::Partitioning {
            lake: options.lake.url(),
            found: create.partition_by.name(),
            asked: asked.name(),
        }),
        _ => Ok(()),
    }
}

/// Temporaries may not lie in a source. They may lie in a lake only where that lake has its own, or beside all that is
/// the lake's.
fn check_temporary(what: &'static str, folder: &Path, options: &Options) -> Result<(), ConvertError> {
    let fail = |source| CommitError::Scratch { path: folder.to_owned(), source };
    let path = folder.to_owned();
    let place = source::real_path(folder).map_err(fail)?;
    for source in &options.sources {
        let folder = source.path().map(|folder| source::real_path(&folder)).transpose().map_err(fail)?;
        if folder.is_some_and(|folder| place.starts_with(folder)) {
            return Err(ConvertError::TemporaryInSource { what, path, source_url: source.url() });
        }
    }
    let Some(around) = lake_around(folder).map_err(fail)? else { return Ok(()) };
    let is_own_tmp = options
        .lake
        .path()
        .is_some_and(|lake| around.part == Part::Ledger && place.starts_with(lake.join(Names::tmp())));
    if around.part.is_of_the_lake() && !is_own_tmp {
        return Err(ConvertError::TemporaryInLake { what, path, lake: around.lake });
    }
    Ok(())
}

/// The system's temporary folder, if files may lie there.
pub(super) fn temporary_folder(options: &Options) -> Result<PathBuf, ConvertError> {
    let folder = std::env::temp_dir();
    check_temporary("the temporary folder (TMPDIR)", &folder, options).map(|()| folder)
}

/// Where the lock of this host may lie: the system's temporary folder, and where that cannot be written, scratch.
pub(super) fn lock_places(options: &Options) -> Vec<PathBuf> {
    let temporary = temporary_folder(options);
    if let Err(error) = &temporary {
        tracing::warn!("no lock for runs of this host there: {error}");
    }
    temporary.into_iter().chain(options.scratch.clone()).collect()
}

/// A new lake must not lie in a folder that another one has for itself, nor around one.
async fn check_place(options: &Options) -> Result<(), ConvertError> {
    let key = options.lake.key();
    let mut others = Names::lakes_around(key);
    if options.lake.path().is_some() {
        others.extend(Names::lakes_within(key));
    }
    // Practically always: on S3 no request is sent.
    if others.is_empty() {
        return Ok(());
    }
    let store = source::open(&options.lake, &options.lake_access).await?;
    if is_lake(&store, key).await {
        return Ok(());
    }
    for other in others {
        if is_lake(&store, &other).await {
            let slash = if other.is_empty() { "" } else { "/" };
            let other = options.lake.url_of(&format!("{other}{slash}"));
            return Err(ConvertError::Nested { lake: options.lake.url(), other });
        }
    }
    Ok(())
}

/// Whether a lake was born there. What may not be read is no lake of ours.
async fn is_lake(store: &Store, key: &str) -> bool {
    matches!(store.head(&Names::birth_below(key)).await, Ok(Some(_)))
}

pub(super) async fn open_sources(options: &Options) -> Result<Vec<Store>, ConvertError> {
    let mut sources = Vec::new();
    for location in &options.sources {
        sources.push(source::open(location, &options.source_access).await?.away_from(&options.lake));
    }
    Ok(sources)
}

/// Opens the writing side of a lake. On disk its folder is made.
pub async fn open_writer(location: &Location, access: &Access) -> Result<LakeWriter, ConvertError> {
    let folder = location.path();
    if let Some(folder) = &folder {
        make_folder(folder).map_err(|source| CommitError::Local { path: folder.display().to_string(), source })?;
    }
    let store = source::open(location, access).await?;
    Ok(LakeWriter::new(Lake::of(&store)?, store.beneath()).with_uploads(store.uploads))
}

/// The folder in which the user's own one lies: on the lake's disk, unless other users could put a link in its place.
pub(super) fn scratch_folder(options: &Options, writer: &LakeWriter) -> Result<PathBuf, ConvertError> {
    if let Some(folder) = &options.scratch {
        return Ok(folder.clone());
    }
    let Some(tmp) = writer.local_tmp() else { return temporary_folder(options) };
    make_folder(tmp).map_err(|source| CommitError::Local { path: tmp.display().to_string(), source })?;
    if is_closed_to_others(tmp) { Ok(tmp.to_owned()) } else { temporary_folder(options) }
}
