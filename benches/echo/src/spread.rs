//! A figure of several rounds: where it lies, and how much of it the next run would show again.

/// The median of the rounds, and the quartiles, between which half of them lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// Returns that of some values, if there are any.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.collect();
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        // Between two values, where a quarter falls there.
        let at = |quarters: usize| {
            let (i, rest) = (last * quarters / 4, last * quarters % 4);
            let (below, above) = (values[i], values[(i + 1).min(last)]);
            below + (above - below) * [0.0, 0.25, 0.5, 0.75][rest]
        };
        Some(Self { low: at(1), median: at(2), high: at(3) })
    }

    pub(crate) fn scaled(self, by: f64) -> Self {
        Self { low: self.low * by, median: self.median * by, high: self.high * by }
    }

    /// Tells whether the quartiles of two have a value in common: then neither is the lesser.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// Shows the median: by three digits if the quartiles differ by at most two of the third, else by two.
    pub(crate) fn shown(&self) -> String {
        round(self.median, self.decimals())
    }

    /// Shows the quartiles, by as many digits.
    pub(crate) fn quartiles(&self) -> String {
        let [low, high] = [self.low, self.high].map(|value| round(value, self.decimals()));
        format!("{low}–{high}")
    }

    /// How many digits stand behind the point; before it are zeros where it is negative.
    fn decimals(&self) -> i32 {
        let third = 2 - magnitude(self.median);
        let is_steady = (self.high - self.low) * 10_f64.powi(third) <= 2.0;
        if is_steady { third } else { third - 1 }
    }
}

/// The power of ten of the first digit; little less than 1 is taken as 1, for ratios to have equal decimals.
fn magnitude(value: f64) -> i32 {
    if (0.5..1.0).contains(&value) {
        return 0;
    }
    (-9..=12).rev().find(|power| value.abs() >= 10_f64.powi(*power)).unwrap_or(0)
}

fn round(value: f64, decimals: i32) -> String {
    let unit = 10_f64.powi(-decimals);
    let behind = usize::try_from(decimals).unwrap_or(0);
    format!("{:.behind$}", (value / unit).round() * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(values: &[f64]) -> Option<Spread> {
        Spread::of(values.iter().copied())
    }

    #[test]
    fn quartiles_lie_between_the_values_where_they_must() {
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0]), Some(Spread { low: 3.0, median: 3.0, high: 3.0 }));
        assert_eq!(spread(&[9.0, 1.0]), Some(Spread { low: 3.0, median: 5.0, high: 7.0 }));
        let five = [5.0, 1.0, 2.0, 4.0, 3.0];
        assert_eq!(spread(&five), Some(Spread { low: 2.0, median: 3.0, high: 4.0 }));
        let eleven: Vec<f64> = (1..=11).map(f64::from).collect();
        assert_eq!(spread(&eleven), Some(Spread { low: 3.5, median: 6.0, high: 8.5 }));
    }

    #[test]
    fn a_digit_is_shown_only_if_the_rounds_agree_about_it() {
        let shown = |low, median, high| {
            let spread = Spread { low, median, high };
            (spread.shown(), spread.quartiles())
        };
        let text = |shown: &str, quartiles: &str| (shown.to_owned(), quartiles.to_owned());
        assert_eq!(shown(1.033, 1.042, 1.05), text("1.04", "1.03–1.05"));
        assert_eq!(shown(1.02, 1.042, 1.07), text("1.0", "1.0–1.1"));
        assert_eq!(shown(0.96, 0.98, 1.02), text("1.0", "1.0–1.0"));
        assert_eq!(shown(0.974, 0.98, 0.986), text("0.98", "0.97–0.99"));
        assert_eq!(shown(26.3, 27.34, 28.2), text("27", "26–28"));
        assert_eq!(shown(27.2, 27.34, 27.4), text("27.3", "27.2–27.4"));
        assert_eq!(shown(1050.0, 1083.0, 1110.0), text("1100", "1100–1100"));
        assert_eq!(shown(0.196, 0.2, 0.21), text("0.20", "0.20–0.21"));
        assert_eq!(shown(0.0, 0.0, 0.0), text("0.00", "0.00–0.00"));
    }

    #[test]
    fn two_that_share_a_value_overlap() {
        let of = |low, high| Spread { low, median: low, high };
        assert!(of(1.0, 2.0).overlaps(&of(2.0, 3.0)));
        assert!(of(2.0, 3.0).overlaps(&of(1.0, 2.0)));
        assert!(of(1.0, 4.0).overlaps(&of(2.0, 3.0)));
        assert!(!of(1.0, 2.0).overlaps(&of(2.1, 3.0)));
    }
}
