#!/usr/bin/env python3
"""What a small model learns by RL on one GPU: configs/examples/r1zero_smollm2.toml, its control, and sums beside TRL.

learning.py PROGRAM --model FOLDER [--seconds 540] [--control-steps 200] [--sums-seeds 0 [--trl]] [--output RESULT.json] [--set KEY=VALUE ...]
learning.py --draw RESULT.json PICTURE.svg

PROGRAM is r1mpi, or the r1mpi.sh of an unpacked bundle; --model the Hugging Face folder of SmolLM2-135M-Instruct.
The run ends after --seconds (run.time_limit) or its steps. Control: the same with rewards.shuffle, which gives each
reward to another sample, so that nothing but the length of training can teach. --sums-seeds: as many runs of 120 steps
on two-digit sums alone (32 prompts x 8 samples x 32 tokens, learning rate 1e-5); --trl: TRL's GRPOTrainer on the same
task beside each of them, in the Python that runs this.
The result holds held-out accuracy (greedy) of each generator over steps and seconds. --draw needs matplotlib.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CONFIG = ROOT / "configs/examples/r1zero_smollm2.toml"
SUMS = {"data.generate.names": ["add2"], "rl.prompts_per_step": 32, "rl.samples_per_prompt": 8, "rl.steps": 120,
        "sampling.max_new_tokens": 32, "engine.max_num_seqs": 256, "rl.eval_every": 20, "rl.eval_greedy": False,
        "rl.eval_samples": 4, "data.generate.held_out_count": 256}


def curve_of(rows):
    """Held-out accuracies: a list of {"step", "seconds", accuracies}, of the rows that have them."""
    points, seconds = [], 0.0
    for row in rows:
        seconds += row.get("step_seconds", 0.0)
        found = {key.partition("/")[2] or "all": value for key, value in row.items() if key.startswith("heldout_accuracy")}
        if found:
            points.append({"step": row["step"] + 1, "seconds": round(seconds, 1), "accuracy": found})
    return points


def run(options, name, settings, seconds):
    """One RL run: its curve with the state before it, and medians of its steps."""
    with tempfile.TemporaryDirectory() as folder:
        run_dir = pathlib.Path(folder) / "run"
        line = [options.program, "rl", "--config", CONFIG, "--run-dir", run_dir]
        for key, value in {"model.path": options.model, **settings}.items():
            line += ["--set", f"{key}={json.dumps(value)}"]
        for pair in options.settings:
            line += ["--set", pair]
        if seconds:
            line += ["--set", f'run.time_limit="{int(seconds)}"']
        done = subprocess.run([str(part) for part in line], cwd=ROOT, capture_output=True, text=True, check=False)
        metrics = run_dir / "metrics.jsonl"
        rows = [json.loads(text) for text in metrics.read_text(encoding="utf-8").splitlines()] if metrics.exists() else []
        if done.returncode not in (0, 75) or not rows:
            sys.exit(f"{name}: exit code {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}")
        before = json.loads((run_dir / "held_out_before.json").read_text(encoding="utf-8"))
        start = {"step": 0, "seconds": 0.0, "accuracy": {"all": before["accuracy"], **before.get("accuracy_of", {})}}
        samples = [json.loads(text) for text in (run_dir / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
        return {"name": name, "steps": len(rows), "seconds": round(sum(row["step_seconds"] for row in rows), 1),
                "curve": [start, *curve_of(rows)],
                **{key: statistics.median(row[key] for row in rows)
                   for key in ("step_seconds", "generate_seconds", "update_seconds")},
                "generator_trainer_exp": statistics.median(row["generator_trainer_exp"] for row in rows),
                "skipped_steps": rows[-1].get("skipped_steps", 0.0),
                "samples": [{key: sample[key] for key in ("step", "problem", "completion", "reward")} for sample in samples[-6:]]}


def trl_sums(model, seed, steps=SUMS["rl.steps"], prompts=SUMS["rl.prompts_per_step"], held_out=SUMS["data.generate.held_out_count"]):
    """In a Python that has trl: the sums by TRL's GRPOTrainer, in the form of run()'s result. Seconds without evaluation."""
    import random
    import re
    import time
    import tomllib

    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    on_gpu = torch.cuda.is_available()
    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    with open(CONFIG.parent.parent / "tiny/common.toml", "rb") as file:
        turns = [{"role": role, "content": turn[role]} for turn in tomllib.load(file)["data"]["few_shot"] for role in ("user", "assistant")]

    def prompt(a, b):
        messages = [*turns, {"role": "user", "content": f"What is {a} + {b}?"}]
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)

    draw = random.Random(seed)
    pairs = draw.sample([(a, b) for a in range(10, 100) for b in range(10, 100)], held_out + 4096)
    data = Dataset.from_list([{"prompt": prompt(a, b), "answer": str(a + b)} for a, b in pairs[held_out:]])

    def is_right(text, answer):
        found = re.search(r"<answer>(.*?)</answer>", text, re.DOTALL)
        return found is not None and found[1].strip() == answer

    def reward(completions, answer, **_):
        shape = re.compile(r"\s*<think>.*?</think>\s*<answer>.*?</answer>\s*", re.DOTALL)
        return [0.9 * is_right(text, wanted) + 0.1 * (shape.fullmatch(text) is not None) for text, wanted in zip(completions, answer)]

    def accuracy(network):
        samples = SUMS["rl.eval_samples"]
        texts = [prompt(a, b) for a, b in pairs[:held_out] for _ in range(samples)]
        network.eval()
        right = 0
        for begin in range(0, len(texts), 256):
            batch = tokenizer(texts[begin:begin + 256], return_tensors="pt", padding=True, add_special_tokens=False).to(network.device)
            with torch.no_grad(), torch.autocast(network.device.type, torch.bfloat16):
                out = network.generate(**batch, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                                       max_new_tokens=SUMS["sampling.max_new_tokens"])
            decoded = tokenizer.batch_decode(out[:, batch["input_ids"].shape[1]:], skip_special_tokens=True)
            right += sum(is_right(text, str(sum(pairs[(begin + i) // samples]))) for i, text in enumerate(decoded))
        network.train()
        return right / len(texts)

    class Watch(TrainerCallback):
        curve, seconds = [], []

        def on_train_begin(self, *_, model, **__):
            self.curve.append({"step": 0, "seconds": 0.0, "accuracy": {"all": accuracy(model)}})

        def on_step_begin(self, *_, **__):
            self.start = time.perf_counter()

        def on_step_end(self, _, state, *__, model, **___):
            if on_gpu:
                torch.cuda.synchronize()
            self.seconds.append(time.perf_counter() - self.start)
            if state.global_step % SUMS["rl.eval_every"] == 0 or state.global_step == steps:
                self.curve.append({"step": state.global_step, "seconds": round(sum(self.seconds), 1), "accuracy": {"all": accuracy(model)}})

    generations = SUMS["rl.samples_per_prompt"]
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(output_dir=folder, use_cpu=not on_gpu, bf16=True, per_device_train_batch_size=prompts * generations,
                            num_generations=generations, max_completion_length=SUMS["sampling.max_new_tokens"], temperature=1.0,
                            top_p=1.0, learning_rate=1e-5, lr_scheduler_type="constant", beta=0.0, max_steps=steps, seed=seed,
                            gradient_checkpointing=False, save_strategy="no", report_to=[], disable_tqdm=True)
        watch = Watch()
        trainer = GRPOTrainer(model=AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32), reward_funcs=reward,
                              args=config, train_dataset=data, processing_class=tokenizer)
        trainer.add_callback(watch)
        trainer.train()
    return {"name": f"TRL, sums, seed {seed}", "steps": len(watch.seconds), "seconds": round(sum(watch.seconds), 1),
            "curve": watch.curve, "step_seconds": statistics.median(watch.seconds)}


def run_trl(options, seed):
    """trl_sums in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--model", options.model, "--only-trl", str(seed)], capture_output=True,
                          text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"name"')]
    if not lines:
        sys.exit(f"TRL: {(done.stdout + done.stderr)[-3000:]}")
    return json.loads(lines[-1])


