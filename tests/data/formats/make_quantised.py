"""Makes quantised.gguf: random blocks of every type read, each beside its values as F32 by gguf-py."""
import sys
import gguf
import numpy as np

ROWS, COLUMNS = 3, 512
TYPES = ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]

random = np.random.default_rng(7)
writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_uint32("test.number", 42)
writer.add_float32("test.fraction", 0.25)
writer.add_bool("test.flag", True)
writer.add_array("test.words", ["", "a", "Ġtwo words", "글"])
writer.add_array("test.ids", [3, -1, 7])
for name in TYPES:
    kind = gguf.GGMLQuantizationType[name]
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (ROWS, COLUMNS // elements, size), dtype=np.uint8)
    # Half-precision scales stay finite: clear the top exponent bit of each.
    for at in {"Q6_K": [209], "Q4_0": [1], "Q5_0": [1], "Q8_0": [1], "F16": [1], "BF16": [1]}.get(name, [1, 3]):
        blocks[:, :, at] &= 0xBF
    data = blocks.reshape(ROWS, -1)
    values = gguf.quants.dequantize(data, kind).astype(np.float32)
    assert values.shape == (ROWS, COLUMNS) and np.isfinite(values).all(), name
    writer.add_tensor(name.lower(), data, raw_dtype=kind)
    writer.add_tensor(name.lower() + ".expected", values)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
