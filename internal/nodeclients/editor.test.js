/** The editor's own RuntimeService, as mrmd-electron has it on npm. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { makeHome, post, program, removeHome, runs, venv, waitUntil } from './runtime.js';

const NAME = 'thesis:python:default';

let home;
let RuntimeService;
let service;

before(async () => {
  home = makeHome();
  // The editor looks for its folders when it is imported.
  Object.assign(process.env, { HOME: home, MRMD_HOME: '', IPYTHONDIR: path.join(home, 'ipython') });
  RuntimeService = (await import('mrmd-electron/src/services/runtime-service.js')).default;
});

beforeEach(() => {
  service = new RuntimeService();
});

after(() => {
  execFileSync(program, ['--kill-all']);
  removeHome(home);
});

const config = () => ({ name: NAME, language: 'python', cwd: home, venv });

async function stopped(pid) {
  await waitUntil(`process ${pid} has ended`, () => !runs(pid));
}

test('starts, lists, restarts and stops a runtime', async () => {
  const started = await service.start(config());
  assert.equal(started.alive, true);
  const capabilities = await (await fetch(`${started.url}/capabilities`)).json();
  assert.equal(capabilities.runtime, 'mrmd-python');
  assert.equal(capabilities.environment.virtualenv, venv);
  assert.equal(capabilities.environment.cwd, home);
  assert.equal((await post(`${started.url}/execute`, { code: 'kept = 6 * 7\nkept' })).result, '42');

  assert.deepEqual(service.list('python').map(({ name, pid, alive }) => [name, pid, alive]), [[NAME, started.pid, true]]);
  assert.deepEqual(service.list('bash'), []);
  assert.equal((await service.start(config())).pid, started.pid);
  assert.equal(service.attach(NAME).pid, started.pid);

  const restarted = await service.restart(NAME);
  assert.notEqual(restarted.pid, started.pid);
  await stopped(started.pid);
  assert.equal((await post(`${restarted.url}/execute`, { code: 'kept' })).error.type, 'NameError');

  assert.equal(await service.stop(NAME), true);
  await stopped(restarted.pid);
  assert.deepEqual(service.list(), []);
  await assert.rejects(fetch(`${restarted.url}/health`));
});

test('an editor that starts again finds the runtime that has survived it', async () => {
  const started = await service.start(config());
  await post(`${started.url}/execute`, { code: 'kept = 1' });

  const next = new RuntimeService();
  assert.deepEqual(next.list().map(({ pid, recovered }) => [pid, recovered]), [[started.pid, true]]);
  const found = await next.start(config());
  assert.equal(found.pid, started.pid);
  assert.equal((await post(`${found.url}/execute`, { code: 'kept' })).result, '1');
  assert.equal(await next.stop(NAME), true);
  await stopped(started.pid);
});

test('a daemon of the command line is used again', async () => {
  // The editor looks for the id as it is in the file's name.
  execFileSync(program, ['--id', 'thesis', '--cwd', home]);
  const entry = JSON.parse(fs.readFileSync(path.join(home, '.mrmd', 'runtimes', 'thesis.json'), 'utf8'));
  const found = await service.start({ ...config(), name: 'thesis' });
  assert.equal(found.reusedLegacy, true);
  assert.equal(found.pid, entry.pid);
  assert.equal(await service.stop('thesis'), true);
  await stopped(entry.pid);
});

test('a document gets its runtime', async () => {
  const document = path.join(home, 'chapter.md');
  const found = await service.getForDocumentLanguage('python', document, { name: 'thesis', venv }, null, home);
  assert.equal(found.error, undefined);
  assert.equal(found.alive, true);
  assert.equal((await post(`${found.url}/execute`, { code: '1 + 1' })).result, '2');
  assert.equal(await service.stop(found.name), true);
  await stopped(found.pid);
});
