// One scale for bytes and for bits: cividis, which reads the same with every kind of colour vision and in grey.

const STOPS = ['00224e', '123570', '3b496c', '575d6d', '707173', '8a8678', 'a59c74', 'c3b369', 'e1cc55', 'fee838']
  .map(hex => [0, 2, 4].map(i => parseInt(hex.slice(i, i + 2), 16)));
const SMALLEST = 1 / 16;  // of 16 bits: what is smaller looks like this

// share: of what 16 bits take, (0, 1]. By its logarithm, as ratios are.
export function colour(share) {
  const place = Math.min(1, Math.max(0, 1 - Math.log2(share) / Math.log2(SMALLEST))) * (STOPS.length - 1);
  const i = Math.min(STOPS.length - 2, Math.floor(place));
  const mixed = STOPS[i].map((c, k) => Math.round(c + (STOPS[i + 1][k] - c) * (place - i)));
  return `rgb(${mixed.join(' ')})`;
}

// Readable on colour(share).
export const ink = share => (share > 0.22 ? '#10131a' : '#ffffff');

export const variable = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A canvas as sharp as the screen; returns its context, with units of CSS pixels, and its size.
export function prepare(canvas) {
  const {clientWidth: width, clientHeight: height} = canvas, scale = devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext('2d');
  context.scale(scale, scale);
  context.font = '11px system-ui, "DejaVu Sans", sans-serif';
  return {context, width, height};
}

// bytes: of a token at 16 bits.
export function drawLegend(canvas, bytes) {
  const {context, width} = prepare(canvas);
  const left = 24, span = width - left - 1;
  for (let x = 0; x < span; ++x) {
    context.fillStyle = colour(SMALLEST ** (1 - x / span));
    context.fillRect(left + x, 2, 1, 11);
  }
  context.fillStyle = variable('--faint');
  const marks = 4;
  for (let i = 0; i <= marks; ++i) {
    const share = SMALLEST ** (1 - i / marks);
    context.textAlign = i === 0 ? 'left' : i === marks ? 'right' : 'center';
    context.fillText(`${i === 0 ? '≤ ' : ''}${Math.round(bytes * share)} B`, left + span * i / marks, 27);
  }
}
