use serde_json::{Map, Value, json};

use super::answer::{Left, Room, read};
use super::call::Call;
use super::tools;

#[test]
fn every_tool_is_read_only_and_describes_its_arguments() {
    let tools = tools::all(200);
    assert_eq!(tools.len(), 6);
    for tool in &tools {
        let hints = tool.annotations.as_ref().unwrap();
        assert_eq!((hints.read_only_hint, hints.destructive_hint), (Some(true), Some(false)), "{}", tool.name);
        for (name, argument) in tool.input_schema["properties"].as_object().unwrap() {
            assert!(argument["description"].as_str().is_some_and(|text| text.ends_with('.')), "{} {name}", tool.name);
        }
        // Every tool that a client is told of can be called.
        let required = tool.input_schema["required"].as_array().unwrap();
        let arguments: Map<String, Value> =
            required.iter().map(|name| (name.as_str().unwrap().to_owned(), json!("x"))).collect();
        Call::read(&tool.name, arguments.clone()).unwrap();
        let mut more = arguments;
        more.insert("brand_new".to_owned(), json!(1));
        let error = Call::read(&tool.name, more).unwrap_err().shown();
        assert!(error.contains("unknown field `brand_new`"), "{error}");
    }
}

#[test]
fn room_is_counted_with_a_comma() {
    let mut left = Left::of(10);
    assert!(left.take(&json!("abc")) && !left.take(&json!("abc")) && left.take(&json!(12)) && !left.take(&json!("")));
}

#[tokio::test]
async fn what_is_cut_off_is_said() {
    use datafusion::arrow::array::{ArrayRef, StringArray};
    use datafusion::arrow::record_batch::RecordBatch;
    let answer = |texts: &[&str]| {
        let column: ArrayRef = std::sync::Arc::new(StringArray::from(texts.to_vec()));
        crate::query::Answer::of(RecordBatch::try_from_iter([("text", column)]).unwrap())
    };
    let room = |rows, bytes| Room { rows, bytes };
    let whole = read(answer(&["a", "b"]), room(2, 100)).await.unwrap();
    assert_eq!((&whole["rows"], &whole["truncated"]), (&json!([["a"], ["b"]]), &json!(false)));
    assert_eq!(whole["columns"], json!([{ "name": "text", "type": "Utf8" }]));
    let few = read(answer(&["a", "b"]), room(1, 100)).await.unwrap();
    assert_eq!((&few["rows"], &few["truncated"], &few["rows_shown"]), (&json!([["a"]]), &json!(true), &json!(1)));
    let long = "x".repeat(100);
    let short = read(answer(&["a", &long]), room(9, 100)).await.unwrap();
    assert_eq!((&short["rows"], &short["truncated"]), (&json!([["a"]]), &json!(true)));
    assert!(short["note"].as_str().unwrap().contains("first 1 rows"));
    assert!(read(answer(&[]), room(9, 10)).await.is_err_and(|error| error.shown().contains("name fewer columns")));
}
