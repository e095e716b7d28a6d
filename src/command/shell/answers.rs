//! Statements and reports of the shell: asked, written, and told how many rows they gave.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use super::super::talk::say;
use super::file::File;
use super::{Failed, Shell, error};
use crate::command::rows::{Page, Sheet, safe, tell_columns, tell_unread};
use crate::output::Output;
use crate::progress::count;
use crate::query::format::{Format, Written};
use crate::query::{Answer, QueryError};

impl Shell {
    pub(super) async fn ask(&mut self, statement: &str) -> Result<(), Failed> {
        self.look_again().await?;
        let began = Instant::now();
        let (session, statement) = (Arc::clone(&self.session), statement.to_owned());
        let answer = apart(async move { session.sql(&statement).await }).await;
        self.write(None, answer.map_err(|failed| error(failed.shown()))?, began).await
    }

    /// Writes an answer to the terminal or the file of `\o`, and tells what was written.
    pub(super) async fn write(&mut self, title: Option<String>, answer: Answer, began: Instant) -> Result<(), Failed> {
        let page = self.page();
        let for_spreadsheets = matches!(page.format, Format::Csv | Format::Tsv);
        let answer = if for_spreadsheets { safe(answer, &self.look.result) } else { answer };
        let file = self.file.as_ref().map(File::content);
        let busy = Arc::clone(&self.busy);
        let (sheet, watching) = Sheet::new(title, answer, page);
        let written = apart(async move {
            // Held until all that is written is on the terminal.
            let _busy = busy.lock_owned().await;
            match file {
                Some(content) => {
                    let mut content = content.lock_owned().await;
                    content.write(sheet).await
                }
                None => sheet.write(&mut Output::standard(), |_| Ok(())).await,
            }
        });
        let written = written.await.map_err(|failed| error(failed.shown()));
        drop(watching);
        let written = written?;
        tell_unread(&self.session);
        self.tell(&written, page, began);
        Ok(())
    }

    fn tell(&self, written: &Written, page: Page, began: Instant) {
        let plural = if written.rows == 1 { "row" } else { "rows" };
        let mut said = format!("{} {plural}", count(written.rows));
        if let Some(file) = &self.file {
            said += &format!(" to {}", file.name());
        }
        if self.look.has_timing {
            said += &format!(" in {:.3} s", began.elapsed().as_secs_f64());
        }
        if written.has_more {
            said = format!("the first {said}; \\rows N shows more of them, \\o FILE writes all");
        }
        say!("{said}");
        if page.format == Format::Table {
            tell_columns(written, "\\x shows all");
        }
    }
}

/// Runs on a task of its own, since some operators compute for long before they give way. It ends when this is dropped.
async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
) -> Result<T, QueryError> {
    let mut tasks = JoinSet::new();
    tasks.spawn(work);
    match tasks.join_next().await.expect("there is one task") {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
