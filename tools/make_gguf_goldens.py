#!/usr/bin/env python3
"""Writes tests/golden/gguf: a tiny GGUF with every metadata type and weight format, and what it decodes to.

The gguf package is the authority: it writes the file and computes the expected values. Needs: pip install gguf numpy
tiny.gguf  the file; tests/loader/gguf_test.cc repeats the metadata written here
tiny.f32   its tensors in formats that are read, as float32, in file order, little-endian
"""

import pathlib

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFValueType, GGUFWriter
from gguf.quants import dequantize

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "gguf"

# Half-precision bit patterns that decoders get wrong: zeros, the smallest and largest subnormals, the smallest normal,
# 1, the largest finite number, with both signs.
EDGE_HALVES = [0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x83FF, 0x0400, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF]
# As bfloat16: also the smallest subnormal, the largest finite number.
EDGE_BFLOATS = [0x0000, 0x8000, 0x0001, 0x8001, 0x007F, 0x0080, 0x3F80, 0xBF80, 0x7F7F, 0xFF7F]


def add_metadata(writer):
    writer.add_uint8("test.u8", 200)
    writer.add_int8("test.i8", -100)
    writer.add_uint16("test.u16", 60000)
    writer.add_int16("test.i16", -30000)
    writer.add_uint32("test.u32", 4000000000)
    writer.add_int32("test.i32", -2000000000)
    writer.add_uint64("test.u64", 2**64 - 1)
    writer.add_int64("test.i64", -(2**63))
    writer.add_float32("test.f32", 0.1)
    writer.add_float64("test.f64", 0.1)
    writer.add_bool("test.true", True)
    writer.add_bool("test.false", False)
    writer.add_string("test.string", "Grüße\n")
    writer.add_key_value("test.empty", "", GGUFValueType.STRING)  # add_string leaves empty texts out
    arrays = [
        ("u8", GGUFValueType.UINT8, [0, 255]),
        ("i8", GGUFValueType.INT8, [-128, 127]),
        ("u16", GGUFValueType.UINT16, [0, 65535]),
        ("i16", GGUFValueType.INT16, [-32768, 32767]),
        ("u32", GGUFValueType.UINT32, [0, 2**32 - 1]),
        ("i32", GGUFValueType.INT32, [-(2**31), 2**31 - 1]),
        ("u64", GGUFValueType.UINT64, [0, 2**63 - 1]),
        ("i64", GGUFValueType.INT64, [-(2**63), 2**63 - 1]),
        ("f32", GGUFValueType.FLOAT32, [0.5, -0.25, 3.0]),
        ("f64", GGUFValueType.FLOAT64, [0.1, -1e300]),
        ("bool", GGUFValueType.BOOL, [True, False, True]),
        ("string", GGUFValueType.STRING, ["a", "", "Ġthe", "b", "c", "d", "e", "f"]),
    ]
    for name, kind, values in arrays:
        writer.add_key_value("test.array." + name, values, GGUFValueType.ARRAY, sub_type=kind)


def half_blocks(rng, rows, columns, edges):
    """16-bit numbers with the edge patterns first, no infinities or NaNs.  [rows, columns]"""
    bits = rng.integers(0, 0x7B00, size=rows * columns).astype(np.uint16)
    bits |= (rng.integers(0, 2, size=bits.size) << 15).astype(np.uint16)
    bits[: len(edges)] = edges
    return bits.reshape(rows, columns)


def quantised_blocks(rng, rows, block_bytes, n_halves):
    """One block per row: edge scales (and minimums, in another order), then random codes.  [rows, block_bytes] u8"""
    blocks = rng.integers(0, 256, size=(rows, block_bytes)).astype(np.uint8)
    for half in range(n_halves):
        edges = np.roll(EDGE_HALVES, 4 * half)
        scales = np.concatenate([edges, half_blocks(rng, 1, rows - len(edges), []).ravel()])
        blocks[:, 2 * half : 2 * half + 2] = scales.astype("<u2").view(np.uint8).reshape(rows, 2)
    return blocks


def make_tensors(rng):
    """(name, type, raw data) of the readable tensors."""
    return [
        ("f32", Type.F32, rng.standard_normal((3, 5)).astype(np.float32)),
        ("vector", Type.F32, rng.standard_normal(7).astype(np.float32)),
        ("f16", Type.F16, half_blocks(rng, 2, 16, EDGE_HALVES).view(np.float16)),
        ("bf16", Type.BF16, half_blocks(rng, 2, 16, EDGE_BFLOATS).view(np.uint8)),
        ("q8_0", Type.Q8_0, quantised_blocks(rng, 14, 34, 1)),
        ("q4_0", Type.Q4_0, quantised_blocks(rng, 14, 18, 1)),
        ("q4_1", Type.Q4_1, quantised_blocks(rng, 14, 20, 2)),
        ("q5_0", Type.Q5_0, quantised_blocks(rng, 14, 22, 1)),
        ("q5_1", Type.Q5_1, quantised_blocks(rng, 14, 24, 2)),
        ("q4_k", Type.Q4_K, quantised_blocks(rng, 14, 144, 2)),
        ("q5_k", Type.Q5_K, quantised_blocks(rng, 14, 176, 2)),
        ("q6_k", Type.Q6_K, np.roll(quantised_blocks(rng, 14, 210, 1), -2, axis=1)),  # the scale comes last
    ]


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20240711)
    writer = GGUFWriter(FOLDER / "tiny.gguf", "test")
    add_metadata(writer)
    expected = []
    for name, kind, data in make_tensors(rng):
        writer.add_tensor(name, data, raw_dtype=kind)
        expected.append(dequantize(data, kind).astype("<f4").ravel())
    writer.add_tensor("q3_k", rng.integers(0, 256, size=(1, 110)).astype(np.uint8), raw_dtype=Type.Q3_K)
    writer.add_tensor("cube", np.arange(12, dtype=np.float32).reshape(2, 2, 3))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    np.concatenate(expected).tofile(FOLDER / "tiny.f32")


if __name__ == "__main__":
    main()
