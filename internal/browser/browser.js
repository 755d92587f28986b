/** Opens a runtime's page in a headless Chromium, and uses it as a reader would. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, beforeEach } from 'node:test';

import { chromium } from 'playwright-core';

import { PATIENCE, post, startRuntime } from '../nodeclients/runtime.js';

const { MRMD_CHROMIUM: executablePath, MRMD_SCREENSHOTS: screenshots } = process.env;
assert.ok(executablePath && screenshots, 'MRMD_CHROMIUM and MRMD_SCREENSHOTS are not set: run scripts/test-page');

/** Starts the browser. Its sandbox can't be had by root, nor in most containers. */
export const openBrowser = () => chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });

/**
 * Opens a page in a context of its own, which keeps no cells of another. Gives the
 * page's Notebook; its problems are what must not be: messages in the console, which
 * are also where violations of the policy are told, errors of scripts, and requests to
 * any other host.
 */
export async function openNotebook(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const { origin } = new URL(url);
  const problems = [];
  context.on('request', (request) => {
    const asked = new URL(request.url());
    if (asked.origin !== origin && asked.protocol !== 'data:') problems.push(`request to ${asked.href}`);
  });
  // A question to a busy runtime is asked again.
  const isBusy = (text) => /status of 503/.test(text);
  page.on('console', (message) => isBusy(message.text()) || problems.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(String(error)));
  await page.goto(url);
  await page.locator('#state[data-state]').waitFor();
  return new Notebook(page, problems);
}

/**
 * Has each test of a file begin in a runtime without names, on a page of its own, which
 * it gets by `use({ browser, runtime, notebook, page })`.
 */
export function notebookForEachTest(use) {
  let browser;
  let runtime;
  let notebook;
  before(async () => {
    [browser, runtime] = await Promise.all([openBrowser(), startRuntime()]);
  });
  after(async () => {
    await browser?.close();
    await runtime?.stop();
  });
  beforeEach(async () => {
    await post(`${runtime.url}/reset`, {});
    notebook = await openNotebook(browser, new URL('/', runtime.url).href);
    use({ browser, runtime, notebook, page: notebook.page });
  });
  afterEach(() => notebook.close());
}

/** A page with its cells, counted from 0. */
export class Notebook {
  constructor(page, problems) {
    this.page = page;
    this.problems = problems;
  }

  cell(n) {
    return this.page.getByRole('listitem').and(this.page.locator('.cell')).nth(n);
  }

  editor(n) {
    return this.cell(n).getByLabel('Code');
  }

  output(n) {
    return this.cell(n).getByLabel('Output');
  }

  /** Waits until the state is so, as the page says it. */
  async state(text) {
    await this.page.getByRole('status').and(this.page.locator('#state')).filter({ hasText: text }).waitFor();
  }

  /** Writes code into a cell and has it run; does not wait for its end. */
  async begin(n, code) {
    await this.editor(n).fill(code);
    await this.editor(n).press('Shift+Enter');
  }

  /** Waits until a cell has ended. */
  async ended(n) {
    await this.cell(n).and(this.page.locator(':not(.running)')).locator('.timing', { hasText: /\d m?s$/ }).waitFor();
  }

  async run(n, code) {
    await this.begin(n, code);
    await this.ended(n);
  }

  /** Waits until a cell's output has a text. */
  async shows(n, text) {
    await this.output(n).filter({ hasText: text }).waitFor();
  }

  /** Keeps a picture of what is in sight. */
  async picture(name) {
    mkdirSync(screenshots, { recursive: true });
    await this.page.screenshot({ path: path.join(screenshots, `${name}.png`) });
  }

  /** Ends the page, and holds it to having had no problems. */
  async close() {
    await this.page.context().close();
    assert.deepEqual(this.problems, []);
  }
}
