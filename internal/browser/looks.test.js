/** The notebook page with the keyboard alone, on a phone, light and dark, with a token. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { makeHome, program, post, removeHome, startRuntime, waitUntil } from '../nodeclients/runtime.js';
import { openBrowser, openNotebook } from './browser.js';
import { example } from './example.js';

let browser;
let runtime;
let root;

before(async () => {
  [browser, runtime] = await Promise.all([openBrowser(), startRuntime()]);
  root = new URL('/', runtime.url).href;
});

after(async () => {
  await browser?.close();
  await runtime?.stop();
});

beforeEach(() => post(`${runtime.url}/reset`, {}));

/** What has text on a background, with the ratio of contrast that WCAG 2.2 defines. */
function faintTexts() {
  const numbers = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((part) => part / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const background = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const [r, g, b, alpha = 1] = numbers(getComputedStyle(one).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
    throw new Error('nothing has a background');
  };
  return [...document.body.querySelectorAll('*')]
    .filter((element) => element.checkVisibility() && [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
    .map((element) => {
      const [bright, dim] = [luminance(numbers(getComputedStyle(element).color)), luminance(background(element))].sort((a, b) => b - a);
      return { text: element.textContent.slice(0, 40), contrast: (bright + 0.05) / (dim + 0.05) };
    })
    .filter(({ contrast }) => contrast < 4.5);
}

async function showExample(notebook) {
  for (const [n, code] of example.entries()) await notebook.run(n, code);
  await notebook.page.evaluate(() => scrollTo(0, 0));
}

test('it is readable light and dark', async () => {
  const notebook = await openNotebook(browser, root, { viewport: { width: 1200, height: 2000 } });
  const { page } = notebook;
  await showExample(notebook);
  await page.getByRole('button', { name: 'Variables' }).click();
  await page.getByRole('complementary').getByRole('button', { name: /^weather/ }).waitFor();
  const grounds = new Set();
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await page.evaluate(faintTexts), []);
    assert.deepEqual(await notebook.output(0).locator('iframe').contentFrame().locator('body').evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'light dark');
    grounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    await notebook.picture(`desktop-${colorScheme}`);
  }
  assert.equal(grounds.size, 2);
  await page.getByRole('complementary').getByRole('button', { name: /^weather/ }).click();
  await page.getByRole('columnheader', { name: 'rain' }).waitFor();
  await notebook.picture('table-dark');
  await notebook.close();
});

test('nothing is wider than a phone', async () => {
  const notebook = await openNotebook(browser, root, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const { page } = notebook;
  await showExample(notebook);
  await notebook.run(example.length, `wide = ['${'a long text without any end '.repeat(20)}']\nprint('x' * 500)\nwide`);
  const overhang = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.equal(await overhang(), 0);
  await notebook.picture('phone-end');
  await page.evaluate(() => scrollTo(0, 0));
  await notebook.picture('phone');
  await page.getByRole('button', { name: 'Variables' }).tap();
  await page.getByRole('complementary').getByRole('button', { name: /^weather/ }).tap();
  await page.getByRole('columnheader', { name: 'rain' }).waitFor();
  assert.equal(await overhang(), 0);
  await notebook.picture('phone-variables');
  await notebook.close();
});

test('the keyboard reaches everything, and shows where it is', async () => {
  const notebook = await openNotebook(browser, root);
  const { page } = notebook;
  await page.keyboard.type('kept = 1');
  await page.keyboard.press('Shift+Enter');
  await notebook.ended(0);
  await page.keyboard.press('Control+b');
  await page.getByRole('complementary').getByRole('button', { name: /^kept/ }).waitFor();
  // From here on Tab begins at the top.
  await page.getByRole('heading', { name: 'mrmd-python' }).click();
  const focused = () => page.evaluate(() => {
    const element = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    return {
      name: element.getAttribute('aria-label') || element.labels?.[0]?.textContent || element.textContent.trim(),
      isMarked: outlineStyle === 'solid' && Number.parseFloat(outlineWidth) >= 2,
      isInSight: box.top >= 0 && box.bottom <= innerHeight,
    };
  });
  const order = [];
  for (let n = 0; n < 7; n++) {
    await page.keyboard.press('Tab');
    const { name, isMarked, isInSight } = await focused();
    assert.ok(isMarked && isInSight, `${name} shows that it has the focus`);
    order.push(name.replace(/^kept.*/, 'kept'));
  }
  assert.deepEqual(order, ['Interrupt', 'Reset', 'Variables', 'Filter names', 'kept', 'Run again, [1]', 'Code']);
  // In an editor with code Tab is for the code; Escape leaves it.
  await page.keyboard.press('Escape');
  assert.equal((await focused()).name, 'Run again, [1]');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Run again, [2]' }).waitFor();
  for (const role of ['banner', 'navigation', 'main', 'complementary']) await page.getByRole(role).waitFor();
  assert.equal(await notebook.output(0).getAttribute('aria-live'), 'polite');
  const nameless = await page.locator('button, input, textarea, iframe, img').evaluateAll((elements) => elements
    .filter((element) => !(element.ariaLabel || element.title || element.alt || element.textContent.trim())).map((element) => element.outerHTML));
  assert.deepEqual(nameless, []);
  await notebook.close();
});

test('it says when the runtime is gone', async () => {
  const other = await startRuntime();
  const notebook = await openNotebook(browser, new URL('/', other.url).href);
  await notebook.state('idle');
  await other.stop();
  await notebook.state('not reachable');
  assert.ok(notebook.problems.every((problem) => /Failed to load resource/.test(problem)), notebook.problems.join());
  notebook.problems.length = 0;
  await notebook.close();
});

test('--open opens the page, with the token when there is one', async () => {
  const home = makeHome();
  const opened = path.join(home, 'opened');
  const opener = path.join(home, 'opener');
  fs.writeFileSync(opener, `#!/bin/sh\nprintf %s "$1" > ${opened}.new && mv ${opened}.new ${opened}\n`, { mode: 0o755 });
  const token = 'open-sesame';
  const env = { ...process.env, HOME: home, MRMD_HOME: '', IPYTHONDIR: path.join(home, 'ipython'), BROWSER: opener, MRMD_TOKEN: token };
  try {
    execFileSync(program, ['--open', '--cwd', home], { env, stdio: 'ignore' });
    await waitUntil('the page is opened', () => fs.existsSync(opened));
    const url = fs.readFileSync(opened, 'utf8');
    assert.ok(url.includes(token), url);
    const notebook = await openNotebook(browser, url);
    await notebook.run(0, "from IPython.display import HTML\nHTML('<b>shown</b>')");
    await notebook.output(0).locator('iframe').contentFrame().getByText('shown').waitFor();
    await notebook.close();
  } finally {
    execFileSync(program, ['--kill-all'], { env, stdio: 'ignore' });
    removeHome(home);
  }
});
