"""Makes the files beside it: fp8 weights in blocks of 128 x 128 with scales, and their values by torch."""
import json
import pathlib
import torch
from safetensors.torch import save_file

BLOCK = 128
FOLDER = pathlib.Path(__file__).parent


def dequantise(weight, scales):
    """As weight_dequant of DeepSeek-V3's inference/kernel.py, in fp32."""
    full = scales.repeat_interleave(BLOCK, 0).repeat_interleave(BLOCK, 1)
    return weight.float() * full[: weight.shape[0], : weight.shape[1]]


torch.manual_seed(5)
tensors, expected = {}, {}
for name, rows, columns in [("tall", 130, 24), ("wide", 24, 257)]:
    codes = torch.arange(rows * columns) % 256
    codes[codes % 128 == 127] = 0  # NaN
    weight = codes.to(torch.uint8).view(torch.float8_e4m3fn).view(rows, columns)
    scales = torch.rand(-(-rows // BLOCK), -(-columns // BLOCK)) + 0.01
    tensors[name + ".weight"], tensors[name + ".weight_scale_inv"] = weight, scales
    expected[name + ".weight"] = dequantise(weight, scales)
tensors["norm.weight"] = torch.rand(3, dtype=torch.bfloat16)
expected["norm.weight"] = tensors["norm.weight"]
save_file(tensors, FOLDER / "model.safetensors")
save_file(expected, FOLDER / "expected.safetensors")
quantization = {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [BLOCK, BLOCK]}
(FOLDER / "config.json").write_text(json.dumps({"quantization_config": quantization}) + "\n")
