"""What is measured: for each work the servers, Stoker's policy, the check of the outcome, and the bars.

To add a work, add a Work to WORKS; contestants are named as in harness/contestants.py.
"""
import contextlib
import dataclasses
import json
import random
import subprocess

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
    source: str  # generated, http or sql
    entries: int
    contestants: tuple
    value_bytes: int = 1024
    tls: bool = False
    gzip: bool = False
    second: bool = False  # the run that counts finds the cache warm
    memcached: bool = False  # instead of Redis
    through: bool = False  # the cache is an nginx between the contestant and the origin, and has all already
    bars: tuple = ()


class WrongOutcome(Exception):
    """The cache does not hold what the run should have brought; such a run does not count."""


class Scene:
    """What all rounds of a work share: servers that take long to fill."""

    def __init__(self, work, entries, folder, certificate):
        self.work, self.entries = work, entries
        self.certificate = certificate if work.tls else None
        self.database = self.origin = self.cache = None
        self._folder = folder

    @contextlib.contextmanager
    def open(self):
        try:
            if self.work.source == "sql":
                self.database = servers.Postgres(self._folder / "postgres")
                self.database.fill(FIRST, self.entries, self.work.value_bytes)
            if self.work.through:
                self.origin = servers.Nginx(self._folder / "origin", len(path_of(FIRST)), self.work.value_bytes)
                self.cache = servers.NginxCache(self._folder / "cache", self.origin)
                urls = f"{self.cache.url}/v/[{FIRST}-{FIRST + self.entries - 1}]"
                subprocess.run(["curl", "-sfZ", "--parallel-max", str(CONNECTIONS), "-o", "/dev/null", urls], check=True)
            yield self
        finally:
            for server in self.servers:
                server.stop()

    @property
    def servers(self):
        return [server for server in (self.database, self.cache, self.origin) if server]


def path_of(number):
    return f"/v/{number}"


def key_of(number):
    return f"item:{number}"


