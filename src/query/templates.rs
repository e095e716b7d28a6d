//! Templates of `to_char` and `to_timestamp` as PostgreSQL has them: `YYYY-MM-DD HH24:MI:SS`.
//!
//! The engine (DataFusion 55) knows the signs of `strftime` alone, and shows all else as it stands:
//! `to_char(start_time, 'YYYY-MM')` was `YYYY-MM` for every row. A template without `%` is therefore written in those
//! signs. What has none there is refused.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable};

use crate::functions::times::{is_template, signs_of, template as template_of};

/// Gives `to_char` templates that the engine reads.
#[derive(Debug)]
pub(super) struct OwnTemplates;

impl FunctionRewrite for OwnTemplates {
    fn name(&self) -> &str {
        "own_templates"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        use DataType::{Date32, Date64, LargeUtf8, Time32, Time64, Timestamp, Utf8, Utf8View};
        let Expr::ScalarFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
        let [time, template] = call.args.as_slice() else { return Ok(Transformed::no(Expr::ScalarFunction(call))) };
        let is_time = matches!(time.get_type(schema), Ok(Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(..)));
        let is_text = matches!(template.get_type(schema), Ok(Utf8 | LargeUtf8 | Utf8View));
        if call.name() != "to_char" || !is_time || !is_text || is_template(template) {
            return Ok(Transformed::no(Expr::ScalarFunction(call)));
        }
        let is_zoned = matches!(time.get_type(schema), Ok(Timestamp(_, Some(_))));
        if let Expr::Literal(written, _) = template
            && let Err(refusal) = signs_of(written.try_as_str().flatten().unwrap_or_default(), is_zoned)
        {
            return plan_err!("{refusal}");
        }
        let written = call.args.remove(1);
        call.args.push(template_of(written, is_zoned));
        Ok(Transformed::yes(Expr::ScalarFunction(call)))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};

    async fn answer(expr: &str) -> Result<String, String> {
        let options = Options { time_zone: "Asia/Kolkata".parse().expect("a zone"), ..Options::default() };
        let context = context(&options).expect("a context");
        let sql = format!("SELECT {expr} FROM (VALUES (timestamp '2023-09-04 17:05:09.012345', 'MM/YY')) AS t(at, f)");
        let batches = async { context.sql(&sql).await?.collect().await }.await;
        let batches = batches.map_err(|error| error.to_string())?;
        Ok(array_value_to_string(batches[0].column(0), 0).expect("a value"))
    }

    /// What PostgreSQL answers.
    #[tokio::test]
    async fn templates_are_those_of_postgresql() {
        for (expr, right) in [
            ("to_char(at, 'YYYY-MM-DD HH24:MI:SS')", "2023-09-04 17:05:09"),
            ("to_char(at, 'yyyy-mm-dd\"T\"hh24:mi:ss.us')", "2023-09-04T17:05:09.012345"),
            ("to_char(at, 'YYYYMMDD')", "20230904"),
            ("to_char(at, 'DD Mon YY, HH12:MI AM')", "04 Sep 23, 05:05 PM"),
            ("to_char(at, 'Dy, FMDD FMMonth YYYY FMHH12:MI pm')", "Mon, 4 September 2023 5:05 pm"),
            ("to_char(at, 'IYYY-IW-ID DDD Q .MS')", "2023-36-1 247 3 .012"),
            ("to_char(CAST(at AS DATE), 'YYYY-MM')", "2023-09"),
            ("to_char(CAST(at AS TIMESTAMPTZ), 'HH24 TZH:TZM')", "17 +05:30"),
            ("to_char(at, '--')", "--"),
            (r#"to_char(at, 'DD \"HH24\"')"#, r#"04 "17""#),
            (r#"to_char(at, '"a\"b\\c" DD')"#, r#"a"b\c 04"#),
            ("to_char(at, '%%%Y')", "%2023"),
            ("to_char(at, f)", "09/23"),
            ("to_char(at, f || '%Y')", "MM/YY2023"),
            ("to_char(at, '%Y-%m')", "2023-09"),
            ("date_format(at, 'YYYY')", "2023"),
            ("to_char(at, NULL) IS NULL", "true"),
        ] {
            assert_eq!(answer(expr).await.as_deref(), Ok(right), "{expr}");
        }
        for (template, word) in [
            ("YYYY-Month", "Month"),
            ("DDth", "DDth"),
            ("SSSS", "SSSS"),
            ("MON", "MON"),
            ("HH24:MI TZ", "TZ"),
            ("y", "y"),
            ("IYYY-IDDD", "IDDD"),
        ] {
            let said = answer(&format!("to_char(at, '{template}')")).await.expect_err(template);
            assert!(said.contains("FMMonth") && said.contains(&format!("\"{word}\"")), "{template}: {said}");
            assert!(answer(&format!("to_char(at, '{template}' || substr(f, 9))")).await.is_err(), "{template}");
        }
        for (expr, says) in [
            ("to_char(at, 'HH24 TZH:TZM')", "CAST(… AS TIMESTAMPTZ)"),
            ("to_char(at, '%H %z')", "CAST(… AS TIMESTAMPTZ)"),
            ("to_char(at, 'YYYY %')", "\"YYYY %\" of to_char has a sign"),
            ("to_char(at, '%Q' || substr(f, 9))", "\"%Q\" of to_char has a sign"),
        ] {
            let said = answer(expr).await.expect_err(expr);
            assert!(said.contains(says), "{expr}: {said}");
        }
    }
}
