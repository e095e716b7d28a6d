//! Predicates as people and programs write them, with what each means beside it.

use std::cmp::Ordering;

use datafusion::arrow::array::timezone::Tz;
use datafusion::scalar::ScalarValue;

use super::meaning::{NS, Record, Term, Value, compare, instant, naive, wall};

/// SplitMix64: the same predicates on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// A predicate, the values of its parameters, and what it means.
pub struct Asked {
    pub sql: String,
    pub values: Vec<(String, ScalarValue)>,
    meaning: Meaning,
}

enum Meaning {
    Compare(Term, &'static str, Value),
    Between(Term, Value, Value, bool),
    In(Term, Vec<Value>, bool),
    IsNull(Term, bool),
    Not(Box<Meaning>),
    And(Box<Meaning>, Box<Meaning>),
    Or(Box<Meaning>, Box<Meaning>),
}

const OPERATORS: [&str; 8] = ["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"];

impl Asked {
    pub fn holds(&self, record: &Record, zone: &Tz) -> bool {
        self.meaning.of(record, zone) == Some(true)
    }
}

impl Meaning {
    /// True, false or unknown.
    fn of(&self, record: &Record, zone: &Tz) -> Option<bool> {
        let order =
            |term: &Term, value: &Value| term.of(record, zone).map(|found| compare(found, *value, &term.zone(zone)));
        match self {
            Meaning::Compare(term, operator, value) => match (*operator, order(term, value)) {
                ("IS DISTINCT FROM", order) => Some(order != Some(Ordering::Equal)),
                ("IS NOT DISTINCT FROM", order) => Some(order == Some(Ordering::Equal)),
                (operator, order) => order.map(|order| match operator {
                    "=" => order.is_eq(),
                    "<>" => order.is_ne(),
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    _ => order.is_ge(),
                }),
            },
            Meaning::Between(term, low, high, negated) => {
                let is_between = order(term, low)?.is_ge() && order(term, high)?.is_le();
                Some(is_between != *negated)
            }
            Meaning::In(term, values, negated) => {
                let found = term.of(record, zone)?;
                Some(values.iter().any(|value| compare(found, *value, &term.zone(zone)).is_eq()) != *negated)
            }
            Meaning::IsNull(term, negated) => Some(term.of(record, zone).is_none() != *negated),
            Meaning::Not(inner) => inner.of(record, zone).map(|holds| !holds),
            Meaning::And(one, other) => match (one.of(record, zone), other.of(record, zone)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Meaning::Or(one, other) => match (one.of(record, zone), other.of(record, zone)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        }
    }
}

struct Writer<'a> {
    random: &'a mut Random,
    records: &'a [Record],
    zone: &'a Tz,
    zone_name: &'a str,
    values: Vec<(String, ScalarValue)>,
}

pub fn predicate(random: &mut Random, records: &[Record], zone: &Tz, zone_name: &str) -> Asked {
    let mut writer = Writer { random, records, zone, zone_name, values: Vec::new() };
    let (sql, meaning) = writer.predicate(2);
    Asked { sql, values: writer.values, meaning }
}

impl Writer<'_> {
    fn predicate(&mut self, depth: usize) -> (String, Meaning) {
        match self.random.below(if depth == 0 { 7 } else { 11 }) {
            0 => {
                let (left, term) = self.term();
                let negated = self.random.below(2) == 0;
                (format!("{left} IS {}NULL", if negated { "NOT " } else { "" }), Meaning::IsNull(term, negated))
            }
            1 => {
                let (left, term) = self.term();
                let spelling = self.random.next();
                let (one, other) = (self.bound(term, spelling), self.bound(term, spelling));
                let is_ordered = compare_same(one.1, other.1).is_le();
                let (low, high) = if is_ordered { (one, other) } else { (other, one) };
                let negated = self.random.below(3) == 0;
                let not = if negated { "NOT " } else { "" };
                (
                    format!("{left} {not}BETWEEN {} AND {}", low.0, high.0),
                    Meaning::Between(term, low.1, high.1, negated),
                )
            }
            2 => {
                let (left, term) = self.term();
                let spelling = self.random.next();
                // Few values are written out by the engine, many are looked up.
                let count = self.random.of(&[1, 2, 3, 4, 7]);
                let bounds: Vec<(String, Value)> = (0..count).map(|_| self.bound(term, spelling)).collect();
                let list = bounds.iter().map(|(sql, _)| sql.as_str()).collect::<Vec<_>>().join(", ");
                let negated = self.random.below(3) == 0;
                let not = if negated { "NOT " } else { "" };
                let values = bounds.into_iter().map(|(_, value)| value).collect();
                (format!("{left} {not}IN ({list})"), Meaning::In(term, values, negated))
            }
            3..=6 => {
                let (left, term) = self.term();
                let spelling = self.random.next();
                let (right, value) = self.bound(term, spelling);
                let operator = self.random.of(&OPERATORS);
                (format!("{left} {operator} {right}"), Meaning::Compare(term, operator, value))
            }
            7 => {
                let (sql, meaning) = self.predicate(depth - 1);
                (format!("NOT ({sql})"), Meaning::Not(Box::new(meaning)))
            }
            more => {
                let ((one, a), (other, b)) = (self.predicate(depth - 1), self.predicate(depth - 1));
                match more {
                    8 | 9 => (format!("({one}) AND ({other})"), Meaning::And(Box::new(a), Box::new(b))),
                    _ => (format!("({one}) OR ({other})"), Meaning::Or(Box::new(a), Box::new(b))),
                }
            }
        }
    }

