#!/usr/bin/env python3
"""Faults of one rank in a real run: every rank ends in bounded time, with one line that says what happened.

faults_test.py PROGRAM [unittest arguments]
"""
import json
import os
import pathlib
import re
import resource
import shlex
import signal
import subprocess
import time

import run_support as support

RANKS = 4  # 0 and 1 policy, 2 reward, 3 reference
WATCHDOG = 3  # seconds
END_LIMIT = 120.0  # seconds from the fault to the end of the job, on a machine that does other work
SPARE_MEMORY = 8 << 20  # bytes of the address space
SETTINGS = {"rl.steps": 1000, "checkpoint.interval_steps": 1000, "run.threads": 1, "data.generate.held_out_count": 0,
            "communication.watchdog_seconds": WATCHDOG, "metrics.tensorboard": False, "rewards.delay_ms": 20}


class Faults(support.RunTest):
    def line(self, settings=None, rank=None, of_rank=None):
        """The command of an RL run; one rank gets settings that the others do not have."""
        line = support.command(RANKS, "rl", "--config", support.CONFIGS / "varied_rewards.toml", "--run-dir",
                               self.folder / "run", settings={**SETTINGS, **(settings or {})})
        if rank is None:
            return line
        wrapper = self.folder / "one_rank_differs.sh"
        more = " ".join(f"--set {shlex.quote(f'{key}={json.dumps(value)}')}" for key, value in of_rank.items())
        wrapper.write_text(f'#!/bin/sh\n[ "$OMPI_COMM_WORLD_RANK" != {rank} ] || set -- "$@" {more}\nexec "$@"\n')
        wrapper.chmod(0o755)
        place = line.index(support.program)
        return line[:place] + [str(wrapper)] + line[place:]

    def ranks(self, process):
        """Process ids by rank: the launcher starts them in order."""
        listing = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True,
                                 check=False)
        pids = sorted(map(int, listing.stdout.split()))
        self.assertEqual(len(pids), RANKS, self.output())
        return pids

    def assert_ends_soon(self, process, status, pattern):
        """The job ends with this status; exactly one line of errors, which matches."""
        self.assertEqual(process.wait(timeout=END_LIMIT), status, self.output())
        errors = [line for line in self.output().splitlines() if re.match(r"\S+ E ", line)]
        self.assertEqual(len(errors), 1, self.output())
        self.assertRegex(errors[0], pattern)

    def start_and_disturb(self, disturb, status, pattern, settings=None):
        """`disturb(process ids)` once the run has done a step."""
        with self.running(self.line(settings)) as process:
            self.wait_for_lines(self.folder / "run" / "metrics.jsonl", 1, process)
            disturb(self.ranks(process))
            self.assert_ends_soon(process, status, pattern)

    def test_F9_stopped_reward(self):
        """Ranks that wait for another role are patient, but not with one that does not answer."""
        self.start_and_disturb(lambda pids: os.kill(pids[2], signal.SIGSTOP), 3,
                               r"hang: rank \d \(host \S+\) has waited \d+ s in \w+ '.*no answer from: rank 2$")

    def test_F9_stopped_policy(self):
        self.start_and_disturb(lambda pids: os.kill(pids[1], signal.SIGSTOP), 3,
                               r"hang: rank \d \(host \S+\) has waited \d+ s in \w+ '.*no answer from: rank 1$")

    def test_F9_different_collectives(self):
        """One rank takes the run for finished: it saves, the others ask whether to go on."""
        with self.running(self.line(rank=1, of_rank={"run.max_steps": 2})) as process:
            self.wait_for_lines(self.folder / "run" / "metrics.jsonl", 2, process)
            # MPI itself sees it where the calls are of different sizes.
            self.assert_ends_soon(process, 3, r"hang: rank \d \(host \S+\) has waited \d+ s in \w+ '.*: rank 1 \(|"
                                              r"rank \d \(\S+\): \w+ '.*' failed: MPI_ERR_TRUNCATE")

    def wait_until_gone(self, pids):
        """What has ended but is not waited for by its stopped parent counts as gone."""
        for _ in range(int(END_LIMIT * 10)):
            states = [pathlib.Path(f"/proc/{pid}/stat") for pid in pids]
            if all(not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z" for state in states):
                return
            time.sleep(0.1)
        self.fail("ranks are left:\n" + self.output())

    def test_F9_stopped_launcher(self):
        """The ranks need no launcher to compute: they do the rest of the steps, and end by themselves."""
        steps = 8
        settings = {"rl.steps": steps, "checkpoint.interval_steps": 3}
        with self.running(self.line(settings)) as process:
            self.wait_for_lines(self.folder / "run" / "metrics.jsonl", 1, process)
            ranks = self.ranks(process)
            process.send_signal(signal.SIGSTOP)
            self.wait_for_lines(self.folder / "run" / "metrics.jsonl", steps, process)
            self.wait_until_gone(ranks)
            self.assertIsNone(process.poll())
            process.send_signal(signal.SIGCONT)
            self.assertNotIn(process.wait(timeout=END_LIMIT), (2, 75), self.output())
        self.assertEqual(support.last_checkpoint(self.folder / "run").name, f"step-{steps:08}")
        self.assertIn(f"continues at step {steps} of {steps}", self.assert_ends(0, self.line(settings)))

    def test_F9_killed_rank_under_a_stopped_launcher(self):
        """Nobody ends the others but their watchdogs."""
        with self.running(self.line()) as process:
            self.wait_for_lines(self.folder / "run" / "metrics.jsonl", 1, process)
            ranks = self.ranks(process)
            process.send_signal(signal.SIGSTOP)
            os.kill(ranks[1], signal.SIGKILL)
            self.wait_until_gone(ranks)
            process.send_signal(signal.SIGCONT)
            self.assertNotIn(process.wait(timeout=END_LIMIT), (0, 2, 75), self.output())
        self.assertRegex(self.output(), r"hang: rank \d .*no answer from: rank 1")

    def test_F10_bad_record(self):
        good = [{"problem": f"{a} + 1", "answer": str(a + 1)} for a in range(8)]
        files = {name: str(self.write_jsonl(name, records)) for name, records in (
            ("good.jsonl", good), ("bad.jsonl", [*good[:4], {"answer": "5"}, *good[4:]]))}
        settings = {"data.files": [files["good.jsonl"]], "data.generate.names": [], "data.max_bad_lines": 0}
        with self.running(self.line(settings, 2, {"data.files": [files["bad.jsonl"]]})) as process:
            self.assert_ends_soon(process, 2, r"rank 2 \(\S+\): .*bad\.jsonl:5")

    def test_F10_unreadable_file(self):
        """A node does not see the folder that the others see."""
        good = self.write_jsonl("good.jsonl", [{"problem": f"{a} + 1", "answer": str(a + 1)} for a in range(8)])
        settings = {"data.files": [str(good)], "data.generate.names": []}
        missing = self.folder / "nowhere" / "good.jsonl"
        with self.running(self.line(settings, 3, {"data.files": [str(missing)]})) as process:
            self.assert_ends_soon(process, 2, rf"rank 3 \(\S+\): .*{re.escape(str(missing))}")

    def test_F10_out_of_memory(self):
        """The reference gets little more memory and soon meets longer texts; nobody has agreed on anything."""
        config = self.folder / "longer.toml"
        config.write_text(f'include = "{support.CONFIGS / "varied_rewards.toml"}"\n'
                          "[[rl.changes]]\nfrom_step = 40\nmax_new_tokens = 600\n")
        line = self.line({"sampling.ignore_eos": True, "trainer.score_batch_tokens": 16384,
                          "trainer.logprob_chunk_tokens": 16384})
        line[line.index("--config") + 1] = str(config)
        with self.running(line) as process:
            self.wait_for_lines(self.folder / "run" / "metrics.jsonl", 1, process)
            pid = self.ranks(process)[3]
            pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[0])
            limit = pages * resource.getpagesize() + SPARE_MEMORY
            resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
            self.assert_ends_soon(process, 3, r"rank 3 \(\S+\): .*(allocate memory|out of memory)")


if __name__ == "__main__":
    support.main()
