//! The results as a page of its own, which needs nothing from anywhere.

use std::fmt::Write as _;
use std::time::Duration;

use super::figures::{Figures, grouped, human};
use super::plot::{Axis, Line, Plot, Scale};
use super::results::{Point, Results};

/// Makes the page.
pub(super) fn page(results: &Results<'_>, figures: &Figures<'_>) -> String {
    let title = escape(&format!("wirelet bench {}", results.load.target.url));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>\n{}</style>\n<h1>{title}</h1>\n",
        include_str!("report.css")
    );
    let mut put = |text: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        let _ = page.write_fmt(text);
    };
    put(format_args!("<p>{}</p>\n", escape(&figures.description())));
    let origin = figures.origin.to_string();
    let (origin, command) = origin.split_once('\n').unwrap_or((&origin, ""));
    put(format_args!("<p>{}</p>\n<pre>{}</pre>\n", escape(origin), escape(command)));
    for note in figures.notes() {
        put(format_args!("<p>{}</p>\n", escape(&note)));
    }
    for remark in figures.remarks() {
        put(format_args!("<p class=\"remark\">{}</p>\n", escape(&remark)));
    }
    put(format_args!("<table>\n"));
    for (name, value) in figures.rows() {
        put(format_args!("<tr><th>{name}</th><td>{}</td></tr>\n", escape(&value)));
    }
    put(format_args!("</table>\n"));
    for plot in [throughput(results), latency_over_time(results), latency_by_share(results)] {
        put(format_args!("{plot}"));
    }
    page
}

fn throughput(results: &Results<'_>) -> Plot {
    let line = over_time("messages/s", results, |point| point.messages_per_second);
    Plot {
        title: "Messages a second",
        x: SECONDS,
        y: Axis { scale: Scale::Linear, label: grouped },
        lines: vec![line],
    }
}

fn latency_over_time(results: &Results<'_>) -> Plot {
    Plot {
        title: "Latency over time",
        x: SECONDS,
        y: LATENCY,
        lines: vec![
            over_time("p50", results, |point| micros(point.p50)),
            over_time("p99", results, |point| micros(point.p99)),
            over_time("max", results, |point| micros(point.max)),
        ],
    }
}

/// At `n` on the horizontal axis lies the latency that all but one of 10^n messages keep within.
fn latency_by_share(results: &Results<'_>) -> Plot {
    let points = results.latency.iter_quantiles(10).filter(|step| step.quantile() < 1.0);
    let points = points.map(|step| {
        let nines = -(1.0 - step.quantile()).log10();
        (nines, micros(Duration::from_nanos(step.value_iterated_to())))
    });
    Plot {
        title: "Latency by share of messages",
        x: Axis { scale: Scale::Linear, label: percent },
        y: LATENCY,
        lines: vec![Line { name: "latency", points: points.collect() }],
    }
}

fn over_time(name: &'static str, results: &Results<'_>, figure: fn(&Point) -> f64) -> Line {
    let points = results.points.iter().map(|point| (point.at.as_secs_f64(), figure(point)));
    Line { name, points: points.collect() }
}

const SECONDS: Axis = Axis { scale: Scale::Linear, label: |seconds| format!("{seconds} s") };
const LATENCY: Axis = Axis { scale: Scale::Log, label: power_of_ten };

/// A time of `us` microseconds, without the zeros behind the point.
fn power_of_ten(us: f64) -> String {
    human(us).replace(".00 ", " ").replace(".0 ", " ")
}

/// All but one of 10^`nines`, in percent, with the digits that count.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 20")]
fn percent(nines: f64) -> String {
    let digits = (nines.ceil() - 2.0).max(0.0) as usize;
    format!("{:.digits$} %", 100.0 - 100.0 / 10_f64.powf(nines))
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_the_digits_that_count() {
        assert_eq!(
            [0.0, 0.5, 1.0, 2.0, 3.0, 6.0].map(percent),
            ["0 %", "68 %", "90 %", "99 %", "99.9 %", "99.9999 %"]
        );
        assert_eq!([10.0, 1e5, 1e6].map(power_of_ten), ["10 µs", "100 ms", "1 s"]);
    }

    #[test]
    fn nothing_of_a_url_becomes_markup() {
        assert_eq!(escape("ws://a/?<&\">"), "ws://a/?&lt;&amp;&quot;&gt;");
    }
}
