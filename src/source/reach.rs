//! Whether an object that a ledger names is one of the sources that the user named: no other is fetched with his
//! rights.
//!
//! On S3 its key must lie under a source's. On disk the real path of the file counts: it must lie under a source's real
//! path, or under what a link leads to that a walk of the source follows.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::error::Result;
use super::listing::Store;
use super::local;
use super::location::{Location, StoreKind, real_path as resolved};
use super::page::Denied;

/// The sources of a run.
#[derive(Debug, Clone)]
pub struct Reach {
    sources: Vec<Store>,
    trusts_all: bool,
}

impl Reach {
    /// Holds what lies in these sources, and on disk behind the links in them.
    pub fn new(sources: &[Store]) -> Reach {
        Reach { sources: sources.to_vec(), trusts_all: false }
    }

    /// With everything that a ledger names, where the user said so.
    pub fn trusting(self, trusts_all: bool) -> Reach {
        Reach { trusts_all, ..self }
    }

    /// Whether an object is of the sources by the letters of its URL. One behind a link is not, and what is may be
    /// anything meanwhile.
    pub fn names(&self, url: &str) -> bool {
        self.sources.iter().any(|store| store.location.holds(url))
    }

    /// Whether an object that a run of these sources would list, or was told to trust, has this URL. What cannot be
    /// looked up is not held.
    pub fn may_hold(&self, url: &str) -> bool {
        let held = || Location::key_of(url).and_then(|key| self.held([(url, key)]).ok());
        self.trusts_all || self.names(url) || held().is_some_and(|held| held[0])
    }

    /// Which of some objects, by URL and key, are of the sources. On disk it looks at the files' folders.
    pub fn held<'a>(&self, objects: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Vec<bool>> {
        let mut folder = None;
        objects.into_iter().map(|(url, key)| self.holds_in(url, key, &mut folder)).collect()
    }

    /// The same on a thread that may wait for the disk.
    pub async fn held_of(&self, objects: Vec<(String, String)>) -> Result<Vec<bool>> {
        let reach = self.clone();
        let look = move || reach.held(objects.iter().map(|(url, key)| (url.as_str(), key.as_str())));
        tokio::task::spawn_blocking(look).await.expect("looking at paths does not panic")
    }

    /// What a walk for links could not look behind: links that lead nowhere, and folders that cannot be listed.
    pub fn missed(&self) -> Vec<Denied> {
        self.sources.iter().flat_map(|store| store.links.missed()).collect()
    }

    /// `folder` is the one of the object before, and what it really is.
    fn holds_in(&self, url: &str, key: &str, folder: &mut Option<(String, PathBuf)>) -> Result<bool> {
        // What a listing gives names no folder twice in two ways.
        if key.split('/').any(|part| part == "." || part == "..") || key.contains('\0') {
            return Ok(false);
        }
        if self.trusts_all {
            return Ok(Location::root_of(url).is_ok_and(|root| root.url_of(key) == url));
        }
        let same_store = |store: &&Store| store.location.url_of(key) == url;
        let Some(first) = self.sources.iter().find(same_store) else { return Ok(false) };
        if first.kind == StoreKind::S3 {
            let is_under = |store: &Store| {
                let location = &store.location;
                location.key() == key || key.starts_with(&location.prefix())
            };
            return Ok(self.sources.iter().filter(same_store).any(is_under));
        }
        let real = real_path(key, folder);
        let locals = || self.sources.iter().filter(|store| store.kind == StoreKind::Local);
        let is_under = |store: &Store| store.location.path().is_some_and(|path| real.starts_with(path));
        if locals().any(is_under) || locals().any(|store| store.links.lead_to(&real)) {
            return Ok(true);
        }
        for store in locals() {
            store.note_all_links()?;
        }
        Ok(locals().any(|store| store.links.lead_to(&real)))
    }
}

