"""Whether an origin's users notice a warmer, and what their peace costs in time.

An origin of known capacity (slot_origin.cc) is watched idle, and while `stoker run` warms from it with
spec.pacing.latency.adaptive; then fixed rates are tried for the quickest that does as little harm.
"""
import dataclasses
import json
import statistics
import subprocess
import time
import urllib.request

from harness import measure, servers

SLOTS, SERVICE_MS, FOREGROUND = 16, 20, 0.5
NOTICED = 1.2  # times the idle p99
SLOWER = 1.5  # times the best fixed rate's time
RATES = (0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40)  # of the whole capacity, before it is halved
PROGRAM = {"path": None}


class SlotOrigin(servers.Server):
    name = "slot_origin"

    def __init__(self, folder, sigma, seed):
        self.arguments = [str(SLOTS), str(SERVICE_MS), str(sigma), str(FOREGROUND), str(seed)]
        super().__init__(folder)

    def command(self):
        return [PROGRAM["path"], str(self.port), *self.arguments]

    def control(self, word):
        with urllib.request.urlopen(f"http://{self.address}/control/{word}", timeout=30) as answer:
            return json.load(answer)


@dataclasses.dataclass
class Service:
    name: str
    sigma: float

    @property
    def capacity(self):  # requests a second
        return SLOTS / (SERVICE_MS / 1000 * 2.718281828 ** (self.sigma ** 2 / 2))


SERVICES = (Service("lognormal service, sigma 0.5", 0.5), Service("deterministic service", 0.0))


@dataclasses.dataclass
class Seen:
    """What the users waited, in ms, before and after the capacity halved."""

    full: list
    halved: list
    seconds: float = 0

    @classmethod
    def of(cls, answer, seconds=0):
        return cls(answer["full"], answer["halved"], seconds)

    def p99(self, like=None):
        """Of all samples; with the shares of both halves as another one has them."""
        like = like or self
        weights = [len(like.full) / max(1, len(self.full)), len(like.halved) / max(1, len(self.halved))]
        weighted = sorted([(ms, weights[0]) for ms in self.full] + [(ms, weights[1]) for ms in self.halved])
        rest = 0.01 * sum(weight for _, weight in weighted)
        for ms, weight in reversed(weighted):
            rest -= weight
            if rest <= 0:
                return ms
        return weighted[0][0]


def idle(origin, users):
    origin.control(f"begin/{users // 2}")
    while True:
        time.sleep(1)
        answer = origin.control("end")
        if len(answer["full"]) + len(answer["halved"]) >= users:
            return Seen.of(answer)


def policy(origin, entries, pacing):
    return {
        "apiVersion": "stoker.dev/v1alpha1", "kind": "WarmingPolicy", "metadata": {"name": "pacing"},
        "spec": {
            "sources": [{"name": "items", "pattern": {
                "template": "item:{id}", "variables": [{"name": "id", "from": 1, "to": entries}]}}],
            "origins": [{"name": "slots", "http": {"url": f"http://{origin.address}/{{id}}"}}],
            "targets": [{"name": "cache", "redis": {"address": "127.0.0.1:1"}}],  # --target memory stands in
            "pacing": pacing,
        },
    }


def warm(origin, stoker, folder, entries, pacing):
    """Warms with the capacity halved after half of the entries; what the users saw meanwhile."""
    file = folder / "policy.json"
    file.write_text(json.dumps(policy(origin, entries, pacing)))
    origin.control(f"halve/{entries // 2}")
    begin = time.monotonic()
    done = subprocess.run([stoker, "run", "-f", file, "--target", "memory", "--quiet"], capture_output=True, text=True)
    seconds = time.monotonic() - begin
    if done.returncode != 0:
        raise measure.RunFailed(f"stoker run: {done.stdout}{done.stderr}")
    return Seen.of(origin.control("end"), seconds)


def adaptive():
    return {"requestsPerSecond": 1000000, "burst": 1000, "maxInFlight": 64, "latency": {"adaptive": True}}


