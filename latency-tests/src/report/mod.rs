//! `report DIR… --html FILE`: runs as one page that needs nothing else: no script, no font, no picture from elsewhere.
//!
//! For each log of the runs, one plot: latency against percentile, both logarithmic, a line for each run and stage; then all figures beside
//! each other, and each run's machine. What each figure includes is in `docs/latency-tests.md`.

mod plot;

use crate::figures::{Span, plain};
use crate::results::Results;
use plot::Line;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Lines of one plot; more cannot be told apart.
const LINES_MAX: usize = 16;

const STYLE: &str = "body{font:14px sans-serif;max-width:960px;margin:2em auto;color:#222}\
table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #ccc;padding:2px 8px;text-align:left}\
td.n{text-align:right;font-variant-numeric:tabular-nums}svg{display:block;margin:1em 0}";

/// What `report` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// Folders of runs, as --out made them
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// The page to write
    #[arg(long, value_name = "FILE")]
    html: PathBuf,
}

struct Run {
    name: String,
    results: Results,
}

/// Runs.
pub(crate) fn run(args: &ReportArgs) -> Result<bool, Box<dyn Error>> {
    let read = |path: &PathBuf| Ok::<_, Box<dyn Error>>(Run { name: path.display().to_string(), results: Results::read(path)? });
    let runs = args.runs.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    std::fs::write(&args.html, page(&runs)?).map_err(|error| format!("{}: {error}", args.html.display()))?;
    println!("{}", args.html.display());
    Ok(true)
}

fn page(runs: &[Run]) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>latency-tests</title><style>{STYLE}</style></head>\n<body>"
    )?;
    writeln!(out, "<h1>latency-tests</h1>")?;
    let logs: BTreeSet<&str> = runs.iter().flat_map(|run| &run.results.spans).map(|span| span.log.as_str()).collect();
    for log in logs {
        writeln!(out, "<h2>{}</h2>", escaped(log))?;
        let lines: Vec<Line<'_>> = runs.iter().flat_map(|run| lines_of(run, log, runs.len() > 1)).collect();
        for lines in lines.chunks(LINES_MAX) {
            plot::write(&mut out, lines)?;
        }
    }
    writeln!(out, "<h2>Figures</h2>")?;
    table(&mut out, runs, |results| &results.figures)?;
    writeln!(out, "<h2>Machines</h2>")?;
    table(&mut out, runs, |results| &results.env)?;
    writeln!(out, "</body></html>")?;
    Ok(out)
}

fn lines_of<'a>(run: &'a Run, log: &'a str, named: bool) -> impl Iterator<Item = Line<'a>> {
    let spans = run.results.spans.iter().filter(move |span: &&Span| span.log == log && !span.histogram.is_empty());
    spans.map(move |span| Line {
        name: if named { format!("{}: {}", run.name, span.tag) } else { span.tag.clone() },
        histogram: &span.histogram,
    })
}

/// A row for each name, a column for each run.
fn table(out: &mut String, runs: &[Run], of: impl Fn(&Results) -> &Map<String, Value>) -> std::fmt::Result {
    let names: BTreeSet<&String> = runs.iter().flat_map(|run| of(&run.results).keys()).collect();
    write!(out, "<table><tr><th></th>")?;
    for run in runs {
        write!(out, "<th>{}</th>", escaped(&run.name))?;
    }
    writeln!(out, "</tr>")?;
    for name in names {
        write!(out, "<tr><td>{}</td>", escaped(name))?;
        for run in runs {
            let value = of(&run.results).get(name).map(plain).unwrap_or_default();
            write!(out, "<td class=\"n\">{}</td>", escaped(&value))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</table>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::histogram;

    fn a_run(name: &str) -> Run {
        let mut latencies = histogram();
        for latency in 1..=10_000 {
            latencies.record(latency * 1_000).unwrap();
        }
        let span = Span { log: "wire.burst".into(), tag: "order_sync".into(), histogram: latencies };
        let figures = Map::from_iter([("wire.burst.p50_us".to_owned(), Value::from(5_000.5))]);
        let env = Map::from_iter([("cpu".to_owned(), Value::from("A<B & \"C\""))]);
        Run { name: name.into(), results: Results { env, figures, rounds: Default::default(), spans: vec![span] } }
    }

    #[test]
    fn a_page_has_the_runs_plots_and_figures_and_fetches_nothing() {
        let page = page(&[a_run("before"), a_run("after")]).unwrap();
        for part in ["before: order_sync", "after: order_sync", "wire.burst.p50_us", "5000.5", "A&lt;B &amp; &quot;C&quot;"] {
            assert!(page.contains(part), "{part}");
        }
        assert_eq!(page.matches("<polyline").count(), 2);
        for foreign in ["<script", "http", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn stages_that_measured_nothing_have_no_line() {
        let mut run = a_run("empty");
        run.results.spans[0].histogram = histogram();
        assert!(!page(&[run]).unwrap().contains("<polyline"));
    }
}
