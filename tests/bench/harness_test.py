#!/usr/bin/python3
"""The harness must not flatter: a run with a wrong outcome does not count, and a bar that is missed is told so."""
import pathlib
import sys
import tempfile
import unittest

from harness import contestants, measure, report, works


class OutcomeTest(unittest.TestCase):
    COUNT = 20  # fewer than are read back, so that every one is

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        work = works.Work("w", "", "generated", self.COUNT, (), value_bytes=32)
        scene = self.enterContext(works.Scene(work, self.COUNT, pathlib.Path(folder.name), None).open())
        self.stage = self.enterContext(works.Stage(scene, self.COUNT, pathlib.Path(folder.name)).open())
        self.stage.redis.ask(*(f"SET {works.key_of(n)} {self.stage.value(n)} EX {works.TTL}" for n in self.numbers()))

    def numbers(self):
        return range(works.FIRST, works.FIRST + self.COUNT)

    def assert_wrong(self, sentence):
        with self.assertRaisesRegex(works.WrongOutcome, sentence):
            self.stage.check()

    def test_accepts_what_is_right(self):
        self.stage.check()

    def test_finds_a_missing_entry(self):
        self.stage.redis.ask(f"DEL {works.key_of(works.FIRST + 3)}")
        self.assert_wrong("holds 19 entries instead of 20")

    def test_finds_a_wrong_value(self):
        self.stage.redis.ask(f"SET {works.key_of(works.FIRST)} {self.stage.value(works.FIRST + 1)} EX {works.TTL}")
        self.assert_wrong(f"{works.key_of(works.FIRST)} holds '{works.FIRST + 1}v")

    def test_finds_an_entry_that_never_expires(self):
        self.stage.redis.ask(f"PERSIST {works.key_of(works.FIRST)}")
        self.assert_wrong("TTL of -1 s instead of 3600 s")

    def test_does_not_count_a_program_that_fails(self):
        with self.assertRaisesRegex(measure.RunFailed, "ended with 3: no such cache"):
            measure.run(["sh", "-c", "echo no such cache >&2; exit 3"], self.stage.folder / "log", self.stage.cache,
                        self.stage.servers)

    def test_does_not_wait_for_ever(self):
        with self.assertRaisesRegex(measure.RunFailed, "did not end within 0.1 s"):
            measure.run(["sleep", "60"], self.stage.folder / "log", self.stage.cache, self.stage.servers, limit=0.1)

    def test_counts_the_cpu_of_the_program(self):
        sample = measure.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"],
                             self.stage.folder / "log", self.stage.cache, self.stage.servers)
        self.assertGreater(sample.cpu_seconds, 0.29)
        self.assertLess(sample.cpu_seconds, 0.6)
        self.assertGreater(sample.rss_mib, 3)


class VerdictTest(unittest.TestCase):
    @staticmethod
    def outcome(bars, **rates):
        outcome = report.Outcome(works.Work("w", "", "generated", 1, (), bars=bars), 1)
        for name, (rate, cpu) in rates.items():
            name = name.replace("_", "-")
            row = report.Row(name, contestants.CONTESTANTS[name].role)
            row.rates, row.cpu, row.rss, row.busy = [rate / 2, rate, rate * 9], [cpu] * 3, [10.0] * 3, [0.9] * 3
            outcome.rows[name] = row
        return outcome

    def verdicts(self, bar, **rates):
        return list(report.verdicts(self.outcome((bar,), **rates)))

    def test_compares_medians(self):
        self.assertEqual(self.verdicts(works.Bar("node", speed=2), stoker=(300, 1), node=(100, 1)),
                         ["met   3.00 times the speed of node (wanted: at least 2)"])

    def test_tells_a_bar_that_is_missed(self):
        self.assertEqual(self.verdicts(works.Bar("node", cpu=0.5), stoker=(300, 6), node=(100, 10)),
                         ["below 0.60 times the CPU per entry of node (wanted: at most 0.5)"])

    def test_takes_the_quickest_of_the_go_peers(self):
        self.assertEqual(self.verdicts(works.Bar("go", speed=1), stoker=(300, 6), go_64=(100, 1), go_256=(200, 1)),
                         ["met   1.50 times the speed of go (go-256) (wanted: at least 1)"])

    def test_counts_no_limit_among_the_peers(self):
        self.assertEqual(self.verdicts(works.Bar("best peer", speed=1), stoker=(300, 6), wrk=(900, 1), node=(100, 1)),
                         ["met   3.00 times the speed of best peer (node) (wanted: at least 1)"])

    def test_says_nothing_of_who_was_not_measured(self):
        self.assertEqual(self.verdicts(works.Bar("node", speed=2), stoker=(300, 1)), [])


class LimitTest(unittest.TestCase):
    def test_reads_what_the_tools_print(self):
        self.assertEqual(contestants.limit_rate("  2 threads\nRequests/sec:  53916.25\nTransfer/sec: 60MB\n"), 53916.25)
        self.assertEqual(contestants.limit_rate("SET x: rps=1.0\rSET x: 263157.89 requests per second, p50=1\n"),
                         263157.89)


if __name__ == "__main__":
    unittest.main()
