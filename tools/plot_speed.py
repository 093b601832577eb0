#!/usr/bin/env python3
"""Draws tokens per second against context depth from the JSON of `leankv bench`, a panel per batch. Standard library only.

  tools/plot_speed.py docs/measured/speed.json docs/plots     writes speed-decode.svg, speed-prefill.svg
"""
import json
import math
import pathlib
import sys

PANEL, HEIGHT, LEFT, GAP, TOP, BOTTOM, RIGHT = 270, 330, 70, 56, 44, 56, 90
COLOURS = ("#555555", "#0b6e4f", "#b3541e", "#4a5a9b", "#8a2f6b", "#7a6a00")
QUANTITIES = {
    "decode": ("decode_tok_s", "decode, tokens per second of all sequences"),
    "prefill": ("prefill_tok_s", "prefill at that depth, tokens per second"),
}


def text(x, y, words, size=13, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" {extra}>{words}</text>'


def nice_step(high, steps=5):
    """The largest of 1, 2, 5 times a power of ten that gives at least `steps` steps up to high."""
    power = 10.0 ** math.floor(math.log10(high / steps))
    return max(m * power for m in (1, 2, 5) if m * power <= high / steps)


def depth_label(depth):
    return f"{depth // 1024}k" if depth % 1024 == 0 and depth else str(depth)


class Panel:
    """One batch: its own vertical scale."""

    def __init__(self, index, rows, key):
        self.left = LEFT + index * (PANEL + GAP)
        self.key = key
        self.deepest = max(max(r["depth"] for r in rows), 1)
        self.high = 1.05 * max(r[key + "_quartiles"][1] for r in rows)

    def x(self, depth):
        return self.left + depth / self.deepest * PANEL

    def y(self, value):
        return HEIGHT - BOTTOM - value / self.high * (HEIGHT - TOP - BOTTOM)

    def grid(self, batch, depths):
        step = nice_step(self.high)
        for i in range(int(self.high / step) + 1):
            y = self.y(i * step)
            yield f'<line x1="{self.left}" y1="{y:.1f}" x2="{self.left + PANEL}" y2="{y:.1f}" stroke="#e4e4e4"/>'
            yield text(self.left - 6, y + 4, f"{i * step:g}", 12, "end")
        shown = -math.inf
        for depth in depths:
            if self.x(depth) - shown < 24:
                continue
            shown = self.x(depth)
            yield text(shown, HEIGHT - BOTTOM + 17, depth_label(depth), 12, "middle")
        words = f"{batch} sequence" + ("" if batch == 1 else "s together")
        yield text(self.left + PANEL / 2, TOP - 12, words, 13, "middle")

    def line(self, rows, colour):
        rows = sorted(rows, key=lambda r: r["depth"])
        points = " ".join(f"{self.x(r['depth']):.1f},{self.y(r[self.key]):.1f}" for r in rows)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for r in rows:
            x, (low, high) = self.x(r["depth"]), r[self.key + "_quartiles"]
            yield f'<line x1="{x:.1f}" y1="{self.y(low):.1f}" x2="{x:.1f}" y2="{self.y(high):.1f}" stroke="{colour}"/>'
            yield f'<circle cx="{x:.1f}" cy="{self.y(r[self.key]):.1f}" r="3" fill="{colour}"/>'


def legend(names, width):
    for i, name in enumerate(names):
        y = TOP + 10 + 20 * i
        colour = COLOURS[i % len(COLOURS)]
        yield f'<line x1="{width - RIGHT + 14}" y1="{y}" x2="{width - RIGHT + 32}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
        yield text(width - RIGHT + 38, y + 4, name, extra=f'fill="{colour}"')


def draw(rows, key, title):
    batches = sorted({r["batch"] for r in rows})
    names = list(dict.fromkeys(r["kv"] for r in rows))
    width = LEFT + len(batches) * PANEL + (len(batches) - 1) * GAP + RIGHT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" font-family="sans-serif" fill="#222">',
             f'<rect width="{width}" height="{HEIGHT}" fill="white"/>']
    for i, batch in enumerate(batches):
        here = [r for r in rows if r["batch"] == batch]
        panel = Panel(i, here, key)
        parts += panel.grid(batch, sorted({r["depth"] for r in here}))
        for n, name in enumerate(names):
            chosen = [r for r in here if r["kv"] == name]
            if chosen:
                parts += panel.line(chosen, COLOURS[n % len(COLOURS)])
    parts.append(text((LEFT + width - RIGHT) / 2, HEIGHT - 12, "tokens in the cache", anchor="middle"))
    parts.append(text(18, HEIGHT / 2, title, 12, "middle", f'transform="rotate(-90 18 {HEIGHT / 2:.0f})"'))
    return "\n".join([*parts, *legend(names, width), "</svg>", ""])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    rows = [r for r in json.loads(pathlib.Path(source).read_text()) if "skipped" not in r]
    folder.mkdir(parents=True, exist_ok=True)
    for name, (key, title) in QUANTITIES.items():
        (folder / f"{pathlib.Path(source).stem}-{name}.svg").write_text(draw(rows, key, title))


if __name__ == "__main__":
    main()
