//! States of variances, covariances and regressions, put together so that equal means stay what they are.
//!
//! The engine (DataFusion 55) weighs the means of both states, `m * c / n`, even where one of them is of no row: three
//! times 0.1 became 0.10000000000000002, which is another mean than that of the next rows, and the deviation of a
//! constant was not
//! 0. Here the first mean moves by its distance from the second one, which is 0 for a constant (the update of T. Chan,
//! G. Golub and R. LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979).

use datafusion_common::{Result, ScalarValue, internal_err};

/// Where a state has what; its first value is the number of rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    means: &'static [usize],
    /// Sums of products of distances from two means: where the sum is, and where the means.
    products: &'static [(usize, usize, usize)],
}

impl Moments {
    /// Of the engine's aggregate of this name, `None` if its state is another one.
    pub fn of(name: &str) -> Option<Moments> {
        let (means, products): (&[usize], &[(usize, usize, usize)]) = match name {
            "stddev" | "stddev_pop" | "var" | "var_pop" => (&[1], &[(2, 1, 1)]),
            "covar_pop" | "covar_samp" => (&[1, 2], &[(3, 1, 2)]),
            "corr" => (&[1, 3], &[(2, 1, 1), (4, 3, 3), (5, 1, 3)]),
            name if name.starts_with("regr_") => (&[1, 2], &[(3, 1, 1), (4, 2, 2), (5, 1, 2)]),
            _ => return None,
        };
        Some(Moments { means, products })
    }

    /// The state of the rows of both.
    pub fn together(self, one: &[ScalarValue], other: &[ScalarValue]) -> Result<Vec<ScalarValue>> {
        let (rows, more) = (count(one)?, count(other)?);
        if rows == 0 || more == 0 {
            let only = if rows == 0 { other } else { one };
            return Ok(only.to_vec());
        }
        let all = rows + more;
        let share = more as f64 / all as f64;
        let distance = |at: usize| -> Result<f64> { Ok(number(&other[at])? - number(&one[at])?) };
        let mut state = one.to_vec();
        state[0] = ScalarValue::from(all);
        for &at in self.means {
            state[at] = ScalarValue::from(number(&one[at])? + distance(at)? * share);
        }
        for &(at, left, right) in self.products {
            let between = distance(left)? * distance(right)? * (rows as f64 * share);
            state[at] = ScalarValue::from(number(&one[at])? + number(&other[at])? + between);
        }
        Ok(state)
    }
}

fn count(state: &[ScalarValue]) -> Result<u64> {
    match state.first() {
        Some(ScalarValue::UInt64(Some(rows))) => Ok(*rows),
        other => internal_err!("a state begins with its number of rows, not with {other:?}"),
    }
}

fn number(value: &ScalarValue) -> Result<f64> {
    match value {
        ScalarValue::Float64(Some(value)) => Ok(*value),
        other => internal_err!("a mean is a float, not {other:?}"),
    }
}
