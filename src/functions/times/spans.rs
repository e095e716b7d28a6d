//! Intervals in other forms than words, as PostgreSQL reads them: `P1DT2H`, `1-2` for a year and two months, `1
//! 02:00` for a day and two hours, `+2 hours`, `30` for seconds, which the engine takes for months, and `ago` behind
//! all, which turns every sign.

/// An interval in words, but for its clock; `None` if it is that already, or none of these forms.
pub(super) fn plain(text: &str) -> Option<String> {
    if let Some(parts) = text.trim().strip_prefix(['P', 'p']) {
        return by_letters(parts);
    }
    let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let is_back = words.last().is_some_and(|last| last.eq_ignore_ascii_case("ago"));
    if is_back {
        words.pop();
    }
    let mut said: Vec<String> = Vec::with_capacity(words.len());
    for (at, word) in words.iter().enumerate() {
        let is_before_clock = words.get(at + 1).is_some_and(|next| next.contains(':'));
        let word = word.strip_prefix('+').filter(|rest| begins_with_digit(rest)).unwrap_or(word);
        let of_years = years_and_months(word);
        said.extend(match of_years {
            Some(parts) => parts.to_vec(),
            None if is_before_clock && word.parse::<i64>().is_ok() => vec![word.to_owned(), "days".to_owned()],
            None => vec![word.to_owned()],
        });
    }
    let is_number = |word: &String| word.parse::<f64>().is_ok();
    if let [.., last] = said.as_slice()
        && is_number(last)
        && !said.iter().rev().nth(1).is_some_and(is_number)
    {
        said.push("seconds".to_owned());
    }
    if is_back {
        said.iter_mut().for_each(turn);
    }
    let said = said.join(" ");
    (said != text.split_whitespace().collect::<Vec<_>>().join(" ")).then_some(said)
}

fn begins_with_digit(word: &str) -> bool {
    word.starts_with(|sign: char| sign.is_ascii_digit() || sign == '.')
}

/// Gives a number, or a clock, the other sign.
fn turn(word: &mut String) {
    if let Some(rest) = word.strip_prefix('-').filter(|rest| begins_with_digit(rest)) {
        *word = rest.to_owned();
    } else if begins_with_digit(word) {
        word.insert(0, '-');
    }
}

/// `1-2`, or `-1-2` in which both are negative.
fn years_and_months(word: &str) -> Option<[String; 4]> {
    let (sign, word) = word.strip_prefix('-').map_or(("", word), |rest| ("-", rest));
    let (years, months) = word.split_once('-')?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
    let is_right = is_number(years) && is_number(months) && months.parse::<u8>().is_ok_and(|months| months < 12);
    is_right.then(|| [format!("{sign}{years}"), "years".to_owned(), format!("{sign}{months}"), "months".to_owned()])
}

/// What stands behind the `P`: `1Y2M3W4DT5H6M7.5S`.
fn by_letters(parts: &str) -> Option<String> {
    let mut said: Vec<String> = Vec::new();
    let mut number = String::new();
    let mut is_time = false;
    for sign in parts.trim_end().chars() {
        let unit = match (sign.to_ascii_uppercase(), is_time) {
            ('0'..='9' | '.' | '-', _) => {
                number.push(sign);
                continue;
            }
            ('T', false) if number.is_empty() => {
                is_time = true;
                continue;
            }
            ('Y', false) => "years",
            ('M', false) => "months",
            ('W', false) => "weeks",
            ('D', false) => "days",
            ('H', true) => "hours",
            ('M', true) => "minutes",
            ('S', true) => "seconds",
            _ => return None,
        };
        number.parse::<f64>().ok()?;
        said.push(std::mem::take(&mut number));
        said.push(unit.to_owned());
    }
    (number.is_empty() && !said.is_empty()).then(|| said.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_other_forms_are_words() {
        for (text, right) in [
            ("P1DT2H", Some("1 days 2 hours")),
            ("P1Y2M3W4DT5H6M7.5S", Some("1 years 2 months 3 weeks 4 days 5 hours 6 minutes 7.5 seconds")),
            ("PT-2H", Some("-2 hours")),
            ("P", None),
            ("P1H", None),
            ("PT1D", None),
            ("1-2", Some("1 years 2 months")),
            ("-1-2", Some("-1 years -2 months")),
            ("1-12", None),
            ("1 day ago", Some("-1 day")),
            ("1 day -2 hours AGO", Some("-1 day 2 hours")),
            ("1 day 02:00 ago", Some("-1 day -02:00")),
            ("-1 day +2 hours", Some("-1 day 2 hours")),
            ("1 02:03:04", Some("1 days 02:03:04")),
            ("1 day  2 hours", None),
            ("30", Some("30 seconds")),
            (" -1.5 ", Some("-1.5 seconds")),
            ("+7", Some("7 seconds")),
            ("1 day 5", Some("1 day 5 seconds")),
            ("1-2 5", Some("1 years 2 months 5 seconds")),
            ("1 5", None),
            ("5 ago", Some("-5 seconds")),
            ("soon", None),
        ] {
            assert_eq!(plain(text).as_deref(), right, "{text}");
        }
    }
}