    fn term(&mut self) -> (String, Term) {
        let later = self.random.of(&[500_i64, -1, 1_500, -3_600_000]);
        let (sql, term) = self.random.of(&[
            ("start_time", Term::StartTime),
            ("start_time", Term::StartTime),
            ("start_time", Term::StartTime),
            ("end_time", Term::EndTime),
            ("to_timestamp(start)", Term::StartTime),
            ("to_timestamp_seconds(\"end\")", Term::EndTime),
            ("CAST(start_time AS TIMESTAMP WITH TIME ZONE)", Term::StartTime),
            ("start_time AT TIME ZONE 'Asia/Kolkata'", Term::Elsewhere),
            ("CAST(start_time AS TIMESTAMP)", Term::Clock),
            ("from_unixtime(start)", Term::Clock),
            ("TRY_CAST(start_time AS TIMESTAMP(3))", Term::Clock),
            ("CAST(start_time AS DATE)", Term::ClockDay),
            ("start_time::date", Term::ClockDay),
            ("date_trunc('hour', start_time)", Term::ClockHour),
            ("date", Term::Date),
            ("start", Term::Start),
            ("\"end\"", Term::End),
            ("hour", Term::Hour),
            ("extract(hour FROM start_time)", Term::HourOfClock),
            ("date_part('year', start_time)", Term::YearOfClock),
            ("", Term::Later(later)),
        ]);
        match term {
            Term::Later(ms) if ms < 0 => (format!("start_time - interval '{} milliseconds'", -ms), term),
            Term::Later(ms) => (format!("start_time + interval '{ms} milliseconds'"), term),
            _ => (sql.to_owned(), term),
        }
    }

    /// A moment close to a record.
    fn moment(&mut self) -> i128 {
        let record = self.records[self.random.below(self.records.len())];
        let second = record.end.filter(|_| self.random.below(3) == 0).or(record.start).unwrap_or(1_694_649_600);
        let step = self.random.of(&[0, 0, 0, 0, -1, 1, 60, -60, 1_800, 3_600, -3_600, 86_400, -86_400]);
        let fraction = self.random.of(&[0, 0, 0, 0, 1, 500_000_000, 999_000_000, 999_999_999, 1_000]);
        i128::from(second + step) * NS + fraction
    }

    /// A value to compare `term` with. Equal `spelling` gives values of one type.
    fn bound(&mut self, term: Term, spelling: u64) -> (String, Value) {
        let moment = self.moment();
        match term {
            Term::Start | Term::End => {
                let second = moment.div_euclid(NS) as i64;
                (second.to_string(), Value::Int(second))
            }
            Term::Hour | Term::HourOfClock => {
                let hour = self.random.below(25) as i64;
                (hour.to_string(), Value::Int(hour))
            }
            Term::YearOfClock => {
                let year = self.random.of(&[2018, 2019, 2022, 2023, 2024]);
                (year.to_string(), Value::Int(year))
            }
            Term::Date | Term::ClockDay => self.day_bound(moment, spelling),
            Term::Clock => {
                let clock = wall(moment, self.zone);
                let text = show(clock);
                match spelling % 4 {
                    0 => (format!("timestamp '{text}'"), Value::Wall(clock)),
                    1 => (format!("'{text}'"), Value::Wall(clock)),
                    2 => (format!("CAST('{text}' AS TIMESTAMP)"), Value::Wall(clock)),
                    _ => self.day(clock),
                }
            }
            _ => self.time_bound(term, moment, spelling),
        }
    }

