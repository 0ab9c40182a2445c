#!/usr/bin/env python3
"""Makes the files of this folder again (needs pyarrow): small tables as published data sets have them."""
import decimal
import gzip
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

here = pathlib.Path(__file__).parent


def verl(i, split):
    """A row as verl's examples/data_preprocess/gsm8k.py writes it."""
    a, b = i + 2, 3 * i + 1
    question = f"Tom has {a} apples and buys {b} more. How many apples does Tom have?"
    return {
        "data_source": "openai/gsm8k",
        "prompt": [{"content": question + ' Let\'s think step by step and output the final answer after "####".',
                    "role": "user"}],
        "ability": "math",
        "reward_model": {"ground_truth": str(a + b), "style": "rule"},
        "extra_info": {"answer": f"{a} + {b} = {a + b}\n#### {a + b}", "index": i, "question": question, "split": split},
    }


def types():
    """One column a type; the last row is empty."""
    rows = 3
    one = {
        "truth": pa.array([True, False, None]),
        "small": pa.array([-1, 127, None], pa.int8()),
        "large": pa.array([2**64 - 1, 0, None], pa.uint64()),
        "real": pa.array([0.5, -2.0, None]),
        "text": pa.array(["가", "", None]),
        "large_text": pa.array(["a", "b", None], pa.large_string()),
        "coded": pa.array(["x", "y", None]).dictionary_encode(),
        "bytes": pa.array([b"plain", b"\xff\xd8\xff", None]),
        "list": pa.array([[1, 2], [], None]),
        "nested": pa.array([[{"a": [1], "b": None}], [], None], pa.list_(pa.struct([("a", pa.list_(pa.int32())),
                                                                                    ("b", pa.string())]))),
        "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        "decimal": pa.array([decimal.Decimal("12.50"), decimal.Decimal("-0.01"), None]),
        "day": pa.array([0, 365, None], pa.date32()),
    }
    assert all(len(column) == rows for column in one.values())
    return pa.table(one)


rows = [verl(i, "train") for i in range(8)]
table = pa.Table.from_pylist(rows)
pq.write_table(table, here / "verl_gsm8k.parquet", compression="zstd", row_group_size=3, write_statistics=False,
               store_schema=False)
pq.write_table(types(), here / "types.parquet", compression="none", write_statistics=False)
with pa.ipc.new_stream(str(here / "stream.arrow"), types().schema) as out:
    out.write_table(types())
with pa.ipc.new_file(str(here / "file.arrow"), types().schema,
                     options=pa.ipc.IpcWriteOptions(compression="zstd")) as out:
    out.write_table(types())
text = b"".join(b'{"problem": "%d + 1", "answer": "%d"}\n' % (i, i + 1) for i in range(200))
(here / "members.jsonl.gz").write_bytes(gzip.compress(text[: len(text) // 2], mtime=0) +
                                        gzip.compress(text[len(text) // 2:], mtime=0))
zstd = pa.Codec("zstd")
(here / "frames.jsonl.zst").write_bytes(b"".join(bytes(zstd.compress(part))
                                                 for part in (text[:1000], text[1000:])))
