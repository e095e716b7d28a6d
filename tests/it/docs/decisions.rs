//! The form of `docs/decisions/*.md`: title, status, date, then what was decided, why, and what was not taken.

use super::pages;

/// Each stands once, at the beginning of a paragraph.
const ONCE: [&str; 4] = ["Status", "Date", "Decision", "Alternatives"];

/// At least one of them says why.
const REASONS: [&str; 2] = ["Problem", "Why"];

/// What is wrong with a record, by its paragraphs.
fn wrong(number: &str, text: &str) -> Vec<String> {
    let paragraphs: Vec<&str> = text.trim_end().split("\n\n").collect();
    let count = |label: &str| {
        let label = format!("**{label}.** ");
        paragraphs.iter().filter(|paragraph| paragraph.starts_with(&label)).count()
    };
    let mut wrong = Vec::new();
    if !paragraphs[0].starts_with(&format!("# {number}: ")) {
        wrong.push(format!("its title does not begin with `# {number}: `"));
    }
    for label in ONCE.into_iter().filter(|label| count(label) != 1) {
        wrong.push(format!("it has {} paragraphs `**{label}.** …`, and should have one", count(label)));
    }
    if REASONS.iter().all(|label| count(label) == 0) {
        wrong.push("no paragraph `**Why.** …` or `**Problem.** …`".to_owned());
    }
    let status = paragraphs.get(1).and_then(|text| text.strip_prefix("**Status.** ")).unwrap_or_default();
    if !["In force.", "Superseded by ["].iter().any(|word| status.starts_with(word)) {
        wrong.push(
            "its second paragraph is neither `**Status.** In force.` nor `**Status.** Superseded by […]`".to_owned(),
        );
    }
    let date = paragraphs.get(2).and_then(|text| text.strip_prefix("**Date.** ")).unwrap_or_default();
    if chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").is_err() {
        wrong.push("its third paragraph is not `**Date.** YYYY-MM-DD`".to_owned());
    }
    wrong
}

#[test]
fn every_decision_has_the_one_form() {
    let mut found = Vec::new();
    let mut records = 0;
    for page in pages() {
        let Some(name) = page.name.strip_prefix("docs/decisions/") else { continue };
        let number = name.split('-').next().unwrap_or_default();
        found.extend(wrong(number, &page.text).into_iter().map(|why| format!("{}: {why}", page.name)));
        records += 1;
    }
    assert!(records > 60, "{records} records are found");
    assert!(found.is_empty(), "docs/decisions.md has the form:\n{}", found.join("\n"));
}

#[test]
fn a_record_without_a_part_is_named() {
    let sound = "# 0001: T\n\n**Status.** In force.\n\n**Date.** 2026-11-22\n\n**Decision.** A.\n\n**Why.** B.\n\n\
                 **Alternatives.** C.\n";
    assert_eq!(wrong("0001", sound), Vec::<String>::new());
    assert_eq!(wrong("0002", sound).len(), 1);
    for part in ["In force.", "2026-11-22", "**Decision.** ", "**Why.** ", "**Alternatives.** "] {
        assert_eq!(wrong("0001", &sound.replace(part, "")).len(), 1, "{part}");
    }
}
