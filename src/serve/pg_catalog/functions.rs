//! Functions that Postgres has over its catalog and its sessions, one row at a time.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::new_empty_array;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::exec_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

use super::{World, names, type_oid, types};
use crate::serve::settings::{DATABASE, SERVER_VERSION, Scope};

/// Of a kind such as `regclass` and a name: the id of the object. Of an id: the id.
pub(in crate::serve) const OID_OF: &str = "oid_of_object";

/// Of a kind such as `regclass` and an id: the name of the object. Of a name: the name.
pub(in crate::serve) const NAME_OF: &str = "name_of_object";

type Call = fn(&World, &[ScalarValue]) -> Result<ScalarValue>;

/// A function over single values.
#[derive(Clone)]
struct Function {
    name: &'static str,
    returns: DataType,
    signature: Signature,
    world: World,
    call: Call,
}

/// Makes every function known to the session of a client.
pub(in crate::serve) fn register(context: &SessionContext, world: &World) {
    let define = |name: &'static str, returns: &DataType, volatility: Volatility, call: Call| {
        let signature = Signature::one_of(vec![TypeSignature::VariadicAny, TypeSignature::Nullary], volatility);
        let function = Function { name, returns: returns.clone(), signature, world: world.clone(), call };
        context.register_udf(ScalarUDF::new_from_impl(function));
    };
    let texts = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    for (name, call) in TEXTS {
        define(name, &DataType::Utf8, Volatility::Stable, call);
    }
    for (name, call) in FLAGS {
        define(name, &DataType::Boolean, Volatility::Stable, call);
    }
    for (name, call) in IDS {
        define(name, &DataType::UInt32, Volatility::Stable, call);
    }
    for (name, call) in NUMBERS {
        define(name, &DataType::Int32, Volatility::Stable, call);
    }
    for (name, call) in LISTS {
        define(name, &texts, Volatility::Stable, call);
    }
    for name in NO_TEXT {
        define(name, &DataType::Utf8, Volatility::Stable, |_, _| Ok(ScalarValue::Utf8(None)));
    }
    for name in NO_SIZE {
        define(name, &DataType::Int64, Volatility::Stable, |_, _| Ok(ScalarValue::Int64(None)));
    }
    for name in VISIBLE {
        define(name, &DataType::Boolean, Volatility::Stable, |_, _| Ok(ScalarValue::Boolean(Some(true))));
    }
    for name in PRIVILEGES {
        define(name, &DataType::Boolean, Volatility::Stable, privilege);
    }
    define("set_config", &DataType::Utf8, Volatility::Volatile, set_config);
    for name in ["pg_advisory_unlock_all", "pg_advisory_lock", "pg_advisory_lock_shared"] {
        define(name, &DataType::Utf8, Volatility::Volatile, |_, _| some_text(""));
    }
}

/// Definitions and comments of what a lake has not.
const NO_TEXT: [&str; 20] = [
    "col_description",
    "inet_client_addr",
    "inet_server_addr",
    "obj_description",
    "oidvectortypes",
    "pg_get_constraintdef",
    "pg_get_expr",
    "pg_get_function_arguments",
    "pg_get_function_identity_arguments",
    "pg_get_function_result",
    "pg_get_functiondef",
    "pg_get_indexdef",
    "pg_get_partkeydef",
    "pg_get_ruledef",
    "pg_get_serial_sequence",
    "pg_get_statisticsobjdef_columns",
    "pg_get_triggerdef",
    "pg_get_viewdef",
    "shobj_description",
    "pg_export_snapshot",
];

/// Sizes that nobody counted.
const NO_SIZE: [&str; 8] = [
    "pg_database_size",
    "pg_indexes_size",
    "pg_relation_size",
    "pg_stat_get_numscans",
    "pg_table_size",
    "pg_tablespace_size",
    "pg_total_relation_size",
    "txid_current_if_assigned",
];

const VISIBLE: [&str; 12] = [
    "pg_collation_is_visible",
    "pg_conversion_is_visible",
    "pg_function_is_visible",
    "pg_opclass_is_visible",
    "pg_operator_is_visible",
    "pg_opfamily_is_visible",
    "pg_statistics_obj_is_visible",
    "pg_ts_config_is_visible",
    "pg_ts_dict_is_visible",
    "pg_type_is_visible",
    "pg_try_advisory_lock",
    "pg_advisory_unlock",
];

