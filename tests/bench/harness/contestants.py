"""Who is measured: Stoker, its peers (real programs, kept in peers/), and the limit of the machine.

To add a peer, put its program into peers/, build it in build_peer, and add a Contestant to CONTESTANTS. All peers
share one command line (see README.md), so that a work need not know them.
"""
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build/peers"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "stoker"


class Unbuilt(Exception):
    """A peer cannot be built here; the message says why."""


def build(*command, **options):
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True, **options)
    if done.returncode != 0:
        raise Unbuilt(f"{command[0]}: {(done.stderr or done.stdout)[-600:].strip()}")


def find_go():
    for go in (shutil.which("go"), CACHE / "go/bin/go"):
        if go and pathlib.Path(go).exists():
            return go
    return "go"  # whoever calls it says that there is none


def once(folder, inputs, make):
    """Fills the folder by make() unless it was filled from the same inputs already."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in inputs)).hexdigest()
    stamp = folder / "made-from"
    if stamp.exists() and stamp.read_text() == digest:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make()
    stamp.write_text(digest)


def build_peer(language):
    peer = HERE / "peers" / language
    folder = BUILD / language
    if language == "go":
        build(find_go(), "build", "-o", folder / "warm", ".", cwd=peer)
    elif language == "node":
        files = [peer / "package.json", peer / "package-lock.json", peer / "warm.mjs"]

        def install():
            for file in files:
                shutil.copy(file, folder)
            build("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
        once(folder, files, install)
    elif language == "python":
        def install():
            build("/usr/bin/python3", "-m", "venv", folder)
            build(folder / "bin/pip", "install", "--disable-pip-version-check", "--require-hashes", "-r",
                  peer / "requirements.txt")
        once(folder, [peer / "requirements.txt"], install)


def pinned(language):
    """The versions of the libraries that a peer itself names: "undici 6.29.1, ..."."""
    peer = HERE / "peers" / language
    if language == "go":
        direct = re.findall(r"^\t\S+?/([\w-]+)(?:/v\d+)? (v\S+)$", (peer / "go.mod").read_text(), re.M)
    elif language == "node":
        packages = json.loads((peer / "package-lock.json").read_text())["packages"]
        direct = [(name, packages[f"node_modules/{name}"]["version"]) for name in packages[""]["dependencies"]]
    else:
        locked = dict(re.findall(r"^(\S+)==(\S+)", (peer / "requirements.txt").read_text(), re.M))
        direct = [(name, locked[name]) for name in (peer / "requirements.in").read_text().split()]
    return ", ".join(f"{name} {version}" for name, version in direct)


@dataclasses.dataclass(frozen=True)
class Contestant:
    name: str
    command: object  # Stage -> argv
    language: str = ""  # what build_peer builds
    role: str = "peer"  # or stoker; or limit, whose rate is what it says of itself
    share: float = 1  # of the work's entries; rates are what is compared
    stdin: object = None  # Stage -> file, made before the clock starts


def stoker(*flags):
    def command(stage):
        argv = [STOKER["path"], "run", "-q", "-f", stage.policy(), *flags]
        return argv if stage.store or stage.work.through else [*argv, "--target", "memory"]
    return command


STOKER = {"path": ROOT / "build/release/bin/stoker"}


def shared(*program, flags=()):
    def command(stage):
        argv = [*program, "--source", stage.work.source, "--first", stage.first, "--count", stage.count,
                "--bytes", stage.work.value_bytes, "--ttl", stage.ttl, "--connections", stage.connections]
        known = {"--redis": stage.redis and stage.redis.address,
                 "--memcached": stage.memcached and stage.memcached.address, "--origin": stage.origin, "--ca": stage.ca,
                 "--dsn": stage.dsn}
        return [*argv, *(word for flag, value in known.items() if value for word in (flag, value)), *flags]
    return command


def go(batch, *flags):
    return shared(BUILD / "go/warm", flags=("--batch", batch, *flags))


def redis_cli(stage):
    return ["redis-cli", "-p", stage.redis.port, "--pipe"]


def resp_file(stage):
    """What redis-cli --pipe is fed with, kept for the next round."""
    file = stage.folder.parent / f"resp-{stage.count}-{stage.work.value_bytes}"
    if not file.exists():
        with file.open("w") as out:
            for number in range(stage.first, stage.first + stage.count):
                words = ("SET", stage.key(number), stage.value(number), "EX", str(stage.ttl), "NX")
                out.write(f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words))
    return file


def redis_benchmark(stage):
    return ["redis-benchmark", "-p", stage.redis.port, "-q", "-n", stage.count, "-c", 4, "-P", 256,
            "-r", 100_000_000_000, "SET", "item:__rand_int__", "v" * stage.work.value_bytes, "EX", stage.ttl, "NX"]


def curl(stage):
    numbers = f"[{stage.first}-{stage.first + stage.count - 1}]"
    return ["curl", "-sfZ", "--parallel-max", stage.connections, "-o", "/dev/null", stage.origin + numbers]


def wrk(stage):
    return ["wrk", "-t", 1, "-c", stage.connections, "-d", "4s", stage.origin + str(stage.first)]


def limit_rate(output):
    """Requests a second as wrk or redis-benchmark tell them."""
    found = re.findall(r"Requests/sec:\s+([\d.]+)|([\d.]+) requests per second", output)
    return float(next(filter(None, found[-1])))


CONTESTANTS = {contestant.name: contestant for contestant in (
    Contestant("stoker", stoker(), role="stoker"),
    Contestant("stoker-1-loop", stoker("--loops", "1"), role="stoker"),
    Contestant("go-64", go(64), "go"),
    Contestant("go-256", go(256), "go"),
    Contestant("go-500", go(500), "go"),
    Contestant("go-256-probe", go(256, "--probe"), "go"),
    Contestant("node", shared("node", BUILD / "node/warm.mjs"), "node", share=0.5),
    Contestant("python", shared(BUILD / "python/bin/python3", HERE / "peers/python/warm.py"), "python", share=0.2),
    Contestant("redis-cli-pipe", redis_cli, stdin=resp_file),
    Contestant("curl-parallel", curl),
    Contestant("redis-benchmark", redis_benchmark, role="limit"),
    Contestant("wrk", wrk, role="limit"),
)}
