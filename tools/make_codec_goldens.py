#!/usr/bin/env python3
"""Writes tests/golden/kv/codec_rows.txt: rows, and the codes, scales and decoded rows that an independent NumPy
computation gives. Needs numpy and gguf (PyPI).

One line a row: codec, head_dim, row (f32 as hex), codes (16 bits each), scales (bytes), decoded row (f32).
Codes are found in double precision and rows whose choice is closer than MARGIN to a tie are drawn again, so that codes
can be compared for equality whatever the rounding of f32. q8_0 and q4_0 come from the gguf package, ties included.
"""
import pathlib
import numpy as np
from gguf import GGMLQuantizationType, dequantize, quantize

LEVELS = {2: [.4528, 1.510], 3: [.2451, .756, 1.344, 2.152],
          4: [.1284, .3881, .6568, .9424, 1.256, 1.618, 2.069, 2.733]}
MARGIN = 1e-4  # in steps of the grid, or of the scale byte
ROWS = 6
f32 = np.float32


class Tie(Exception):
    pass


def away_from_ties(distance):
    if np.min(distance) < MARGIN:
        raise Tie


def half_bytes(*values):
    return b''.join(np.asarray(v, '<f2').tobytes() for v in values)


def as_half(value):
    return f32(np.float16(value))


def scale_byte(scale):
    position = np.log2(scale) * 16 + 128
    away_from_ties(abs(abs(position - np.rint(position)) - .5))
    return int(np.clip(np.rint(position), 1, 255))


def encode_levels(bits, x):
    images = np.rint(np.array(LEVELS[bits]) / LEVELS[bits][-1] * 127)
    step = LEVELS[bits][-1] / 127
    levels, magnitude = images * step, np.abs(x.astype(np.float64))
    edges = (levels[1:] + levels[:-1]) / 2

    def nearest(byte):
        a = magnitude / 2.0 ** ((byte - 128) / 16)
        away_from_ties(abs(a[:, None] - edges))
        return np.searchsorted(edges, a)

    byte = scale_byte(np.sqrt(np.mean(magnitude ** 2)))
    for _ in range(2):
        z = levels[nearest(byte)]
        byte = scale_byte((magnitude * z).sum() / (z * z).sum())
    level = nearest(byte)
    row_step = f32(2.0 ** ((byte - 128) / 16)) * f32(step)
    decoded = row_step * np.where(x < 0, -images[level], images[level]).astype(f32)
    return level + np.where(x < 0, 1 << (bits - 1), 0), bytes([byte]), decoded


def encode_grid8(x):
    s = as_half(np.abs(x).max() / 127.5)
    position = x.astype(np.float64) / s
    away_from_ties(abs(position - np.rint(position)))
    codes = np.clip(np.floor(position) + 128, 0, 255)
    return codes, half_bytes(s), s * (codes.astype(f32) - f32(127.5))


def encode_minmax(bits, x):
    top = 2 ** bits - 1
    exact = x.astype(np.float64)
    scale, zero = as_half((exact.max() - exact.min()) / top), as_half(exact.min())
    position = (exact - zero) / scale
    away_from_ties(abs(position - np.floor(position) - .5))
    codes = np.clip(np.rint(position), 0, top)
    return codes, half_bytes(scale, zero), zero + scale * codes.astype(f32)


def encode_half(x):
    return x.astype(np.float16).view(np.uint16), b'', x.astype(np.float16).astype(f32)


def encode_block(kind, x):
    blocks = quantize(x[None], kind)
    decoded = dequantize(blocks, kind)[0]
    blocks = blocks.reshape(len(x) // 32, -1)
    data = blocks[:, 2:]
    if kind == GGMLQuantizationType.Q4_0:
        data = np.concatenate([data & 15, data >> 4], axis=1)
    return data.ravel(), blocks[:, :2].tobytes(), decoded


CODECS = {
    'f16': encode_half, 'grid8': encode_grid8,
    'levels4': lambda x: encode_levels(4, x), 'levels3': lambda x: encode_levels(3, x), 'levels2': lambda x: encode_levels(2, x),
    'minmax8': lambda x: encode_minmax(8, x), 'minmax4': lambda x: encode_minmax(4, x), 'minmax2': lambda x: encode_minmax(2, x),
    'q8_0': lambda x: encode_block(GGMLQuantizationType.Q8_0, x), 'q4_0': lambda x: encode_block(GGMLQuantizationType.Q4_0, x),
}


def random_row(rng, head_dim, kind):
    x = rng.standard_normal(head_dim) * 10 ** rng.uniform(-1, 1)
    if kind % 3 == 1:
        x[rng.integers(head_dim)] *= 20  # an outlier channel
    if kind % 3 == 2:
        x = x * rng.lognormal(size=head_dim) + .5
    return x.astype(f32)


def special_rows(head_dim):
    """Only for the codecs that are compared with gguf, ties and all."""
    integers = (np.arange(head_dim) % 17 - 8).astype(f32)
    return [np.zeros(head_dim, f32), -integers, integers / 2, np.full(head_dim, -3, f32), integers * f32(1e-7),
            np.nextafter(integers / 2, f32(0))]


def line(name, x, result):
    codes, scales, decoded = result
    words = lambda a: np.asarray(a, '>f4').tobytes().hex()
    return ' '.join([name, str(len(x)), words(x), np.asarray(codes).astype('>u2').tobytes().hex(), scales.hex() or '-', words(decoded)])


def main():
    rng, lines = np.random.default_rng(20241203), []
    for name, encode in CODECS.items():
        for head_dim in (64, 96) if name.startswith('q') else (64, 80, 128):
            rows = 0
            while rows < ROWS:
                x = random_row(rng, head_dim, rows)
                try:
                    lines.append(line(name, x, encode(x)))
                    rows += 1
                except Tie:
                    pass
            if name.startswith('q'):
                lines += [line(name, x, encode(x)) for x in special_rows(head_dim)]
    path = pathlib.Path(__file__).parent.parent / 'tests/golden/kv/codec_rows.txt'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()
