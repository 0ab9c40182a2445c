#!/usr/bin/env python3
"""Writes the small files that fuzzing begins with: make_seeds.py FOLDER (a folder for each target)."""
import gzip
import json
import pathlib
import struct
import sys


def safetensors(tensors, metadata=None):
    """A file of {name: (dtype, shape, bytes)}."""
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def text(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf_value(key, value):
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, int):
        return text(key) + struct.pack("<II", 4, value)
    items = b"".join(text(v) if isinstance(v, str) else struct.pack("<i", v) for v in value)
    return text(key) + struct.pack("<IIQ", 9, 8 if isinstance(value[0], str) else 5, len(value)) + items


def gguf(values, tensors):
    """A file of {key: value} and {name: (dims, type, bytes)}."""
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    out += b"".join(gguf_value(key, value) for key, value in values.items())
    data = b""
    for name, (dims, kind, content) in tensors.items():
        out += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, len(data))
        data += content + bytes(-len(content) % 32)
    return out + bytes(-len(out) % 32) + data


def bytes_alphabet():
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(b) if b in printable else chr(256 + sum(x not in printable for x in range(b))) for b in range(256)]


def tokenizer_json(steps, normalizer=None, **model):
    vocab = {token: i for i, token in enumerate([*bytes_alphabet(), "he", "ll", "Ġt"])}
    return json.dumps({
        "added_tokens": [{"id": 259, "content": "<|im_end|>", "special": True},
                         {"id": 260, "content": "<think>", "special": False}],
        "normalizer": normalizer,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "post_processor": None,
        "model": {"type": "BPE", "vocab": vocab, "merges": ["h e", ["l", "l"], "Ġ t"], **model},
    }, ensure_ascii=False).encode()


def templates():
    """The chat templates of the tree and the pieces of the language that the tests render."""
    root = pathlib.Path(__file__).resolve().parents[2]
    files = [path.read_bytes() for path in sorted((root / "src/tokenizer/chat_templates").glob("*.jinja"))]
    with open(root / "tests/data/jinja/snippets.jsonl", encoding="utf-8") as snippets:
        return files + [json.loads(line)["template"].encode() for line in snippets]


def records():
    """Files of records, behind the byte that names their form (fuzz_jsonl.cpp)."""
    rows = [{"problem": "1 + 1", "answer": "2"}, {"problem": "caf\u00e9", "answer": [1, None], "id": 3}]
    lines = "".join(json.dumps(row) + "\r\n" for row in rows).encode()
    table = b'problem\tanswer\n"a ""b""\nc"\t2\n'
    return [b"\0" + lines, b"\1" + json.dumps(rows, indent=1).encode(), b"\2" + table.replace(b"\t", b","), b"\3" + table,
            b"\4" + gzip.compress(lines), b"\4" + gzip.compress(lines[:9]) + gzip.compress(lines[9:])]


def model_configs():
    root = pathlib.Path(__file__).resolve().parents[2]
    return [path.read_bytes() for path in sorted((root / "tests/data/models").glob("*/config.json"))]


def configurations():
    """The configurations of the tree, with an override behind them (fuzz_toml.cpp)."""
    root = pathlib.Path(__file__).resolve().parents[2]
    files = [path.read_bytes() for path in sorted((root / "configs").glob("*/*.toml"))]
    small = [text for text in files if len(text) < 8000 and b"include" not in text]
    return [bytes([i % 5]) + text.rstrip(b"\n") + b"\nrl.steps=3" for i, text in enumerate(small)]


def manifests():
    body = {"type": "r1mpi checkpoint", "format_version": 1, "program_version": "0", "git_sha": "0", "good": True,
            "date": "2026-01-31T12:00:00Z", "seed": 1, "step": 1, "run": "", "slab_bytes": 67108864,
            "files": [{"name": "shard-00000.h5", "size": 10, "crc32c": ["00000000"]}]}
    return [json.dumps({**body, "crc32c": "00000000"}).encode()]


def seeds():
    split = {"type": "Split", "pattern": {"Regex": r"\p{L}+|\p{N}{1,3}|\s+(?!\S)|[^\s\p{L}]"}, "behavior": "Isolated",
             "invert": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    tokenizer = {"general.architecture": "llama", "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "smollm",
                 "tokenizer.ggml.tokens": ["a", "b", "ab", "<|im_end|>"], "tokenizer.ggml.token_type": [1, 1, 1, 3],
                 "tokenizer.ggml.merges": ["a b"], "tokenizer.ggml.eos_token_id": 3}
    blocks = {kind: bytes(range(size)) for kind, size in [(2, 18), (6, 22), (8, 34), (12, 144), (13, 176), (14, 210)]}
    return {
        "safetensors": [safetensors({}), safetensors({"a": ("F32", [2, 3], bytes(24)), "b": ("F8_E4M3", [4], b"abcd")},
                                                     {"format": "pt"})],
        "gguf": [gguf({}, {}), gguf(tokenizer, {}), gguf({"general.alignment": 32, "x": [1, -2]}, {
            f"t{kind}": ([32 if kind < 10 else 256, 1], kind, data) for kind, data in blocks.items()})],
        "tokenizer_json": [tokenizer_json([split, level]),
                           tokenizer_json([{"type": "Digits", "individual_digits": True}, {**level, "use_regex": True}],
                                          {"type": "NFC"}, ignore_merges=True)],
        "jinja": templates(),
        "jsonl": records(),
        "config_json": model_configs(),
        "toml": configurations(),
        "manifest": manifests(),
        "index": [bytes(3), bytes([0, 2, 1, 16, 4, 255])],  # changes (fuzz_index.cpp)
    }


def main():
    for target, files in seeds().items():
        folder = pathlib.Path(sys.argv[1], target)
        folder.mkdir(parents=True, exist_ok=True)
        for i, content in enumerate(files):
            (folder / f"seed{i}").write_bytes(content)


if __name__ == "__main__":
    main()
