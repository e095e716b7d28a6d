//! Sums against additions of each row that are checked one by one.

use arrow::array::Int64Array;

use super::*;

const MAX: i64 = i64::MAX;

/// What one accumulator and one of groups make of a batch: its sum, `None` beyond 64 bits.
fn sums(values: &[Option<i64>], filter: Option<&[Option<bool>]>) -> [Option<Option<i64>>; 2] {
    let array: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
    let filter = filter.map(|filter| BooleanArray::from(filter.to_vec()));
    let asked = |row: usize| filter.as_ref().is_none_or(|filter| filter.is_valid(row) && filter.value(row));
    let kept: Vec<Option<i64>> = values.iter().enumerate().map(|(row, value)| value.filter(|_| asked(row))).collect();
    let mut alone = one::<Int64Type>(&DataType::Int64).unwrap();
    let alone = alone.update_batch(&[Arc::new(Int64Array::from(kept)) as ArrayRef]).ok().map(|()| {
        let ScalarValue::Int64(sum) = alone.evaluate().unwrap() else { panic!("no integer") };
        sum
    });
    let mut grouped = groups::<Int64Type>(&DataType::Int64).unwrap();
    let places = vec![1; values.len()];
    let grouped = grouped.update_batch(&[array], &places, filter.as_ref(), 2).ok().map(|()| {
        let sums = grouped.evaluate(EmitTo::All).unwrap();
        assert!(sums.is_null(0), "nothing went to the first group");
        sums.as_primitive::<Int64Type>().iter().nth(1).unwrap()
    });
    [alone, grouped]
}

#[test]
fn sums_are_those_of_wider_numbers_or_none() {
    let tails: [&[Option<i64>]; 6] = [
        &[],
        &[Some(3), None, Some(4)],
        &[Some(-5), Some(1)],
        &[Some(MAX), Some(0)],
        &[Some(MAX), Some(1)],
        &[Some(i64::MIN), Some(-1)],
    ];
    for head in 0..70 {
        for tail in tails {
            let mut values: Vec<Option<i64>> = (0..head).map(|n| (n % 7 > 0).then_some(i64::from(n))).collect();
            values.extend_from_slice(tail);
            let filters = [
                None,
                Some(values.iter().enumerate().map(|(row, _)| Some(row % 3 > 0)).collect::<Vec<_>>()),
                Some(values.iter().enumerate().map(|(row, _)| (row % 5 > 0).then_some(true)).collect()),
            ];
            for filter in filters {
                let asked = |row: usize| filter.as_ref().is_none_or(|filter| filter[row] == Some(true));
                let kept = values.iter().enumerate().filter(|(row, _)| asked(*row)).filter_map(|(_, value)| *value);
                let kept: Vec<i64> = kept.collect();
                // As the rows come: nothing brings a sum back that went too far.
                let sum = kept.iter().try_fold(0_i64, |sum, &number| sum.checked_add(number));
                let expected = sum.map(|sum| (!kept.is_empty()).then_some(sum));
                assert_eq!(sums(&values, filter.as_deref()), [expected; 2], "{values:?} {filter:?}");
            }
        }
    }
}

/// A small pseudo-random sequence, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Rows of one batch: number, group, and what the filter says of it.
type Batch = Vec<(Option<i64>, usize, Option<bool>)>;

/// Sums by group, added up one by one; `None` once one goes beyond 64 bits on its way.
struct Naive(Option<Vec<Option<i64>>>);

impl Naive {
    fn add(&mut self, rows: impl Iterator<Item = (Option<i64>, usize)>) {
        for (number, group) in rows {
            let (Some(sums), Some(number)) = (&mut self.0, number) else { continue };
            match sums[group].unwrap_or_default().checked_add(number) {
                Some(sum) => sums[group] = Some(sum),
                None => self.0 = None,
            }
        }
    }
}

const GROUPS: usize = 5;

/// A batch as an accumulator is given it: arrays are the middle of longer ones, so that no bit is where a byte begins,
/// and there is a number where a null is.
fn give(to: &mut dyn GroupsAccumulator, batch: &Batch, is_filtered: bool) -> Result<()> {
    let numbers = [MAX; 3].into_iter().chain(batch.iter().map(|row| row.0.unwrap_or(5))).collect::<Vec<_>>();
    let valid = [true; 3].into_iter().chain(batch.iter().map(|row| row.0.is_some())).collect::<Vec<_>>();
    let valid = batch.iter().any(|row| row.0.is_none()).then(|| NullBuffer::from(valid));
    let numbers: ArrayRef = Arc::new(Int64Array::new(numbers.into(), valid).slice(3, batch.len()));
    let filter: BooleanArray = [Some(true); 5].into_iter().chain(batch.iter().map(|row| row.2)).collect();
    let filter = filter.slice(5, batch.len());
    let groups: Vec<usize> = batch.iter().map(|row| row.1).collect();
    to.update_batch(&[numbers], &groups, is_filtered.then_some(&filter), GROUPS)
}

