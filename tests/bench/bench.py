#!/usr/bin/python3
"""Measures Stoker and its peers on the same work, in turn, on this machine; prints medians, ratios and verdicts.

bench.py [NAME...] [--rounds N] [--entries N] [--only CONTESTANT,...] [--stoker PATH] [--output text|json] [--list]

NAME is a work (--list shows them); none: all. Every measurement has fresh servers, and counts only if the cache
then holds what it should. Exit code 0: all that could run was measured; 1: a run failed or left a wrong cache.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from harness import contestants, measure, pacing, report, servers, works


PACING = "pacing"  # has no contestants but fixed rates
PAIRS = 5
USERS = 10_000  # whose p99 is told, idle and during a run of so many entries
PACED_ENTRIES = 8_000


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a work; none: all")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--entries", type=int, help="instead of each work's own number")
    parser.add_argument("--only", help="contestants, separated by commas")
    parser.add_argument("--stoker", type=pathlib.Path, default=contestants.STOKER["path"], help="the program")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    parser.add_argument("--list", action="store_true", help="show the works and the contestants")
    options = parser.parse_args()
    for name in options.names:
        if name not in works.WORKS and name != PACING:
            parser.error(f"no work {name!r}; there are: {', '.join(works.WORKS)}, {PACING}")
    options.chosen = set(options.only.split(",")) if options.only else set(contestants.CONTESTANTS)
    if unknown := options.chosen - set(contestants.CONTESTANTS):
        parser.error(f"no contestant {', '.join(unknown)}; there are: {', '.join(contestants.CONTESTANTS)}")
    if not options.stoker.is_file():
        parser.error(f"{options.stoker} is not there: make build, or name another one by --stoker")
    if options.rounds < 1 or (options.entries or 1) < 1:
        parser.error("--rounds and --entries must be at least 1")
    return options


def build(chosen):
    """Builds the peers; returns why some cannot take part."""
    unbuilt = {}
    for language in dict.fromkeys(contestants.CONTESTANTS[name].language for name in chosen):
        if not language:
            continue
        say(f"building the {language} peer")
        try:
            contestants.build_peer(language)
        except (contestants.Unbuilt, OSError) as error:
            unbuilt[language] = str(error)
    return unbuilt


class Bench:
    def __init__(self, options, folder, unbuilt):
        self._options, self._folder, self._unbuilt = options, folder, unbuilt
        self._certificate = servers.Certificate(folder / "tls")

    def measure(self, work):
        entries = self._options.entries or work.entries
        outcome = report.Outcome(work, entries)
        takes_part = []
        for name in work.contestants:
            if name not in self._options.chosen:
                continue
            contestant = contestants.CONTESTANTS[name]
            why = self._unbuilt.get(contestant.language) or self._refusal(work, contestant)
            if why:
                outcome.left_out[name] = why
            else:
                takes_part.append(contestant)
                outcome.rows[name] = report.Row(name, contestant.role)
        if not takes_part:
            return outcome
        with works.Scene(work, entries, self._fresh("scene"), self._certificate).open() as scene:
            for number in range(self._options.rounds):
                turn = number % len(takes_part)
                for contestant in takes_part[turn:] + takes_part[:turn]:
                    self._round(scene, contestant, outcome.rows[contestant.name], number)
        for left in self._folder.glob("resp-*"):
            left.unlink()
        return outcome

    def _fresh(self, name):
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def _refusal(self, work, contestant):
        """Why this Stoker cannot do the work: it says so itself."""
        if contestant.role != "stoker":
            return None
        with (works.Scene(work, 1, self._fresh("scene"), self._certificate).open() as scene,
              works.Stage(scene, 1, self._fresh("stage")).open() as stage):
            file = stage.policy()
            judged = subprocess.run([contestants.STOKER["path"], "validate", "-f", file], text=True,
                                    capture_output=True)
        return None if judged.returncode == 0 else (judged.stdout + judged.stderr).strip().replace(f"{file}: ", "")

    def _round(self, scene, contestant, row, number):
        count = max(1, round(scene.entries * contestant.share)) if scene.work.source != "sql" else scene.entries
        say(f"{scene.work.name} {number + 1}/{self._options.rounds} {contestant.name}")
        try:
            with works.Stage(scene, count, self._fresh("stage")).open() as stage:
                self._run(stage, contestant, row)
        except (measure.RunFailed, works.WrongOutcome, servers.ServerError, subprocess.SubprocessError) as error:
            row.failures.append(str(error))
            say(f"  failed: {error}")

    def _run(self, stage, contestant, row):
        def once():
            return measure.run(contestant.command(stage), stage.folder / "log", stage.cache, stage.servers,
                               contestant.stdin(stage) if contestant.stdin else None)

        sample = once()
        if stage.work.second:
            asked = stage.nginx.requests()
            first, sample = sample, once()
            row.firsts.append(first.seconds / sample.seconds)
            row.origin_requests.append(stage.nginx.requests() - asked)
        if contestant.role == "limit":
            row.rates.append(contestants.limit_rate(sample.output))
        else:
            stage.check()
            row.rates.append(stage.count / sample.seconds)
        row.cpu.append(sample.cpu_seconds * 1e6 / stage.count)
        row.rss.append(sample.rss_mib)
        row.busy.append(sample.busy)
        row.others.append(sample.others)


def measure_pacing(options, folder):
    pacing.PROGRAM["path"] = options.stoker.parent / "slot_origin"
    entries = options.entries or PACED_ENTRIES
    users = max(1000, USERS * entries // PACED_ENTRIES)
    return [pacing.run(service, options.stoker.resolve(), folder, min(options.rounds, PAIRS), entries, users, say)
            for service in pacing.SERVICES]


def main():
    options = parse()
    if options.list:
        for work in works.WORKS.values():
            print(f"{work.name:12} {work.about}: {', '.join(work.contestants)}")
        print(f"{PACING:12} an origin's users beside an adaptive run: idle, fixed rates")
        return 0
    contestants.STOKER["path"] = options.stoker.resolve()
    names = options.names or [*works.WORKS, PACING]
    chosen = [works.WORKS[name] for name in names if name != PACING]
    unbuilt = build(sorted({name for work in chosen for name in work.contestants} & options.chosen))
    facts = report.conditions(options.stoker)
    outcomes = []
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # no disk's noise
    with tempfile.TemporaryDirectory(prefix="stoker-bench-", dir=memory) as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user
        bench = Bench(options, pathlib.Path(folder), unbuilt)
        if options.output == "text":
            print("\n".join(f"{name}: {fact}" for name, fact in facts.items()) + "\n", flush=True)
        for work in chosen:
            outcomes.append(bench.measure(work))
            if options.output == "text":
                print(report.text(outcomes[-1]), flush=True)
        paced = measure_pacing(options, pathlib.Path(folder)) if PACING in names else []
        if options.output == "text":
            for result in paced:
                print(pacing.text(result), flush=True)
    if options.output == "json":
        print(report.as_json(facts, outcomes, paced))
    failed = [row for outcome in outcomes for row in outcome.rows.values() if row.failures]
    return 1 if failed or any(result.failures for result in paced) else 0


if __name__ == "__main__":
    sys.exit(main())