const PRIVILEGES: [&str; 10] = [
    "has_any_column_privilege",
    "has_column_privilege",
    "has_database_privilege",
    "has_foreign_data_wrapper_privilege",
    "has_function_privilege",
    "has_schema_privilege",
    "has_sequence_privilege",
    "has_server_privilege",
    "has_table_privilege",
    "has_tablespace_privilege",
];

const TEXTS: [(&str, Call); 17] = [
    ("version", |_, _| {
        let (kind, own) = (std::env::consts::ARCH, env!("CARGO_PKG_VERSION"));
        some_text(&format!("PostgreSQL {SERVER_VERSION} on {kind}-pc-linux-gnu, flowlake {own}, 64-bit"))
    }),
    ("current_database", |_, _| some_text(DATABASE)),
    ("current_schema", |_, _| some_text("public")),
    ("current_user", |world, _| some_text(&world.settings.user())),
    ("session_user", |world, _| some_text(&world.settings.user())),
    ("pg_get_userbyid", |world, arguments| match number(arguments, 0) {
        None => Ok(ScalarValue::Utf8(None)),
        Some(oid) if oid == i64::from(super::ROLE) => some_text(&world.settings.user()),
        Some(oid) => some_text(&format!("unknown (OID={oid})")),
    }),
    ("pg_encoding_to_char", |_, arguments| {
        Ok(ScalarValue::Utf8(number(arguments, 0).map(|encoding| if encoding == 6 { "UTF8" } else { "" }.to_owned())))
    }),
    ("pg_client_encoding", |_, _| some_text("UTF8")),
    ("getdatabaseencoding", |_, _| some_text("UTF8")),
    ("pg_tablespace_location", |_, _| some_text("")),
    ("format_type", |_, arguments| {
        let Some(oid) = number(arguments, 0) else { return Ok(ScalarValue::Utf8(None)) };
        let name = u32::try_from(oid).ok().and_then(|oid| types::sql_name(oid, number(arguments, 1)));
        some_text(&name.unwrap_or_else(|| if oid == 0 { "-".to_owned() } else { "???".to_owned() }))
    }),
    ("pg_typeof", |_, arguments| {
        let kind = arguments.first().map(ScalarValue::data_type).unwrap_or(DataType::Null);
        some_text(&types::sql_name(type_oid(&kind), None).unwrap_or_else(|| "unknown".to_owned()))
    }),
    ("quote_ident", |_, arguments| Ok(ScalarValue::Utf8(text(arguments, 0).map(|name| names::quoted(&name))))),
    ("quote_literal", |_, arguments| {
        Ok(ScalarValue::Utf8(text(arguments, 0).map(|value| format!("'{}'", value.replace('\'', "''")))))
    }),
    ("current_setting", |world, arguments| {
        let Some(name) = text(arguments, 0) else { return Ok(ScalarValue::Utf8(None)) };
        // Postgres has many more. Clients that ask for one do without.
        Ok(ScalarValue::Utf8(world.settings.get(&name)))
    }),
    ("pg_size_pretty", |_, arguments| {
        let pretty = |bytes: i64| {
            let units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
            let mut value = bytes;
            let mut unit = 0;
            while value.abs() >= 10_240 && unit + 1 < units.len() {
                (value, unit) = (value / 1024, unit + 1);
            }
            format!("{value} {}", units[unit])
        };
        Ok(ScalarValue::Utf8(number(arguments, 0).map(pretty)))
    }),
    (NAME_OF, |world, arguments| {
        let Some(kind) = text(arguments, 0) else { return Ok(ScalarValue::Utf8(None)) };
        match (text(arguments, 1), number(arguments, 1)) {
            (Some(name), _) => match oid(world, &kind, &name)? {
                Some(oid) => some_text(&names::name_of(&kind, oid.into(), &world.tables()?, &world.settings)),
                None => missing(&kind, &name),
            },
            (None, Some(oid)) => some_text(&names::name_of(&kind, oid, &world.tables()?, &world.settings)),
            (None, None) => Ok(ScalarValue::Utf8(None)),
        }
    }),
];

