// What the page asks of the server that it came from.

const keyField = document.getElementById('key');
const keyBox = document.getElementById('key-box');
keyField.value = sessionStorage.getItem('key') ?? '';
document.getElementById('key-form').addEventListener('submit', event => event.preventDefault());
keyField.addEventListener('input', () => sessionStorage.setItem('key', keyField.value));

async function ask(path, options = {}) {
  const headers = {...options.headers};
  if (keyField.value) headers.Authorization = `Bearer ${keyField.value}`;
  const answer = await fetch(path, {...options, headers});
  if (answer.ok) return answer;
  if (answer.status === 401) keyBox.open = true;
  const body = await answer.json().catch(() => null);
  throw Object.assign(new Error(body?.error?.message ?? `The server answered ${answer.status}.`), {status: answer.status});
}

const post = (body, signal) =>
  ({method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body), signal});

export const getJson = async path => (await ask(path)).json();
export const postJson = async (path, body) => (await ask(path, post(body))).json();
export const getText = async path => (await ask(path)).text();

// The events of a stream, as they come.
export async function* stream(path, body, signal) {
  const reader = (await ask(path, post(body, signal))).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    const events = (rest + value).split('\n\n');
    rest = events.pop();
    for (const event of events) {
      if (!event.startsWith('data: ')) continue;  // a comment that keeps the connection awake
      const data = event.slice('data: '.length);
      if (data === '[DONE]') return;
      const json = JSON.parse(data);
      if (json.error) throw new Error(json.error.message);
      yield json;
    }
  }
}
