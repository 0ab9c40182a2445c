#!/usr/bin/env python3
"""What gpu.py compares with: transformers' model in a plain PyTorch loop, and TRL's trainers, on random weights.

gpu_reference.py TASK, JSON: {"kind": "plain loop" | "TRL", "work": "supervised" | "distillation" | "grpo", "model": a
file of configs/models, ...}. Prints one line of JSON: seconds of a step, tokens a second, peak GiB. bf16 weights with
fp32 master weights (autocast), documents of a batch do not share a row. Exit code 77: what it takes is not installed.
"""
import json
import pathlib
import statistics
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
WARM, STEPS, CHUNK = 3, 5, 1024


def skip(why):
    print(why, file=sys.stderr)
    sys.exit(77)


try:
    import torch
    import torch.nn.functional as functional
    import transformers
except ImportError as error:
    skip(f"not installed: {error}")


def make_model(name, dtype):
    with open(ROOT / f"configs/models/{name}.toml", "rb") as file:
        shape = tomllib.load(file)["shape"]
    kind = {"qwen2": transformers.Qwen2Config, "llama": transformers.LlamaConfig}[shape.pop("architecture")]
    shape.pop("rope_scaling", None)
    theta = shape.pop("rope_theta", 10000.0)
    config = kind(**{key: value for key, value in shape.items() if not isinstance(value, dict)},
                  rope_parameters={"rope_type": "default", "rope_theta": theta})
    config._attn_implementation = "sdpa"
    with torch.device("cuda"):
        return transformers.AutoModelForCausalLM.from_config(config, dtype=dtype)


def measure(step, tokens):
    torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(WARM + STEPS):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        step()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
    seconds = statistics.median(times[WARM:])
    print(json.dumps({"seconds": seconds, "tokens_per_second": tokens / seconds,
                      "peak_gib": torch.cuda.max_memory_allocated() / 2**30}))


class Student:
    """fp32 master weights and AdamW over a bf16 model."""

    def __init__(self, task):
        self.model = make_model(task["model"], torch.bfloat16)
        self.model.train()
        if task.get("recompute"):
            self.model.gradient_checkpointing_enable({"use_reentrant": False})
        self.masters = [p.detach().float() for p in self.model.parameters()]
        self.optimizer = torch.optim.AdamW(self.masters, lr=1e-6, fused=True)

    def step(self, loss):
        loss.backward()
        parameters = list(self.model.parameters())
        for master, parameter in zip(self.masters, parameters):
            master.grad, parameter.grad = parameter.grad.float(), None
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_copy_(parameters, self.masters)
        self.optimizer.zero_grad()


def supervised(task):
    student = Student(task)
    ids = torch.randint(0, 1000, (task["sequences"], task["length"]), device="cuda")

    def step():
        hidden = student.model.model(input_ids=ids).last_hidden_state[:, :-1].flatten(0, 1)
        targets = ids[:, 1:].flatten()

        def piece(states, wanted):
            return functional.cross_entropy(student.model.lm_head(states).float(), wanted, reduction="sum")

        losses = [torch.utils.checkpoint.checkpoint(piece, h, t, use_reentrant=False)
                  for h, t in zip(hidden.split(CHUNK), targets.split(CHUNK))]
        student.step(torch.stack(losses).sum() / targets.numel())

    measure(step, ids.numel())


def distillation(task):
    student, teacher = Student(task), make_model(task["teacher"], torch.bfloat16).eval()
    ids = torch.randint(0, 1000, (task["sequences"], task["length"]), device="cuda")
    temperature = 3.0
    common = min(student.model.config.vocab_size, teacher.config.vocab_size)

    def step():
        with torch.no_grad():
            known = teacher.model(input_ids=ids).last_hidden_state.flatten(0, 1)
        hidden = student.model.model(input_ids=ids).last_hidden_state.flatten(0, 1)
        targets = ids.roll(-1, 1).flatten()

        def piece(states, known_states, wanted):
            logits = student.model.lm_head(states).float()
            with torch.no_grad():
                wished = functional.log_softmax(teacher.lm_head(known_states)[:, :common].float() / temperature, -1)
            soft = functional.kl_div(functional.log_softmax(logits[:, :common] / temperature, -1), wished,
                                     log_target=True, reduction="sum")
            return 0.7 * temperature**2 * soft + 0.3 * functional.cross_entropy(logits, wanted, reduction="sum")

        losses = [torch.utils.checkpoint.checkpoint(piece, h, k, t, use_reentrant=False)
                  for h, k, t in zip(hidden.split(CHUNK), known.split(CHUNK), targets.split(CHUNK))]
        student.step(torch.stack(losses).sum() / targets.numel())

    measure(step, ids.numel())


def main():
    task = json.loads(sys.argv[1])
    works = {"supervised": supervised, "distillation": distillation}
    if task["kind"] != "plain loop" or task["work"] not in works:
        skip(f"no {task['kind']} of {task['work']}")
    if not torch.cuda.is_available():
        skip("no GPU")
    works[task["work"]](task)


if __name__ == "__main__":
    main()
