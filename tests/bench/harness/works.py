"""What is measured: for each work the servers, Stoker's policy, the check of the outcome, and the bars.

To add a work, add a Work to WORKS; contestants are named as in harness/contestants.py.
"""
import base64
import contextlib
import dataclasses
import json
import random

from . import servers

FIRST = 10_000_000  # entries are numbered from here, so that all keys and paths have one length
TTL = 3600  # seconds
CONNECTIONS = 64  # requests at a time, for every contestant
SAMPLES = 50  # values read back after every run


@dataclasses.dataclass(frozen=True)
class Bar:
    """What Stoker has to reach: `speed` and `cpu` are ratios to a contestant, `busy` the cache's share of a core."""

    against: str = ""  # a contestant, "go" for the quickest of Go's, or "best peer"
    speed: float | None = None  # at least
    cpu: float | None = None  # at most, per entry
    busy: float | None = None  # at least


@dataclasses.dataclass(frozen=True)
class Work:
    name: str
    about: str
    source: str  # generated or http
    entries: int
    contestants: tuple
    value_bytes: int = 1024
    tls: bool = False
    gzip: bool = False
    second: bool = False  # the run that counts finds the cache warm
    bars: tuple = ()


class WrongOutcome(Exception):
    """The cache does not hold what the run should have brought; such a run does not count."""


class Stage:
    """The servers of one measurement, and what a contestant has to know of them."""

    def __init__(self, work, count, folder, certificate):
        self.work, self.count, self.folder = work, count, folder
        self.first, self.ttl, self.connections = FIRST, TTL, CONNECTIONS
        self.redis = self.nginx = None
        self.ca = certificate.ca if work.tls else None
        self._certificate = certificate if work.tls else None

    @contextlib.contextmanager
    def open(self):
        try:
            self.redis = servers.Redis(self.folder / "redis")
            if self.work.source == "http":
                self.nginx = servers.Nginx(self.folder / "nginx", len(self.path(FIRST)), self.work.value_bytes,
                                           self._certificate, self.work.gzip)
            yield self
        finally:
            for server in self.servers:
                server.stop()

    @property
    def servers(self):
        return [server for server in (self.redis, self.nginx) if server]

    @property
    def origin(self):
        """The URL that an entry's number is appended to."""
        return f"{self.nginx.url}/v/" if self.nginx else None

    @staticmethod
    def path(number):
        return f"/v/{number}"

    @staticmethod
    def key(number):
        return f"item:{number}"

    def value(self, number):
        if self.nginx:
            return self.nginx.body_of(self.path(number))
        return str(number) + "v" * (self.work.value_bytes - len(str(number)))

    def policy(self):
        """The manifest with which `stoker run` does this work."""
        source = {"name": "items", "pattern": {
            "template": "item:{id}",
            "variables": [{"name": "id", "from": FIRST, "to": FIRST + self.count - 1}]}}
        spec = {
            "sources": [source],
            "targets": [{"name": "cache", "redis": {"address": self.redis.address}, "write": {"ttl": f"{TTL}s"}}],
            "pacing": {"requestsPerSecond": 1_000_000, "burst": 1_000_000, "maxInFlight": CONNECTIONS},
            "success": {"minWarmedPercent": 100},
        }
        secrets = []
        if self.nginx:
            http = {"url": self.origin + "{id}"}
            if self.ca:
                http["tls"] = {"caSecretRef": {"name": "origin", "key": "ca.pem"}}
                secrets.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "origin"}, "data": {
                    "ca.pem": base64.b64encode(self.ca.read_bytes()).decode()}})
            spec["origins"] = [{"name": "origin", "http": http}]
        else:
            source["pattern"]["value"] = self.value(FIRST).replace(str(FIRST), "{id}")
        policy = {"apiVersion": "stoker.dev/v1alpha1", "kind": "WarmingPolicy", "metadata": {"name": self.work.name},
                  "spec": spec}
        file = self.folder / "policy.yaml"  # JSON is YAML
        file.write_text("\n---\n".join(json.dumps(document) for document in [policy, *secrets]))
        return file

    def check(self):
        """Raises WrongOutcome unless the cache holds every entry, and a sample of them the right value and TTL."""
        size = int(self.redis.ask("DBSIZE")[0])
        if size != self.count:
            raise WrongOutcome(f"the cache holds {size} entries instead of {self.count}")
        numbers = random.sample(range(FIRST, FIRST + self.count), min(SAMPLES, self.count))
        values = self.redis.ask(*(f"GET {self.key(number)}" for number in numbers))
        for number, value in zip(numbers, values, strict=True):
            if value != self.value(number):
                raise WrongOutcome(f"{self.key(number)} holds {value[:40]!r}... ({len(value)} bytes)")
        for number, ttl in zip(numbers, self.redis.ask(*(f"TTL {self.key(number)}" for number in numbers))):
            if not TTL - 600 < int(ttl) <= TTL:
                raise WrongOutcome(f"{self.key(number)} has a TTL of {ttl} s instead of {TTL} s")


GO = ("go-64", "go-256", "go-500")
BESIDE_GO = ("stoker", "stoker-1-loop", "go-256")

WORKS = {work.name: work for work in (
    Work("generated", "generated entries into Redis (SET EX NX, fresh keys)", "generated", 1_000_000,
         ("stoker", "stoker-1-loop", *GO, "node", "python", "redis-cli-pipe", "redis-benchmark"),
         bars=(Bar("best peer", speed=0.97), Bar("go", cpu=0.55), Bar(busy=0.95))),
    Work("http", "HTTP origin (nginx) into Redis", "http", 200_000,
         ("stoker", "stoker-1-loop", "go-256", "node", "python", "wrk"),
         bars=(Bar("go", speed=1.4, cpu=0.5), Bar("node", speed=4), Bar("python", speed=8))),
    Work("second-run", "HTTP origin into Redis again, over the warm cache", "http", 200_000,
         ("stoker", "stoker-1-loop", "go-256-probe"), second=True),
    Work("https", "HTTPS origin into Redis", "http", 100_000, (*BESIDE_GO, "wrk"), tls=True),
    Work("gzip", "HTTP origin that answers with gzip", "http", 100_000, BESIDE_GO, gzip=True),
    Work("http-100b", "HTTP origin, values of 100 B", "http", 200_000, (*BESIDE_GO, "wrk"), value_bytes=100),
    Work("http-64k", "HTTP origin, values of 64 KiB", "http", 20_000, (*BESIDE_GO, "wrk"), value_bytes=65_536),
    Work("scale-10k", "10 k generated entries of 100 B", "generated", 10_000, BESIDE_GO, value_bytes=100),
    Work("scale-1m", "1 M generated entries of 100 B", "generated", 1_000_000, BESIDE_GO, value_bytes=100),
    Work("scale-10m", "10 M generated entries of 100 B", "generated", 10_000_000, BESIDE_GO, value_bytes=100),
)}
