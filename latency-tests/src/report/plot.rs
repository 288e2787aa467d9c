//! One plot as SVG: latency against percentile, both logarithmic. To the right each tick has ten times fewer messages above it.

use super::escaped;
use hdrhistogram::Histogram;
use std::fmt::{self, Write as _};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 10.0;
const PLOT_WIDTH: f64 = 570.0;
const PLOT_HEIGHT: f64 = 370.0;
/// Points of a line for each tick of the percentiles.
const POINTS_PER_DECADE: u32 = 20;
/// Percentiles end here: one of a hundred thousand.
const DECADES: u32 = 5;
const COLOURS: [&str; 8] = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f"];

/// One line.
pub(super) struct Line<'a> {
    /// For the legend.
    pub(super) name: String,
    /// Nanoseconds; not empty.
    pub(super) histogram: &'a Histogram<u64>,
}

/// Writes the plot.
pub(super) fn write(out: &mut String, lines: &[Line<'_>]) -> fmt::Result {
    let least = lines.iter().map(|line| line.histogram.min()).min().unwrap_or(1).max(1);
    let most = lines.iter().map(|line| line.histogram.max()).max().unwrap_or(1).max(1);
    let (low, high) = ((least as f64).log10().floor(), (most as f64).log10().ceil().max((least as f64).log10().floor() + 1.0));
    let y = |latency_ns: f64| TOP + PLOT_HEIGHT * (1.0 - (latency_ns.log10() - low) / (high - low));
    let x = |decade: f64| LEFT + PLOT_WIDTH * decade / f64::from(DECADES);
    writeln!(out, "<svg width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-size=\"12\">")?;
    for decade in 0..=DECADES {
        let (at, bottom) = (x(decade.into()), TOP + PLOT_HEIGHT);
        let label = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"][decade as usize];
        writeln!(out, "<line x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>")?;
        writeln!(out, "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>", bottom + 18.0)?;
    }
    for power in low as i32..=high as i32 {
        let (at, right) = (y(10_f64.powi(power)), LEFT + PLOT_WIDTH);
        writeln!(out, "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{right}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>")?;
        writeln!(out, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", LEFT - 6.0, at + 4.0, time(power))?;
    }
    for (index, line) in lines.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let dash = if index < COLOURS.len() { "none" } else { "5 3" };
        write!(out, "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" stroke-dasharray=\"{dash}\" points=\"")?;
        for point in 0..=DECADES * POINTS_PER_DECADE {
            let decade = f64::from(point) / f64::from(POINTS_PER_DECADE);
            let above = 10_f64.powf(-decade);
            // Fewer messages than one lie above the maximum.
            if above * (line.histogram.len() as f64) < 1.0 {
                break;
            }
            let latency_ns = line.histogram.value_at_quantile(1.0 - above).max(1);
            write!(out, "{:.1},{:.1} ", x(decade), y(latency_ns as f64))?;
        }
        writeln!(out, "\"/>")?;
        let at = TOP + 14.0 + 18.0 * index as f64;
        let (from, to) = (LEFT + PLOT_WIDTH + 14.0, LEFT + PLOT_WIDTH + 34.0);
        writeln!(
            out,
            "<line x1=\"{from}\" y1=\"{at}\" x2=\"{to}\" y2=\"{at}\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>"
        )?;
        writeln!(out, "<text x=\"{}\" y=\"{}\">{}</text>", to + 6.0, at + 4.0, escaped(&line.name))?;
    }
    writeln!(out, "</svg>")
}

/// Ten to this power, of nanoseconds.
fn time(power: i32) -> String {
    let unit = ["ns", "µs", "ms", "s"][(power.max(0) as usize / 3).min(3)];
    let below = 3 * (power.max(0) / 3).min(3);
    format!("{} {unit}", 10_i64.pow((power.max(0) - below) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_written_in_the_unit_that_fits() {
        let ticks = [0, 2, 3, 5, 6, 9, 10].map(time);
        assert_eq!(ticks, ["1 ns", "100 ns", "1 µs", "100 µs", "1 ms", "1 s", "10 s"]);
    }
}
