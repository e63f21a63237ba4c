"""From the samples of all rounds to medians, ratios, tables and verdicts."""
import dataclasses
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess

from . import contestants, servers


@dataclasses.dataclass
class Row:
    """One contestant in one work: a list has one number a round."""

    name: str
    role: str
    rates: list = dataclasses.field(default_factory=list)  # entries a second
    cpu: list = dataclasses.field(default_factory=list)  # seconds a million entries
    rss: list = dataclasses.field(default_factory=list)  # MiB
    busy: list = dataclasses.field(default_factory=list)  # of one core, by the cache
    others: list = dataclasses.field(default_factory=list)  # cores used by what is not measured
    firsts: list = dataclasses.field(default_factory=list)  # second run: how much quicker than the first
    origin_requests: list = dataclasses.field(default_factory=list)
    failures: list = dataclasses.field(default_factory=list)  # sentences

    @property
    def rate(self):
        return statistics.median(self.rates)

    @property
    def cpu_per_million(self):
        return statistics.median(self.cpu)


@dataclasses.dataclass
class Outcome:
    work: object
    entries: int
    rows: dict = dataclasses.field(default_factory=dict)
    left_out: dict = dataclasses.field(default_factory=dict)  # contestant: why

    def measured(self, *roles):
        return [row for row in self.rows.values() if row.rates and row.role in roles]

    def stoker(self):
        """The settings that a user gets without asking."""
        return self.rows.get("stoker") if self.rows.get("stoker") and self.rows["stoker"].rates else None


def fastest(rows):
    return max(rows, key=lambda row: row.rate, default=None)


def opponent(outcome, against):
    peers = outcome.measured("peer", "limit")
    if against == "best peer":
        return fastest(outcome.measured("peer"))
    if against == "go":
        return fastest(row for row in peers if row.name.startswith("go-"))
    return next((row for row in peers if row.name == against), None)


def verdicts(outcome):
    """One sentence a bar: what it asks for, what was measured, and whether that is enough."""
    ours = outcome.stoker()
    for bar in outcome.work.bars if ours else ():
        if bar.busy is not None:
            yield verdict(statistics.median(ours.busy), bar.busy, "of a core used by the cache", True)
            continue
        theirs = opponent(outcome, bar.against)
        if theirs is None:
            continue
        name = theirs.name if theirs.name == bar.against else f"{bar.against} ({theirs.name})"
        if bar.speed is not None:
            yield verdict(ours.rate / theirs.rate, bar.speed, f"times the speed of {name}", True)
        if bar.cpu is not None:
            yield verdict(ours.cpu_per_million / theirs.cpu_per_million, bar.cpu,
                          f"times the CPU per entry of {name}", False)


def verdict(value, bar, what, at_least):
    met = value >= bar if at_least else value <= bar
    return f"{'met  ' if met else 'below'} {value:.2f} {what} (wanted: at {'least' if at_least else 'most'} {bar:g})"


def table(outcome):
    """A Markdown table that reads well in a terminal, too."""
    ours = outcome.stoker()
    header = ["", "entries/s", "lowest - highest", "Stoker is", "CPU s/M", "Stoker's CPU is", "peak MiB", "cache busy"]
    if outcome.work.second:
        header += ["vs first run", "origin asked"]
    lines = [header]
    for row in sorted(outcome.measured("stoker", "peer", "limit"), key=lambda row: -row.rate):
        limit = row.role == "limit"
        line = [row.name + (" (limit)" if limit else ""), f"{row.rate:,.0f}",
                f"{min(row.rates):,.0f} - {max(row.rates):,.0f}",
                "" if ours is None or row is ours else f"{ours.rate / row.rate:.2f}x",
                "" if limit else f"{row.cpu_per_million:.2f}",
                "" if ours is None or limit or row is ours else f"{ours.cpu_per_million / row.cpu_per_million:.2f}x",
                "" if limit else f"{statistics.median(row.rss):.0f}",
                f"{statistics.median(row.busy):.0%}"]
        if outcome.work.second:
            line += [f"{statistics.median(row.firsts):.1f}x", f"{max(row.origin_requests):,}"]
        lines.append(line)
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    shown = ["| " + " | ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                               for column, (cell, width) in enumerate(zip(line, widths))) + " |" for line in lines]
    rule = "| " + " | ".join("---".ljust(width) if column == 0 else "--:".rjust(width)
                             for column, width in enumerate(widths)) + " |"
    return "\n".join([shown[0], rule, *shown[1:]])


def text(outcome):
    rounds = max((len(row.rates) for row in outcome.rows.values()), default=0)
    others = [share for row in outcome.rows.values() for share in row.others]
    parts = [f"### {outcome.work.name}: {outcome.work.about}", "",
             f"{outcome.entries:,} entries of {outcome.work.value_bytes:,} B, median of {rounds} rounds"
             + (f"; other processes had {statistics.median(others):.2f} cores" if others else ""), ""]
    if outcome.measured("stoker", "peer", "limit"):
        parts += [table(outcome), ""]
    parts += [f"- {sentence}" for sentence in verdicts(outcome)]
    parts += [f"- left out: {name}: {why}" for name, why in outcome.left_out.items()]
    parts += [f"- failed: {row.name}: {why}" for row in outcome.rows.values() for why in row.failures]
    return "\n".join(parts) + "\n"


def first_line(*command):
    try:
        done = subprocess.run(command, text=True, capture_output=True, timeout=20)
    except OSError:
        return "not installed"
    return (done.stdout + done.stderr).strip().split("\n")[0]


def conditions(stoker):
    """What the figures depend on: the machine and the versions of all programs."""
    cpu = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "cpu": f"{os.cpu_count()} x {cpu.group(1) if cpu else platform.machine()}",
        "kernel": platform.release(),
        "load average": pathlib.Path("/proc/loadavg").read_text().split()[0],
        "stoker": first_line(str(stoker), "version"),
        "redis": first_line("redis-server", "--version"),
        "memcached": first_line("memcached", "--version"),
        "nginx": first_line("/usr/sbin/nginx", "-v"),
        "postgres": first_line(f"{servers.Postgres.BIN}/postgres", "--version"),
        "go": f"{first_line(contestants.find_go(), 'env', 'GOVERSION')}, {contestants.pinned('go')}",
        "node": f"{first_line('node', '--version')}, {contestants.pinned('node')}",
        "python": f"{first_line('/usr/bin/python3', '--version')}, {contestants.pinned('python')}",
        "curl": first_line("curl", "--version").split(" (")[0],
        "wrk": first_line("wrk", "-v").split(" [")[0],
    }


def as_json(facts, outcomes, paced=()):
    def of(outcome):
        return {"work": outcome.work.name, "about": outcome.work.about, "entries": outcome.entries,
                "valueBytes": outcome.work.value_bytes, "contestants": [dataclasses.asdict(row) for row in
                                                                        outcome.rows.values()],
                "verdicts": list(verdicts(outcome)), "leftOut": outcome.left_out}
    return json.dumps({"conditions": facts, "works": [of(outcome) for outcome in outcomes],
                       "pacing": [dataclasses.asdict(result) for result in paced]}, indent=2)
