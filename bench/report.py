#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Results as a table, as a picture, and in docs/performance.md.

    bench/report.py           writes all three from bench/results/bench.json
    bench/report.py --check   fails if one of them says something else"""
import html
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench/results"
DOCUMENT = ROOT / "docs/performance.md"
BEGIN, END = "<!-- bench: written by bench/report.py -->\n", "<!-- end of bench -->\n"


def span(values, form="{:.0f}"):
    """Median, and between which values the middle half lies."""
    return "{} ({}-{})".format(*(form.format(values[key]) for key in ("median", "q1", "q3")))


def rows(r):
    """(what, ours, php-fpm, ours / php-fpm) of each measurement that was made."""
    out = []
    if "throughput" in r:
        for name, says in (("hello", "hello"), ("work", "5 ms script")):
            t = r["throughput"][name]
            for key, unit in (("rps", "requests/s"), ("cpu_us", "worker CPU, us/request")):
                out.append((f"{says}: {unit}", span(t[key]["ours"]), span(t[key]["fpm"]),
                            span(t[key]["ratio"], "{:.2f}")))
    if "calls" in r:
        c = r["calls"]
        out.append(("hello: system calls/request", f"{c['ours']:.0f}", f"{c['fpm']:.0f}",
                    f"{c['ours'] / c['fpm']:.2f}"))
    if "cold" in r:
        c = r["cold"]
        out.append(("first request to a cold site, ms; php-fpm: a master of its own",
                    span(c["ours"]), span(c["fpm_master"]), ""))
        out.append(("the same; php-fpm: ondemand, the shared master is there",
                    span(c["ours"]), span(c["fpm_worker"]), ""))
    if "memory" in r:
        m = r["memory"]
        for key, says in (("fpm_each", "a master of its own"), ("fpm_shared", "one shared master")):
            out.append((f"memory per pool of one worker, PSS MiB; php-fpm: {says}",
                        f"{m['ours'] / 1024:.1f}", f"{m[key] / 1024:.1f}",
                        f"{m['ours'] / m[key]:.2f}"))
    if "changes" in r:
        for what in ("add", "remove"):
            c = r["changes"][what]
            out.append((f"{what} a site, ms", span(c["ours"]), span(c["fpm"]), ""))
    return out


def cage_rows(r):
    if "cage" not in r:
        return []
    c = r["cage"]
    return [("hello: worker CPU, us/request", span(c["caged"], "{:.1f}"),
             span(c["bare"], "{:.1f}"), span(c["ratio"], "{:.3f}"), str(c["ratio"]["samples"]))]


def neighbour_rows(r):
    return [(n["says"], span(n["quiet"], "{:.1f}"), span(n["loud"], "{:.1f}"),
             span(n["ratio"], "{:.2f}"), f"{n['errors']} of {n['requests']}")
            for n in r.get("neighbour", {}).values()]


def table(head, body):
    if not body:
        return ""
    lines = [head, tuple("---" for _ in head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n\n"


def markdown(r):
    m = r["machine"]
    text = (f"{m['date']}, commit {m['commit']}: {m['cpus']} CPUs ({m['cpu']}; {m['virtual']}), "
            f"{m['memory_mib']} MiB, {m['system']}, Linux {m['kernel']}, cgroups {m['cgroup']}, "
            f"{m['php_fpm'].split(' (')[0]}, {m['nginx'].removeprefix('nginx version: ')}; "
            f"load before the run {m['load_before']:.1f}.\n\n")
    if r["quick"]:
        text += "A trial run of seconds: the figures mean nothing.\n\n"
    text += table(("", "ours", "php-fpm", "ours / php-fpm"), rows(r))
    text += table(("the price of the cage", "in the cage", "without", "ratio", "pairs"),
                  cage_rows(r))
    text += table(("neighbour's p95 latency, ms", "quiet", "under attack", "ratio", "errors"),
                  neighbour_rows(r))
    return text


def bars(r):
    """(what, unit, ours, theirs) for the picture."""
    out = []
    for what, ours, theirs, _ in rows(r):
        out.append((what, "ours", "php-fpm", float(ours.split()[0]), float(theirs.split()[0])))
    for what, caged, bare, _, _ in cage_rows(r):
        out.append((f"cage: {what}", "in the cage", "without", float(caged.split()[0]),
                    float(bare.split()[0])))
    for what, quiet, loud, _, _ in neighbour_rows(r):
        out.append((f"neighbour's p95, ms: {what}", "under attack", "quiet",
                    float(loud.split()[0]), float(quiet.split()[0])))
    return out


def svg(r):
    """Pairs of bars, each pair to its own scale."""
    parts, y = [], 34
    for what, first, second, a, b in bars(r):
        parts.append(f'<text x="10" y="{y}">{html.escape(what)}</text>')
        for label, value, colour in ((first, a, "#2f6f4f"), (second, b, "#9aa5a0")):
            y += 16
            width = max(1, round(420 * value / (max(a, b) or 1)))
            parts.append(f'<rect x="110" y="{y - 10}" width="{width}" height="12" fill="{colour}"/>'
                         f'<text x="104" y="{y}" text-anchor="end" class="s">{label}</text>'
                         f'<text x="{116 + width}" y="{y}" class="s">{value:g}</text>')
        y += 24
    title = f"tenantd, {r['machine']['date']}: medians" + (" of a trial run" if r["quick"] else "")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{y}" '
            f'viewBox="0 0 640 {y}" font-family="sans-serif" font-size="12">\n'
            "<style>.s { font-size: 11px; fill: #555 }</style>\n"
            f'<rect width="640" height="{y}" fill="#fff"/>\n'
            f'<text x="10" y="16" font-weight="bold">{title}</text>\n' + "\n".join(parts) +
            "\n</svg>\n")


def documents(folder):
    """Path and text of what is made from the results in FOLDER."""
    r = json.loads((folder / "bench.json").read_text())
    return {folder / "table.md": markdown(r), folder / "bench.svg": svg(r)}


def document():
    """docs/performance.md with the table in its place."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    return before + BEGIN + (RESULTS / "table.md").read_text() + END + after


def write(folder):
    for path, text in documents(folder).items():
        path.write_text(text)


def write_document():
    DOCUMENT.write_text(document())


def check():
    wrong = [str(path) for path, text in documents(RESULTS).items() if path.read_text() != text]
    if DOCUMENT.read_text() != document():
        wrong.append(str(DOCUMENT))
    for path in wrong:
        print(f"{path} is not what bench/results/bench.json says; run bench/report.py")
    return bool(wrong)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(check())
    write(RESULTS)
    write_document()
