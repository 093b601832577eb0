// One head: the share of each precision, and the prompt's words by the precision at which the head still holds them.
import {colour, ink} from './colours.js';

const byId = id => document.getElementById(id);
const element = (tag, text = '') => Object.assign(document.createElement(tag), {textContent: text});

const shareOf16Bits = list => (list.key_bits + list.value_bits) / 32;
const isPruned = list => list.tier === 'pruned';
const describe = list =>
  isPruned(list) ? 'pruned: forgotten by this head' : `${list.tier}: ${list.key_bits}-bit keys, ${list.value_bits}-bit values`;

// Texts of the tokens. One that ends within a character has it whole; those that continue it are empty.
export function textsOf(pieces) {
  const texts = pieces.map(() => ''), decoder = new TextDecoder('utf-8', {fatal: true});
  let pending = [], first = 0;
  pieces.forEach(({piece}, i) => {
    if (typeof piece === 'string') {
      texts[i] = piece;
      pending = [];
      return;
    }
    if (pending.length === 0) first = i;
    pending.push(...piece);
    try {
      texts[first] = decoder.decode(new Uint8Array(pending));
      pending = [];
    } catch {}  // the character goes on
  });
  return texts;
}

function paint(span, list) {
  if (isPruned(list)) {
    span.className = 'pruned';
  } else {
    span.style.background = colour(shareOf16Bits(list));
    span.style.color = ink(shareOf16Bits(list));
  }
  span.title = describe(list);
}

// Lists of one precision are one line; what is gone is the last.
function linesOf(head) {
  const lines = new Map();
  for (const list of head.lists) {
    const line = lines.get(list.tier);
    lines.set(list.tier, line ? {...line, tokens: line.tokens + list.tokens} : list);
  }
  const sorted = [...lines.values()].sort((a, b) => shareOf16Bits(b) - shareOf16Bits(a));
  return [...sorted, {tier: 'pruned', tokens: head.pruned}];
}

function showShares(head) {
  const bar = byId('shares'), body = byId('tiers').tBodies[0];
  bar.replaceChildren();
  body.replaceChildren();
  const spoken = [];
  for (const line of linesOf(head)) {
    const percent = 100 * line.tokens / Math.max(1, head.tokens), part = element('span'), swatch = element('span');
    swatch.className = 'swatch';
    if (!isPruned(line)) part.style.background = swatch.style.background = colour(shareOf16Bits(line));
    part.style.width = `${percent}%`;
    bar.append(part);
    const row = element('tr'), name = element('td');
    name.append(swatch, describe(line));
    row.append(name, element('td', line.tokens.toLocaleString('en')), element('td', `${percent.toFixed(1)} %`));
    body.append(row);
    spoken.push(`${line.tier} ${percent.toFixed(0)} %`);
  }
  bar.ariaLabel = spoken.join(', ');
}

// Neighbours of one precision share an element, so that a long prompt makes thousands of them, not tens of thousands.
function showWords(head, texts) {
  const kept = new Array(head.prompt_tokens).fill({tier: 'pruned'});
  for (const list of head.lists) {
    for (const place of list.positions) if (place < kept.length) kept[place] = list;
  }
  const fragment = new DocumentFragment();
  for (let from = 0; from < kept.length;) {
    let to = from + 1;
    while (to < kept.length && kept[to].tier === kept[from].tier) ++to;
    const span = element('span', texts.slice(from, to).join(''));
    paint(span, kept[from]);
    fragment.append(span);
    from = to;
  }
  const words = byId('words'), place = words.scrollTop;
  words.replaceChildren(fragment);
  words.scrollTop = place;
}

// head: /v1/kv of one head; texts: of the prompt's tokens, null where they are not known.
export function showHead(head, texts) {
  byId('head-title').textContent = `Layer ${head.layer}, head ${head.head}: ${(head.bytes / 1e3).toFixed(1)} kB for ${head.tokens.toLocaleString('en')} tokens`;
  showShares(head);
  const known = head.lists.every(list => list.positions) && texts?.length === head.prompt_tokens;
  if (known) {
    showWords(head, texts);
    const answer = head.tokens - head.prompt_tokens;
    byId('words-note').textContent = `The prompt as this head holds it; faint words are pruned.${answer > 0 ? ` ${answer} tokens of the answer are not shown.` : ''}`;
  } else {
    byId('words').replaceChildren();
    byId('words-note').textContent = 'Which words these are is not known: this cache does not keep where its tokens stand.';
  }
}

export function clearHead(why) {
  byId('head-title').textContent = why;
  byId('shares').replaceChildren();
  byId('shares').ariaLabel = '';
  byId('tiers').tBodies[0].replaceChildren();
  byId('words').replaceChildren();
  byId('words-note').textContent = '';
}
