#!/usr/bin/env python3
"""All stages of a pipeline in one start, each on what the one before made, and a second start that finds all done.

pipeline_test.py PROGRAM [unittest arguments]
"""
import json
import re
import signal

import run_support as support

RANKS = 4
STAGES = ("rl_data", "rl1", "coldstart_data", "coldstart", "rl2", "sft", "distill", "evaluate")


class Pipeline(support.RunTest):
    def line(self, name="run", **settings):
        return support.command(RANKS, "pipeline", "--config", support.CONFIGS / "pipeline.toml", "--run-dir",
                               self.folder / name, settings={"run.threads": 1, **settings})

    def model(self, name):
        return support.read_safetensors(self.folder / "run" / "models" / name / "model.safetensors")

    def test_all_stages(self):
        output = self.assert_ends(0, self.line())
        run = self.folder / "run"
        for number, stage in enumerate(STAGES, 1):
            self.assertIn(f"stage {number} of {len(STAGES)}: {stage}", output)
            self.assertEqual(len(list((run / "stages").glob(f"*-{stage}/done"))), 1, stage)

        # One stage is given two of the ranks; the other ranks come back for the next stage.
        maps = {stage: re.search(rf"{stage}: rank (.*?);", output).group(1) for stage in ("coldstart", "sft")}
        self.assertEqual(maps, {"coldstart": "0..3 policy (dp 4)", "sft": "0..1 policy (dp 2)"})

        problems = [record["problem"] for record in support.read_jsonl(run / "data" / "rl.jsonl")]
        self.assertGreater(len(problems), 8)
        self.assertEqual(len(problems), len(set(problems)))
        kept = support.read_jsonl(run / "data" / "coldstart.jsonl")
        self.assertGreater(len(kept), 8)
        for record in kept:
            self.assertLessEqual({"instruction", "input", "output"}, set(record))

        # A model that is named twice has answered once. Answers with the same seeds differ because each model answers
        # with its own weights.
        answers = {}
        for path in run.glob("stages/*-evaluate/completions_*.jsonl"):
            for record in support.read_jsonl(path):
                answers.setdefault(record["model"], []).append(record)
        self.assertEqual(set(answers), {"rl1", "sft", "student"})
        texts = {json.dumps([record["completion"] for record in records]) for records in answers.values()}
        self.assertEqual(len(texts), 3, "one model answered for all")
        results = json.loads((run / "evaluation_results.json").read_text())
        self.assertEqual(list(results), ["rl1", "rl1_again", "sft", "student"])
        for model, records in answers.items():
            right = [record["score"] == 1 for record in records]
            self.assertEqual(results[model], {"sums": sum(right) / len(right)}, model)
        self.assertEqual(results["rl1_again"], results["rl1"])

        # A stage that is done is its model; nothing starts from its checkpoints.
        self.assertEqual(list(run.rglob("step-*")), [])

        report = (run / "report.html").read_text(encoding="utf-8")
        for stage in STAGES:
            self.assertIn(stage, report)
        for outside in ('src="http', 'href="http', "@import"):
            self.assertNotIn(outside, report)

        described = (support.ROOT / "src" / "metrics" / "README.md").read_text(encoding="utf-8")
        for path in run.glob("stages/*/metrics.jsonl"):
            for name in support.read_jsonl(path)[-1]:
                self.assertTrue(name.split("/")[0] in described, f"{path}: {name} is in no table of src/metrics")

        # What a stage says its weights moved by is their distance from the stage that it began from.
        for stage, before, after in (("coldstart", "rl1_final", "coldstart_final"),
                                     ("rl2", "coldstart_final", "rl2_final"), ("sft", "rl2_final", "sft_final"),
                                     ("distill", "coldstart_final", "distilled/student")):
            with self.subTest(stage):
                (summary,) = (run / "stages").glob(f"*-{stage}/summary.json")
                distance = support.relative_distance(self.model(after), self.model(before))
                self.assertGreater(distance, 1e-4)
                self.assert_close(json.loads(summary.read_text())["weight_change"], distance, 1e-3, stage)

        before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
        again = self.assert_ends(0, self.line())
        self.assertIn(f"all {len(STAGES)} stages", again)
        changed = {path.name for path in before if path.stat().st_mtime_ns != before[path]}
        self.assertLessEqual(changed, {"report.html", "log"})

    def test_stopped_and_continued(self):
        """USR1 in the second stage: exit 75; the same command finishes with the models of an undisturbed run."""
        narrow = {"checkpoint.narrow_when_done": True, "rl.steps": 6}  # the signal comes before the last
        self.assert_ends(0, self.line(**narrow))
        slow = self.line("stopped", **{"rewards.delay_ms": 300}, **narrow)
        with self.running(slow) as process:
            self.wait_for_lines(self.folder / "stopped" / "stages" / "02-rl1" / "metrics.jsonl", 1, process)
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(process.wait(timeout=60), 75, self.output())
        self.assertGreater(len(list((self.folder / "stopped").rglob("checkpoints/step-*"))), 0)
        self.assert_ends(0, slow)
        self.assertEqual(list((self.folder / "stopped").rglob("checkpoints/step-*")), [])
        epochs = list((self.folder / "stopped").rglob("distilled_epoch_*/config.json"))
        self.assertEqual(len(epochs), 1)
        for config in [*epochs, *(self.folder / "stopped" / "models").rglob("config.json")]:
            self.assertEqual(json.loads(config.read_text())["torch_dtype"], "bfloat16", config)
        for name in ("rl2_final", "distilled/student"):
            files = [self.folder / run / "models" / name / "model.safetensors" for run in ("run", "stopped")]
            self.assertEqual(files[0].read_bytes(), files[1].read_bytes(), name)


if __name__ == "__main__":
    support.main()
