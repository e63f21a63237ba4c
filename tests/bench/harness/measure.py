"""One program from start to exit: wall time, CPU seconds, peak memory, and who else was busy meanwhile.

CPU is what the kernel tells at wait4 (user and system, of the program and of children that it waited for). The peak
of the resident memory is read while it runs, 50 times a second: wait4's own figure starts with the memory of
the process that started the program, which is this one.
"""
import dataclasses
import os
import pathlib
import select
import subprocess
import time

from . import servers

LOOK_EVERY_MS = 20


class RunFailed(Exception):
    """The program did not end with 0, or not in time; the message has the end of what it said."""


@dataclasses.dataclass
class Sample:
    seconds: float
    cpu_seconds: float
    rss_mib: float
    busy: float  # the share of a core that the cache had
    others: float  # cores that went to processes which are no part of the measurement
    output: str


@dataclasses.dataclass
class Clocks:
    """CPU seconds so far: of the cache, of all servers, of the whole machine."""

    cache: float
    servers: float
    machine: float

    @classmethod
    def now(cls, cache, all_servers):
        ticks = os.sysconf("SC_CLK_TCK")
        of_processes = 0
        for server in all_servers:
            fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
            of_processes += sum(int(field) for field in fields[11:15])  # with children that ended
        # user, nice, system; then, after idle and iowait: irq, softirq, steal
        cpu = [int(field) for field in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return cls(servers.busy_seconds(cache.pid), of_processes / ticks, (sum(cpu) - cpu[3] - cpu[4]) / ticks)


def peak_mib(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def run(argv, log, cache, all_servers, stdin=None, limit=900):
    """Runs `argv` to its end. `log` keeps what it says."""
    with open(stdin or os.devnull, "rb") as source, open(log, "wb") as sink:
        before = Clocks.now(cache, all_servers)
        began = time.monotonic()
        process = subprocess.Popen([str(word) for word in argv], stdin=source, stdout=sink, stderr=subprocess.STDOUT,
                                   preexec_fn=servers.die_with_parent)
        rss = wait_watching(process.pid, began + limit)
        if rss is None:
            process.kill()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        after = Clocks.now(cache, all_servers)
    process.returncode = os.waitstatus_to_exitcode(status)
    output = pathlib.Path(log).read_text(errors="replace")
    if rss is None:
        raise RunFailed(f"{argv[0]} did not end within {limit} s")
    if process.returncode != 0:
        raise RunFailed(f"{argv[0]} ended with {process.returncode}: {output[-800:].strip()}")
    cpu = usage.ru_utime + usage.ru_stime
    others = after.machine - before.machine - (after.servers - before.servers) - cpu
    return Sample(seconds, cpu, rss, (after.cache - before.cache) / seconds, max(0.0, others / seconds), output)


def wait_watching(pid, deadline):
    """Waits for the process to end and returns its peak memory; None: it has not ended."""
    rss = 0.0
    pidfd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        while not poll.poll(LOOK_EVERY_MS):
            rss = max(rss, peak_mib(pid))
            if time.monotonic() > deadline:
                return None
        return rss
    finally:
        os.close(pidfd)
