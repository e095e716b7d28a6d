//! The parts of a JSON value, each as the text that it is: what `serde_json` takes for a value, without a tree of it.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// A member of an object.
#[derive(Debug, PartialEq)]
pub struct Member<'a> {
    pub name: Cow<'a, str>,
    /// The name as it stands, in its quotes.
    pub name_text: &'a str,
    pub value: &'a str,
}

/// The members of an object in their order; `None` if the text is no object.
pub fn members(object: &str) -> Option<Vec<Member<'_>>> {
    parts(object, '{', '}', |text| {
        let (name_text, rest) = value(text)?;
        let (value, rest) = value(trimmed(rest).strip_prefix(':')?)?;
        Some((Member { name: string(name_text)?, name_text, value }, rest))
    })
}

/// The items of a list in their order; `None` if the text is no list.
pub fn items(list: &str) -> Option<Vec<&str>> {
    parts(list, '[', ']', value)
}

/// The text that a string says; `None` if it is no string.
pub fn string(text: &str) -> Option<Cow<'_, str>> {
    let within = text.strip_prefix('"')?.strip_suffix('"')?;
    if within.contains('\\') {
        return serde_json::from_str(text).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(within))
}

fn parts<'a, P>(
    text: &'a str,
    open: char,
    close: char,
    part: impl Fn(&'a str) -> Option<(P, &'a str)>,
) -> Option<Vec<P>> {
    let mut parts = Vec::new();
    let mut rest = trimmed(text).strip_prefix(open)?;
    loop {
        if parts.is_empty() && trimmed(rest).starts_with(close) {
            break;
        }
        let (found, after) = part(rest)?;
        parts.push(found);
        let after = trimmed(after);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => {
                rest = after;
                break;
            }
        }
    }
    let after = trimmed(rest).strip_prefix(close)?;
    trimmed(after).is_empty().then_some(parts)
}

/// The value that a text begins with, and what follows it.
fn value(text: &str) -> Option<(&str, &str)> {
    let text = trimmed(text);
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some(text.split_at(values.byte_offset()))
}

/// Without the spaces of JSON before it.
fn trimmed(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_texts_that_they_are() {
        let found = members(" {\"a\" : [1, {\"b\":\"}\"}] ,\"\\u0061\":1.50e1, \"c\":\"\\\"\"}\n").unwrap();
        let found: Vec<(&str, &str, &str)> = found.iter().map(|m| (&*m.name, m.name_text, m.value)).collect();
        assert_eq!(
            found,
            [("a", "\"a\"", "[1, {\"b\":\"}\"}]"), ("a", "\"\\u0061\"", "1.50e1"), ("c", "\"c\"", "\"\\\"\"")]
        );
        assert_eq!(items("[ ]"), Some(vec![]));
        assert_eq!(items("[1 , null,\"x\"]"), Some(vec!["1", "null", "\"x\""]));
        for wrong in
            ["", "{", "{}x", "{,}", "{\"a\":1,}", "{\"a\"}", "{1:2}", "{\"a\":1 \"b\":2}", "{\"a\":01}", "[]", "1"]
        {
            assert_eq!(members(wrong), None, "{wrong}");
        }
        for wrong in ["[1,]", "[,1]", "[1", "[1]]", "[1 2]", "{}"] {
            assert_eq!(items(wrong), None, "{wrong}");
        }
    }
}
