// The chat, and what it tells the cache's half of the page.
import {getJson, getText, stream} from './api.js';
import {CacheMap} from './cache_map.js';
import {CacheWatcher} from './watcher.js';

const byId = id => document.getElementById(id);
const [log, question, send, stop] = ['messages', 'question', 'send', 'stop'].map(byId);

let messages = [];
let running = null;  // the AbortController of an answer that is coming

const bytes = n => (n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : `${(n / 1e6).toFixed(2)} MB`);

function showNumbers(cache) {
  byId('bytes').textContent = bytes(cache.bytes);
  byId('ratio').textContent = `${cache.ratio.toFixed(2)}x`;
  byId('tokens').textContent = cache.tokens.toLocaleString('en');
}

const watcher = new CacheWatcher(null, showNumbers);
watcher.map = new CacheMap(byId('map'), byId('legend'), byId('cell'), (layer, head) => watcher.choose(layer, head));

// Keeps to the end of the conversation unless the reader has scrolled up.
const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
function keepAtEnd(change) {
  const stay = atEnd();
  change();
  if (stay) log.scrollTop = log.scrollHeight;
}

function addMessage(role, text) {
  byId('welcome')?.remove();
  const message = document.createElement('div');
  message.className = `message ${role}`;
  if (role === 'user' && text.length > 1200) {
    message.classList.add('long');
    message.tabIndex = 0;
  }
  message.append(text);
  log.append(message);
  log.scrollTop = log.scrollHeight;
  return message;
}

// An answer's text as it grows: collected, and written once a screen.
class GrowingText {
  constructor(message) {
    this.node = message.appendChild(document.createTextNode(''));
    this.text = this.unwritten = '';
  }
  add(piece) {
    this.text += piece;
    if (this.unwritten === '') requestAnimationFrame(() => this.write());
    this.unwritten += piece;
  }
  write() {
    keepAtEnd(() => this.node.appendData(this.unwritten));
    this.unwritten = '';
  }
}

class Speed {
  constructor() {
    this.first = this.shown = 0;
    this.pieces = 0;
  }
  count() {
    const now = performance.now();
    this.first ||= now;
    ++this.pieces;
    if (now - this.shown < 250 || this.pieces < 3) return;
    this.shown = now;
    this.show(1000 * (this.pieces - 1) / (now - this.first), '≈ ');
  }
  show(perSecond, about = '') {
    byId('speed').textContent = `${about}${perSecond.toFixed(perSecond < 10 ? 1 : 0)}`;
  }
}

async function readAnswer(body, message, signal) {
  const growing = new GrowingText(message), speed = new Speed();
  let usage = null, timings = null;
  try {
    for await (const event of stream('/v1/chat/completions', body, signal)) {
      watcher.request = event.id;
      const piece = event.choices[0]?.delta?.content;
      if (piece) growing.add(piece), speed.count();
      usage = event.usage ?? usage;
      timings = event.timings ?? timings;
    }
  } finally {
    growing.write();
    if (growing.text) messages.push({role: 'assistant', content: growing.text});
  }
  if (timings) speed.show(timings.predicted_per_second);
  return {usage, timings};
}

function usedText({usage, timings}) {
  if (!usage?.kv) return '';
  const {ratio, policy} = usage.kv;
  return `${usage.completion_tokens} tokens at ${timings.predicted_per_second.toFixed(1)} per second, cache ${ratio.toFixed(2)}x smaller than 16 bits (${policy.split(',')[0]})`;
}

async function answer() {
  const message = addMessage('assistant', ''), used = document.createElement('span');
  used.className = 'used';
  running = new AbortController();
  setBusy(true);
  const following = watcher.follow([...messages]);
  const body = {messages, stream: true, stream_options: {include_usage: true}, max_tokens: Number(byId('limit').value),
                kv: {preset: byId('preset').value, positions: true}};
  try {
    used.textContent = usedText(await readAnswer(body, message, running.signal));
    byId('announcement').textContent = `The answer is complete. ${used.textContent}`;
  } catch (error) {
    const stopped = error.name === 'AbortError';
    used.textContent = stopped ? 'Stopped.' : '';
    if (!stopped) addMessage('wrong', error.message).role = 'alert';
  }
  keepAtEnd(() => message.append(used));
  await watcher.finish();
  await following;
  running = null;
  setBusy(false);
}

function setBusy(busy) {
  send.disabled = byId('new').disabled = busy;
  stop.disabled = !busy;
  log.ariaBusy = busy;
}

byId('ask').addEventListener('submit', event => {
  event.preventDefault();
  const text = question.value.trim();
  if (!text || running) return;
  question.value = '';
  messages.push({role: 'user', content: text});
  addMessage('user', text);
  answer();
});
question.addEventListener('keydown', event => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId('ask').requestSubmit();
});
stop.addEventListener('click', () => running?.abort());
addEventListener('keydown', event => {
  if (event.key === 'Escape') running?.abort();
});
byId('new').addEventListener('click', () => {
  messages = [];
  log.replaceChildren();
  for (const id of ['speed', 'bytes', 'ratio', 'tokens']) byId(id).textContent = '–';
  watcher.reset();
  question.focus();
});
byId('example').addEventListener('click', async () => {
  question.value = await getText('/example.txt');
  question.focus();
  question.setSelectionRange(question.value.length, question.value.length);
  question.scrollTop = question.scrollHeight;
});

async function begin() {
  try {
    const {model_alias: name, default_generation_settings: {n_ctx: context}} = await getJson('/props');
    byId('model').textContent = `${name}, context of ${context.toLocaleString('en')} tokens`;
    watcher.map.setShape(await getJson('/v1/kv'));
  } catch (error) {
    byId('model').textContent = error.message;
    setTimeout(begin, 1000);  // the model may still be loading, the key be typed
  }
}
begin();
