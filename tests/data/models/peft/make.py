#!/usr/bin/env python3
"""Writes the PEFT folders of this folder, and what PEFT computes with them in fp64: logits and gradients.

The bases are the fixtures beside this folder. Needs torch, transformers and peft of PyPI. make.py
"""
import contextlib
import json
import pathlib

import peft
import safetensors.torch
import torch
import transformers

FOLDER = pathlib.Path(__file__).resolve().parent
CASES = {
    "llama": {"r": 2, "lora_alpha": 3, "use_rslora": True,
              "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]},
    "qwen3": {"r": 3, "lora_alpha": 6, "target_modules": ["q_proj", "v_proj", "down_proj"]},
    "deepseek_v3": {"r": 2, "lora_alpha": 4, "target_modules": ["o_proj"]},
}
NUM_IDS = 6  # of the base's first sequence
# Gradients of these layers: of all layers they would be as large as the base.
WITH_GRADIENTS = ("layers.0.", "layers.1.")


@contextlib.contextmanager
def wide():
    """transformers rounds norms, softmax, rotary angles and routers to fp32 by these names."""
    names = ("float32", "float")
    narrow = {name: getattr(torch, name) for name in names}, torch.Tensor.float
    for name in names:
        setattr(torch, name, torch.float64)
    torch.Tensor.float = torch.Tensor.double
    yield
    for name in names:
        setattr(torch, name, narrow[0][name])
    torch.Tensor.float = narrow[1]


def compute_in_fp64(model):
    model.double()
    rotary = model.base_model.model.model.rotary_emb
    rotary.inv_freq = type(rotary)(model.base_model.model.config).inv_freq


def make(name, settings):
    base = transformers.AutoModelForCausalLM.from_pretrained(FOLDER.parent / name, dtype=torch.float32,
                                                             attn_implementation="eager",
                                                             experts_implementation="eager")
    torch.manual_seed(len(name))
    model = peft.get_peft_model(base, peft.LoraConfig(task_type="CAUSAL_LM", **settings)).eval()
    with torch.no_grad():
        for key, value in model.named_parameters():
            if "lora_" in key:
                value.normal_(0.0, 0.1)
    model.save_pretrained(FOLDER / name)
    for file in (FOLDER / name).iterdir():
        if file.name not in ("adapter_config.json", "adapter_model.safetensors"):
            file.unlink()
    config_file = FOLDER / name / "adapter_config.json"
    config = json.loads(config_file.read_text())
    config["target_modules"].sort()  # PEFT's order differs from call to call
    config["base_model_name_or_path"] = f"../../{name}"
    config_file.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")

    sequence = json.loads((FOLDER.parent / name / "inputs.json").read_text())["sequences"][0]
    ids = torch.tensor([sequence["input_ids"][-NUM_IDS:]])
    with wide():
        compute_in_fp64(model)
        logits = model(input_ids=ids).logits[0]
        torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:]).backward()
    expected = {"ids": ids[0], "logits": logits.detach()}
    for key, value in model.named_parameters():
        if "lora_" in key and any(layer in key for layer in WITH_GRADIENTS):
            expected["gradient/" + key.replace(".default", "")] = value.grad.contiguous()
    safetensors.torch.save_file(expected, FOLDER / name / "expected.safetensors")


for case, options in CASES.items():
    make(case, options)
