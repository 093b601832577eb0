#!/usr/bin/env python3
"""Draws what the JSON of a measurement shows. Standard library only.

  tools/plot_quality.py docs/measured/kld.json docs/plots/kld.svg              KL divergence against page-true ratio
  tools/plot_quality.py docs/measured/needle_*.json docs/plots/needle.svg      what each cache retrieved, by length and depth
  tools/plot_quality.py stats.json docs/plots/heads.svg                        bytes by layer and head: generate --stats-json
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


def kld_rows(rows):
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


def svg(width, height, parts):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" fill="#222">',
        f'<rect width="{width}" height="{height}" fill="white"/>', *parts, "</svg>", ""])


def draw_kld(rows):
    axes = Axes(rows)
    parts = [*grid(axes)]
    for name in COLOURS:
        chosen = [r for r in rows if family(r["policy"]) == name]
        if chosen:
            parts += series(axes, name, chosen)
    return svg(WIDTH, HEIGHT, parts)


CELL, GAP, LABELS, HEAD = 15, 26, 62, 46  # of the needle grids, in pixels
PER_LINE = 3


def shade(share, dark=(11, 110, 79), light=(240, 240, 236)):
    return "#%02x%02x%02x" % tuple(round(a + (b - a) * share) for a, b in zip(light, dark))


def panel(left, top, title, outcomes, lengths, depths):
    yield text(left + LABELS, top - 22, title, 13)
    for d, depth in enumerate(depths):
        if d % 2 == 0 or len(depths) < 6:
            yield text(left + LABELS + (d + 0.5) * CELL, top - 6, depth, 9, "middle")
    for n, length in enumerate(lengths):
        yield text(left + LABELS - 6, top + (n + 0.75) * CELL, f"{length:,}", 10, "end")
        for d, depth in enumerate(depths):
            found = [o["found"] for o in outcomes if (o["length"], o["depth"]) == (length, depth)]
            if found:
                yield (f'<rect x="{left + LABELS + d * CELL}" y="{top + n * CELL}" width="{CELL - 1}" height="{CELL - 1}" '
                       f'fill="{shade(sum(found) / len(found))}"><title>{sum(found)} of {len(found)}</title></rect>')


def grids_of(result):
    for task in dict.fromkeys(o["task"] for o in result["rows"][0]["outcomes"]):
        panels = []
        for row in result["rows"]:
            chosen = [o for o in row["outcomes"] if o["task"] == task]
            found = sum(o["found"] for o in chosen)
            panels.append((f'{row["policy"]} {row["ratio_page_true"]:.1f}x: {found} of {len(chosen)}', chosen))
        yield task, panels


def draw_needles(results):
    parts, top, width = [], HEAD, 0
    for task, panels in (grid for result in results for grid in grids_of(result)):
        outcomes = panels[0][1]
        lengths, depths = (sorted({o[name] for o in outcomes}) for name in ("length", "depth"))
        parts.append(text(LABELS, top - 22, f"{task}: prompt tokens by depth of the number, %", 14))
        panel_width, panel_height = LABELS + len(depths) * CELL + GAP, len(lengths) * CELL + 2 * GAP
        panel_width = max(panel_width, 220)
        for i, (title, chosen) in enumerate(panels):
            line, column = divmod(i, PER_LINE)
            parts += panel(column * panel_width, top + GAP + line * panel_height, title, chosen, lengths, depths)
        top += GAP + -(-len(panels) // PER_LINE) * panel_height + 14
        width = max(width, PER_LINE * panel_width)
    return svg(width, top - 20, parts)


def draw_heads(report):
    heads = report["heads"]
    layers, rows = (1 + max(h[name] for h in heads) for name in ("layer", "head"))
    per_token = {(h["layer"], h["head"]): sum(h["bytes"]) / report["tokens"] for h in heads}
    most, size, left, top = max(per_token.values()), 20, 70, 40
    parts = [text(left, 22, f'bytes per token by layer and KV head, {report["tokens"]:,} tokens; 16 bit: {4 * report["head_dim"]}', 14)]
    for (layer, head), value in per_token.items():
        parts.append(f'<rect x="{left + layer * size}" y="{top + head * size}" width="{size - 1}" height="{size - 1}" '
                     f'fill="{shade(value / most)}"><title>layer {layer}, head {head}: {value:.1f}</title></rect>')
    parts += [text(left - 8, top + (h + 0.7) * size, f"head {h}", 11, "end") for h in range(rows)]
    parts += [text(left + (n + 0.5) * size, top + rows * size + 14, n, 10, "middle") for n in range(0, layers, 2)]
    for i, share in enumerate((0, 0.25, 0.5, 0.75, 1)):
        x, y = left + i * 90, top + rows * size + 28
        parts.append(f'<rect x="{x}" y="{y}" width="{size}" height="{size - 6}" fill="{shade(share)}"/>')
        parts.append(text(x + size + 5, y + 12, f"{share * most:.0f} B", 11))
    return svg(left + max(layers * size, 450) + 20, top + rows * size + 56, parts)


def drawn(results):
    first = results[0]
    if isinstance(first, list):
        return draw_kld(kld_rows(first))
    if first.get("settings", {}).get("suite") == "needle":
        return draw_needles(results)
    if "heads" in first or "by_head" in first:
        return draw_heads(first.get("by_head", first))
    sys.exit("plot_quality: neither of eval kld, eval needle, nor with bytes by head")


def main():
    *sources, target = sys.argv[1:]
    results = []
    for source in sources:
        with open(source) as f:
            results.append(json.load(f))
    with open(target, "w") as f:
        f.write(drawn(results))


if __name__ == "__main__":
    main()
