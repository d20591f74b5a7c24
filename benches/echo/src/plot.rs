//! The measurements as a picture: a line for each scenario, a dot for each server.

use std::fmt::Write as _;

use crate::contestant::{Contestant, Kind, RAW, echoing};
use crate::record::{CPU, Record};

/// Draws what the scenarios took, relative to raw TCP, as SVG for light and dark pages.
pub(crate) fn svg(record: &Record) -> String {
    let mut scenarios: Vec<&str> = record.samples.iter().map(|sample| sample.scenario).collect();
    scenarios.dedup();
    // Not those in which raw TCP takes no part, or no time.
    scenarios.retain(|scenario| {
        record.ratio(scenario, RAW, RAW, CPU).is_some_and(|ratio| ratio.median.is_finite())
    });
    let height = TOP + LINE * f64::from(u32::try_from(scenarios.len()).unwrap_or(0)) + BOTTOM;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\">\n<style>\n{STYLE}</style>\n\
         <text x=\"{LEFT}\" y=\"18\" font-weight=\"600\">server CPU per message, raw TCP = 1</text>\n"
    );
    let mut put = |what: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        let _ = text.write_fmt(what);
    };
    for tick in [1.0, 2.0, 5.0, 10.0, 20.0, 50.0] {
        let (x, end) = (x_at(tick), height - BOTTOM);
        put(format_args!("<path class=\"grid\" d=\"M{x:.1} {TOP}V{end}\"/>\n"));
        put(format_args!(
            "<text class=\"tick\" x=\"{x:.1}\" y=\"{}\">{tick}×</text>\n",
            end + 18.0
        ));
    }
    let mut y = TOP + LINE / 2.0;
    for scenario in scenarios {
        put(format_args!(
            "<text class=\"name\" x=\"{}\" y=\"{}\">{scenario}</text>\n",
            LEFT - 14.0,
            y + 4.0
        ));
        // The last lies on top.
        for Contestant { name, kind, .. } in echoing().iter().rev() {
            let Some(ratio) = record.ratio(scenario, name, RAW, CPU) else { continue };
            let class = match kind {
                Kind::Floor => continue,
                Kind::Ours => "ours",
                Kind::Peer => "peer",
            };
            let (x, r) = (x_at(ratio.median), if *kind == Kind::Ours { 6 } else { 4 });
            put(format_args!(
                "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y}\" r=\"{r}\"><title>{name}: {}× ({})</title></circle>\n",
                ratio.shown(),
                ratio.quartiles()
            ));
        }
        y += LINE;
    }
    put(format_args!(
        "<circle class=\"ours\" cx=\"{LEFT}\" cy=\"{0}\" r=\"6\"/><text x=\"{1}\" y=\"{2}\">wirelet</text>\n\
         <circle class=\"peer\" cx=\"{3}\" cy=\"{0}\" r=\"4\"/><text x=\"{4}\" y=\"{2}\">a peer</text>\n</svg>\n",
        height - 14.0,
        LEFT + 12.0,
        height - 10.0,
        LEFT + 90.0,
        LEFT + 100.0,
    ));
    text
}

/// On a scale of powers; what is beyond is drawn at its end.
fn x_at(ratio: f64) -> f64 {
    let place = (ratio / FROM).log10() / (TO / FROM).log10();
    LEFT + place.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
}

const WIDTH: f64 = 760.0;
const LEFT: f64 = 100.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 56.0;
const LINE: f64 = 26.0;
const FROM: f64 = 0.8;
const TO: f64 = 50.0;

const STYLE: &str = "text { fill: #1b1f24 }
.tick { text-anchor: middle }
.name { text-anchor: end }
.grid { stroke: #d8dee4 }
.peer { fill: #8c959f; fill-opacity: .75 }
.ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .grid { stroke: #30363d }
  .peer { fill: #7d8590 }
  .ours { fill: #58a6ff }
}
";
