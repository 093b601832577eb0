// The map: layers from left to right, heads from top to bottom, each cell the colour of its bytes per token.
import {colour, drawLegend, prepare, variable} from './colours.js';

const LEFT = 24, BOTTOM = 16;  // room for the numbers of heads and layers [px]

export class CacheMap {
  // choose(layer, head): somebody wants to see that head.
  constructor(canvas, legend, caption, choose) {
    Object.assign(this, {canvas, legend, caption, choose});
    this.shape = null;  // {layers, kv_heads, bytes_per_token_and_head_16bit}
    this.cache = null;  // what /v1/kv says of one request
    this.cursor = {layer: 0, head: 0};
    this.chosen = null;
    this.drawIsComing = false;
    canvas.addEventListener('click', event => this.onClick(event));
    canvas.addEventListener('keydown', event => this.onKey(event));
    for (const event of ['focus', 'blur']) canvas.addEventListener(event, () => this.show());
    new ResizeObserver(() => this.show()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.show());
  }

  setShape(shape) {
    this.shape = shape;
    this.show();
  }

  setCache(cache) {
    this.cache = cache;
    this.show();
  }

  // However often something changes, a screen is drawn once.
  show() {
    if (this.drawIsComing) return;
    this.drawIsComing = true;
    requestAnimationFrame(() => {
      this.drawIsComing = false;
      if (this.shape) this.draw();
    });
  }

  bytesPerToken(layer, head) {
    if (!this.cache?.tokens) return null;
    return this.cache.head_bytes[layer * this.shape.kv_heads + head] / this.cache.tokens;
  }

  // Whole pixels, so that cells neither blur nor overlap.
  box({layer, head}) {
    const {layers, kv_heads: heads} = this.shape;
    const width = this.canvas.clientWidth - LEFT - 1, height = this.canvas.clientHeight - BOTTOM;
    const x = Math.round(layer * width / layers), y = Math.round(head * height / heads);
    return {x: LEFT + x, y, width: Math.round((layer + 1) * width / layers) - x,
            height: Math.round((head + 1) * height / heads) - y};
  }

  draw() {
    const {context, height} = prepare(this.canvas);
    const full = this.shape.bytes_per_token_and_head_16bit;
    for (let layer = 0; layer < this.shape.layers; ++layer) {
      for (let head = 0; head < this.shape.kv_heads; ++head) {
        const box = this.box({layer, head}), bytes = this.bytesPerToken(layer, head);
        context.fillStyle = bytes === null ? variable('--line') : colour(bytes / full);
        const gap = box.width > 5 ? 1 : 0;
        context.fillRect(box.x, box.y, box.width - gap, box.height - gap);
      }
    }
    this.drawNumbers(context, height);
    if (this.chosen) this.frame(context, this.chosen, variable('--text'), []);
    if (document.activeElement === this.canvas) this.frame(context, this.cursor, variable('--accent'), [3, 2]);
    drawLegend(this.legend, full);
    this.writeCaption();
  }

  drawNumbers(context, height) {
    context.fillStyle = variable('--faint');
    context.textAlign = 'center';
    const {layers, kv_heads: heads} = this.shape, every = Math.ceil(layers / 8);
    for (let layer = 0; layer < layers; layer += every) {
      const box = this.box({layer, head: 0});
      context.fillText(String(layer), box.x + box.width / 2, height - 3);
    }
    context.textAlign = 'right';
    const rows = Math.ceil(heads / 8);
    for (let head = 0; head < heads; head += rows) {
      const box = this.box({layer: 0, head});
      context.fillText(String(head), LEFT - 7, box.y + Math.min(box.height, 24) / 2 + 4);
    }
  }

  frame(context, cell, style, dashes) {
    const box = this.box(cell);
    context.setLineDash(dashes);
    context.lineWidth = 4;
    context.strokeStyle = variable('--panel');
    context.strokeRect(box.x, box.y + 1, box.width - 1, box.height - 3);
    context.lineWidth = 2;
    context.strokeStyle = style;
    context.strokeRect(box.x, box.y + 1, box.width - 1, box.height - 3);
    context.setLineDash([]);
  }

  writeCaption() {
    const focused = document.activeElement === this.canvas;
    const cell = focused || !this.chosen ? this.cursor : this.chosen;
    const bytes = this.bytesPerToken(cell.layer, cell.head);
    const full = this.shape.bytes_per_token_and_head_16bit;
    let text = 'Nothing is in the cache yet.';
    if (bytes !== null && !focused && !this.chosen) {
      text = this.cache.judged ? 'Every page counts, half-filled ones too.'
                               : 'Still whole: tokens are judged when a prompt of some hundred tokens has been read.';
    } else if (bytes !== null) {
      text = `Layer ${cell.layer}, head ${cell.head}: ${bytes.toFixed(1)} of ${full} bytes per token, ${(full / bytes).toFixed(1)}x smaller`;
    } else if (focused) {
      text = `Layer ${cell.layer}, head ${cell.head}: empty`;
    }
    if (this.caption.textContent !== text) this.caption.textContent = text;
  }

  onClick(event) {
    if (!this.shape) return;
    const {layers, kv_heads: heads} = this.shape;
    const width = this.canvas.clientWidth - LEFT - 1, height = this.canvas.clientHeight - BOTTOM;
    const within = (place, size, count) => Math.min(count - 1, Math.max(0, Math.floor(place / size * count)));
    this.pick({layer: within(event.offsetX - LEFT, width, layers), head: within(event.offsetY, height, heads)});
  }

  onKey(event) {
    const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (!this.shape || (!step && event.key !== 'Enter' && event.key !== ' ')) return;
    event.preventDefault();
    if (!step) return this.pick(this.cursor);
    const clamp = (value, count) => Math.min(count - 1, Math.max(0, value));
    this.cursor = {layer: clamp(this.cursor.layer + step[0], this.shape.layers),
                   head: clamp(this.cursor.head + step[1], this.shape.kv_heads)};
    this.show();
  }

  pick(cell) {
    this.cursor = cell;
    this.chosen = cell;
    this.show();
    this.choose(cell.layer, cell.head);
  }
}
