"""The bench as one page that needs nothing else: detection against severity, and the table behind it."""

from __future__ import annotations

import html
from importlib.resources import files
from typing import TYPE_CHECKING

import orjson

from replay.inject.table import calm_lines
from replay.inject.trials import Cell
from replay.intervals import wilson

if TYPE_CHECKING:
    from replay.inject.bench import BenchResult

_COLOURS = ("#1769aa", "#c2410c", "#15803d", "#7e22ce", "#b91c1c", "#0e7490", "#a16207", "#4b5563")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1c2430; }
h1 { font-size: 1.3rem; } table { border-collapse: collapse; width: 100%; margin: 1.5rem 0; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid #d5dbe3; font-variant-numeric:
tabular-nums; } th:first-child, td:first-child { text-align: left; } .note { color: #56606e; }
"""
_SCRIPT = """
const bench = JSON.parse(document.getElementById("bench").textContent);
const box = document.getElementById("plot");
const series = [{ label: "severity" }, ...bench.series.map((one) => ({
  label: one.fault, stroke: one.colour, width: 2, spanGaps: true, points: { show: true, size: 7 },
  value: (_u, v) => v == null ? "-" : v.toFixed(1) + " %",
}))];
new uPlot({
  width: box.clientWidth, height: 420, series,
  scales: { x: { time: false, distr: 3, log: 2 }, y: { range: [0, 101] } },
  axes: [{ label: "severity (1 = moderate)", values: (_u, ticks) => ticks.map(String) }, { label: "detected, %" }],
}, [bench.severities, ...bench.series.map((one) => one.detected)], box);
"""


def bench_page(result: BenchResult) -> str:
    """Make the page.

    Parameters
    ----------
    result : BenchResult
        With at least one trial, or the plot is empty.

    Returns
    -------
    str
        HTML with script, style and data inside; it loads nothing.
    """
    web = files("sinks") / "web"
    severities = sorted({cell.severity for cell in result.cells})
    faults = sorted({cell.fault for cell in result.cells})
    known = {(cell.fault, cell.severity): cell for cell in result.cells}
    series = [
        {
            "fault": fault,
            "colour": _COLOURS[index % len(_COLOURS)],
            "detected": [_detected_pct(known.get((fault, severity))) for severity in severities],
        }
        for index, fault in enumerate(faults)
    ]
    data = orjson.dumps({"severities": severities, "series": series}).decode().replace("<", "\\u003c")
    calm = "".join(f"<li>{html.escape(line)}</li>" for line in calm_lines(result))
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Injected faults</title>
<style>{(web / "uplot.css").read_text(encoding="utf-8")}{_STYLE}</style>
<h1>Injected faults: how many are found</h1>
<div id="plot"></div>
<table><thead><tr><th>fault</th><th>severity</th><th>trials</th><th>detected</th><th>95 % interval</th>
<th>median delay</th><th>p90</th><th>p99</th><th>right class</th></tr></thead>
<tbody>{"".join(_table_row(cell) for cell in result.cells)}</tbody></table>
<p class="note">Delays are stream time, of the faults found. Configuration {html.escape(result.config_hash)}.
False alerts:</p><ul class="note">{calm}</ul>
<script type="application/json" id="bench">{data}</script>
<script>{(web / "uplot.js").read_text(encoding="utf-8")}</script>
<script>{_SCRIPT}</script>
</html>
"""


def _detected_pct(cell: Cell | None) -> float | None:
    return None if cell is None else 100.0 * cell.n_detected / len(cell.trials)


def _table_row(cell: Cell) -> str:
    low, high = wilson(cell.n_detected, len(cell.trials))
    delays = [f"{cell.delay_s(percent):.2f} s" if cell.n_detected else "-" for percent in (50, 90, 99)]
    right = f"{100 * cell.n_right / cell.n_detected:.0f} %" if cell.n_detected else "-"
    values = (
        html.escape(cell.fault),
        f"{cell.severity:g}",
        str(len(cell.trials)),
        f"{100 * cell.n_detected / len(cell.trials):.1f} %",
        f"{100 * low:.0f} to {100 * high:.0f} %",
        *delays,
        right,
    )
    return f"<tr>{''.join(f'<td>{value}</td>' for value in values)}</tr>"
