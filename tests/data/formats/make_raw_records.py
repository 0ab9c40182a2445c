"""Writes raw_records.h5: records for `prepare` as h5py stores them, one of them no UTF-8, one without a problem."""
import pathlib

import h5py
import numpy

TARGET = pathlib.Path(__file__).with_name("raw_records.h5")

with h5py.File(TARGET, "w", libver=("earliest", "v110")) as file:
    problems = [f"What is {i} + {i + 1}?".encode() for i in range(6)]
    problems += ["넷에 셋을 더하면?".encode(), b"broken \xff\xfe text", b"What is 0 + 1?", b""]
    answers = [str(2 * i + 1).encode() for i in range(6)] + [b"7", b"1", b"1", b"3"]
    file.create_dataset("problem", data=problems, dtype=h5py.string_dtype("utf-8"))
    file.create_dataset("answer", data=numpy.array(answers, dtype="S4"))
    file.create_dataset("level", data=numpy.arange(10, dtype="i4"))
