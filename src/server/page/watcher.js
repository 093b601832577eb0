// Follows one request's cache through /v1/kv, while it runs and as it is remembered afterwards.
import {getJson, postJson} from './api.js';
import {clearHead, showHead, textsOf} from './head_view.js';

const POLL_MS = 250;       // of the map: tokens may come a thousand times a second, the screen need not follow
const HEAD_POLL_MS = 1000; // of the chosen head

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

export class CacheWatcher {
  constructor(map, showNumbers) {
    Object.assign(this, {map, showNumbers});
    this.request = null;
    this.texts = null;
    this.chosen = null;
    this.following = 0;  // counts, so that an old loop knows that it is over
  }

  reset() {
    ++this.following;
    this.request = this.texts = null;
    this.map.setCache(null);
    if (this.chosen) clearHead(`Layer ${this.chosen.layer}, head ${this.chosen.head}: empty`);
  }

  // Until finish(). messages: of the request, whose id is only known when its first token comes.
  async follow(messages) {
    this.reset();
    const mine = this.following;
    this.loadTexts(messages, mine);
    for (let headAt = 0; mine === this.following; await sleep(POLL_MS)) {
      await this.look();
      if (mine !== this.following || Date.now() - headAt < HEAD_POLL_MS) continue;
      headAt = Date.now();
      await this.lookAtHead();
    }
  }

  async loadTexts(messages, mine) {
    const tokens = await postJson('/tokenize', {messages, with_pieces: true}).catch(() => null);
    if (tokens && mine === this.following) this.texts = textsOf(tokens.tokens);
  }

  async finish() {
    this.following = this.following + 0.5;  // the loop ends; reset() goes on counting
    await this.look();
    await this.lookAtHead();
    this.following = Math.ceil(this.following);
  }

  async look() {
    const request = this.request ?? await this.onlyOneThatRuns();
    if (!request) return;
    const cache = await getJson(`/v1/kv?request=${request}`).catch(() => null);
    if (!cache || (this.request ?? request) !== request) return;
    this.map.setCache(cache);
    this.showNumbers(cache);
  }

  // While the prompt is read, the id is not known: where nothing else runs, it is clear whose the cache is.
  async onlyOneThatRuns() {
    const running = (await getJson('/v1/kv').catch(() => null))?.sequences ?? [];
    return running.length === 1 ? running[0].request : null;
  }

  async choose(layer, head) {
    this.chosen = {layer, head};
    await this.lookAtHead();
  }

  async lookAtHead() {
    if (!this.chosen) return;
    const {layer, head} = this.chosen, request = this.request;
    if (!request) return clearHead(`Layer ${layer}, head ${head}: empty`);
    try {
      const json = await getJson(`/v1/kv?request=${request}&layer=${layer}&head=${head}`);
      if (this.request === request && this.chosen.layer === layer && this.chosen.head === head) showHead(json, this.texts);
    } catch (error) {
      clearHead(error.status === 404 ? 'The server no longer remembers this answer.' : error.message);
    }
  }
}
