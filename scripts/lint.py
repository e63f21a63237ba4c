#!/usr/bin/python3
"""Holds the sources to the project's rules; exits 1 and says where they break one.

lint.py [--jobs N] BUILD     BUILD is a configured build folder (its compile_commands.json is read)

Formatting, clang-tidy, shell syntax, YAML syntax, and the rules of CONTRIBUTING.md that a program can judge.
clang-tidy takes seconds a unit, so a unit that was clean is remembered by the content of every file that it
includes, of .clang-tidy and of the compiler command: nothing is judged twice, in whichever clone it lies.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "stoker/tidy"
TIDY = "clang-tidy-19"
FORMAT = "clang-format-19"
CLANG = "clang++-19"
PRODUCT = ("controller", "cmd")  # what clang-tidy judges; tests as well with --tests
MAX_LINES = 500
KEPT_RESULTS = 12  # of one unit: as many branches or clones as are worked on at once


def run(*command, **options):
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, **options)


def tracked(*patterns):
    """Files that git knows or would add, so that a new file is judged before its first commit."""
    listed = run("git", "ls-files", "-co", "--exclude-standard", "--", *patterns, check=True).stdout
    return [name for name in listed.splitlines() if (ROOT / name).is_file()]


# ---- clang-tidy, remembered ----------------------------------------------------------------------


class Digests:
    """SHA-256 of files, each read once a run."""

    def __init__(self):
        self._known = {}

    def of(self, path):
        if path not in self._known:
            try:
                self._known[path] = hashlib.sha256((ROOT / path).read_bytes()).hexdigest()
            except OSError:
                self._known[path] = None
        return self._known[path]


class TidyCache:
    """Remembers the units that were clean: {key of the command: [{included file: digest}, ...]}."""

    def __init__(self, digests, salt):
        self._digests, self._salt = digests, salt
        CACHE.mkdir(parents=True, exist_ok=True)

    def _file(self, unit):
        # The clone's own path must not matter: paths below it are written relative to it.
        command = unit["command"].replace(str(ROOT) + "/", "").replace(str(ROOT), ".")
        return CACHE / (hashlib.sha256(f"{self._salt}\0{command}".encode()).hexdigest() + ".json")

    def clean(self, unit):
        try:
            results = json.loads(self._file(unit).read_text())
        except (OSError, ValueError):
            return False
        return any(all(self._digests.of(p) == d for p, d in result.items()) for result in results)

    def remember(self, unit, includes):
        path = self._file(unit)
        try:
            results = json.loads(path.read_text())
        except (OSError, ValueError):
            results = []
        results = [{p: self._digests.of(p) for p in includes}] + results[: KEPT_RESULTS - 1]
        aside = path.with_suffix(f".{os.getpid()}.{hash(unit['file'])}")
        aside.write_text(json.dumps(results))
        aside.rename(path)


def units(build, folders):
    """The project's own translation units, each once, with the command that compiles it."""
    seen = {}
    for entry in json.loads((ROOT / build / "compile_commands.json").read_text()):
        file = pathlib.Path(entry["file"])
        if any(file.is_relative_to(ROOT / folder) for folder in folders):
            words = shlex.split(entry["command"])
            words = words[next(i for i, word in enumerate(words) if "clang++" in word):]
            entry["command"] = shlex.join(words)
            seen[str(file.relative_to(ROOT))] = entry
    return seen


def includes_of(unit):
    """Every file that a unit includes; paths inside the clone are relative to it."""
    words = shlex.split(unit["command"])
    output = words.index("-o")
    words = [w for i, w in enumerate(words) if i not in (output, output + 1) and w not in ("-c", "-MD")]
    rule = subprocess.run(words + ["-M"], cwd=unit["directory"], text=True, capture_output=True)
    if rule.returncode:
        return None
    names = rule.stdout.replace("\\\n", " ").split()[1:]
    paths = (os.path.normpath(os.path.join(unit["directory"], name)) for name in names)
    return [p[len(str(ROOT)) + 1:] if p.startswith(f"{ROOT}/") else p for p in paths]


