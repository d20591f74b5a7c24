//! A plot in SVG: a line for each case, on it a dot for each contender, at how many times the limit
//! it takes.

use std::fmt::Write;

use crate::figures::{Figures, Row};
use crate::table::{best_peer, is_peer};

/// Draws all cases that have a limit.
pub(crate) fn draw(figures: &Figures) -> String {
    let rows: Vec<&Row> = figures.rows().iter().filter(|row| row.time("limit").is_some()).collect();
    let groups: Vec<&[&Row]> = rows.chunk_by(|row, next| row.group == next.group).collect();
    let height = TOP + LINE * (rows.len() + 2 * groups.len()) + LINE;
    let mut out = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="11">
<style>{STYLE}</style>
<text class="title" x="{LEFT}" y="16">Time as a multiple of a hand-written limit</text>
<circle class="wirelet" cx="{LEFT}" cy="30" r="4"/><text x="{x_ours}" y="34">wirelet</text>
<circle class="peer" cx="{x_peer}" cy="30" r="3"/><text x="{x_peers}" y="34">each peer</text>
<text class="tick" x="{x_best}" y="54">/ best peer</text>
"#,
        x_ours = LEFT + 10,
        x_peer = LEFT + 80,
        x_peers = LEFT + 90,
        x_best = RIGHT + 40,
    );
    grid(&mut out, height);
    let mut y = TOP;
    for group in groups {
        y += 2 * LINE;
        let _ =
            writeln!(out, r#"<text class="title" x="10" y="{}">{}</text>"#, y - 4, group[0].group);
        for row in group {
            line(&mut out, row, y + LINE / 2);
            y += LINE;
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Draws a case at height `y`.
fn line(out: &mut String, row: &Row, y: usize) {
    let text = y + 4;
    let _ = writeln!(out, r#"<text class="case" x="{}" y="{text}">{}</text>"#, LEFT - 10, row.case);
    let peers = row.names().filter(|name| is_peer(name));
    for (class, name, radius) in
        peers.map(|name| ("peer", name, 3)).chain([("wirelet", "wirelet", 4)])
    {
        if let Some(ratio) = row.ratio(name, "limit") {
            let _ = writeln!(
                out,
                r#"<circle class="{class}" cx="{:.1}" cy="{y}" r="{radius}"><title>{name} {}</title></circle>"#,
                x(ratio.median),
                ratio.shown(),
            );
        }
    }
    if let Some(peer) = best_peer(row)
        && let Some(ratio) = row.ratio("wirelet", peer)
    {
        let _ =
            writeln!(out, r#"<text x="{}" y="{text}">{} {peer}</text>"#, RIGHT + 10, ratio.shown());
    }
}

/// Draws the axis.
fn grid(out: &mut String, height: usize) {
    for ratio in [1, 2, 5, 10, 20, 50, 100] {
        let at = x(f64::from(ratio));
        let class = if ratio == 1 { "limit" } else { "grid" };
        let _ = writeln!(
            out,
            r#"<line class="{class}" x1="{at:.1}" y1="{TOP}" x2="{at:.1}" y2="{}"/><text class="tick" x="{at:.1}" y="{}">{ratio}×</text>"#,
            height - LINE,
            TOP - 6,
        );
    }
}

/// Places a ratio on the logarithmic axis; what is beyond its ends stands at them.
fn x(ratio: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    let (left, right) = (LEFT as f64, RIGHT as f64);
    let at = (ratio / LEAST).ln() / (MOST / LEAST).ln();
    left + (right - left) * at.clamp(0.0, 1.0)
}

const STYLE: &str = "\
    text { fill: #333 } .title { font-weight: bold } .case { text-anchor: end } \
    .tick { text-anchor: middle } .grid { stroke: #ddd } .limit { stroke: #888 } \
    .peer { fill: #999; fill-opacity: 0.6 } .wirelet { fill: #06c } \
    @media (prefers-color-scheme: dark) { \
    text { fill: #ccc } .grid { stroke: #333 } .limit { stroke: #888 } .wirelet { fill: #4af } }";

/// The ends of the axis.
const LEAST: f64 = 0.5;
const MOST: f64 = 120.0;

/// Pixels.
const WIDTH: usize = 860;
const LEFT: usize = 140;
const RIGHT: usize = 660;
const TOP: usize = 60;
const LINE: usize = 14;
