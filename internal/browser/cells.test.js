/** Cells on the notebook page: running them and what they show. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { waitUntil } from '../nodeclients/runtime.js';
import { notebookForEachTest } from './browser.js';

let runtime;
let notebook;
let page;

notebookForEachTest((fresh) => {
  ({ runtime, notebook, page } = fresh);
});

/** Code that waits until the test calls the function given with it. */
function gate(name) {
  const file = path.join(runtime.home, name);
  return [`import os, time\nwhile not os.path.exists(${JSON.stringify(file)}): time.sleep(.01)\n`, () => fs.writeFileSync(file, '')];
}

test('a cell is run with its button, and with Shift-Enter, which goes on to the next', async () => {
  await notebook.editor(0).fill('21 * 2');
  await notebook.cell(0).getByRole('button', { name: 'Run' }).click();
  await notebook.shows(0, '42');
  await notebook.ended(0);
  await notebook.cell(0).getByRole('button', { name: 'Run again, [1]' }).waitFor();
  await notebook.editor(0).press('Shift+Enter');
  await notebook.cell(0).getByRole('button', { name: 'Run again, [2]' }).waitFor();
  await page.keyboard.type('print(_ + 1)');
  await page.keyboard.press('Control+Enter');
  await notebook.shows(1, '43');
  assert.equal(await page.locator('.cell').count(), 2);
  await page.keyboard.press('Shift+Enter');
  await notebook.cell(2).waitFor();
  await notebook.cell(2).getByRole('button', { name: 'Remove' }).click();
  assert.equal(await page.locator('.cell').count(), 2);
});

test('Enter keeps the indentation, and can be undone', async () => {
  await notebook.editor(0).focus();
  for (const line of ['for i in range(2):', 'print(i)']) {
    await page.keyboard.type(line);
    await page.keyboard.press('Enter');
  }
  assert.equal(await notebook.editor(0).inputValue(), 'for i in range(2):\n    print(i)\n    ');
  await page.keyboard.press('Control+Z');
  assert.equal(await notebook.editor(0).inputValue(), 'for i in range(2):\n    print(i)');
});

test('output comes while the cell runs, and again when the page is loaded anew', async () => {
  const [waits, open] = gate('streaming');
  await notebook.begin(0, `print('first')\n${waits}print('second')`);
  await notebook.begin(1, "'after it'");
  await notebook.shows(0, 'first');
  await notebook.state('executing');
  await notebook.cell(0).locator('.timing', { hasText: 'running' }).waitFor();
  assert.doesNotMatch(await notebook.output(0).innerText(), /second/);
  await page.reload();
  await notebook.shows(0, 'first');
  await notebook.cell(0).locator('.timing', { hasText: 'running' }).waitFor();
  open();
  await notebook.shows(0, 'second');
  await notebook.ended(0);
  await notebook.state('idle');
  assert.equal(await notebook.output(0).innerText(), 'first\nsecond');
  await page.reload();
  await notebook.shows(0, 'second');
});

test('what a thread says after the end of its cell is shown with it', async () => {
  const [waits, open] = gate('late');
  const code = `def later():\n${waits.replace(/^/gm, '    ')}\n    print('late')\nimport threading\nthreading.Thread(target=later).start()`;
  await notebook.run(0, code);
  open();
  await notebook.shows(0, 'late');
});

test('colours, carriage returns and erasures are a terminal\'s', async () => {
  await notebook.run(0, [
    'print("\\x1b[32mgreen\\x1b[0m \\x1b[1;31mbold red\\x1b[0m \\x1b[38;2;1;2;3mown\\x1b[0m plain")',
    'for i in range(0, 101, 10): print(f"\\rdone {i} %", end="")',
    'print("\\x1b[2K\\rready")',
  ].join('\n'));
  assert.equal(await notebook.output(0).innerText(), 'green bold red own plain\nready');
  const look = (text) => notebook.output(0).getByText(text, { exact: true }).evaluate((element) => {
    const { color, fontWeight } = getComputedStyle(element);
    return { color, bold: fontWeight >= 600 };
  });
  const [green, red, own] = [await look('green'), await look('bold red'), await look('own')];
  assert.deepEqual(own, { color: 'rgb(1, 2, 3)', bold: false });
  assert.equal(red.bold, true);
  assert.equal(new Set([green.color, red.color, own.color]).size, 3);
});

test('an interrupt stops the running cell, however many wait', async () => {
  await notebook.begin(0, "print('on')\nwhile True: pass");
  // As many as a browser opens connections to one host, and more.
  for (let n = 1; n < 9; n++) await notebook.begin(n, `${n}`);
  await notebook.shows(0, 'on');
  await notebook.cell(8).locator('.timing', { hasText: 'waiting' }).waitFor();
  await page.getByRole('button', { name: 'Interrupt' }).click();
  await notebook.shows(0, 'KeyboardInterrupt');
  for (let n = 1; n < 9; n++) await notebook.shows(n, `${n}`);
  await notebook.begin(0, "print('again')\nwhile True: pass");
  await notebook.shows(0, 'again');
  await page.keyboard.press('Control+i');
  await notebook.shows(0, 'KeyboardInterrupt');
  await notebook.state('idle');
});