class Stage:
    """The servers of one measurement, and what a contestant has to know of them."""

    key = staticmethod(key_of)

    def __init__(self, scene, count, folder):
        self.scene, self.work, self.count, self.folder = scene, scene.work, count, folder
        self.first, self.ttl, self.connections = FIRST, TTL, CONNECTIONS
        self.ca = scene.certificate.ca if scene.certificate else None
        self.redis = self.memcached = self._origin = None

    @contextlib.contextmanager
    def open(self):
        try:
            if self.work.memcached:
                self.memcached = servers.Memcached(self.folder / "memcached")
            elif not self.work.through:
                self.redis = servers.Redis(self.folder / "redis")
            if self.work.source == "http" and not self.work.through:
                self._origin = servers.Nginx(self.folder / "nginx", len(path_of(FIRST)), self.work.value_bytes,
                                             self.scene.certificate, self.work.gzip)
            yield self
        finally:
            for server in (self.store, self._origin):
                if server:
                    server.stop()

    @property
    def servers(self):
        return [server for server in (self.store, self._origin, *self.scene.servers) if server]

    @property
    def store(self):
        """The key-value cache that is to be filled, if there is one."""
        return self.redis or self.memcached

    @property
    def cache(self):
        """The server that is to be warm in the end."""
        return self.store or self.scene.cache

    @property
    def nginx(self):
        """The server that is behind the contestant's HTTP requests in the end."""
        return self._origin or self.scene.origin

    @property
    def dsn(self):
        return self.scene.database.url if self.scene.database else None

    @property
    def origin(self):
        """The URL that an entry's number is appended to."""
        server = self.scene.cache or self._origin
        return f"{server.url}/v/" if server else None

    def value(self, number):
        if self.nginx:
            return self.nginx.body_of(path_of(number))
        return str(number) + "v" * (self.work.value_bytes - len(str(number)))

    def policy(self):
        """The manifest with which `stoker run` does this work."""
        secret = {}
        target = {"redis": {"address": self.redis.address if self.redis else "127.0.0.1:6379"}}
        if self.memcached:
            target = {"memcached": {"addresses": [self.memcached.address]}}
        target["write"] = {"ttl": f"{TTL}s"}
        if self.work.through:
            target = {"http": {"url": self.origin + "{id}"}}  # the cache fetches by itself
        spec = {
            "targets": [{"name": "cache", **target}],
            "pacing": {"requestsPerSecond": 1_000_000, "burst": 1_000_000, "maxInFlight": CONNECTIONS},
            "success": {"minWarmedPercent": 100},
        }
        if self.dsn:
            secret["dsn"] = self.dsn
            source = {"sql": {"connectionSecretRef": {"name": "bench", "key": "dsn"},
                              "query": "SELECT key, value FROM items", "keyTemplate": "{key}", "valueColumn": "value"}}
        else:
            source = {"pattern": {"template": "item:{id}", "variables": [
                {"name": "id", "from": FIRST, "to": FIRST + self.count - 1}]}}
        if self.work.source == "generated":
            source["pattern"]["value"] = self.value(FIRST).replace(str(FIRST), "{id}")
        if self.origin and not self.work.through:
            http = {"url": self.origin + "{id}"}
            if self.ca:
                http["tls"] = {"caSecretRef": {"name": "bench", "key": "ca.pem"}}
                secret["ca.pem"] = self.ca.read_text()
            spec["origins"] = [{"name": "origin", "http": http}]
        spec["sources"] = [{"name": "items", **source}]
        documents = [
            {"apiVersion": "stoker.dev/v1alpha1", "kind": "WarmingPolicy", "metadata": {"name": self.work.name},
             "spec": spec},
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bench"}, "stringData": secret}]
        file = self.folder / "policy.yaml"  # JSON is YAML
        file.write_text("\n---\n".join(json.dumps(document) for document in documents))
        return file

    def check(self):
        """Raises WrongOutcome unless the cache holds every entry, and a sample of them the right value and TTL."""
        if not self.store:
            return
        size = self.store.size()
        if size != self.count:
            raise WrongOutcome(f"the cache holds {size} entries instead of {self.count}")
        numbers = random.sample(range(FIRST, FIRST + self.count), min(SAMPLES, self.count))
        keys = [key_of(number) for number in numbers]
        for number, value in zip(numbers, self.store.values(keys), strict=True):
            if value != self.value(number):
                raise WrongOutcome(f"{key_of(number)} holds {value[:40]!r}... ({len(value)} bytes)")
        for number, ttl in zip(numbers, self.store.ttls(keys), strict=True):
            if not TTL - 600 < ttl <= TTL:
                raise WrongOutcome(f"{key_of(number)} has a TTL of {ttl} s instead of {TTL} s")


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
    Work("nginx-cache", "through an nginx cache, all hits", "http", 200_000,
         ("stoker", "stoker-1-loop", "go-256", "curl-parallel", "wrk"), through=True,
         bars=(Bar("wrk", speed=0.8), Bar("curl-parallel", speed=1.8), Bar("go", speed=1.25))),
    Work("sql", "PostgreSQL rows into Redis", "sql", 1_000_000, (*BESIDE_GO, "node", "python"),
         bars=(Bar("go", speed=1.0, cpu=0.5),)),
    Work("sql-100b", "PostgreSQL rows of 100 B into Redis", "sql", 1_000_000, (*BESIDE_GO, "node", "python"),
         value_bytes=100, bars=(Bar("go", speed=1.0, cpu=0.4),)),
    Work("https", "HTTPS origin into Redis", "http", 100_000, (*BESIDE_GO, "wrk"), tls=True),
    Work("gzip", "HTTP origin that answers with gzip", "http", 100_000, BESIDE_GO, gzip=True),
    Work("http-100b", "HTTP origin, values of 100 B", "http", 200_000, (*BESIDE_GO, "wrk"), value_bytes=100),
    Work("http-64k", "HTTP origin, values of 64 KiB", "http", 20_000, (*BESIDE_GO, "wrk"), value_bytes=65_536),
    Work("memcached", "generated entries into Memcached", "generated", 1_000_000, BESIDE_GO, memcached=True),
    Work("memcached-http", "HTTP origin into Memcached", "http", 200_000, BESIDE_GO, memcached=True),
    Work("scale-10k", "10 k generated entries of 100 B", "generated", 10_000, BESIDE_GO, value_bytes=100),
    Work("scale-1m", "1 M generated entries of 100 B", "generated", 1_000_000, BESIDE_GO, value_bytes=100),
    Work("scale-10m", "10 M generated entries of 100 B", "generated", 10_000_000, BESIDE_GO, value_bytes=100),
)}
