#!/usr/bin/env python3
"""A GRPO step of SmolLM2 on CPU cores: r1mpi beside TRL on the same work, in one run.

    tests/bench/grpo_step.py [--program build/r1mpi] [--steps 3] [--python PYTHON_WITH_TRL]

Prints the median seconds of a step of each and their ratio. Without TRL only r1mpi is measured. TRL runs with a plain
log-prob head, because its own is slow on CPUs. The work: 8 prompts x 8 samples x at most 32 new tokens, sums up to
20 + 20 behind two earlier chat turns, lr 1e-5, fp32 weights with bf16 products, no reference model.
"""
import argparse
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / ".venv/smollm2/SmolLM2-135M-Instruct"
TURNS = [("What is 3 + 4?", "<think>3 + 4 = 7</think> <answer>7</answer>"),
         ("What is 9 + 6?", "<think>9 + 6 = 15</think> <answer>15</answer>")]


def run_r1mpi(program, steps):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "rl", "--config", ROOT / "tests/bench/grpo_step.toml", "--run-dir", folder,
                        "--set", f"rl.steps={steps + 1}"], cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
        rows = [json.loads(line) for line in open(pathlib.Path(folder) / "metrics.jsonl")]
    return [row["step_seconds"] for row in rows[1:]]  # the first step also warms up


def run_trl(steps):
    """In a Python that has trl: prints the seconds of each step after the first as JSON."""
    import time

    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    torch.set_num_threads(2)
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    draw = random.Random(1)

    def prompt(a, b):
        messages = [m for q, r in TURNS for m in ({"role": "user", "content": q}, {"role": "assistant", "content": r})]
        messages.append({"role": "user", "content": f"What is {a} + {b}?"})
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)

    pairs = [(draw.randint(1, 20), draw.randint(1, 20)) for _ in range(1024)]
    data = Dataset.from_list([{"prompt": prompt(a, b), "answer": str(a + b)} for a, b in pairs])

    class Trainer(GRPOTrainer):
        def _get_per_token_logps_and_entropies(self, model, input_ids, attention_mask, logits_to_keep, batch_size=None,
                                               compute_entropy=False, **k):
            with self.accelerator.autocast():
                logits = model(input_ids=input_ids, attention_mask=attention_mask,
                               logits_to_keep=logits_to_keep + 1, use_cache=False).logits[:, :-1].float()
            logprobs = torch.log_softmax(logits, -1)
            entropy = None
            if compute_entropy:
                with torch.no_grad():
                    entropy = -(logprobs.exp() * logprobs).sum(-1)
            return logprobs.gather(-1, input_ids[:, -logits_to_keep:].unsqueeze(-1)).squeeze(-1), entropy, None

    class Timer(TrainerCallback):
        seconds = []

        def on_step_begin(self, *a, **k):
            self.start = time.perf_counter()

        def on_step_end(self, *a, **k):
            self.seconds.append(time.perf_counter() - self.start)

    config = GRPOConfig(output_dir=tempfile.mkdtemp(), use_cpu=True, bf16=True, per_device_train_batch_size=32,
                        gradient_accumulation_steps=2, num_generations=8, max_completion_length=32, temperature=1.0,
                        top_p=1.0, learning_rate=1e-5, lr_scheduler_type="constant", beta=0.0, max_steps=steps + 1,
                        gradient_checkpointing=False, save_strategy="no", report_to=[], disable_tqdm=True)
    right = lambda completions, answer, **k: [float(f"<answer>{a}</answer>" in c) for c, a in zip(completions, answer)]
    timer = Timer()
    trainer = Trainer(model=AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32), reward_funcs=right,
                      args=config, train_dataset=data, processing_class=tokenizer)
    trainer.add_callback(timer)
    trainer.train()
    print("SECONDS " + json.dumps(timer.seconds[1:]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=ROOT / "build/r1mpi")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--only-trl", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only_trl:
        return run_trl(args.steps)
    ours = statistics.median(run_r1mpi(args.program, args.steps))
    print(f"r1mpi  {ours:6.2f} s a step")
    done = subprocess.run([args.python, __file__, "--only-trl", "--steps", str(args.steps)], capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("SECONDS ")]
    if not lines:
        return print("TRL    not measured: " + (done.stderr.strip().splitlines() or ["no output"])[-1])
    theirs = statistics.median(json.loads(lines[0][8:]))
    print(f"TRL    {theirs:6.2f} s a step\nratio  {theirs / ours:6.2f}")


if __name__ == "__main__":
    main()
