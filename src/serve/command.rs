//! What clients say around their questions: settings, transactions, and the housekeeping of pools.
//!
//! A lake cannot be written to, so a transaction changes nothing but the state that a client is told: a statement
//! that fails ends it, and until its end every other one is refused, as in Postgres.

use std::sync::{Arc, Mutex};

use bytes::{BufMut, BytesMut};
use datafusion::sql::sqlparser::ast::{
    CloseCursor, ContextModifier, DiscardObject, Expr, ObjectName, Reset, Set, SetSessionAuthorizationParamKind,
    Statement, UnaryOperator, Value,
};
use futures::stream;
use pgwire::api::Type;
use pgwire::api::results::{FieldFormat, FieldInfo, QueryResponse, Tag};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::data::DataRow;
use pgwire::messages::response::TransactionStatus;

use super::errors::refused;
use super::kept::Kept;
use super::settings::{DATABASE, Refusal, Scope, Settings, reported_name, shown_name};

/// Savepoints of a transaction: each is a name that is kept.
const SAVEPOINTS_MAX: usize = 1_000;

/// A statement that asks the lake nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// `None` is what the setting was when the client came.
    Set {
        name: String,
        value: Option<String>,
        scope: Scope,
    },
    Show(String),
    ShowAll,
    ShowCatalogs,
    ResetAll,
    Begin,
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    Savepoint(String),
    Release(String),
    RollbackTo(String),
    /// `None` is all.
    Deallocate(Option<String>),
    DiscardAll,
    /// There is nothing to do: the tag is the answer.
    Nothing(&'static str),
}

/// What a command did.
pub(super) struct Done {
    pub(super) answer: Said,
    pub(super) status: TransactionStatus,
    /// Settings whose new values a client is told.
    pub(super) reported: Vec<(String, String)>,
    /// Prepared statements that are forgotten.
    pub(super) forgotten: Vec<String>,
}

pub(super) enum Said {
    Tag(Tag),
    Rows(QueryResponse),
}

/// A connection's transaction, and what it keeps by name.
#[derive(Debug, Default)]
pub(super) struct Session {
    savepoints: Mutex<Vec<String>>,
    pub(super) prepared: Kept,
    pub(super) portals: Kept,
}

impl Session {
    /// The names of prepared statements that are forgotten: one, or all.
    fn forget(&self, name: Option<&str>) -> Vec<String> {
        match name {
            Some(name) => {
                self.prepared.drop(name);
                vec![name.to_owned()]
            }
            None => self.prepared.drop_all(),
        }
    }
}

/// After a statement of a transaction failed, only its end is heard.
pub(super) fn check_transaction(status: TransactionStatus, statement: &Statement) -> PgWireResult<()> {
    match statement {
        Statement::Commit { .. } | Statement::Rollback { .. } => Ok(()),
        _ => check_status(status),
    }
}

pub(super) fn check_status(status: TransactionStatus) -> PgWireResult<()> {
    if status != TransactionStatus::Error {
        return Ok(());
    }
    Err(refused("25P02", "current transaction is aborted, commands ignored until end of transaction block"))
}

/// The command of a statement; `None` if it asks something. Those that the gate refuses do not come here.
pub(super) fn of(statement: &Statement) -> PgWireResult<Option<Command>> {
    Ok(Some(match statement {
        Statement::Set(set) => assignment(set)?,
        Statement::ShowVariable { variable } => {
            let words: Vec<String> = variable.iter().map(|ident| ident.value.to_lowercase()).collect();
            match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["all"] => Command::ShowAll,
                ["time", "zone"] => Command::Show("TimeZone".to_owned()),
                ["transaction", "isolation", "level"] => Command::Show("transaction_isolation".to_owned()),
                ["session", "authorization"] => Command::Show("session_authorization".to_owned()),
                words => Command::Show(words.join(".")),
            }
        }
        Statement::ShowCatalogs { .. } => Command::ShowCatalogs,
        Statement::Reset(reset) => match &reset.reset {
            Reset::ALL => Command::ResetAll,
            Reset::ConfigurationParameter(name) => {
                Command::Set { name: name_of(name), value: None, scope: Scope::Session }
            }
        },
        Statement::StartTransaction { .. } => Command::Begin,
        Statement::Commit { chain, .. } => Command::Commit { chain: *chain },
        Statement::Rollback { savepoint: Some(name), .. } => Command::RollbackTo(name.value.clone()),
        Statement::Rollback { chain, .. } => Command::Rollback { chain: *chain },
        Statement::Savepoint { name } => Command::Savepoint(name.value.clone()),
        Statement::ReleaseSavepoint { name } => Command::Release(name.value.clone()),
        Statement::Discard { object_type: DiscardObject::ALL } => Command::DiscardAll,
        Statement::Discard { object_type } => Command::Nothing(match object_type {
            DiscardObject::PLANS => "DISCARD PLANS",
            DiscardObject::SEQUENCES => "DISCARD SEQUENCES",
            _ => "DISCARD TEMP",
        }),
        Statement::Deallocate { name, .. } => {
            let is_all = name.quote_style.is_none() && name.value.eq_ignore_ascii_case("all");
            Command::Deallocate((!is_all).then(|| name.value.clone()))
        }
        Statement::Close { cursor: CloseCursor::All } => Command::Nothing("CLOSE CURSOR ALL"),
        Statement::Close { cursor: CloseCursor::Specific { name } } => {
            return Err(refused("34000", format!("cursor \"{}\" does not exist", name.value)));
        }
        Statement::UNLISTEN { .. } => Command::Nothing("UNLISTEN"),
        _ => return Ok(None),
    }))
}

