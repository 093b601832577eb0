#!/usr/bin/env python3
"""Says of what scripts/bench-cuda measured whether it is what the CUDA backend must show.

    tools/cuda_report.py FOLDER SHAPE     reads FOLDER/kernels.json and FOLDER/SHAPE-{off,safe,small}.json
"""
import json
import pathlib
import sys

LEAST_SHARE = 0.70  # of a copy's peak, decode attention over the default tiers at 32k
MOST_MEMORY = 0.005  # of a decode step at 256 sequences
LEAST_SPEEDUP = {"safe": 2.5, "small": 5.0}  # throughput over off at equal pools


def verdict(holds):
    return "yes" if holds else "NO"


def attention(kernels):
    """Rows of the share of a copy's peak."""
    for kv in ("off", "safe"):
        for batch in (1, 64):
            points = [p for p in kernels["attention"]
                      if (p["kv"], p["depth"], p["batch"]) == (kv, 32768, batch) and "skipped" not in p]
            for p in points:
                yield (f"attention {kv}, 32k, batch {batch}", f"{p['gb_s']:.0f} GB/s, {p['share_of_copy']:.0%} of a copy",
                       p["share_of_copy"] >= LEAST_SHARE)


def memory(kernels, points):
    """The memory manager beside a step of as many sequences."""
    found = [p for p in points.values() if p["batch"] == kernels["memory"]["sequences"] and p["kv"] == "safe"]
    for p in found[:1]:
        share = kernels["memory"]["extend_ms"] / (1e3 * p["batch"] / p["decode_tok_s"])
        yield (f"memory manager, {p['batch']} sequences", f"{share:.2%} of a step", share <= MOST_MEMORY)


def throughput(points):
    """The best throughput of each preset over that of off; no point slower."""
    depths = sorted({depth for _, depth, _ in points})
    for depth in depths:
        best = {kv: max((p["decode_tok_s"] for (k, d, _), p in points.items() if (k, d) == (kv, depth)), default=0)
                for kv in ("off", *LEAST_SPEEDUP)}
        for kv, least in LEAST_SPEEDUP.items():
            if best["off"] > 0:
                ratio = best[kv] / best["off"]
                yield (f"{kv}, depth {depth}", f"{best[kv]:.0f} tok/s, {ratio:.2f} times off", ratio >= least)
    slower = [key for key, p in points.items()
              if key[0] != "off" and p["decode_tok_s"] < points.get(("off", *key[1:]), p)["decode_tok_s"]]
    yield ("points slower than off", ", ".join(map(str, slower)) or "none", not slower)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, shape = pathlib.Path(sys.argv[1]), sys.argv[2]
    kernels = json.loads((folder / "kernels.json").read_text())
    points = {}
    for kv in ("off", *LEAST_SPEEDUP):
        for p in json.loads((folder / f"{shape}-{kv}.json").read_text()):
            if p.get("decode_tok_s"):
                points[p["kv"], p["depth"], p["batch"]] = p
    rows = [*attention(kernels), *memory(kernels, points), *throughput(points)]
    print(f"{kernels['device']}: a copy moves {kernels['copy_gb_s']:.0f} GB/s\n\n| what | measured | holds |\n|---|---|---|")
    for what, measured, holds in rows:
        print(f"| {what} | {measured} | {verdict(holds)} |")
    return 0 if all(holds for *_, holds in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