test('a reset clears the variables when it is confirmed', async () => {
  await notebook.run(0, 'kept = 7');
  page.once('dialog', (dialog) => dialog.dismiss());
  await page.getByRole('button', { name: 'Reset' }).click();
  await notebook.run(1, 'kept');
  await notebook.shows(1, '7');
  page.once('dialog', (dialog) => dialog.accept());
  const done = page.waitForResponse((response) => response.url().endsWith('/reset'));
  await page.getByRole('button', { name: 'Reset' }).click();
  assert.equal((await done).status(), 200);
  await notebook.run(1, 'kept');
  await notebook.shows(1, "NameError: name 'kept' is not defined");
});

test('an exception is shown with its traceback', async () => {
  await notebook.run(0, 'def divide(x):\n    return 1 / x\ndivide(0)');
  assert.match(await notebook.output(0).innerText(), /^Traceback[^]*in divide\n[^]*\nZeroDivisionError: division by zero$/);
  await notebook.run(0, '1');
  assert.equal(await notebook.output(0).innerText(), '1');
});

test('plots and pictures are shown, and change in place', async () => {
  await notebook.run(0, 'import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);');
  const image = notebook.output(0).getByRole('img');
  assert.ok(await image.evaluate(async (element) => (await element.decode(), element.naturalWidth > 100)));
  const svg = (width) => `SVG('<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="9"/>')`;
  await notebook.run(1, `from IPython.display import SVG, display\nhandle = display(${svg(50)}, display_id=True)\nhandle.update(${svg(70)})`);
  const drawing = notebook.output(1).getByRole('img');
  await waitUntil('the drawing has changed', () => drawing.evaluate((element) => element.naturalWidth === 70));
});

test('an HTML display is as high as it is, and its scripts reach nothing', async () => {
  const html = `<p id="told">nothing</p><div style="height: 777px"></div><script>
    const tried = {};
    const attempt = (name, act) => { try { tried[name] = String(act()); } catch (error) { tried[name] = error.name; } };
    attempt('page', () => parent.document.title);
    attempt('top', () => top.location.href);
    attempt('storage', () => localStorage.length);
    attempt('cookie', () => document.cookie);
    document.getElementById('told').textContent = JSON.stringify(tried);
    </script>`;
  await notebook.run(0, `from IPython.display import HTML\nHTML(${JSON.stringify(html)})`);
  const frame = notebook.output(0).locator('iframe');
  const told = frame.contentFrame().locator('#told').filter({ hasNotText: 'nothing' });
  await told.waitFor();
  const refused = 'SecurityError';
  assert.deepEqual(JSON.parse(await told.innerText()), { page: refused, top: refused, storage: refused, cookie: refused });
  await waitUntil('the frame has the height', async () => {
    const { height } = await frame.boundingBox();
    return height > 777 && height < 900;
  });
  assert.equal(await page.title(), 'mrmd-python');
  // Its text, which stands for it elsewhere, is not shown as well.
  assert.equal(await notebook.output(0).innerText(), '');
});

test('a file that is linked is downloaded', async () => {
  await notebook.run(0, "from IPython.display import FileLink\nopen('kept.txt', 'w').write('kept')\nFileLink('kept.txt')");
  const download = page.waitForEvent('download');
  await notebook.output(0).locator('iframe').contentFrame().getByRole('link').click();
  assert.equal((await download).suggestedFilename(), 'kept.txt');
});

test('an HTML display changes in place', async () => {
  await notebook.begin(0, [
    'from IPython.display import HTML, display',
    "handle = display(HTML('<b>one</b>'), display_id=True)",
    "input('on? ')",
    "handle.update(HTML('<b>two</b>'))",
  ].join('\n'));
  const shown = notebook.output(0).locator('iframe').contentFrame().locator('b');
  await shown.filter({ hasText: 'one' }).waitFor();
  await page.keyboard.press('Enter');
  await shown.filter({ hasText: 'two' }).waitFor();
  await notebook.ended(0);
  assert.equal(await notebook.output(0).locator('iframe').count(), 1);
});

test('questions are answered, also secretly, cancelled and interrupted', async () => {
  await notebook.begin(0, "name = input('Your name? ')\nf'hello {name}'");
  const question = notebook.output(0).getByLabel('Your name?');
  await question.waitFor();
  await notebook.state('waiting input');
  await page.reload();
  await question.fill('Ada');
  await question.press('Enter');
  await notebook.shows(0, "'hello Ada'");
  assert.equal(await notebook.output(0).innerText(), "Your name? Ada\n'hello Ada'");

  await notebook.begin(1, "import getpass\nlen(getpass.getpass('Secret? '))");
  const secret = notebook.output(1).getByLabel('Secret?');
  assert.equal(await secret.getAttribute('type'), 'password');
  await secret.fill('hush');
  await notebook.output(1).getByRole('button', { name: 'Send' }).click();
  await notebook.shows(1, /4$/);
  assert.doesNotMatch(await notebook.output(1).innerText(), /hush/);

  await notebook.begin(2, 'input()');
  await notebook.output(2).getByRole('button', { name: 'Cancel' }).click();
  await notebook.shows(2, 'InputCancelled');

  await notebook.begin(3, "input('Again? ')");
  await notebook.output(3).getByLabel('Again?').waitFor();
  await page.getByRole('button', { name: 'Interrupt' }).click();
  await notebook.shows(3, 'KeyboardInterrupt');
  await notebook.output(3).getByLabel('Again?').waitFor({ state: 'detached' });
});