fn assignment(set: &Set) -> PgWireResult<Command> {
    let plain = |name: &str, value: Option<String>, scope: Scope| Command::Set { name: name.to_owned(), value, scope };
    Ok(match set {
        Set::SingleAssignment { scope, variable, values, .. } => {
            let scope = if *scope == Some(ContextModifier::Local) { Scope::Transaction } else { Scope::Session };
            let value = match values.as_slice() {
                [one] => value(one)?,
                many => Some(
                    many.iter()
                        .map(|one| Ok(value(one)?.unwrap_or_default()))
                        .collect::<PgWireResult<Vec<_>>>()?
                        .join(", "),
                ),
            };
            plain(&name_of(variable), value, scope)
        }
        Set::SetTimeZone { local, value: zone } => {
            let scope = if *local { Scope::Transaction } else { Scope::Session };
            let zone = value(zone)?.filter(|zone| !zone.eq_ignore_ascii_case("local"));
            plain("TimeZone", zone, scope)
        }
        Set::SetNames { charset_name, .. } => {
            plain("client_encoding", Some(charset_name.value.clone()), Scope::Session)
        }
        Set::SetNamesDefault {} => plain("client_encoding", None, Scope::Session),
        Set::SetTransaction { .. } => Command::Nothing("SET"),
        Set::SetRole { role_name: None, .. } => Command::Nothing("SET"),
        Set::SetSessionAuthorization(param) if param.kind == SetSessionAuthorizationParamKind::Default => {
            Command::Nothing("SET")
        }
        other => return Err(refused("0A000", format!("{other} is not supported"))),
    })
}

/// The value that is set; `None` for `DEFAULT`.
fn value(expr: &Expr) -> PgWireResult<Option<String>> {
    Ok(Some(match expr {
        Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default") => {
            return Ok(None);
        }
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => format!("-{}", value(expr)?.unwrap_or_default()),
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => return value(expr),
        Expr::Value(value) => match &value.value {
            Value::Boolean(on) => (if *on { "on" } else { "off" }).to_owned(),
            Value::Number(number, _) => number.clone(),
            other => other
                .clone()
                .into_string()
                .ok_or_else(|| refused("22023", format!("{expr} is no value of a setting")))?,
        },
        other => return Err(refused("22023", format!("{other} is no value of a setting"))),
    }))
}

fn name_of(name: &ObjectName) -> String {
    let parts = name.0.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.to_lowercase());
    parts.collect::<Vec<String>>().join(".")
}

impl Command {
    /// Whether it may be said after a statement of the transaction failed.
    pub(super) fn ends_transaction(&self) -> bool {
        matches!(self, Command::Commit { .. } | Command::Rollback { .. } | Command::RollbackTo(_))
    }

    /// The columns of its answer, if it has rows.
    pub(super) fn columns(&self) -> Vec<(String, Type)> {
        let text = |name: &str| (name.to_owned(), Type::TEXT);
        match self {
            Command::Show(name) => vec![text(&shown_name(name))],
            Command::ShowAll => ["name", "setting", "description"].map(text).to_vec(),
            Command::ShowCatalogs => vec![text("Catalogs")],
            _ => Vec::new(),
        }
    }

    fn is_of_savepoint(&self) -> bool {
        matches!(self, Command::Savepoint(_) | Command::Release(_) | Command::RollbackTo(_))
    }