fn accumulator() -> Box<dyn GroupsAccumulator> {
    groups::<Int64Type>(&DataType::Int64).unwrap()
}

fn held(array: &ArrayRef) -> Vec<Option<i64>> {
    array.as_primitive::<Int64Type>().iter().collect()
}

/// Batches of many lengths: small counters, numbers of both signs, and some near the end of the type, where sums may
/// pass it in the middle of a batch.
fn batches(dice: &mut Dice, size: u64) -> Vec<Batch> {
    let nulls = [0, 0, 1, 40, 100][dice.roll(5) as usize];
    let number = |dice: &mut Dice| match size {
        0 => dice.roll(1 << 20) as i64,
        1 => dice.roll(1 << 20) as i64 - (1 << 19),
        // Batches of 64 and of 128 rows are taken without a closer look, and a few of them pass the end together.
        2 => MAX / 64 - dice.roll(2) as i64 + 1,
        3 => MAX / 200 - dice.roll(1 << 10) as i64,
        _ => [MAX, -MAX, i64::MIN, 0, 1, -1][dice.roll(6) as usize],
    };
    let row = |dice: &mut Dice| {
        let value = (dice.roll(100) >= nulls).then(|| number(dice));
        let group = if dice.roll(4) == 0 { dice.roll(GROUPS as u64 - 1) as usize } else { 0 };
        (value, group, [Some(true), Some(true), Some(false), None][dice.roll(4) as usize])
    };
    let rows = |dice: &mut Dice| [0, 1, 5, 63, 64, 65, 128, 130, 500][dice.roll(9) as usize];
    let count = 1 + dice.roll(6);
    (0..count).map(|_| (0..rows(dice)).map(|_| row(dice)).collect()).collect()
}

#[test]
fn sums_of_groups_over_many_batches_are_those_of_checked_additions() {
    let mut dice = Dice(3);
    let (mut sound, mut too_large) = ([0; 5], [0; 5]);
    for round in 0..4_000_u64 {
        let size = round % 5;
        // Two partitions, and what is made of their states.
        let mut merged = accumulator();
        let mut of_merged = Naive(Some(vec![None; GROUPS]));
        for _ in 0..2 {
            let is_filtered = dice.roll(3) == 0;
            let mut one = accumulator();
            let mut naive = Naive(Some(vec![None; GROUPS]));
            let mut given = Ok(());
            for batch in batches(&mut dice, size) {
                given = given.and_then(|()| give(one.as_mut(), &batch, is_filtered));
                let asked = batch.iter().filter(|row| !is_filtered || row.2 == Some(true));
                naive.add(asked.map(|row| (row.0, row.1)));
            }
            assert_eq!(given.is_err(), naive.0.is_none(), "round {round}");
            let Some(sums) = naive.0 else {
                too_large[size as usize] += 1;
                continue;
            };
            let state = one.state(EmitTo::All).unwrap();
            assert_eq!(held(&state[0]), sums, "round {round}");
            let given = merged.merge_batch(&state, &(0..GROUPS).collect::<Vec<_>>(), GROUPS);
            of_merged.add(sums.into_iter().zip(0..));
            assert_eq!(given.is_err(), of_merged.0.is_none(), "round {round}");
            if given.is_err() {
                break;
            }
        }
        if let Some(sums) = of_merged.0.filter(|sums| sums.iter().any(Option::is_some)) {
            // The first two leave before the others.
            let first = held(&merged.evaluate(EmitTo::First(2)).unwrap());
            let rest = held(&merged.evaluate(EmitTo::All).unwrap());
            assert_eq!([first, rest].concat(), sums, "round {round}");
            sound[size as usize] += 1;
        }
    }
    assert!(sound.iter().all(|&rounds| rounds > 20), "{sound:?}");
    assert!(too_large[..2] == [0, 0] && too_large[2..].iter().all(|&rounds| rounds > 20), "{too_large:?}");
}