const FLAGS: [(&str, Call); 9] = [
    ("pg_table_is_visible", |_, arguments| {
        let is_hidden = |oid| super::relations::is_of_information_schema(oid);
        Ok(ScalarValue::Boolean(number(arguments, 0).map(|oid| !is_hidden(oid))))
    }),
    ("pg_is_in_recovery", |_, _| Ok(ScalarValue::Boolean(Some(false)))),
    ("pg_relation_is_publishable", |_, _| Ok(ScalarValue::Boolean(Some(false)))),
    ("pg_column_is_updatable", |_, _| Ok(ScalarValue::Boolean(Some(false)))),
    ("pg_cancel_backend", |_, _| Ok(ScalarValue::Boolean(Some(false)))),
    ("pg_terminate_backend", |_, _| Ok(ScalarValue::Boolean(Some(false)))),
    ("row_security_active", |_, _| Ok(ScalarValue::Boolean(Some(false)))),
    ("pg_is_other_temp_schema", |_, _| Ok(ScalarValue::Boolean(Some(false)))),
    ("pg_has_role", |_, _| Ok(ScalarValue::Boolean(Some(true)))),
];

const IDS: [(&str, Call); 8] = [
    ("to_regclass", |world, arguments| found(world, "regclass", arguments)),
    ("to_regtype", |world, arguments| found(world, "regtype", arguments)),
    ("to_regnamespace", |world, arguments| found(world, "regnamespace", arguments)),
    ("to_regrole", |world, arguments| found(world, "regrole", arguments)),
    ("to_regproc", |world, arguments| found(world, "regproc", arguments)),
    ("to_regprocedure", |world, arguments| found(world, "regprocedure", arguments)),
    ("pg_my_temp_schema", |_, _| Ok(ScalarValue::UInt32(Some(0)))),
    (OID_OF, |world, arguments| {
        let Some(kind) = text(arguments, 0) else { return Ok(ScalarValue::UInt32(None)) };
        match (text(arguments, 1), number(arguments, 1)) {
            (Some(name), _) => match oid(world, &kind, &name)? {
                Some(oid) => Ok(ScalarValue::UInt32(Some(oid))),
                None => missing(&kind, &name),
            },
            (None, oid) => Ok(ScalarValue::UInt32(oid.and_then(|oid| u32::try_from(oid).ok()))),
        }
    }),
];

const NUMBERS: [(&str, Call); 6] = [
    ("pg_backend_pid", |world, _| Ok(ScalarValue::Int32(Some(world.settings.process())))),
    ("pg_char_to_encoding", |_, arguments| {
        let is_utf8 =
            text(arguments, 0).is_some_and(|name| ["utf8", "unicode"].contains(&name.to_lowercase().as_str()));
        Ok(ScalarValue::Int32(Some(if is_utf8 { 6 } else { -1 })))
    }),
    ("pg_relation_is_updatable", |_, _| Ok(ScalarValue::Int32(Some(0)))),
    ("inet_server_port", |_, _| Ok(ScalarValue::Int32(None))),
    ("array_lower", |_, arguments| Ok(ScalarValue::Int32(length(arguments).map(|_| 1)))),
    ("array_upper", |_, arguments| Ok(ScalarValue::Int32(length(arguments)))),
];

const LISTS: [(&str, Call); 3] = [
    ("current_schemas", |_, arguments| {
        let with_implicit = matches!(arguments.first(), Some(ScalarValue::Boolean(Some(true))));
        let schemas: &[&str] = if with_implicit { &["pg_catalog", "public"] } else { &["public"] };
        Ok(listed(schemas.iter().map(|schema| (*schema).to_owned()).collect()))
    }),
    ("parse_ident", |_, arguments| match text(arguments, 0) {
        None => Ok(ScalarValue::new_null_list(DataType::Utf8, true, 1)),
        Some(name) => match names::split(&name) {
            Some(parts) => Ok(listed(parts)),
            None => exec_err!("string is not a valid identifier: \"{name}\""),
        },
    }),
    ("acldefault", |_, _| Ok(ScalarValue::new_null_list(DataType::Utf8, true, 1))),
];

