#!/usr/bin/env python3
"""Scoring overlaps sampling: while the reward role still works on a chunk, the policy samples the next one.

overlap_test.py PROGRAM [unittest arguments]
"""
import re

import run_support as support

CHUNKS = 4
STEPS = 3
DELAY_MS = 200


class Overlap(support.RunTest):
    def spans(self, name, ranks, role, span):
        """(begin, end) of all spans of that name on the first rank of the role, in order."""
        found = {}
        for path in sorted((self.folder / name).glob("timeline*.jsonl")):
            for row in support.read_jsonl(path):
                if role in row["role"].split("+") and row["name"] == span:
                    found.setdefault(row["rank"], []).append((row["begin"], row["end"]))
        self.assertTrue(found, f"no span '{span}' of the {role}")
        self.assertLess(max(found), ranks)
        return sorted(found[min(found)])

    def train(self, name, ranks, **settings):
        self.assert_ends(0, support.command(
            ranks, "rl", "--config", support.CONFIGS / "varied_rewards.toml", "--run-dir", self.folder / name, settings={
                "rl.steps": STEPS, "rl.chunks": CHUNKS, "run.threads": 1, "rewards.delay_ms": DELAY_MS,
                "sampling.max_new_tokens": 64, "sampling.ignore_eos": True, "data.generate.held_out_count": 0,
                "checkpoint.interval_steps": 100, **settings}))

    def test_next_chunk_is_sampled_while_the_reward_works(self):
        self.train("apart", 3, **{"roles.policy.ranks": 1, "roles.reward.ranks": 1, "roles.reference.ranks": 1})
        generated = self.spans("apart", 3, "policy", "generate")
        scored = self.spans("apart", 3, "reward", "rewards")
        self.assertEqual(len(generated), STEPS * CHUNKS)
        self.assertEqual(len(scored), STEPS * CHUNKS)
        for step in range(STEPS):
            for place in range(step * CHUNKS, (step + 1) * CHUNKS - 1):
                self.assertLess(generated[place + 1][0], scored[place][1], f"step {step}, chunk {place % CHUNKS}")

    def rectangles(self, page, css):
        """(rank, step) -> [(begin, end)] of the report's rectangles of that colour."""
        found = {}
        for x, width, rank, step in re.findall(
                rf'<rect class="{css}" x="([^"]+)"[^>]* width="([^"]+)"[^>]* rank (\d+) · step (-?\d+) ', page):
            found.setdefault((int(rank), int(step)), []).append((float(x), float(x) + float(width)))
        return found

    def test_report_shows_the_overlap(self):
        """In the report's picture of each step, the reward's lane is busy below the policy's."""
        self.train("report", 3, **{"roles.policy.ranks": 1, "roles.reward.ranks": 1, "roles.reference.ranks": 1})
        self.assert_ends(0, support.command(1, "report", "--run-dir", self.folder / "report"))
        page = (self.folder / "report" / "report.html").read_text(encoding="utf-8")
        generated, scored = self.rectangles(page, "a-generate"), self.rectangles(page, "a-reward")
        self.assertEqual(set(generated), {(0, step) for step in range(STEPS)})
        self.assertEqual(set(scored), {(1, step) for step in range(STEPS)})
        for step in range(STEPS):
            overlap = sum(max(0.0, min(g[1], s[1]) - max(g[0], s[0]))
                          for g in generated[0, step] for s in scored[1, step])
            self.assertGreater(overlap, 0.0, f"step {step}")

    def test_share_of_waiting(self):
        """A slow reward keeps the policy waiting."""
        apart = {"roles.policy.ranks": 1, "roles.reward.ranks": 1, "roles.reference.ranks": 1}
        self.train("slow reward", 3, **apart)
        self.train("quick reward", 3, **apart, **{"rewards.delay_ms": 0})
        slow, quick = (support.read_jsonl(self.folder / name / "metrics.jsonl")[-1]
                       for name in ("slow reward", "quick reward"))
        self.assertGreater(slow["wait_share"], quick["wait_share"])
        for row in (slow, quick):
            for name in ("wait_share", "wait_share_reward", "wait_share_reference"):
                self.assertTrue(0 <= row[name] <= 1, row)

    def test_reward_works_on_samples_only(self):
        """A chunk of one prompt lies on one of two policy ranks: the other has nothing to be scored, nor to wait for."""
        self.train("two", 4, **{"rl.prompts_per_step": CHUNKS, "roles.policy.ranks": 2})
        self.assertEqual(len(self.spans("two", 4, "reward", "rewards")), STEPS * CHUNKS)

    def test_one_rank_does_both_in_turn(self):
        """The same measure sees no overlap where there is none."""
        self.train("shared", 1, **{"rl.steps": 1})
        generated = self.spans("shared", 1, "policy", "generate")[-CHUNKS:]
        scored = self.spans("shared", 1, "reward", "rewards")
        self.assertEqual(len(scored), CHUNKS)
        for chunk in range(CHUNKS - 1):
            self.assertGreaterEqual(generated[chunk + 1][0], scored[chunk][1])


if __name__ == "__main__":
    support.main()
