//! The objects of a sample: which flow log, which five minutes, how many records, under which key.

use chrono::{Days, NaiveDate, NaiveDateTime, TimeDelta};

use super::Options;
use super::mix::Format;
use super::network::Site;

/// Publishing slots of a day: one every five minutes.
const SLOTS_PER_DAY: u64 = 288;

/// Records that one object holds on average in a sample whose number of objects was left open.
const RECORDS_PER_OBJECT: u64 = 100_000;

/// Share of a day's traffic in each hour (UTC), in no particular unit.
const HOURS: [u64; 24] = [5, 4, 4, 4, 4, 5, 6, 8, 10, 12, 13, 13, 12, 13, 13, 13, 12, 11, 10, 9, 8, 7, 6, 6];

/// One object still to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Path under the sample's folder, with `/`.
    pub key: String,
    /// Index of its account and region among the sites.
    pub site: usize,
    pub format: Format,
    /// Beginning of its slot. Records end within the five minutes from here.
    pub slot: NaiveDateTime,
    pub records: u64,
}

/// All objects, ordered by flow log and then by time. Their records sum to those asked for.
pub fn objects(options: &Options, sites: &[Site]) -> Vec<Object> {
    let shares = options.mix.shares();
    let mut series = Vec::new();
    for site in 0..sites.len() {
        series.extend(shares.iter().map(|(format, share)| (site, *format, *share)));
    }
    let counts = apportion(object_count(options, series.len()), &series.iter().map(|s| s.2).collect::<Vec<_>>());
    let mut objects = Vec::new();
    let mut weights = Vec::new();
    for ((site, format, share), count) in series.into_iter().zip(counts) {
        let flow_log = sites[site].flow_log(format);
        for slot in slots(count, u64::from(options.days)) {
            let number = objects.len() as u64;
            let slot_begin = at_slot(options.first_day, slot);
            let key = key(&sites[site], flow_log, slot_begin, unique(number, options.seed));
            objects.push(Object { key, site, format, slot: slot_begin, records: 0 });
            weights.push((share * 1_000_000 / count).max(1) * HOURS[(slot % SLOTS_PER_DAY / 12) as usize]);
        }
    }
    for (object, records) in objects.iter_mut().zip(apportion(options.records, &weights)) {
        object.records = records;
    }
    objects
}

fn object_count(options: &Options, series: usize) -> u64 {
    // Two objects a day and flow log at least: every date then has rows, and every midnight is crossed.
    let open = (options.records / RECORDS_PER_OBJECT).max(series as u64 * u64::from(options.days) * 2);
    options.objects.map_or(open.min(options.records), u64::from).max(1)
}

/// Splits `total` in proportion to `weights`, with nothing left over.
fn apportion(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let (mut running, mut given) = (0u128, 0u64);
    let mut parts = Vec::with_capacity(weights.len());
    for weight in weights {
        running += u128::from(*weight);
        let up_to_here = (u128::from(total) * running / sum) as u64;
        parts.push(up_to_here - given);
        given = up_to_here;
    }
    parts
}

/// `count` slots over the days, in order, counted from the first midnight.
///
/// The first slot after each midnight is moved to midnight itself, because only there do records begin on the day
/// before. The first midnight is left out, so that no record begins before the first day.
fn slots(count: u64, days: u64) -> Vec<u64> {
    let usable = days * SLOTS_PER_DAY - 1;
    let mut slots: Vec<u64> = Vec::with_capacity(count as usize);
    for object in 0..count {
        let slot = 1 + (u128::from(object) * u128::from(usable) / u128::from(count)) as u64;
        let midnight = slot / SLOTS_PER_DAY * SLOTS_PER_DAY;
        let crossed = slots.last().is_some_and(|last| *last < midnight);
        slots.push(if crossed { midnight } else { slot });
    }
    slots
}

fn at_slot(first_day: NaiveDate, slot: u64) -> NaiveDateTime {
    let day = first_day + Days::new(slot / SLOTS_PER_DAY);
    day.and_time(chrono::NaiveTime::MIN) + TimeDelta::minutes((slot % SLOTS_PER_DAY * 5) as i64)
}

/// The last part of an object's name: different for every number below 2^32, since both steps are bijections.
fn unique(number: u64, seed: u64) -> u32 {
    (number as u32).wrapping_mul(0x9e37_79b1) ^ (super::random::scramble(seed) as u32)
}

fn key(site: &Site, flow_log: &str, slot: NaiveDateTime, unique: u32) -> String {
    let (account, region) = (&site.account, site.region.name);
    let day = slot.format("%Y/%m/%d");
    let time = slot.format("%Y%m%dT%H%MZ");
    format!(
        "AWSLogs/{account}/vpcflowlogs/{region}/{day}/{account}_vpcflowlogs_{region}_{flow_log}_{time}_{unique:08x}.log.gz"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_sum_to_the_total() {
        assert_eq!(apportion(10, &[1, 1, 1]).iter().sum::<u64>(), 10);
        assert_eq!(apportion(100, &[40, 30, 20, 10]), [40, 30, 20, 10]);
        assert_eq!(apportion(0, &[3, 4]), [0, 0]);
    }

    #[test]
    fn slots_rise_and_touch_every_midnight_but_the_first() {
        for count in [3, 7, 100, 5000] {
            let slots = slots(count, 3);
            assert_eq!(slots.len() as u64, count);
            assert!(slots.is_sorted() && slots[0] == 1 && *slots.last().unwrap() < 3 * SLOTS_PER_DAY);
            assert!([288, 576].iter().all(|midnight| slots.contains(midnight)), "{count}");
        }
    }
}
