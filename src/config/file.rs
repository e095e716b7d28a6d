//! Which `flowlake.toml` is read: the first one that is there, and only if nobody else can have written it.
//!
//! The current folder may be one that was downloaded: its file is the user's own by owner and mode, and still a
//! stranger's by content. It is read under [`Trust::Folder`], which allows less.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::{ConfigError, Result};

const NAME: &str = "flowlake.toml";

/// Names another file; set to nothing, none is read.
pub const VARIABLE: &str = "FLOWLAKE_CONFIG";

/// A file of settings is a few lines.
const BYTES_MAX: u64 = 1 << 20;

/// Who may have chosen what a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The user, in his own folder of settings or by naming the file.
    User,
    /// Whoever made the folder that the user is in.
    Folder,
}

/// What became of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is the file that is read.
    Read,
    /// There is no file.
    Absent,
    /// This user may not read it.
    Denied,
    /// Another one came first.
    PassedOver,
}

/// A place where the file is looked for.
#[derive(Debug, Clone)]
pub struct Looked {
    /// The file's path.
    pub path: PathBuf,
    /// Who may have written it.
    pub trust: Trust,
    /// What became of it.
    pub state: State,
}

impl Looked {
    /// The folder from which its relative paths go.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }
}

/// The places in their order, and the text of the one that is read.
pub fn look(environment: &Environment) -> Result<(Vec<Looked>, Option<String>)> {
    let mut places = places(environment);
    let mut text = None;
    let is_named = environment.get(VARIABLE).is_some();
    for place in &mut places {
        if text.is_some() {
            place.state = State::PassedOver;
            continue;
        }
        match read(&place.path, is_named) {
            Ok(found) => {
                place.state = State::Read;
                text = Some(found);
            }
            Err(Unread::Because(ErrorKind::NotFound | ErrorKind::NotADirectory)) if !is_named => {}
            // The folder of another user, after `su` or `sudo`.
            Err(Unread::Because(ErrorKind::PermissionDenied)) if !is_named => place.state = State::Denied,
            Err(why) => return Err(ConfigError::File { path: place.path.clone(), reason: why.to_string() }),
        }
    }
    Ok((places, text))
}

fn places(environment: &Environment) -> Vec<Looked> {
    let place = |path: PathBuf, trust| Looked { path, trust, state: State::Absent };
    if let Some(named) = environment.get(VARIABLE) {
        return if named.is_empty() { Vec::new() } else { vec![place(PathBuf::from(named), Trust::User)] };
    }
    let absolute = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let settings = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    let own = settings.map(|settings| settings.join("flowlake"));
    let real = |path: &Path| fs::canonicalize(path).ok();
    let here = Path::new(".");
    let is_own = own.as_deref().and_then(real).is_some_and(|own| real(here) == Some(own));
    let here = (!is_own).then(|| place(here.join(NAME), Trust::Folder));
    here.into_iter().chain(own.map(|own| place(own.join(NAME), Trust::User))).collect()
}

#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("it cannot be read: {0}")]
    Because(ErrorKind),
    #[error("{0}")]
    Refused(String),
}

impl From<std::io::Error> for Unread {
    fn from(error: std::io::Error) -> Unread {
        Unread::Because(error.kind())
    }
}

fn read(path: &Path, is_named: bool) -> Result<String, Unread> {
    // A pipe would be waited for.
    let file: File = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(Unread::Refused("it is no file".to_owned()));
    }
    // SAFETY: `geteuid` reads a number of the process and cannot fail.
    let user = unsafe { libc::geteuid() };
    let link = fs::symlink_metadata(path)?;
    let others = strangers(&link, user, is_named).or_else(|| strangers(&found, user, is_named));
    if let Some(reason) = others {
        return Err(Unread::Refused(format!("{reason}; {VARIABLE}= (set to nothing) reads no file")));
    }
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(Unread::Refused(format!("it has more than {BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| Unread::Refused("it is no UTF-8 text".to_owned()))
}

/// Why somebody else may have written a file, or laid a link.
fn strangers(found: &Metadata, user: u32, is_named: bool) -> Option<String> {
    // A link has no mode of its own.
    let mode = if found.is_symlink() { 0 } else { found.mode() };
    not_ours(found.uid(), mode, user, is_named)
}

/// By owner and mode. Root may name a file of anyone, as a container does with one of its host.
fn not_ours(owner: u32, mode: u32, user: u32, is_named: bool) -> Option<String> {
    if owner != user && owner != 0 && !(user == 0 && is_named) {
        return Some(format!("it belongs to another user (number {owner}) and is not read"));
    }
    let mode = mode & 0o777;
    (mode & 0o022 != 0).then(|| format!("other users may change it (mode {mode:03o}); chmod go-w the file"))
}

impl std::fmt::Display for Looked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match self.state {
            State::Read => "read",
            State::Absent => "not there",
            State::Denied => "not readable",
            State::PassedOver => "not read, another one comes first",
        };
        write!(f, "{}: {state}", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_user_and_of_root_are_read() {
        const ME: u32 = 1000;
        assert_eq!(not_ours(ME, 0o100644, ME, false), None);
        assert_eq!(not_ours(0, 0o100644, ME, false), None);
        assert!(not_ours(1001, 0o100644, ME, false).unwrap().contains("another user (number 1001)"));
        assert!(not_ours(1001, 0o100644, ME, true).is_some());
        assert!(not_ours(ME, 0o100664, ME, true).unwrap().contains("mode 664"));
        assert!(not_ours(ME, 0o100646, ME, false).is_some());
        assert!(not_ours(ME, 0o100644, 0, false).is_some());
        assert_eq!(not_ours(ME, 0o100644, 0, true), None);
    }

    #[test]
    fn places_follow_the_environment() {
        let paths = |variables: &[(&str, &str)]| -> Vec<String> {
            let places = places(&Environment::of(variables));
            places.iter().map(|place| place.path.display().to_string()).collect()
        };
        let here = "./flowlake.toml";
        assert_eq!(paths(&[("HOME", "/h")]), [here, "/h/.config/flowlake/flowlake.toml"]);
        assert_eq!(paths(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")]), [here, "/x/flowlake/flowlake.toml"]);
        // A relative folder is no place, by the XDG specification.
        assert_eq!(paths(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "x")]), [here, "/h/.config/flowlake/flowlake.toml"]);
        assert_eq!(paths(&[]), [here]);
        assert_eq!(paths(&[("HOME", "/h"), (VARIABLE, "a/b.toml")]), ["a/b.toml"]);
        assert!(paths(&[("HOME", "/h"), (VARIABLE, "")]).is_empty());
    }
}
