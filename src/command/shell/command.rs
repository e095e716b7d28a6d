//! The commands of the shell: one list, from which they are read, completed and explained.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Describe,
    Functions,
    Reports,
    Report,
    Include,
    Output,
    Expanded,
    Format,
    Rows,
    Timing,
    Explain,
    Help,
    Quit,
}

impl Command {
    /// Each with its name, what stands behind it, and what it does.
    pub(super) const ALL: [(Command, &str, &str, &str); 13] = [
        (Command::Describe, "\\d", "[TABLE]", "tables, or the columns of one"),
        (Command::Functions, "\\h", "[FUNCTION]", "functions, or how one is called and what it gives"),
        (Command::Reports, "\\reports", "[THEME]", "ready questions, of one theme or all"),
        (Command::Report, "\\report", "NAME [OPTIONS]", "ask one; --since, --until, --top, --against, --param"),
        (Command::Expanded, "\\x", "", "a line for each column, or a table again"),
        (Command::Format, "\\format", "[NAME]", "table, line, csv, tsv, json, ndjson or markdown"),
        (Command::Rows, "\\rows", "[N|all]", "rows of an answer that the terminal shows at most"),
        (Command::Output, "\\o", "[FILE]", "write whole answers to a file; \\o alone ends it"),
        (Command::Include, "\\i", "FILE", "do what a file says: statements and commands"),
        (Command::Explain, "\\explain", "SQL;", "the plan, and the files that it would read"),
        (Command::Timing, "\\timing", "", "show how long each statement takes, or no longer"),
        (Command::Help, "\\?", "", "this list"),
        (Command::Quit, "\\q", "", "leave; so does Ctrl-D"),
    ];

    /// Words that are commands too, if they stand alone.
    const WORDS: [(&str, Command); 3] = [("help", Command::Help), ("quit", Command::Quit), ("exit", Command::Quit)];

    /// The command with which a line begins, and what stands behind it.
    pub(super) fn read(line: &str) -> Option<(Command, &str)> {
        let line = line.trim_end_matches(';').trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let words = || Command::WORDS.iter().find(|(known, _)| *known == line).map(|(_, command)| (*command, ""));
        Command::named(word).map(|command| (command, rest.trim())).or_else(words)
    }

    /// The command whose name is the first word of a line.
    pub(super) fn named(line: &str) -> Option<Command> {
        let word = line.split(char::is_whitespace).next().unwrap_or_default();
        Command::ALL.iter().find(|(_, name, ..)| *name == word).map(|(command, ..)| *command)
    }

    /// Whether a line is one of the words that are commands too.
    pub(super) fn is_word(line: &str) -> bool {
        Command::WORDS.iter().any(|(word, _)| *word == line)
    }
}

/// What `\?` prints.
pub(super) fn help() -> String {
    let shown = |name: &str, rest: &str| format!("{name} {rest}").trim_end().to_owned();
    let width = Command::ALL.iter().map(|(_, name, rest, _)| shown(name, rest).len()).max().unwrap_or_default();
    let mut text = format!("{:width$}  ask; a statement goes on over lines until its semicolon\n", "SELECT …;");
    for (_, name, rest, meaning) in Command::ALL {
        text += &format!("{:width$}  {meaning}\n", shown(name, rest));
    }
    text + &format!("{:width$}  end what runs, or clear what is typed\n", "Ctrl-C")
}

/// The words of a line. Those with spaces stand in `'` or `"`.
pub(super) fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some(end) if end == c => break,
                        Some(c) => word.push(c),
                        None => return Err(format!("a {c} is not closed")),
                    }
                }
            }
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_command_and_what_stands_behind_it() {
        assert_eq!(Command::read("\\d  lake.files ;"), Some((Command::Describe, "lake.files")));
        assert_eq!(Command::read("exit;"), Some((Command::Quit, "")));
        assert_eq!(Command::read("\\nonsense"), None);
        assert_eq!(Command::read("\\dd"), None);
        assert_eq!(Command::read("SELECT 1"), None);
        assert!(help().lines().all(|line| line.chars().count() <= 80), "{}", help());
        assert!(include_str!("../../../docs/sql.md").contains(&help()), "docs/sql.md has the same list");
    }

    #[test]
    fn words_may_be_quoted() {
        assert_eq!(words(" a  --param 'k=v w' x\"y z\" ''").unwrap(), ["a", "--param", "k=v w", "xy z", ""]);
        assert_eq!(words("a 'b"), Err("a ' is not closed".to_owned()));
    }
}