fn some_text(value: &str) -> Result<ScalarValue> {
    Ok(ScalarValue::Utf8(Some(value.to_owned())))
}

fn listed(texts: Vec<String>) -> ScalarValue {
    let texts: Vec<ScalarValue> = texts.into_iter().map(|text| ScalarValue::Utf8(Some(text))).collect();
    ScalarValue::List(ScalarValue::new_list_nullable(&texts, &DataType::Utf8))
}

fn text(arguments: &[ScalarValue], at: usize) -> Option<String> {
    arguments.get(at)?.try_as_str().flatten().map(str::to_owned)
}

fn number(arguments: &[ScalarValue], at: usize) -> Option<i64> {
    match arguments.get(at)?.cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(value)) => value,
        _ => None,
    }
}

/// The elements of an array in a dimension, `None` if it has none: there are only arrays of one.
fn length(arguments: &[ScalarValue]) -> Option<i32> {
    use datafusion::arrow::array::Array;
    let ScalarValue::List(list) = arguments.first()? else { return None };
    let is_first = number(arguments, 1) == Some(1);
    let length = if list.is_null(0) { 0 } else { list.value_length(0) };
    (is_first && length > 0).then_some(length)
}

fn oid(world: &World, kind: &str, name: &str) -> Result<Option<u32>> {
    Ok(names::oid_of(kind, name, &world.tables()?, &world.settings))
}

fn found(world: &World, kind: &str, arguments: &[ScalarValue]) -> Result<ScalarValue> {
    let oid = match text(arguments, 0) {
        Some(name) => oid(world, kind, &name)?,
        None => None,
    };
    Ok(ScalarValue::UInt32(oid))
}

fn missing(kind: &str, name: &str) -> Result<ScalarValue> {
    let what = match kind {
        "regclass" => "relation",
        "regtype" => "type",
        "regnamespace" => "schema",
        "regrole" => "role",
        _ => "object",
    };
    exec_err!("{what} \"{name}\" does not exist")
}

/// Everything can be read and nothing written. The last argument names the right.
fn privilege(_: &World, arguments: &[ScalarValue]) -> Result<ScalarValue> {
    let Some(right) = arguments.last().and_then(|right| right.try_as_str().flatten()) else {
        return Ok(ScalarValue::Boolean(None));
    };
    let reads = |right: &str| ["select", "usage", "connect", "execute"].contains(&right.trim().to_lowercase().as_str());
    Ok(ScalarValue::Boolean(Some(right.split(',').any(reads))))
}

fn set_config(world: &World, arguments: &[ScalarValue]) -> Result<ScalarValue> {
    let (Some(name), Some(value)) = (text(arguments, 0), text(arguments, 1)) else {
        return Ok(ScalarValue::Utf8(None));
    };
    if name.eq_ignore_ascii_case("timezone") || name.to_lowercase().starts_with("datafusion") {
        // This statement is planned with the zone already.
        return exec_err!("{name} cannot be set by set_config; write SET");
    }
    let is_local = matches!(arguments.get(2), Some(ScalarValue::Boolean(Some(true))));
    let scope = if is_local { Scope::Transaction } else { Scope::Session };
    let set = world.settings.set(&name, &value, scope);
    some_text(&set.map_err(|refusal| DataFusionError::Execution(refusal.text))?)
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Names of functions are unique within a session.
impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let value = |row: usize| {
            let argument = |value: &ColumnarValue| match value {
                ColumnarValue::Scalar(scalar) => Ok(scalar.clone()),
                ColumnarValue::Array(array) => ScalarValue::try_from_array(array, row),
            };
            let values = arguments.args.iter().map(argument).collect::<Result<Vec<ScalarValue>>>()?;
            (self.call)(&self.world, &values)
        };
        if arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_))) {
            return value(0).map(ColumnarValue::Scalar);
        }
        if arguments.number_rows == 0 {
            return Ok(ColumnarValue::Array(new_empty_array(&self.returns)));
        }
        let values = (0..arguments.number_rows).map(value).collect::<Result<Vec<ScalarValue>>>()?;
        ScalarValue::iter_to_array(values).map(ColumnarValue::Array)
    }
}
