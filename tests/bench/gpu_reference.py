#!/usr/bin/env python3
"""What gpu.py compares with: transformers' model in a plain PyTorch loop, and TRL's trainers, on random weights.

gpu_reference.py TASK, JSON: {"kind": "plain loop" | "TRL", "work": "supervised" | "distillation" | "grpo" | "decode",
"model": a file of configs/models, ...}. Prints one line of JSON: seconds of a step, tokens a second, peak GiB. bf16
weights with fp32 master weights (the plain loop), or fp32 weights under bf16 autocast (TRL); documents of a batch do not
share a row. Exit code 77: what it takes is not installed, or there is no such work.
"""
import json
import pathlib
import statistics
import sys
import tempfile
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


def report(times, tokens):
    seconds = statistics.median(times[WARM:])
    print(json.dumps({"seconds": seconds, "tokens_per_second": tokens / seconds,
                      "peak_gib": torch.cuda.max_memory_allocated() / 2**30}))


def measure(step, tokens):
    torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(WARM + STEPS):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        step()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
    report(times, tokens)


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


def decode(task):
    """transformers' generate: the seconds of a step are those of a token of all sequences, the prompt's pass included."""
    model = make_model(task["model"], torch.bfloat16).eval()
    ids = torch.randint(0, 1000, (task["sequences"], task["prompt"]), device="cuda")
    new = task["new"]
    options = transformers.GenerationConfig(max_new_tokens=new, min_new_tokens=new, do_sample=True, top_k=0,
                                            pad_token_id=0, eos_token_id=1)
    times = []
    for _ in range(2):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=options)
        torch.cuda.synchronize()
        times.append((time.perf_counter() - begin) / new)
    print(json.dumps({"seconds": times[-1], "tokens_per_second": task["sequences"] / times[-1],
                      "peak_gib": torch.cuda.max_memory_allocated() / 2**30}))


class StepTimer(transformers.TrainerCallback):
    def __init__(self):
        self.times = []

    def on_step_begin(self, *_, **__):
        torch.cuda.synchronize()
        self.begin = time.perf_counter()

    def on_step_end(self, *_, **__):
        torch.cuda.synchronize()
        self.times.append(time.perf_counter() - self.begin)


def word_tokenizer(words):
    """A tokenizer of the words "0", "1", ..., so that nothing is downloaded."""
    import tokenizers

    vocabulary = {**{str(i): i for i in range(words)}, "<end>": words, "<pad>": words + 1}
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="0"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=model, eos_token="<end>", pad_token="<pad>")


def train_with_trl(make_trainer, tokens):
    timer = StepTimer()
    common = {"output_dir": tempfile.mkdtemp(), "bf16": True, "max_steps": WARM + STEPS, "learning_rate": 1e-6,
              "lr_scheduler_type": "constant", "save_strategy": "no", "report_to": [], "disable_tqdm": True,
              "logging_steps": 1000, "optim": "adamw_torch_fused"}
    trainer = make_trainer(common)
    trainer.add_callback(timer)
    torch.cuda.reset_peak_memory_stats()
    trainer.train()
    report(timer.times, tokens)


def trl_supervised(task):
    import datasets
    import trl

    rows = [{"input_ids": torch.randint(0, 1000, (task["length"],)).tolist()} for _ in range(64)]
    train_with_trl(lambda common: trl.SFTTrainer(
        model=make_model(task["model"], torch.float32), processing_class=word_tokenizer(1000),
        train_dataset=datasets.Dataset.from_list(rows),
        args=trl.SFTConfig(**common, per_device_train_batch_size=task["sequences"], max_length=task["length"],
                           packing=False, gradient_checkpointing=bool(task.get("recompute")))),
        task["sequences"] * task["length"])


def trl_grpo(task):
    import datasets
    import trl

    samples, new, micro = 16, 256, 32
    model = make_model(task["model"], torch.float32)
    if task["beta"] > 0:  # the reference is loaded from where the model is said to be from
        model.config._name_or_path = tempfile.mkdtemp()
        model.save_pretrained(model.config._name_or_path)
    rows = [{"prompt": " ".join(str((7 * i + j) % 1000) for j in range(16))} for i in range(512)]
    train_with_trl(lambda common: trl.GRPOTrainer(
        model=model, processing_class=word_tokenizer(1000),
        train_dataset=datasets.Dataset.from_list(rows),
        reward_funcs=lambda completions, **_: [float(len(set(text)) % 7) for text in completions],
        args=trl.GRPOConfig(**common, per_device_train_batch_size=micro,
                            gradient_accumulation_steps=task["prompts"] * samples // micro, num_generations=samples,
                            max_completion_length=new, temperature=1.0, beta=task["beta"], gradient_checkpointing=False,
                            generation_kwargs={"min_new_tokens": new})),
        task["prompts"] * samples * new)


def main():
    task = json.loads(sys.argv[1])
    works = {("plain loop", "supervised"): supervised, ("plain loop", "distillation"): distillation,
             ("plain loop", "decode"): decode, ("TRL", "supervised"): trl_supervised, ("TRL", "grpo"): trl_grpo}
    work = works.get((task["kind"], task["work"]))
    if work is None:
        skip(f"no {task['kind']} of {task['work']}")
    if not torch.cuda.is_available():
        skip("no GPU")
    work(task)


if __name__ == "__main__":
    main()
