#!/usr/bin/env python3
"""Writes the tiny GGUF files of this folder, and what transformers computes with the same weights.

Needs torch, transformers and gguf of PyPI; gguf's own table gives the tensors' names. make.py
"""
import json
import pathlib

import gguf
import numpy
import safetensors.torch
import torch
import transformers

FOLDER = pathlib.Path(__file__).resolve().parent
VOCABULARY = 48
IDS = [7, 3, 45, 12, 12, 0, 31, 22, 47, 5, 19, 40, 2, 33]
COMMON = {"vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 2,
          "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512, "rms_norm_eps": 1e-5}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 128,
        "beta_fast": 32.0, "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0}
DEEPSEEK = {"num_key_value_heads": 4, "q_lora_rank": 12, "kv_lora_rank": 16, "qk_nope_head_dim": 8,
            "qk_rope_head_dim": 4, "v_head_dim": 10, "n_routed_experts": 8, "num_experts_per_tok": 3, "n_group": 4,
            "topk_group": 2, "n_shared_experts": 1, "moe_intermediate_size": 12, "first_k_dense_replace": 1,
            "rope_parameters": YARN}
MODELS = {
    "llama": (transformers.LlamaConfig, {"rope_parameters": LLAMA3, "head_dim": 16, "attention_bias": True}),
    "qwen2": (transformers.Qwen2Config, {"tie_word_embeddings": True}),
    "qwen3": (transformers.Qwen3Config, {"head_dim": 12, "rope_parameters": {"rope_type": "linear", "factor": 2.0,
                                                                            "rope_theta": 1e6}}),
    "deepseek2": (transformers.DeepseekV3Config, DEEPSEEK),
    # An older file: the latent projection in one piece, queries without compression.
    "deepseek2_whole": (transformers.DeepseekV3Config, {**DEEPSEEK, "q_lora_rank": None, "n_group": 1,
                                                         "topk_group": 1, "norm_topk_prob": False}),
}


def make_model(name, kind, settings):
    torch.manual_seed(sum(map(ord, name)))
    model = transformers.AutoModelForCausalLM.from_config(
        kind(**{**COMMON, **settings}, initializer_range=0.2), attn_implementation="eager").eval()
    with torch.no_grad():
        for key, value in [*model.named_parameters(), *model.named_buffers()]:
            if key.endswith("bias"):
                value.normal_(0.0, 0.1)
            elif "norm" in key:
                value.normal_(1.0, 0.1)
            elif "inv_freq" not in key:
                value.copy_(value.half())  # matrices are stored in fp16
    return model


def permuted(values, heads):
    """Rows in the order of llama.cpp's rotary positions: (j, i) -> (i, j)."""
    return values.reshape(heads, 2, -1, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def hugging_face_tensors(model):
    """The model's tensors by the names of published files, where experts are stacked as in GGUF files."""
    for name, value in model.state_dict().items():
        if name == "lm_head.weight" and model.config.tie_word_embeddings:
            continue
        if name.endswith("mlp.experts.gate_up_proj"):
            gate, up = value.chunk(2, dim=1)
            yield name.replace("gate_up_proj", "gate_proj.weight"), gate
            yield name.replace("gate_up_proj", "up_proj.weight"), up
        elif name.endswith("mlp.experts.down_proj"):
            yield name + ".weight", value
        else:
            yield name, value


def write_tensors(writer, model, architecture, whole):
    names = gguf.get_tensor_name_map(architecture, model.config.num_hidden_layers)
    config = model.config

    def add(name, value):
        stem, _, kind = name.rpartition(".")
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if name.endswith("e_score_correction_bias"):
            found = names.get_name(stem + ".e_score_correction") + ".bias"
        assert found is not None, (name, kind)
        value = value.contiguous().numpy()
        writer.add_tensor(found, value.astype(numpy.float16) if value.ndim > 1 else value)

    for name, value in hugging_face_tensors(model):
        if architecture == gguf.MODEL_ARCH.LLAMA and (".q_proj." in name or ".k_proj." in name):
            value = permuted(value, config.num_attention_heads if ".q_proj." in name else config.num_key_value_heads)
        if name.endswith("kv_b_proj.weight") and not whole:
            parts = value.view(config.num_attention_heads, -1, config.kv_lora_rank)
            add(name.replace("kv_b_proj", "k_b_proj"), parts[:, :config.qk_nope_head_dim].transpose(1, 2))
            add(name.replace("kv_b_proj", "v_b_proj"), parts[:, config.qk_nope_head_dim:])
            continue
        add(name, value)


def write_deepseek_keys(writer, config, whole):
    writer.add_leading_dense_block_count(config.first_k_dense_replace)
    if config.q_lora_rank is not None:
        writer.add_q_lora_rank(config.q_lora_rank)
    writer.add_kv_lora_rank(config.kv_lora_rank)
    width = config.qk_nope_head_dim + config.qk_rope_head_dim
    if whole:
        writer.add_key_length(width)
        writer.add_value_length(config.v_head_dim)
    else:
        writer.add_key_length(config.kv_lora_rank + config.qk_rope_head_dim)
        writer.add_value_length(config.kv_lora_rank)
        writer.add_key_length_mla(width)
        writer.add_value_length_mla(config.v_head_dim)
        writer.add_expert_group_count(config.n_group)
        writer.add_expert_group_used_count(config.topk_group)
    writer.add_expert_feed_forward_length(config.moe_intermediate_size)
    writer.add_expert_count(config.n_routed_experts)
    writer.add_expert_used_count(config.num_experts_per_tok)
    writer.add_expert_shared_count(config.n_shared_experts)
    writer.add_expert_weights_scale(config.routed_scaling_factor)
    if config.norm_topk_prob:
        writer.add_expert_weights_norm(True)
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
    writer.add_rope_dimension_count(config.qk_rope_head_dim)
    writer.add_rope_scaling_yarn_log_mul(0.1 * config.rope_parameters["mscale_all_dim"])


def write_keys(writer, model, architecture, whole):
    config, rope = model.config, model.config.rope_parameters
    deepseek = architecture == gguf.MODEL_ARCH.DEEPSEEK2
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(1 if deepseek and not whole else config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(rope["rope_type"]))
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if rope["rope_type"] == "llama3":
        width = config.head_dim
        plain = 1.0 / rope["rope_theta"] ** (torch.arange(0, width, 2).double() / width)
        writer.add_tensor("rope_freqs.weight", (plain / model.model.rotary_emb.inv_freq.double()).float().numpy())
    if deepseek:
        write_deepseek_keys(writer, config, whole)
    elif getattr(config, "head_dim", None):
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)


def main():
    expected = {}
    for name, (kind, settings) in MODELS.items():
        model = make_model(name, kind, settings)
        architecture = getattr(gguf.MODEL_ARCH, name.split("_")[0].upper())
        writer = gguf.GGUFWriter(FOLDER / f"{name}.gguf", gguf.MODEL_ARCH_NAMES[architecture])
        write_keys(writer, model, architecture, whole=name.endswith("_whole"))
        write_tensors(writer, model, architecture, whole=name.endswith("_whole"))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        with torch.no_grad():
            expected[name + ".logits"] = model(torch.tensor([IDS])).logits[0].contiguous()
    safetensors.torch.save_file(expected, FOLDER / "expected.safetensors")
    (FOLDER / "inputs.json").write_text(json.dumps({"ids": IDS}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
