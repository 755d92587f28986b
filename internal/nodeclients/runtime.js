/** Starts a runtime for a test as a user does, and speaks to it with fetch. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a test waits for what takes a moment on an idle machine, in milliseconds. */
export const PATIENCE = 180_000;

export const venv = process.env.MRMD_TEST_VENV;
assert.ok(venv, 'MRMD_TEST_VENV is not set: run the tests with `make test` or scripts/test-clients');
export const program = path.join(venv, 'bin', 'mrmd-python');

/** Makes a folder for a test, as the home and working directory of what it starts. */
export function makeHome() {
  return realpathSync(mkdtempSync(path.join(os.tmpdir(), 'mrmd-node-')));
}

/** Removes a folder of makeHome, in which a process that ends may still write. */
export function removeHome(home) {
  rmSync(home, { recursive: true, force: true, maxRetries: 10 });
}

/** Waits until condition gives something true, and gives that. */
export async function waitUntil(what, condition) {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(5)) {
    const found = await condition();
    if (found) return found;
  }
  throw new Error(`waited in vain until ${what}`);
}

/** Says whether a process runs: it is there, and not only waiting to be reaped. */
export function runs(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, state, parent] = stat.slice(stat.lastIndexOf(')')).split(' ');
    // Of a child of ours that has ended, who waits for it is told later.
    return state !== 'Z' || Number(parent) === process.pid;
  } catch {
    return false;
  }
}

/**
 * Starts a runtime in the foreground, in a folder below a home of its own; gives its
 * URL and a function that stops it.
 */
export async function startRuntime(folder = '.') {
  const home = makeHome();
  const cwd = path.join(home, folder);
  mkdirSync(cwd, { recursive: true });
  const child = spawn(program, ['--foreground', '--id', path.basename(home), '--cwd', cwd], {
    cwd,
    env: { ...process.env, HOME: home, MRMD_HOME: '', IPYTHONDIR: path.join(home, 'ipython') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.stdout.setEncoding('utf8');
  let said = '';
  const url = await new Promise((resolve, reject) => {
    child.stdout.on('data', (text) => {
      said += text;
      const found = /URL:\s+(http\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    ended.then((status) => reject(new Error(`the runtime ended with ${status}: ${said}`)));
  });
  return {
    url,
    home,
    async stop() {
      child.kill('SIGINT');
      await ended;
      removeHome(home);
    },
  };
}

/** Sends a JSON body and gives the JSON answer, when the runtime has time for one. */
export async function post(url, body) {
  const response = await waitUntil(`${url} has time`, async () => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    return answer.status !== 503 && answer;
  });
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer;
}

/**
 * Follows a stream of server-sent events as the editor does: line by line, with the
 * event's name before its data. Gives all events when the stream has ended.
 */
export async function follow(response, onEvent = () => {}) {
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^text\/event-stream/);
  const events = [];
  const decoder = new TextDecoder();
  let buffer = '';
  let name = null;
  for await (const chunk of response.body) {
    buffer += decoder.decode(chunk, { stream: true });
    const lines = buffer.split('\n');
    buffer = lines.pop();
    for (const line of lines) {
      if (line.startsWith('event: ')) {
        name = line.slice('event: '.length);
      } else if (line.startsWith('data: ')) {
        const event = { name, data: JSON.parse(line.slice('data: '.length)) };
        events.push(event);
        await onEvent(event);
      }
    }
  }
  return events;
}

/** Runs a cell as a stream; onEvent sees each event while the cell runs. */
export async function run(url, body, onEvent) {
  const response = await fetch(`${url}/execute/stream`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  return follow(response, onEvent);
}