    fn time_bound(&mut self, term: Term, moment: i128, spelling: u64) -> (String, Value) {
        let (utc, clock) = (show(moment), wall(moment, self.zone));
        let text = show(clock);
        let on_clock = instant(clock, self.zone);
        match spelling % 16 {
            0 | 1 => (format!("'{utc}Z'"), Value::Instant(moment)),
            2 => {
                let (hours, sign) = (self.random.below(12) as i128, self.random.of(&[1, -1]));
                let shifted = show(moment + sign * hours * 3_600 * NS);
                let sign = if sign == 1 { '+' } else { '-' };
                (format!("'{shifted}{sign}{hours:02}:00'"), Value::Instant(moment))
            }
            3 => (format!("'{text}'"), Value::Instant(instant(clock, &term.zone(self.zone)))),
            4 => (format!("timestamp '{text}'"), Value::Wall(clock)),
            5 => (format!("timestamptz '{text}'"), Value::Instant(on_clock)),
            6 => (format!("timestamptz '{utc}Z'"), Value::Instant(moment)),
            7 => (format!("timestamp '{utc}Z'"), Value::Wall(clock)),
            8 => self.day(clock),
            9 => (format!("CAST('{text}' AS TIMESTAMP)"), Value::Wall(clock)),
            10 => (format!("to_timestamp('{utc}Z')"), Value::Instant(moment)),
            11 => {
                let second = moment.div_euclid(NS);
                (format!("to_timestamp({second})"), Value::Instant(second * NS))
            }
            12 => {
                let value = ScalarValue::Utf8View(Some(format!("{utc}Z")));
                (self.parameter(value), Value::Instant(moment))
            }
            13 => {
                let value = ScalarValue::TimestampNanosecond(Some(moment as i64), Some(self.zone_name.into()));
                (self.parameter(value), Value::Instant(moment))
            }
            14 => {
                let micros = moment.div_euclid(1_000);
                let value = ScalarValue::TimestampMicrosecond(Some(micros as i64), Some("+00:00".into()));
                (self.parameter(value), Value::Instant(micros * 1_000))
            }
            _ => {
                let value = ScalarValue::TimestampMillisecond(Some(clock.div_euclid(1_000_000) as i64), None);
                (self.parameter(value), Value::Wall(clock.div_euclid(1_000_000) * 1_000_000))
            }
        }
    }

    fn day_bound(&mut self, moment: i128, spelling: u64) -> (String, Value) {
        let clock = wall(moment, self.zone);
        match spelling % 6 {
            0 | 1 => self.day(clock),
            2 => {
                let (sql, value) = self.day(clock);
                (sql.trim_start_matches("date ").to_owned(), value)
            }
            3 => (format!("timestamp '{}'", show(clock)), Value::Wall(clock)),
            4 => (format!("timestamptz '{}Z'", show(moment)), Value::Instant(moment)),
            _ => {
                let (_, value) = self.day(clock);
                let Value::Day(day) = value else { unreachable!("a day is a day") };
                (self.parameter(ScalarValue::Date32(Some(day as i32))), value)
            }
        }
    }

    fn day(&mut self, clock: i128) -> (String, Value) {
        let date = naive(clock).date();
        (format!("date '{date}'"), Value::Day(clock.div_euclid(86_400 * NS) as i64))
    }

    fn parameter(&mut self, value: ScalarValue) -> String {
        let name = format!("v{}", self.values.len());
        self.values.push((name.clone(), value));
        format!("${name}")
    }
}

/// Bounds of one spelling compare without a zone.
fn compare_same(one: Value, other: Value) -> Ordering {
    compare(one, other, &"UTC".parse().expect("a zone"))
}

/// A time with as many digits as it has.
fn show(ns: i128) -> String {
    let time = naive(ns);
    match ns.rem_euclid(NS) {
        0 => time.format("%Y-%m-%dT%H:%M:%S").to_string(),
        rest if rest % 1_000_000 == 0 => time.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        rest if rest % 1_000 == 0 => time.format("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
        _ => time.format("%Y-%m-%dT%H:%M:%S%.9f").to_string(),
    }
}
