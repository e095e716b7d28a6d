//! `flowlake demo`: a sample bucket, its lake and a first report, in folders that a demo made and nobody else.
//!
//! A demo leaves a mark in its folder before it makes anything there. Without the mark, a `bucket` or `lake` that is
//! there is somebody's, and the demo refuses to touch it. With the mark, the lake must bear the id that the mark names,
//! and the bucket must hold the objects of the sample alone, which [`sample::write`] sees to.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::rows;
use super::talk::{self, say};
use crate::cli::{self, Command};
use crate::convert::{self, Stop};
use crate::error::{Error, Exit};
use crate::lake::{Lake, State};
use crate::output::{Output, refuse_in_lake, temporary_folder};
use crate::progress::{When, bytes, count};
use crate::query::Session;
use crate::query::format::{self, Format, Room};
use crate::report::{Pack, REJECTED_BY_PORT, Request};
use crate::sample;
use crate::source::Location;

/// The file that says that a demo made the folders beside it.
const MARK: &str = ".flowlake-demo";

/// No mark is longer.
const MARK_BYTES_MAX: u64 = 4 << 10;

const BUCKET: &str = "bucket";
const LAKE: &str = "lake";

/// What the mark says.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    /// Of the lake that is made here.
    lake_id: String,
}

pub(super) async fn demo(arguments: &cli::Demo) -> Result<Exit, Error> {
    let dir = &arguments.dir;
    // The report may spill there.
    temporary_folder()?;
    let mark = claim(dir)?;
    let options = options(dir, mark).await?;
    let bucket = dir.join(BUCKET);
    say!("making a sample bucket in {}", bucket.display());
    let made = sample::write(&bucket, &sample::Options::default(), &|_| {})?;
    say!("  {} records in {} objects ({})", count(made.records), count(made.objects), bytes(made.compressed_bytes));
    say!("flowlake convert {} {}", bucket.display(), dir.join(LAKE).display());
    let progress = talk::progress(When::Auto);
    let summary = convert::run(&options, &progress, &Stop::default()).await?;
    progress.clear();
    for line in summary.to_string().lines() {
        say!("  {line}");
    }
    let lake = Lake::open(&options.lake, &options.lake_access).await?;
    let session = Session::open(&lake, crate::query::Options::default()).await?;
    let pack = Pack::embedded();
    let report = pack.get(REJECTED_BY_PORT)?;
    let asked = crate::report::ask(&session, report, &Request::default()).await?;
    say!("rejected traffic by port (sql/rejected-by-port.sql)");
    let room = Room { width: io::stdout().is_terminal().then(rows::screen_width), rows: None };
    format::write(asked.answer, Format::Table, room, &mut io::stdout(), |_| Ok(())).await?;
    Ok(if summary.left_something() { Exit::SetAside } else { Exit::Done })
}

/// Finds the mark of an earlier demo, or leaves one where nothing of the two folders is there.
fn claim(dir: &Path) -> Result<Mark, Error> {
    let text = dir.to_string_lossy();
    if text.contains("://") || text.starts_with('@') {
        return Err(Error::Usage(format!("{text} is no path; a demo works in a folder on disk, give one")));
    }
    refuse_in_lake(dir)?;
    let fail = |source| Error::Folder { folder: dir.to_owned(), source };
    let path = dir.join(MARK);
    let found = match open_mark(&path) {
        Ok(file) => Some(read_mark(&file).ok_or_else(|| {
            Error::Usage(format!("{} is no mark of a demo; remove it, or give another folder", path.display()))
        })?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(fail(error)),
    };
    for name in [BUCKET, LAKE] {
        let path = dir.join(name);
        match path.symlink_metadata() {
            // A link leads to what no demo made.
            Ok(there) if found.is_some() && there.is_dir() => {}
            Ok(_) => return Err(not_made_here(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fail(error)),
        }
    }
    if let Some(mark) = found {
        return Ok(mark);
    }
    let mark = Mark { lake_id: uuid::Uuid::new_v4().to_string() };
    std::fs::create_dir_all(dir).map_err(fail)?;
    let mut out = Output::to(&path)?;
    serde_json::to_writer(&mut out, &mark).map_err(io::Error::from).and_then(|()| out.keep()).map_err(fail)?;
    Ok(mark)
}

fn not_made_here(path: &Path) -> Error {
    Error::Usage(format!(
        "{} is there, and no demo of this version made it; remove it, or give another folder",
        path.display()
    ))
}

/// Neither is a link followed nor a pipe waited for.
fn open_mark(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

fn read_mark(file: &File) -> Option<Mark> {
    let mut text = Vec::new();
    file.metadata().ok().filter(|found| found.is_file())?;
    file.take(MARK_BYTES_MAX).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// The options of `flowlake convert BUCKET LAKE`. The places are folders, whatever their paths look like. A lake that
/// is there must be the one of the mark.
async fn options(dir: &Path, mark: Mark) -> Result<convert::Options, Error> {
    use clap::Parser;
    let Command::Convert(plain) = cli::Cli::parse_from(["flowlake", "convert", BUCKET, LAKE]).command else {
        unreachable!("the command is convert")
    };
    let folder = dir.join(LAKE);
    let (bucket, lake) = (Location::of_folder(&dir.join(BUCKET))?, Location::of_folder(&folder)?);
    let options = convert::Options { sources: vec![bucket], lake, lake_id: Some(mark.lake_id), ..plain.options()? };
    if folder.exists() {
        let lake = Lake::open(&options.lake, &options.lake_access).await?;
        let found = State::load(&lake).await?.create;
        if found.is_some_and(|create| Some(create.lake_id) != options.lake_id) {
            return Err(not_made_here(&folder));
        }
    }
    Ok(options)
}
