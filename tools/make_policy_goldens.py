#!/usr/bin/env python3
"""Curves and choices of the NumPy reference on random data, for tests/kv/policy_golden_test.cc.

  make_policy_goldens.py leankv_reference.py tests/golden/kv
"""
import importlib.util
import pathlib
import sys

import numpy as np

HEAD_DIM = 64


def load(path):
    spec = importlib.util.spec_from_file_location('reference', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text(values):
    return ' '.join(repr(float(v)) if isinstance(v, (float, np.floating)) else str(int(v)) for v in np.ravel(values))


def attention_like(rng, n):
    """Past and future of n tokens: log-normal over some decades, related but noisy, no two equal."""
    past = 10.0 ** rng.normal(-5, 1.2, n)
    future = past ** .8 * 10.0 ** rng.normal(-2, .7, n)
    return past.astype(np.float32), future.astype(np.float32)


def write_curves(ref, rng, path):
    lines = ['# per curve: tokens; past; future; 8 x log10 past; 8 x log10 future']
    for n in [8, 9, 15, 64, 237, 500]:
        past, future = attention_like(rng, n)
        x, y = ref.fit_curve(past, future)
        lines += [str(n), text(past), text(future), text(x), text(y)]
    path.write_text('\n'.join(lines) + '\n')


def random_policy(ref, rng, heads):
    """A Policy as its constructor would leave it, with one layer of random heads."""
    p = ref.Policy.__new__(ref.Policy)
    p.curves = [[ref.fit_curve(*attention_like(rng, 400)) for _ in range(heads)]]
    scale = 10.0 ** rng.normal(0, .5, (1, heads))
    p.cost = [(scale * c * 10.0 ** rng.normal(0, .2, (1, heads))).astype(np.float32) for c in (1e-4, 2e-2, .2, 2.)]
    p.w = np.full((1, 1, 1), .25, np.float32)
    p.bytes = ref.bytes_per_token(HEAD_DIM)
    p.rows = [(np.empty((1, heads, 0, HEAD_DIM)), None)]
    return p


def lambda_of(ref, p, a, ratio, current):
    """The lambda that choose() ends at: its bisection, with its objective seen one choice at a time."""
    importance = np.stack([ref.forecast(c, a[0, h]) for h, c in enumerate(p.curves[0])])[None]
    d = np.stack([p.w * importance * c[..., None] for c in p.cost])
    for i in range(len(ref.TIERS)):
        d[i][current > i] = 1e30
    at = lambda x: (d + np.float32(2.0 ** x) * p.bytes[:, None, None, None].astype(np.float32)).argmin(0)
    low, high = -80., 30.
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if p.bytes[at(middle)].mean() > 4 * HEAD_DIM / ratio else (low, middle)
        last = middle
    return 2.0 ** last, at(last)


def write_choices(ref, rng, path):
    lines = ['# per case: heads tokens tiers lambda; bytes; then per head: 8 x log10 past; 8 x log10 future; costs; '
             'significance; current tiers; chosen tiers']
    heads, n = 3, 300
    for ratio, judged_before in [(3., False), (4., True), (8., False), (11., True)]:
        p = random_policy(ref, rng, heads)
        a = (10.0 ** rng.normal(-5, 1.2, (1, heads, n))).astype(np.float32)
        current = rng.integers(0, 4, (1, heads, n)) if judged_before else np.zeros((1, heads, n), int)
        chosen = p.choose(a, ratio, np.zeros(n, bool), current)
        lam, same = lambda_of(ref, p, a, ratio, current)
        assert (same == chosen).all()
        lines += [f'{heads} {n} {len(ref.TIERS)} {lam!r}', text(p.bytes[:-1].astype(int))]
        for h in range(heads):
            costs = [float(p.w[0, 0, 0] * c[0, h]) for c in p.cost]
            x, y = p.curves[0][h]
            lines += [text(x), text(y), text(costs), text(a[0, h]), text(current[0, h]), text(chosen[0, h])]
    path.write_text('\n'.join(lines) + '\n')


def main():
    ref, out = load(sys.argv[1]), pathlib.Path(sys.argv[2])
    rng = np.random.default_rng(20241203)
    write_curves(ref, rng, out / 'policy_curves.txt')
    write_choices(ref, rng, out / 'policy_choices.txt')


if __name__ == '__main__':
    main()