impl Store {
    /// Walks a source on disk once, for its links alone.
    fn note_all_links(&self) -> Result<()> {
        let Some(bounds) = self.bounds().filter(|bounds| bounds.root.is_dir()) else { return Ok(()) };
        if !self.links.is_whole.load(Ordering::Relaxed) {
            local::walk(&bounds, &self.location.prefix(), None, |page| {
                page.denied.iter().for_each(|denied| self.links.note_missed(&denied.prefix, &denied.reason));
                true
            })?;
            self.links.is_whole.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The path with all links resolved in the part of it that exists.
fn real_path(key: &str, last: &mut Option<(String, PathBuf)>) -> PathBuf {
    let (folder, name) = key.rsplit_once('/').unwrap_or(("", key));
    let folder = match last {
        Some((same, real)) if same == folder => real.clone(),
        _ => {
            let path = local::path_of(folder);
            let real = resolved(&path).unwrap_or(path);
            *last = Some((folder.to_owned(), real.clone()));
            real
        }
    };
    let path = folder.join(name);
    match path.symlink_metadata() {
        // Where it leads nowhere, nothing can be read either.
        Ok(metadata) if metadata.is_symlink() => std::fs::canonicalize(&path).unwrap_or(path),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::Arc;

    use object_store::memory::InMemory;

    use super::*;

    fn reach(sources: &[&str]) -> Reach {
        let store = |text: &&str| Store::new(Arc::new(InMemory::new()), Location::parse(text).unwrap());
        Reach::new(&sources.iter().map(store).collect::<Vec<_>>())
    }

    #[test]
    fn on_s3_the_key_lies_under_a_source() {
        let reach = reach(&["s3://logs/AWSLogs/", "s3://logs/one.log.gz", "s3://whole"]);
        let held = |url: &str, key: &str| reach.held([(url, key)]).unwrap() == [true];
        for (bucket, key) in [("logs", "AWSLogs/1/a.log.gz"), ("logs", "one.log.gz"), ("whole", "a//b"), ("whole", "x")]
        {
            assert!(held(&format!("s3://{bucket}/{key}"), key), "{bucket} {key}");
        }
        let outside = [
            ("s3://logs/AWSLogs2/a", "AWSLogs2/a"),
            ("s3://logs/AWSLogs/../secret", "AWSLogs/../secret"),
            ("s3://logs/./AWSLogs/a", "./AWSLogs/a"),
            ("s3://logs/AWSLogs/a", "secret"),
            ("s3://other/AWSLogs/a", "AWSLogs/a"),
            ("file:///AWSLogs/a", "AWSLogs/a"),
            ("http://logs/AWSLogs/a", "AWSLogs/a"),
        ];
        for (url, key) in outside {
            assert!(!held(url, key), "{url} {key}");
        }
        let all = reach.clone().trusting(true);
        let named = [("s3://other/AWSLogs/a", "AWSLogs/a"), ("file:///etc/hostname", "etc/hostname")];
        assert_eq!(all.held(named).unwrap(), [true, true]);
        let wrong = [("s3://logs/AWSLogs/a", "secret"), ("http://x/a", "a"), ("/etc/hostname", "etc/hostname")];
        assert_eq!(all.held(wrong).unwrap(), [false, false, false]);
    }

    #[test]
    fn letters_tell_of_a_source_and_of_what_lies_in_it() {
        let reach = reach(&["s3://logs/AWSLogs/", "s3://logs/one.log.gz", "s3://whole"]);
        for url in ["s3://logs/AWSLogs/1/a", "s3://logs/one.log.gz", "s3://whole/a//b"] {
            assert!(reach.names(url) && reach.may_hold(url), "{url}");
        }
        for url in ["s3://logs/AWSLogs2/a", "s3://logs/one.log.gz2", "s3://logs/AWSLogs/../b", "file:///AWSLogs/1/a"] {
            assert!(!reach.names(url) && !reach.may_hold(url), "{url}");
        }
    }

    #[test]
    fn on_disk_the_real_path_lies_under_a_source_or_behind_its_links() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["logs/2023", "archive/2023", "secret", "other"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
            std::fs::write(root.join(name).join("a.log.gz"), "x").unwrap();
        }
        symlink(root.join("archive"), root.join("logs/linked")).unwrap();
        symlink(root.join("other/a.log.gz"), root.join("logs/one.log.gz")).unwrap();
        symlink(root.join("logs"), root.join("way")).unwrap();
        let reach = reach(&[root.join("logs").to_str().unwrap()]);
        let held = |name: &str| {
            let key = root.join(name).to_str().unwrap().trim_start_matches('/').to_owned();
            reach.held([(format!("file:///{key}").as_str(), key.as_str())]).unwrap() == [true]
        };
        // Under the source, also by another way and where it is gone; or where its links lead.
        let inside = ["logs/2023/a.log.gz", "way/2023/a.log.gz", "logs/gone/a.log.gz", "archive/2023/a.log.gz"];
        for name in inside.into_iter().chain(["logs/linked/2023/a.log.gz", "archive/gone", "other/a.log.gz"]) {
            assert!(held(name), "{name}");
        }
        for name in ["secret/a.log.gz", "logs/../secret/a.log.gz", "other/b", "logs2/a", "gone"] {
            assert!(!held(name), "{name}");
        }
        let url = |name: &str| format!("file://{}", root.join(name).display());
        let behind = url("archive/2023/a.log.gz");
        assert!(!reach.names(&behind) && reach.may_hold(&behind));
        assert!(!reach.may_hold(&url("secret/a.log.gz")));
        // Made after the walk, so that none has followed it.
        symlink(root.join("secret"), root.join("logs/later")).unwrap();
        assert!(!held("logs/later/a.log.gz"));
    }
}
