//! The texts that source files hold, as a person would see them: `…` stands for what is filled in.

/// The string literals of a Rust file, without those of its tests, comments and broken promises.
pub fn literals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().expect("a part");
    let lines = source.lines().filter(|line| !is_silent(line));
    let text: String = lines.collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['"', '\'']) {
        let is_text = rest[at..].starts_with('"');
        rest = &rest[at + 1..];
        if is_text {
            let end = end_of(rest);
            found.push(shown(&rest[..end]));
            rest = rest.get(end + 1..).unwrap_or_default();
        } else {
            rest = after_character(rest);
        }
    }
    found
}

/// Comments, and what only a bug prints.
fn is_silent(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//")
        || ["assert!", "assert_eq!", "unreachable!", ".expect("].iter().any(|word| line.contains(word))
}

/// Where a literal ends that has begun.
fn end_of(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.char_indices().find(|&(_, c)| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at)
}

/// What follows a character such as `'"'`; lifetimes have no second quote.
fn after_character(text: &str) -> &str {
    let length = if text.starts_with('\\') { 2 } else { text.chars().next().map_or(0, char::len_utf8) };
    text.get(length..).and_then(|rest| rest.strip_prefix('\'')).unwrap_or(text)
}

/// A literal as it is printed, with `…` for each of its places.
fn shown(literal: &str) -> String {
    let mut text = String::new();
    let mut characters = literal.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('\n') => while characters.next_if(|c| c.is_whitespace()).is_some() {},
                Some('n') => text.push('\n'),
                Some(escaped) => text.push(escaped),
                None => {}
            },
            '{' | '}' if characters.next_if_eq(&c).is_some() => text.push(c),
            '{' => {
                characters.by_ref().find(|&c| c == '}');
                text.push('…');
            }
            c => text.push(c),
        }
    }
    text
}

#[test]
fn literals_are_read_as_they_are_printed() {
    let source = r#"
        let quote = '"';
        // "of a comment"
        format!("a {b:?} \
                 c {{d}} \"e\"");
        fn f<'a>() { "g" }
    "#;
    assert_eq!(literals(source), ["a … c {d} \"e\"", "g"]);
}
