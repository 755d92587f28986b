/** A client that drives the protocol with fetch alone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { follow, post, run, startRuntime, waitUntil } from './runtime.js';

let runtime;
let url;

before(async () => {
  runtime = await startRuntime();
  url = runtime.url;
});

after(() => runtime.stop());

const names = (events) => events.map((event) => event.name);
const last = (events, name) => events.filter((event) => event.name === name).at(-1)?.data;

test('output arrives while the cell runs', async () => {
  // The cell waits for a variable that is set only when its output has been seen.
  let seen = false;
  const events = await run(
    url,
    { code: "import sys\nprint('first')\ninput()\nprint('grüße 🐍', file=sys.stderr)\n6 * 7" },
    async ({ name, data }) => {
      if (name === 'stdout' && data.accumulated.includes('first\n')) seen = true;
      if (name === 'stdin_request') {
        assert.ok(seen, 'the output came before the question');
        await post(`${url}/input`, { exec_id: data.exec_id, text: '' });
      }
    },
  );
  assert.equal(names(events)[0], 'start');
  assert.equal(names(events).at(-1), 'done');
  assert.deepEqual(events.map(({ data }) => data.seq), events.map((_, i) => i + 1));
  assert.equal(last(events, 'stderr').accumulated, 'grüße 🐍\n');
  const result = last(events, 'result');
  assert.equal(result.success, true);
  assert.equal(result.result, '42');
  assert.deepEqual(result.imports, ['sys']);
});

test('input is answered, and cancelled', async () => {
  const answered = await run(url, { code: "word = input('word? ')\nword.upper()" }, async ({ name, data }) => {
    if (name !== 'stdin_request') return;
    assert.equal(data.prompt, 'word? ');
    assert.equal(data.password, false);
    assert.deepEqual(await post(`${url}/input`, { execId: data.execId, text: 'hello\n' }), { accepted: true });
  });
  assert.equal(last(answered, 'result').result, "'HELLO'");

  const cancelled = await run(url, { code: "import getpass\ngetpass.getpass('secret? ')" }, async ({ name, data }) => {
    if (name !== 'stdin_request') return;
    assert.equal(data.password, true);
    assert.equal((await post(`${url}/input/cancel`, { exec_id: data.exec_id })).cancelled, true);
  });
  assert.equal(last(cancelled, 'error').type, 'InputCancelled');
  assert.equal(last(cancelled, 'result'), undefined);

  const late = await post(`${url}/input`, { execId: 'nobody', text: '' });
  assert.equal(late.accepted, false);
});

test('an interrupt ends the cell and keeps the namespace', async () => {
  const events = await run(url, { code: "kept = 5\nprint('running')\nwhile True: pass" }, async ({ name, data }) => {
    if (name === 'stdout' && data.accumulated === 'running\n') {
      assert.deepEqual(await post(`${url}/interrupt`, {}), { interrupted: true });
    }
  });
  assert.equal(last(events, 'error').type, 'KeyboardInterrupt');
  assert.equal(last(events, 'error').line, 3);
  assert.equal((await post(`${url}/execute`, { code: 'kept' })).result, '5');
  assert.deepEqual(await post(`${url}/interrupt`, {}), { interrupted: false });
});

test('an exception is an event, not a failure of the request', async () => {
  const events = await run(url, { code: 'x = 1\n1/0' });
  assert.deepEqual(names(events), ['start', 'error', 'done']);
  const { type, message, line, traceback } = last(events, 'error');
  assert.deepEqual([type, message, line], ['ZeroDivisionError', 'division by zero', 2]);
  assert.ok(Array.isArray(traceback));
});

test('completion, inspection and hover know live objects', async () => {
  await post(`${url}/execute`, { code: "class Fish:\n    '''Swims.'''\n    fins = 7\nnemo = Fish()" });
  // Counted in characters: the snake is one.
  const code = "'🐍'; nemo.fi";
  const completed = await waitUntil('the runtime, and no snapshot, has answered', async () => {
    const answer = await post(`${url}/complete`, { code, cursor: [...code].length });
    return answer.source === 'runtime' && answer;
  });
  assert.ok(completed.matches.some(({ label }) => label === 'fins'), JSON.stringify(completed));
  const hovered = await post(`${url}/hover`, { code: 'nemo', cursor: 2 });
  assert.equal(hovered.found, true);
  assert.equal(hovered.type, 'Fish');
  const inspected = await post(`${url}/inspect`, { code: 'Fish', cursor: 2, detail: 1 });
  assert.equal(inspected.docstring, 'Swims.');
  assert.equal((await post(`${url}/is_complete`, { code: 'for i in x:' })).status, 'incomplete');
});

test('variables are listed and looked into', async () => {
  await post(`${url}/reset`, {});
  await post(`${url}/execute`, { code: "tree = {'leaves': [1, 2, 3]}\ncount = 3" });
  const { variables } = await post(`${url}/variables`, {});
  assert.deepEqual(variables.map(({ name }) => name), ['count', 'tree']);
  assert.equal(variables[1].expandable, true);
  const detail = await post(`${url}/variables/tree`, { path: ['leaves'] });
  assert.equal(detail.value, '[1, 2, 3]');
  const child = await post(`${url}/variables/tree`, { path: ['leaves', detail.children[1].name] });
  assert.equal(child.value, '2');
});

test('a display becomes an asset that can be fetched', async () => {
  const code = "from IPython.display import SVG, display\ndisplay(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>'))";
  const events = await run(url, { code });
  const asset = last(events, 'asset');
  assert.equal(asset.mimeType, 'image/svg+xml');
  assert.equal(asset.assetType, 'image');
  const response = await fetch(new URL(asset.url, url));
  assert.equal(response.status, 200);
  const body = await response.text();
  assert.match(body, /^<svg/);
  assert.equal(Buffer.byteLength(body), asset.size);
  assert.deepEqual(last(events, 'result').assets.map(({ path }) => path), [asset.path]);
});

test('a client that comes back reads on where it was', async () => {
  const code = "print('one')\nprint('two')";
  const events = await run(url, { code, execId: 'again' });
  const replayed = await follow(await fetch(`${url}/executions/again/stream`, { headers: { 'Last-Event-ID': '1' } }));
  assert.deepEqual(names(replayed), names(events).slice(1));
});
