//! Lines over two axes, as SVG that takes its colours from the page.

use std::fmt;
use std::iter;

/// A plot of at most as many lines as the page has colours.
pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Axis {
    pub(super) scale: Scale,
    /// Says what a value is, with its unit.
    pub(super) label: fn(f64) -> String,
}

#[derive(Clone, Copy)]
pub(super) enum Scale {
    /// From 0.
    Linear,
    /// From power of ten to power of ten; lower values are drawn at the bottom.
    Log,
}

pub(super) struct Line {
    pub(super) name: &'static str,
    /// Both finite and not negative.
    pub(super) points: Vec<(f64, f64)>,
}

impl fmt::Display for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let x_ticks = self.x.scale.ticks(points().map(|(x, _)| *x));
        let y_ticks = self.y.scale.ticks(points().map(|(_, y)| *y));
        let x_at = |x| LEFT + self.x.scale.place(x, &x_ticks) * (RIGHT - LEFT);
        let y_at = |y| BOTTOM - self.y.scale.place(y, &y_ticks) * (BOTTOM - TOP);

        writeln!(f, "<figure><figcaption>{}</figcaption>", self.title)?;
        writeln!(
            f,
            r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">"#,
            self.title
        )?;
        for tick in &x_ticks {
            let (x, label) = (x_at(*tick), (self.x.label)(*tick));
            writeln!(f, r#"<path class="grid" d="M{x:.1} {TOP}V{BOTTOM}"/>"#)?;
            writeln!(f, r#"<text class="x" x="{x:.1}" y="{}">{label}</text>"#, BOTTOM + 20.0)?;
        }
        for tick in &y_ticks {
            let (y, label) = (y_at(*tick), (self.y.label)(*tick));
            writeln!(f, r#"<path class="grid" d="M{LEFT} {y:.1}H{RIGHT}"/>"#)?;
            writeln!(f, r#"<text class="y" x="{}" y="{:.1}">{label}</text>"#, LEFT - 8.0, y + 4.0)?;
        }
        for (i, line) in self.lines.iter().enumerate() {
            write!(f, r#"<polyline class="line{i}" points=""#)?;
            for (x, y) in &line.points {
                write!(f, "{:.1},{:.1} ", x_at(*x), y_at(*y))?;
            }
            writeln!(f, r#""/>"#)?;
        }
        writeln!(f, "</svg>")?;
        if self.lines.len() > 1 {
            write!(f, r#"<p class="legend">"#)?;
            for (i, line) in self.lines.iter().enumerate() {
                write!(f, r#"<span class="line{i}">{}</span> "#, line.name)?;
            }
            writeln!(f, "</p>")?;
        }
        writeln!(f, "</figure>")
    }
}

impl Scale {
    /// Returns where the grid lines are; the first and the last are the ends of the axis.
    fn ticks(self, values: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
        let max = values.clone().fold(0.0, f64::max);
        if max <= 0.0 {
            return vec![0.0, 1.0];
        }
        match self {
            Self::Linear => {
                // 1, 2 or 5 times a power of ten.
                let power = 10_f64.powf((max / 5.0).log10().floor());
                let step = [1.0, 2.0, 5.0, 10.0]
                    .into_iter()
                    .map(|n| n * power)
                    .find(|step| step * 6.0 >= max)
                    .unwrap_or(max);
                let next = |tick: &f64| (*tick < max).then_some(tick + step);
                iter::successors(Some(0.0), next).collect()
            }
            Self::Log => {
                let positive = values.filter(|value| *value > 0.0);
                let min = positive.fold(max, f64::min);
                let first = 10_f64.powf(min.log10().floor());
                let next = |tick: &f64| (*tick < max || *tick <= first).then_some(tick * 10.0);
                iter::successors(Some(first), next).collect()
            }
        }
    }

    /// Returns where a value lies, from 0 at the first tick to 1 at the last.
    fn place(self, value: f64, ticks: &[f64]) -> f64 {
        let &[first, .., last] = ticks else { return 0.0 };
        let place = match self {
            Self::Linear => (value - first) / (last - first),
            Self::Log => (value.max(first) / first).log10() / (last / first).log10(),
        };
        place.clamp(0.0, 1.0)
    }
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 90.0;
/// Leaves room for half of the label at the last tick.
const RIGHT: f64 = 700.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 226.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_enclose_the_values() {
        let ticks = |scale: Scale, values: &[f64]| scale.ticks(values.iter().copied());
        assert_eq!(ticks(Scale::Linear, &[3.0, 9.5]), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(Scale::Linear, &[60.0]), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(ticks(Scale::Linear, &[]), [0.0, 1.0]);
        assert_eq!(ticks(Scale::Log, &[20.0, 3000.0]), [10.0, 100.0, 1000.0, 10_000.0]);
        assert_eq!(ticks(Scale::Log, &[10.0]), [10.0, 100.0]);
    }

    #[test]
    fn values_lie_between_their_ticks() {
        let scale = Scale::Log;
        assert!((scale.place(100.0, &[10.0, 100.0, 1000.0]) - 0.5).abs() < 1e-9);
        assert!(scale.place(0.0, &[10.0, 100.0]) <= 0.0);
        assert!((Scale::Linear.place(3.0, &[0.0, 2.0, 4.0]) - 0.75).abs() < 1e-9);
    }

    #[test]
    fn the_longest_label_fits_at_the_last_tick() {
        const LONGEST: &str = "99.9999999 %";
        // As wide as its height is too wide for a digit.
        let half = 12.0 * f64::from(u8::try_from(LONGEST.len()).unwrap()) * 0.75 / 2.0;
        let axis = || Axis { scale: Scale::Linear, label: |_| LONGEST.into() };
        let line = Line { name: "a", points: vec![(0.0, 0.0), (9.0, 1.0)] };
        let svg = Plot { title: "", x: axis(), y: axis(), lines: vec![line] }.to_string();
        let places = svg.split(r#"<text class="x" x=""#).skip(1);
        let places: Vec<f64> =
            places.map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect();
        assert!(places.len() > 2, "{svg}");
        for x in places {
            assert!(x - half >= 0.0 && x + half <= WIDTH, "{x}");
        }
    }

    #[test]
    fn a_plot_draws_each_point_of_each_line() {
        let axis = |scale| Axis { scale, label: |value| format!("{value} u") };
        let line = |name, points: &[_]| Line { name, points: points.to_vec() };
        let plot = Plot {
            title: "Test",
            x: axis(Scale::Linear),
            y: axis(Scale::Log),
            lines: vec![line("a", &[(0.0, 1.0), (10.0, 10.0)]), line("b", &[(5.0, 1.0)])],
        };
        let svg = plot.to_string();
        assert!(svg.contains(r#"class="line0" points="90.0,226.0 700.0,12.0 ""#), "{svg}");
        assert!(svg.contains(r#"class="line1" points="395.0,226.0 ""#), "{svg}");
        assert!(svg.contains(">10 u<"), "{svg}");
    }
}