    pub(super) fn run(
        &self,
        settings: &Settings,
        session: &Session,
        status: TransactionStatus,
        fields: Vec<FieldInfo>,
    ) -> PgWireResult<Done> {
        let rows = |rows: Vec<Vec<String>>| Said::Rows(table(fields.clone(), rows));
        let mut done = Done { answer: Said::Tag(Tag::new("SET")), status, reported: Vec::new(), forgotten: Vec::new() };
        let savepoints = || session.savepoints.lock().expect("no holder of the lock panics");
        done.answer = match self {
            Command::Set { name, value, scope } => {
                match value {
                    Some(value) => drop(settings.set(name, value, *scope).map_err(said)?),
                    None => settings.reset(name),
                }
                done.reported.extend(reported(name, settings));
                Said::Tag(Tag::new("SET"))
            }
            Command::Show(name) => rows(vec![vec![shown(name, settings)?]]),
            Command::ShowAll => rows(all_shown(settings)),
            Command::ShowCatalogs => rows(vec![vec![DATABASE.to_owned()]]),
            Command::ResetAll => {
                settings.reset_all();
                done.reported = settings.reported();
                Said::Tag(Tag::new("RESET"))
            }
            Command::Begin => {
                done.status = TransactionStatus::Transaction;
                settings.begin_transaction();
                Said::Tag(Tag::new("BEGIN"))
            }
            Command::Commit { chain } | Command::Rollback { chain } => {
                let rolled_back = matches!(self, Command::Rollback { .. }) || status == TransactionStatus::Error;
                savepoints().clear();
                settings.end_transaction(rolled_back);
                done.reported = settings.reported();
                done.status = next_transaction(settings, *chain && status != TransactionStatus::Idle);
                Said::Tag(Tag::new(if rolled_back { "ROLLBACK" } else { "COMMIT" }))
            }
            _ if self.is_of_savepoint() && status == TransactionStatus::Idle => {
                return Err(refused("25P01", "savepoints can only be used in transaction blocks"));
            }
            Command::Savepoint(name) => begin_savepoint(name, &mut savepoints())?,
            Command::Release(name) => {
                let at = place_of_savepoint(name, &savepoints())?;
                savepoints().truncate(at);
                Said::Tag(Tag::new("RELEASE"))
            }
            Command::RollbackTo(name) => {
                let at = place_of_savepoint(name, &savepoints())?;
                savepoints().truncate(at + 1);
                done.status = TransactionStatus::Transaction;
                Said::Tag(Tag::new("ROLLBACK"))
            }
            Command::Deallocate(name) => {
                done.forgotten = session.forget(name.as_deref());
                Said::Tag(Tag::new(if name.is_some() { "DEALLOCATE" } else { "DEALLOCATE ALL" }))
            }
            Command::DiscardAll => {
                settings.reset_all();
                done.reported = settings.reported();
                done.forgotten = session.forget(None);
                Said::Tag(Tag::new("DISCARD ALL"))
            }
            Command::Nothing(tag) => Said::Tag(Tag::new(tag)),
        };
        Ok(done)
    }
}

/// What clients are told of a setting whose value they are told.
fn reported(name: &str, settings: &Settings) -> Option<(String, String)> {
    reported_name(name).map(|known| (known.to_owned(), settings.get(name).unwrap_or_default()))
}

/// Begins a transaction behind one that ended, if it `follows`.
fn next_transaction(settings: &Settings, follows: bool) -> TransactionStatus {
    if !follows {
        return TransactionStatus::Idle;
    }
    settings.begin_transaction();
    TransactionStatus::Transaction
}

/// Name, value and a description that is empty.
fn all_shown(settings: &Settings) -> Vec<Vec<String>> {
    settings.all().into_iter().map(|(name, value)| vec![name, value, String::new()]).collect()
}

fn shown(name: &str, settings: &Settings) -> PgWireResult<String> {
    let value = match name {
        "session_authorization" => Some(settings.user()),
        name => settings.get(name),
    };
    value.ok_or_else(|| refused("42704", format!("unrecognized configuration parameter \"{name}\"")))
}

fn begin_savepoint(name: &str, savepoints: &mut Vec<String>) -> PgWireResult<Said> {
    if savepoints.len() >= SAVEPOINTS_MAX {
        return Err(refused("54000", format!("a transaction has at most {SAVEPOINTS_MAX} savepoints")));
    }
    savepoints.push(name.to_owned());
    Ok(Said::Tag(Tag::new("SAVEPOINT")))
}

/// Of the last one of that name.
fn place_of_savepoint(name: &str, savepoints: &[String]) -> PgWireResult<usize> {
    let at = savepoints.iter().rposition(|known| known == name);
    at.ok_or_else(|| refused("3B001", format!("savepoint \"{name}\" does not exist")))
}

fn said(refusal: Refusal) -> PgWireError {
    refused(refusal.code, refusal.text)
}

/// A few rows of texts.
fn table(fields: Vec<FieldInfo>, rows: Vec<Vec<String>>) -> QueryResponse {
    let row = |texts: Vec<String>| {
        let mut data = BytesMut::new();
        for text in &texts {
            data.put_i32(text.len() as i32);
            data.put_slice(text.as_bytes());
        }
        Ok(DataRow::new(data, texts.len() as i16))
    };
    let mut response = QueryResponse::new(Arc::new(fields), stream::iter(rows.into_iter().map(row)));
    response.set_command_tag("SHOW");
    response
}

/// How a column is described to a client.
pub(super) fn described(name: &str, kind: &Type, format: FieldFormat) -> FieldInfo {
    FieldInfo::new(name.to_owned(), None, None, kind.clone(), format).with_type_size(super::encode::type_size(kind))
}