def check_tidy(build, jobs, folders):
    version = run(TIDY, "--version", check=True).stdout
    digests = Digests()
    cache = TidyCache(digests, version + (ROOT / ".clang-tidy").read_text())
    everything = units(build, folders)
    due = {name: unit for name, unit in everything.items() if not cache.clean(unit)}
    print(f"clang-tidy: {len(everything)} units, {len(due)} changed since they were last clean", flush=True)

    def judge(item):
        name, unit = item
        result = run(TIDY, "--quiet", f"-p={build}", name)
        if result.returncode == 0:
            included = includes_of(unit)
            if included:
                cache.remember(unit, included)
            return None
        return result.stdout.strip() or result.stderr.strip()

    # The largest first, so that none is left alone at the end.
    order = sorted(due.items(), key=lambda item: -(ROOT / item[0]).stat().st_size)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        findings = [text for text in pool.map(judge, order) if text]
    # A header's finding comes once for every unit that includes it.
    lines = "\n".join(findings).replace(f"{ROOT}/", "")
    blocks = re.split(r"(?m)^(?=[^\s:]+:\d+:\d+: (?:error|warning))", lines)
    return list(dict.fromkeys(block.rstrip() for block in blocks if block.strip()))


# ---- the rest --------------------------------------------------------------------------------------


def check_format(sources):
    result = run(FORMAT, "--dry-run", "-Werror", *sources)
    places = re.findall(r"(?m)^(\S+?:\d+):\d+: error", result.stderr)
    firsts = {place.split(":")[0]: place for place in reversed(places)}
    return [f"{place}: not as clang-format wants it (make format)" for place in sorted(firsts.values())]


def check_headers(headers):
    findings = []
    for name in headers:
        text = (ROOT / name).read_text()
        if not re.match(r"#pragma once\n\n// \S", text):
            findings.append(f"{name}:1: starts with '#pragma once', an empty line, and a comment that says "
                            "which problem it solves")
    return findings


def check_includes(sources):
    """cpprestsdk's headers and Asio's define the same names, and std::regex overflows the stack on long lines."""
    for name in sources:
        text = (ROOT / name).read_text()
        included = {kind for kind in ("cpprest", "pplx", "asio") if re.search(rf"#include <{kind}[/.]", text)}
        if "asio" in included and len(included) > 1:
            yield f"{name}: includes cpprestsdk and Asio; keep them in units of their own"
        if name.endswith(".h") and included & {"cpprest", "pplx"}:
            yield f"{name}: a header that includes cpprestsdk; hide it behind Transport"
        if "#include <regex>" in text:
            yield f"{name}: std::regex; use RE2"


def check_length(sources):
    for name in sources:
        lines = (ROOT / name).read_text().count("\n")
        if lines > MAX_LINES:
            yield f"{name}: {lines} lines, more than {MAX_LINES}: probably two rooms in one"


def check_shell(scripts):
    for name in scripts:
        result = run("bash", "-n", name)
        if result.returncode:
            yield result.stderr.strip()


def check_yaml(files):
    for name in files:
        try:
            list(yaml.safe_load_all((ROOT / name).read_text()))
        except yaml.YAMLError as error:
            yield f"{name}: {error}"


def shell_scripts():
    for name in tracked("scripts", "packaging", "tests/cluster", ".ci", "*.sh"):
        with open(ROOT / name, "rb") as file:
            if re.match(rb"#!.*\b(ba)?sh\b", file.readline()):
                yield name


def main():
    parser = argparse.ArgumentParser(description="Holds the sources to the project's rules.")
    parser.add_argument("build", help="a configured build folder, such as build/lint")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--tests", action="store_true", help="clang-tidy judges tests/ too (slow)")
    args = parser.parse_args()
    folders = (*PRODUCT, "tests") if args.tests else PRODUCT

    headers, sources = tracked("*.h"), tracked("*.h", "*.cc")
    manifests = [f for f in tracked("*.yaml", "*.yml") if not f.startswith(("tests/corpus/", "charts/stoker/templates/"))]
    findings = [
        *check_format(sources),
        *check_headers(headers),
        *check_includes(sources),
        *check_length(sources),
        *check_shell(shell_scripts()),
        *check_yaml(manifests),
        *check_tidy(args.build, args.jobs, folders),
    ]
    for finding in findings:
        print(finding)
    print(f"lint: {len(findings)} findings" if findings else "lint: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