def fixed(rate):
    return {"requestsPerSecond": max(1, round(rate)), "burst": 1, "maxInFlight": 1000}


@dataclasses.dataclass
class Result:
    service: Service
    entries: int
    idle_p99: list = dataclasses.field(default_factory=list)
    warm_p99: list = dataclasses.field(default_factory=list)
    ratios: list = dataclasses.field(default_factory=list)
    samples: list = dataclasses.field(default_factory=list)
    seconds: list = dataclasses.field(default_factory=list)
    sweep: list = dataclasses.field(default_factory=list)  # rate, p99 ratio, seconds
    failures: list = dataclasses.field(default_factory=list)

    @property
    def best(self):
        """The quickest fixed rate that is not noticed either; None: there is none."""
        gentle = [row for row in self.sweep if row[1] <= NOTICED]
        return min(gentle, key=lambda row: row[2], default=None)


def run(service, stoker, folder, rounds, entries, users, say):
    result = Result(service, entries)
    for number in range(rounds):
        origin = SlotOrigin(folder / f"origin-{service.sigma}-{number}", service.sigma, number + 1)
        try:
            say(f"pacing {service.name} {number + 1}/{rounds}")
            quiet = idle(origin, users)
            busy = warm(origin, stoker, folder, entries, adaptive())
            before, during = quiet.p99(like=busy), busy.p99()
            result.idle_p99.append(before)
            result.warm_p99.append(during)
            result.ratios.append(during / before)
            result.samples.append(len(busy.full) + len(busy.halved))
            result.seconds.append(busy.seconds)
            for share in RATES:  # every rate once a round, so that they are as interleaved as the pairs
                say(f"  fixed at {share * service.capacity:.0f}/s")
                busy = warm(origin, stoker, folder, entries, fixed(share * service.capacity))
                result.sweep.append((share, busy.p99() / quiet.p99(like=busy), busy.seconds))
        except (measure.RunFailed, OSError) as error:
            result.failures.append(str(error))
        finally:
            origin.stop()
    by_rate = {}
    for share, ratio, seconds in result.sweep:
        by_rate.setdefault(share, []).append((ratio, seconds))
    result.sweep = [(share, *(statistics.median(column) for column in zip(*rows))) for share, rows in by_rate.items()]
    return result


def verdicts(result):
    if not result.ratios:
        return
    ratio = statistics.median(result.ratios)
    yield ratio <= NOTICED, f"the users' p99 is {ratio:.2f} times its idle one (wanted: at most {NOTICED})"
    if result.best:
        slower = statistics.median(result.seconds) / result.best[2]
        yield slower <= SLOWER, (f"time to warm is {slower:.2f} times that of the best fixed rate, "
                                 f"{result.best[0]:.0%} of the capacity (wanted: at most {SLOWER})")
    else:
        yield True, "no fixed rate of the sweep leaves the users' p99 as it is"


def text(result):
    lines = [f"### pacing: {result.service.name}", "",
             f"{result.entries:,} entries from {SLOTS} slots of {SERVICE_MS} ms, users at {FOREGROUND:.0%} of "
             f"{result.service.capacity:.0f}/s, capacity halved midway; {len(result.ratios)} pairs", "",
             "| | p99 of users, ms | idle | ratio | samples | time to warm, s |", "| --- | --: | --: | --: | --: | --: |"]
    lines += [f"| adaptive | {during:.1f} | {before:.1f} | {ratio:.2f} | {samples:,} | {seconds:.1f} |"
              for during, before, ratio, samples, seconds in
              zip(result.warm_p99, result.idle_p99, result.ratios, result.samples, result.seconds)]
    lines += [f"| fixed, {share:.0%} of the capacity | | | {ratio:.2f} | | {seconds:.1f} |"
              for share, ratio, seconds in result.sweep]
    lines += [""] + [f"- {'met  ' if met else 'below'} {sentence}" for met, sentence in verdicts(result)]
    lines += [f"- failed: {why}" for why in result.failures]
    return "\n".join(lines) + "\n"