def print_run(result):
    first, last = result["curve"][0], result["curve"][-1]
    print(f"\n{result['name']}: {result['steps']} steps, {result['seconds']} s, {result['step_seconds']:.3f} s a step, "
          + (f"generator against trainer {result['generator_trainer_exp']:.4f}" if "generator_trainer_exp" in result else "")
          + "\n| held-out | before | after |\n| --- | --- | --- |")
    for kind in first["accuracy"]:
        print(f"| {kind} | {first['accuracy'][kind]:.3f} | {last['accuracy'].get(kind, float('nan')):.3f} |", flush=True)


def draw(result, picture):
    from matplotlib import pyplot
    learned, control = result["runs"][0], [r for r in result["runs"] if r["name"] == "control"]
    figure, axes = pyplot.subplots(figsize=(7.5, 4.2))
    for kind in learned["curve"][0]["accuracy"]:
        points = [(p["step"], p["accuracy"][kind]) for p in learned["curve"] if kind in p["accuracy"]]
        axes.plot(*zip(*points), label=kind, color="black" if kind == "all" else None, linewidth=2.5 if kind == "all" else 1.4)
    for other in control:
        axes.plot(*zip(*((p["step"], p["accuracy"]["all"]) for p in other["curve"])), "--", color="grey",
                  label="all, shuffled rewards")
    axes.set(xlabel=f"step ({learned['seconds']:.0f} s of one GPU in all)", ylabel="held-out accuracy, greedy", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, ncol=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    figure.tight_layout()
    figure.savefig(picture)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?")
    parser.add_argument("--model")
    parser.add_argument("--seconds", type=float, default=540.0)
    parser.add_argument("--control-steps", type=int, default=200)
    parser.add_argument("--sums-seeds", type=int, default=0)
    parser.add_argument("--trl", action="store_true")
    parser.add_argument("--only-trl", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--draw", nargs=2, metavar=("RESULT", "PICTURE"))
    options = parser.parse_args()
    if options.draw:
        draw(json.loads(pathlib.Path(options.draw[0]).read_text(encoding="utf-8")), options.draw[1])
        return
    if options.only_trl is not None:
        print(json.dumps(trl_sums(options.model, options.only_trl)))
        return
    if not options.program or not options.model:
        parser.error("PROGRAM and --model are required")
    result = {"config": str(CONFIG.relative_to(ROOT)), "runs": []}
    work = [("sums, seed %d" % seed, {**SUMS, "run.seed": seed}, 0) for seed in range(1, options.sums_seeds + 1)]
    if options.seconds > 0:
        work.insert(0, ("r1zero", {}, options.seconds))
    if options.control_steps > 0:
        work.append(("control", {"rewards.shuffle": True, "rl.steps": options.control_steps}, 0))
    for name, settings, seconds in work:
        result["runs"].append(run(options, name, settings, seconds))
        print_run(result["runs"][-1])
        if options.trl and name.startswith("sums"):
            result["runs"].append(run_trl(options, settings["run.seed"]))
            print_run(result["runs"][-1])
        if options.output:
            options.output.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
