//! Where `FLOWLAKE_LOG` goes: standard error, which is told no password of a URL, whichever library logs it.

use std::io::{IsTerminal, Result, Stderr, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{FmtSpan, JsonFields};

use super::json::Json;
use super::talk;
use crate::cli::LogFormat;
use crate::source::without_secrets;

/// What is wrong with a lake that is asked must be heard.
const FILTER_DEFAULT: &str = "error,flowlake::lake=warn";

/// From here on lines on stderr are of this form. Spans are told when they begin and when they end, so that what began
/// and did not end is what is stuck.
pub(super) fn begin(format: LogFormat) {
    let filter = std::env::var("FLOWLAKE_LOG").unwrap_or_else(|_| FILTER_DEFAULT.to_owned());
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
        .with_writer(Log::new);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => {
            talk::speak_json();
            log.fmt_fields(JsonFields::new()).event_format(Json).init();
        }
    }
}

/// Each write is a whole event.
pub(super) struct Log(Stderr);

impl Log {
    pub(super) fn new() -> Log {
        Log(std::io::stderr())
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.write_all(without_secrets(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}
