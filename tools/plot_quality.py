#!/usr/bin/env python3
"""Draws KL divergence against page-true ratio from the JSON of `leankv eval kld`. Standard library only.

  tools/plot_quality.py docs/measured/kld.json docs/plots/kld.svg
"""
import json
import math
import sys

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 440, 78, 150, 34, 56
COLOURS = {"forecast": "#0b6e4f", "preset": "#0b6e4f", "paper": "#b3541e", "uniform": "#4a5a9b"}
LINES = {"forecast": "LeanKV", "paper": "paper's policy"}
PRESETS = ("safe", "balanced", "small")
RATIO_TICKS = (1, 2, 3, 4, 6, 8, 11, 16)


def family(policy):
    for name in LINES:
        if policy.startswith(name):
            return name
    return "preset" if policy in PRESETS else "uniform"


def rows_of(path):
    with open(path) as f:
        rows = json.load(f)
    return [r for r in rows if "activations" not in r["policy"] and r["kld_mean"] > 0]


class Axes:
    def __init__(self, rows):
        klds = [r["kld_mean"] for r in rows]
        self.low, self.high = math.floor(math.log10(min(klds))), math.ceil(math.log10(max(klds)))
        self.right = math.log(max(RATIO_TICKS[-1], max(r["ratio_page_true"] for r in rows)))

    def x(self, ratio):
        return LEFT + math.log(ratio) / self.right * (WIDTH - LEFT - RIGHT)

    def y(self, kld):
        share = (math.log10(kld) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def text(x, y, words, size=13, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" {extra}>{words}</text>'


def grid(axes):
    for decade in range(axes.low, axes.high + 1):
        y = axes.y(10.0 ** decade)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>'
        yield text(LEFT - 8, y + 4, f"{10.0 ** decade:g}", anchor="end")
    for ratio in RATIO_TICKS:
        x = axes.x(ratio)
        yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#eee"/>'
        yield text(x, HEIGHT - BOTTOM + 18, f"{ratio}x", anchor="middle")
    yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "times less cache memory than 16 bit, page-true", anchor="middle")
    yield text(20, HEIGHT / 2, "mean KL divergence (nats), lower is better", anchor="middle",
               extra=f'transform="rotate(-90 20 {HEIGHT / 2:.0f})"')


def series(axes, name, rows):
    points = sorted((axes.x(r["ratio_page_true"]), axes.y(r["kld_mean"]), r) for r in rows)
    colour = COLOURS[name]
    if name in LINES:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield text(points[-1][0] + 10, points[-1][1] + 4, LINES[name], extra=f'fill="{colour}"')
    for x, y, row in points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
        if name not in LINES:
            yield text(x + 8, y + 12, row["policy"], 12, extra=f'fill="{colour}"')


def draw(rows):
    axes = Axes(rows)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" fill="#222">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *grid(axes)]
    for name in COLOURS:
        chosen = [r for r in rows if family(r["policy"]) == name]
        if chosen:
            parts += series(axes, name, chosen)
    return "\n".join(parts + ["</svg>", ""])


def main():
    source, target = sys.argv[1:]
    with open(target, "w") as f:
        f.write(draw(rows_of(source)))


if __name__ == "__main__":
    main()
