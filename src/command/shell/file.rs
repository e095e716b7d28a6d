//! The file of `\o`: answers one after the other, under its name once it is closed.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::command::rows::Sheet;
use crate::output::Output;
use crate::query::QueryError;
use crate::query::format::Written;
use crate::shown;

pub(super) struct File {
    path: PathBuf,
    content: Arc<Mutex<Content>>,
}

/// What it holds. Who writes an answer has the lock; one that was ended may keep it for a while.
pub(super) struct Content {
    /// `None` once the file is closed.
    out: Option<Output>,
    /// Answers that it has as a whole.
    answers: u64,
    /// Bytes before the answer that is being written, or that was not written to its end.
    begun: Option<u64>,
    has_part: bool,
}

impl File {
    pub(super) fn open(path: PathBuf, out: Output) -> File {
        let content = Content { out: Some(out), answers: 0, begun: None, has_part: false };
        File { path, content: Arc::new(Mutex::new(content)) }
    }

    /// Its name, as people see it.
    pub(super) fn name(&self) -> String {
        shown::line(&self.path.display().to_string()).into_owned()
    }

    pub(super) fn content(&self) -> Arc<Mutex<Content>> {
        Arc::clone(&self.content)
    }

    /// What to say after an answer that failed or was ended: whether something of it is in the file. If it still
    /// writes, the end of the file says so.
    pub(super) fn cut_short(&self) -> Option<String> {
        let is_cut = self.content.try_lock().ok()?.settle();
        is_cut.then(|| format!("{} has only a part of this answer", self.name()))
    }

    /// Gives the file its name as soon as nobody writes to it, and tells what became of it. A file that got no answer
    /// is as it was. While this waits it may be dropped, and nothing is lost.
    pub(super) async fn close(&self) -> io::Result<String> {
        let mut content = self.content.lock().await;
        content.settle();
        let out = content.out.take().ok_or_else(closed)?;
        if content.answers == 0 && out.bytes() == 0 {
            return Ok(format!("nothing was written to {}: no answer came", self.name()));
        }
        out.keep()?;
        let part = if content.has_part { "; of an answer that failed or was ended it has only a part" } else { "" };
        Ok(format!("wrote {}{part}", self.name()))
    }
}

impl Content {
    pub(super) async fn write(&mut self, sheet: Sheet) -> Result<Written, QueryError> {
        self.settle();
        let out = self.out.as_mut().ok_or_else(closed)?;
        self.begun = Some(out.bytes());
        let written = sheet.write(out, |_| Ok(())).await?;
        self.begun = None;
        self.answers += 1;
        Ok(written)
    }

    /// Looks back at the last answer: whether only a part of it was written. Says so once.
    fn settle(&mut self) -> bool {
        let begun = self.begun.take();
        let is_cut = begun.is_some_and(|begun| self.out.as_ref().is_some_and(|out| out.bytes() > begun));
        self.has_part |= is_cut;
        is_cut
    }
}

fn closed() -> io::Error {
    io::Error::other("the file of \\o is closed")
}
