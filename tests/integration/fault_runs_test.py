#!/usr/bin/env python3
"""Faults of processes, signals, numbers and machines (F1, F5, F8, F11, F13, F14, F15) in real runs.

fault_runs_test.py PROGRAM [unittest arguments]
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import run_support as support

SETTINGS = {"run.threads": 1, "metrics.tensorboard": False, "checkpoint.keep_last": 3, "data.generate.held_out_count": 0}
END_LIMIT = 120.0  # seconds, on a machine that does other work
EXTERNAL = """#!/usr/bin/env python3
import json, sys, time
for number, line in enumerate(sys.stdin):
    if json.loads(line)["completion"].startswith(("a", "e", "i", "o", "u", " ")):
        bytearray(1 << 46)  # dies of it
    if number % 5 == 4:
        time.sleep(1000)
    print(json.dumps({"score": 0.5}), flush=True)
"""


class Runs(support.RunTest):
    def setUp(self):
        super().setUp()
        self.records = self.write_jsonl("records.jsonl", [{"instruction": f"{a} + 1", "output": str(a + 1)} for a in range(32)])

    def of_command(self, command):
        """The settings of supervised stages, which need records."""
        return {"data.files": [str(self.records)], "data.generate.names": []} if command in ("sft", "distill") else {}

    def line(self, name="run", command="rl", ranks=2, more=(), config=support.CONFIGS / "varied_rewards.toml", **settings):
        return support.command(ranks, command, "--config", config, "--run-dir", self.folder / name, *more,
                               settings={**SETTINGS, **self.of_command(command), **{key.replace("__", "."): value for key, value in settings.items()}})

    def ranks(self, process, count=2):
        """Process ids by rank: the launcher starts them in order."""
        listing = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False)
        pids = sorted(map(int, listing.stdout.split()))
        self.assertEqual(len(pids), count, self.output())
        return pids

    def metrics(self, name="run"):
        return self.folder / name / "metrics.jsonl"

    def rows(self, name="run"):
        return [support.numbers(row) for row in support.read_jsonl(self.metrics(name))]

    def rows_with_times(self):
        return support.read_jsonl(self.metrics())

    def results(self, name):
        """(weights and optimizer, metrics, samples) of a finished run."""
        return (support.dataset_hashes(support.last_checkpoint(self.folder / name)), self.rows(name),
                support.read_jsonl(self.folder / name / "samples.jsonl"))

    def assert_equal_runs(self, left, right):
        for found, wanted in zip(self.results(left), self.results(right)):
            self.assertGreater(len(wanted), 0)
            self.assertEqual(found, wanted)

    def test_F1_killed_rank(self):
        """A rank that is killed in a step ends the job soon with a status that is requeued; the next start ends as a run
        that nobody disturbed. (Generation and saves: restart_test.py, F2.)"""
        settings = {"rl__steps": 6, "rewards__delay_ms": 40, "metrics__samples_every": 1}
        for rank in (0, 1):
            with self.running(self.line(**settings)) as process:
                self.wait_for_lines(self.metrics(), 2 + rank, process)
                os.kill(self.ranks(process)[rank], signal.SIGKILL)
                self.assertNotIn(process.wait(timeout=END_LIMIT), (0, 2, 75), self.output())
        self.assertRegex(self.output(), r"rank \d.*(signal 9|Killed)|signal 9 \(Killed\)")
        self.assertIn("continues at step", self.assert_ends(0, self.line(**settings)))
        self.assert_ends(0, self.line("undisturbed", **settings))
        self.assert_equal_runs("run", "undisturbed")

    def test_F5_signals(self):
        """USR1 to all, then TERM to one rank: each time all stop together with a checkpoint of all work that was done."""
        settings = {"rl__steps": 9, "rewards__delay_ms": 40, "metrics__samples_every": 1, "checkpoint__interval_steps": 100}
        with self.running(self.line(**settings)) as process:
            self.wait_for_lines(self.metrics(), 2, process)
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(process.wait(timeout=END_LIMIT), 75, self.output())
        self.assertEqual(support.last_checkpoint(self.folder / "run").name, f"step-{len(self.rows()):08}")
        with self.running(self.line(**settings)) as process:
            self.wait_for_lines(self.metrics(), len(self.rows()) + 1, process)
            os.kill(self.ranks(process)[1], signal.SIGTERM)
            self.assertEqual(process.wait(timeout=END_LIMIT), 75, self.output())
        self.assertIn("signal 15", self.output())
        self.assert_ends(0, self.line(**settings))
        self.assert_ends(0, self.line("undisturbed", **settings))
        self.assert_equal_runs("run", "undisturbed")

    def stop_in_a_step(self, lines, target, share=None, **settings):
        """TERM to one rank while a step is under way that takes seconds: it is dropped, the checkpoint is that of the
        step before, and the run that continues ends as one that nobody disturbed. `target`: rank that gets the signal.
        `share`: of the time of the last step, when it comes; None: soon, and well within the step."""
        settings = {"checkpoint__interval_steps": 100, "metrics__samples_every": 1, **settings}
        with self.running(self.line(**settings)) as process:
            self.wait_for_lines(self.metrics(), lines, process)
            seconds = self.rows_with_times()[-1]["step_seconds"]
            time.sleep(share * seconds if share else min(0.5, 0.4 * seconds))  # into the next step
            os.kill(self.ranks(process, settings.get("ranks", 2))[target], signal.SIGTERM)
            self.assertEqual(process.wait(timeout=END_LIMIT), 75, self.output())
        done = len(self.rows())
        self.assertRegex(self.output(), f"stops in step {done}, which is dropped: signal 15")
        self.assertEqual(support.last_checkpoint(self.folder / "run").name, f"step-{done:08}")
        self.assertIn(f"continues at step {done} of", self.assert_ends(0, self.line(**settings)))
        self.assert_ends(0, self.line("undisturbed", **settings))
        self.assertEqual(len(self.rows()), settings[settings.get("command", "rl") + "__steps"])
        self.assertEqual(self.results("run"), self.results("undisturbed"))

    def test_F5_signal_in_generation(self):
        """To the rank that scores: the one that samples in one long chunk hears of it. The prompts come in an order that
        a step moves on (rl.resample_zero_advantage), and the reference is replaced before each step."""
        self.stop_in_a_step(1, 1, rl__steps=2, rl__chunks=1, rl__samples_per_prompt=8, sampling__max_new_tokens=700,
                            sampling__ignore_eos=True, rl__resample_zero_advantage=True, rl__reference_update_every=1,
                            rl__max_resample_rounds=1)

    def test_F5_signal_in_generation_of_a_split_model(self):
        self.stop_in_a_step(1, 1, 0.3, roles__policy__train__tp=2, roles__reward__share_with="policy", kl__coefficient=0.0,
                            rl__steps=2, rl__chunks=1, rl__samples_per_prompt=8, sampling__max_new_tokens=700,
                            sampling__ignore_eos=True)

    def test_F5_signal_in_rewards(self):
        self.stop_in_a_step(1, 0, rl__steps=2, rewards__delay_ms=2500)

    def test_F5_signal_in_an_update(self):
        """Between the micro-batches of a supervised step; in one of RL with recorded rollouts nothing is sampled."""
        large = {"model__shape__hidden_size": 256, "model__shape__intermediate_size": 1024, "trainer__micro_batch_tokens": 64}
        self.stop_in_a_step(1, 1, command="sft", config=support.RANDOM, sft__steps=2, sft__batch=768, **large)
        for name in ("run", "undisturbed"):
            shutil.rmtree(self.folder / name)
        rl = {**large, "rl__steps": 2, "rl__samples_per_prompt": 48, "sampling__max_new_tokens": 120, "kl__coefficient": 0.0,
              "sampling__ignore_eos": True, "engine__max_num_seqs": 256, "trainer__share_prefix": False}
        self.assert_ends(0, self.line("recorded", rl__record_rollouts=True, **rl))
        self.stop_in_a_step(1, 0, rl__replay=str(self.folder / "recorded"), **rl)

    def test_F5_signal_behind_an_optimizer_step(self):
        """Between the mini-batches of an update: the checkpoint is of the state that was copied before the step."""
        rl = {"model__shape__hidden_size": 256, "model__shape__intermediate_size": 1024, "rl__steps": 2,
              "rl__samples_per_prompt": 12, "rl__mini_batch": 8, "sampling__max_new_tokens": 120, "kl__coefficient": 0.0,
              "sampling__ignore_eos": True, "engine__max_num_seqs": 256, "trainer__share_prefix": False}
        self.assert_ends(0, self.line("recorded", rl__record_rollouts=True, **rl))
        self.stop_in_a_step(1, 0, share=0.6, rl__replay=str(self.folder / "recorded"), **rl)

    def test_F5_signal_with_staleness(self):
        """To the rank that trains and scores, while the one that samples draws the next step's samples; then on shared
        ranks, where the samples of the next step are drawn before the update."""
        rl = {"rl__steps": 3, "rl__staleness": 1, "rl__chunks": 1, "rl__samples_per_prompt": 8, "sampling__max_new_tokens": 600,
              "sampling__ignore_eos": True, "roles__reward__share_with": "policy", "kl__coefficient": 0.0}
        self.stop_in_a_step(1, 0, roles__generate_ranks=1, roles__policy__ranks=1, **rl)
        for name in ("run", "undisturbed"):
            shutil.rmtree(self.folder / name)
        self.stop_in_a_step(1, 0, ranks=1, **rl)

    def test_F5_signal_in_the_teachers_passes(self):
        """To the teacher on a rank of its own, then to the student."""
        shape = {"vocab_size": 260, "hidden_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4,
                 "num_key_value_heads": 4, "intermediate_size": 1536, "max_position_embeddings": 1024}
        for target in (1, 0):
            self.stop_in_a_step(1, target, command="distill", config=support.RANDOM, distill__steps=2, distill__epochs=0,
                                distill__batch=512, distill__save_each_epoch=False, trainer__micro_batch_tokens=64,
                                roles__teacher__ranks=1, **{f"teacher__shape__{key}": value for key, value in shape.items()})
            for name in ("run", "undisturbed"):
                shutil.rmtree(self.folder / name)

    def test_F8_other_layouts(self):
        """4 ranks with tp 2, then 2, then 1: the weights are those of a run that stayed on one."""
        settings = {"command": "sft", "config": support.RANDOM, "sft__steps": 6, "model__dtype": "fp64",
                    "model__master_dtype": "fp64", "trainer__gradient_dtype": "fp64"}
        self.assert_ends(0, self.line(ranks=4, run__max_steps=2, roles__policy__train__tp=2, **settings))
        self.assertIn("continues at step 2", self.assert_ends(0, self.line(ranks=2, run__max_steps=4, **settings)))
        self.assertIn("continues at step 4", self.assert_ends(0, self.line(ranks=1, **settings)))
        self.assert_ends(0, self.line("one", ranks=1, **settings))
        left, right = (support.read_safetensors(self.folder / name / "model" / "model.safetensors") for name in ("run", "one"))
        self.assertLess(support.relative_distance(left, right), 1e-10)

    def test_F11_hostile_reward(self):
        """A reward command that dies or hangs costs its sample, not the step."""
        script = self.folder / "external.py"
        script.write_text(EXTERNAL)
        script.chmod(0o755)
        config = self.folder / "external.toml"
        config.write_text(f'include = "{support.CONFIGS / "varied_rewards.toml"}"\n[rewards]\nworkers = 2\nparts = [\n'
                          '  { name = "response_quality", weight = 0.5 },\n  { name = "external", weight = 0.5 },\n]\n'
                          f'[rewards.external]\ncommand = ["{sys.executable}", "{script}"]\ntimeout = 2.0\n')
        self.assert_ends(0, self.line(config=config, ranks=1, rl__steps=2, metrics__samples_every=1,
                                     metrics__samples_per_step=1000))
        samples = support.read_jsonl(self.folder / "run" / "samples.jsonl")
        scores = {sample["parts"]["external"] for sample in samples}
        self.assertEqual(scores, {0.0, 0.5}, "some samples were scored, others cost themselves")
        self.assertIn("timeout", {sample["reason"] for sample in samples})
        for sample in samples:  # the command alone was ended, not the worker that scores the other parts
            self.assertIn("response_quality.flow", sample["parts"])
        self.assertEqual([row["step"] for row in self.rows()], [0, 1])

    def test_F11_endless_rewards(self):
        """A step whose rewards would never end goes on after the step's time; what was not scored scores 0 and is
        counted."""
        script = self.folder / "external.py"
        script.write_text("#!/usr/bin/env python3\nimport time\ntime.sleep(100000)\n")
        script.chmod(0o755)
        config = self.folder / "external.toml"
        config.write_text(f'include = "{support.CONFIGS / "varied_rewards.toml"}"\n[rewards]\nworkers = 2\nparts = [\n'
                          '  { name = "external", weight = 1.0 },\n]\n'
                          f'[rewards.external]\ncommand = ["{sys.executable}", "{script}"]\ntimeout = 100.0\n'
                          '[rewards.limits]\nstep_seconds = 1.0\n')
        output = self.assert_ends(0, self.line(config=config, ranks=1, rl__steps=2, metrics__samples_every=1,
                                               metrics__samples_per_step=1000))
        samples = support.read_jsonl(self.folder / "run" / "samples.jsonl")
        self.assertEqual(len(samples), 2 * 4 * 4)
        self.assertEqual({(sample["reason"], sample["reward"]) for sample in samples}, {("step_limit", 0.0)})
        self.assertEqual([row["reward_step_limit_share"] for row in self.rows()], [1.0, 1.0])
        self.assertIn("100.0 % of the step's samples score 0", output)

    def test_F13_divergence(self):
        """Weights explode: steps are skipped, the run stops with 3 and names the checkpoint to go back to, which is still
        there; --from-step goes back, and the result is that of a run that never diverged."""
        settings = {"command": "sft", "config": support.RANDOM, "ranks": 1, "run__max_bad_steps": 5, "sft__steps": 40}
        self.assert_ends(0, self.line(run__max_steps=4, **settings))
        shutil.copytree(self.folder / "run", self.folder / "calm")
        output = self.assert_ends(3, self.line(more=["--allow-config-change"], optimizer__learning_rate=1e14,
                                               optimizer__max_grad_norm=0.0, **settings))
        self.assertIn("5 steps in a row were skipped", output)
        found = re.search(r"the last good checkpoint is that of step (\d+): --from-step \1 goes back to it", output)
        self.assertIsNotNone(found, output)
        good = int(found.group(1))
        self.assertEqual(good, 4)
        self.assertTrue((self.folder / "run" / "checkpoints" / f"step-{good:08}" / "MANIFEST.json").exists())
        models = [self.folder / name / "model" / "model.safetensors" for name in ("run", "calm")]
        self.assertEqual(models[0].read_bytes(), models[1].read_bytes(), "no model of weights that are no numbers")
        # The steps behind the good one are gone from the metrics too, and the run goes on as one that never was there.
        for name, more in (("run", ["--from-step", str(good), "--allow-config-change"]), ("calm", [])):
            self.assert_ends(0, self.line(name, more=more, run__max_steps=6, **settings))
        left, right = (support.dataset_hashes(support.last_checkpoint(self.folder / name)) for name in ("run", "calm"))
        self.assertEqual(left, right)
        self.assertEqual(self.rows("run"), self.rows("calm"))
        self.assertIn("--from-step", self.assert_ends(2, self.line(more=["--from-step", "99"], **settings))
                      + "--from-step")

    def test_F14_started_twice(self):
        """The second start is refused at once and told what the first one does; a run that was taken over writes nothing
        more; what a killed one left is no obstacle."""
        settings = {"rl__steps": 1000, "rewards__delay_ms": 60}
        with self.running(self.line(**settings)) as process:
            self.wait_for_lines(self.metrics(), 1, process)
            output = self.assert_ends(2, self.line(**settings))
            self.assertRegex(output, r"the run folder is in use: host \S+, pid \d+, job none, restart 0, last heartbeat \d+ s ago")
            lock = self.folder / "run" / "lock"
            lock.write_text(json.dumps({**json.loads(lock.read_text()), "host": "node9", "token": "another"}) + "\n")
            self.assertNotIn(process.wait(timeout=END_LIMIT), (0, 75), self.output())
            self.assertIn("the run folder was taken over: host node9", self.output())
        rows, steps = self.rows(), sorted((self.folder / "run" / "checkpoints").glob("step-*"))
        self.assertTrue(lock.exists(), "the lock of the other one stays")
        time.sleep(0.2)
        self.assertEqual((self.rows(), sorted((self.folder / "run" / "checkpoints").glob("step-*"))), (rows, steps))
        # Its process is gone: this machine knows that, so the lock is taken over at once.
        self.assertIn("its process is gone", self.assert_ends(0, self.line(**settings, run__max_steps=len(rows) + 1)))

    def test_F14_the_other_run_prunes(self):
        """What a run began from is kept for it."""
        settings = {"command": "sft", "config": support.RANDOM, "ranks": 1, "sft__steps": 8}
        self.assert_ends(0, self.line("first", run__max_steps=2, **settings))
        second = {**settings, "model__init": "load", "model__path": str(self.folder / "first" / "latest")}
        self.assert_ends(0, self.line("second", run__max_steps=2, **second))
        shutil.rmtree(self.folder / "first" / "checkpoints")
        self.assertIn("continues at step 2", self.assert_ends(0, self.line("second", run__max_steps=3, **second)))

    def test_F15_slow_rank(self):
        """A rank that is held up again and again is named, and nothing else happens."""
        settings = {"command": "sft", "config": support.RANDOM, "sft__steps": 60, "sft__batch": 64,
                    "checkpoint__interval_steps": 1000, "model__shape__hidden_size": 256, "model__shape__intermediate_size": 1024}
        with self.running(self.line(**settings)) as process:
            self.wait_for_lines(self.metrics(), 1, process)
            pid = self.ranks(process)[1]
            ended = threading.Event()

            def hold_up():
                while not ended.wait(0.03):
                    os.kill(pid, signal.SIGSTOP)
                    time.sleep(0.03)
                    os.kill(pid, signal.SIGCONT)

            holder = threading.Thread(target=hold_up)
            holder.start()
            try:
                for _ in range(6000):
                    if process.poll() is not None or "is slow" in self.output():
                        break
                    time.sleep(0.02)
            finally:
                ended.set()
                holder.join()
            self.assertEqual(process.wait(timeout=END_LIMIT), 0, self.output())
        self.assertRegex(self.output(), r"rank 1 is slow: it computed .* the median of its role")
        self.assertEqual([line for line in self.output().splitlines() if re.match(r"\S+ E ", line)], [])


if __name__ == "__main__":
    support.main()
