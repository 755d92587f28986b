/** Completion, explanations and the variable explorer of the notebook page. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { notebookForEachTest } from './browser.js';

let notebook;
let page;

notebookForEachTest((fresh) => {
  ({ notebook, page } = fresh);
});

const explorer = () => page.getByRole('complementary', { name: 'Variables' });
const explanation = (n) => notebook.cell(n).getByRole('status');

test('a completion is chosen with the keyboard or the mouse', async () => {
  await notebook.run(0, "class Fish:\n    fin = 1\n    fins = 2\n    tail = 3\nnemo = Fish()");
  const editor = notebook.editor(1);
  await editor.fill("'🐍'; nemo.fi");
  await editor.press('Tab');
  const list = notebook.cell(1).getByRole('listbox', { name: 'Completions' });
  await list.waitFor();
  assert.deepEqual(await list.getByRole('option').locator('span').allInnerTexts(), ['fin', 'fins']);
  const chosen = () => list.getByRole('option', { selected: true });
  assert.equal(await editor.getAttribute('aria-activedescendant'), await chosen().getAttribute('id'));
  await page.keyboard.press('ArrowDown');
  assert.match(await chosen().innerText(), /^fins/);
  await page.keyboard.press('Enter');
  assert.equal(await editor.inputValue(), "'🐍'; nemo.fins");
  assert.equal(await list.isVisible(), false);

  await editor.fill('nemo.f');
  await editor.press('Tab');
  await list.getByRole('option').filter({ hasText: 'fin' }).first().click();
  assert.equal(await editor.inputValue(), 'nemo.fin');

  await editor.fill('nemo.f');
  await editor.press('Tab');
  await list.waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await list.isVisible(), false);
  // The only one there is.
  await editor.fill('nemo.ta');
  await editor.press('Tab');
  await page.waitForFunction((element) => element.value === 'nemo.tail', await editor.elementHandle());
});

test('names are explained with Shift-Tab, and where the mouse rests', async () => {
  await notebook.run(0, 'def paint(colour, *, shade=2):\n    "Paint it."\nnumber = 6 * 7');
  await notebook.editor(1).fill('paint(');
  await notebook.editor(1).press('Shift+Tab');
  await explanation(1).filter({ hasText: /paint\(colour, \*, shade=2\)\s+Paint it\./ }).waitFor();
  await page.keyboard.press('Escape');
  await explanation(1).waitFor({ state: 'hidden' });

  await notebook.editor(1).fill('paint\n  number');
  const { x, y, height } = await notebook.editor(1).boundingBox();
  await page.mouse.move(x + 40, y + height * 0.7);
  await explanation(1).filter({ hasText: /int number\s+42/ }).waitFor();
  await page.mouse.move(x + 30, y + height * 0.3);
  await explanation(1).filter({ hasText: 'Paint it.' }).waitFor();
  await page.mouse.move(5, 400);
  await explanation(1).waitFor({ state: 'hidden' });
});

test('completion and variables answer while a cell runs', async () => {
  await notebook.run(0, 'word = "text"');
  await notebook.begin(1, 'input("go on? ")');
  await notebook.output(1).getByLabel('go on?').waitFor();
  await notebook.editor(2).fill('wor');
  await notebook.editor(2).press('Tab');
  await page.waitForFunction((element) => element.value === 'word', await notebook.editor(2).elementHandle());
  await page.getByRole('button', { name: 'Variables' }).click();
  await explorer().getByRole('button', { name: /word/ }).waitFor();
  await notebook.output(1).getByLabel('go on?').press('Enter');
  await notebook.ended(1);
});

test('variables are listed, filtered and looked into, with the keyboard', async () => {
  await notebook.run(0, "tree = {'leaves': [1, {'deep': 'down here'}], 'x.y': 2}\ncount = 3");
  await page.keyboard.press('Control+b');
  const names = explorer().getByRole('listitem').locator('b');
  await names.nth(1).waitFor();
  assert.deepEqual(await names.allInnerTexts(), ['count', 'tree']);
  const filter = explorer().getByLabel('Filter names');
  await filter.fill('re');
  await names.filter({ hasText: 'count' }).waitFor({ state: 'detached' });
  await filter.fill('(');
  await explorer().getByText('No such variable.').waitFor();
  await filter.fill('');
  await names.filter({ hasText: 'count' }).waitFor();

  await explorer().getByRole('button', { name: /^tree/ }).focus();
  const title = (text) => explorer().getByRole('heading', { name: text, exact: true }).waitFor();
  await page.keyboard.press('Enter');
  await title('tree');
  const back = explorer().getByRole('button', { name: 'Back' });
  assert.ok(await back.evaluate((element) => element === document.activeElement));
  await explorer().getByRole('button', { name: /leaves/ }).click();
  await title('tree › leaves');
  await explorer().getByRole('button', { name: /\[1\]/ }).click();
  await title('tree › leaves › [1]');
  await explorer().getByRole('button', { name: /deep/ }).click();
  await explorer().locator('pre', { hasText: "'down here'" }).waitFor();
  for (const text of ['tree › leaves › [1]', 'tree › leaves', 'tree']) {
    await back.press('Enter');
    await title(text);
  }
  await back.press('Enter');
  await explorer().getByRole('button', { name: /^tree/ }).waitFor();
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^tree/);

  // What a cell changes is shown anew.
  await notebook.run(1, 'count = 4000');
  await explorer().getByRole('button', { name: /count.*4000/ }).waitFor();
  await explorer().getByRole('button', { name: /^count/ }).press('Escape');
  await explorer().waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate(() => document.activeElement.id), 'show-variables');
});

test('a table is shown by the page, and sorted', async () => {
  await notebook.run(0, "import pandas as pd\nshop = pd.DataFrame({'item': [f'item {n}' for n in range(120)], 'price': [n * 7 % 120 for n in range(120)]})\nshop");
  // The rich form of a result is shown, and its text is not.
  await notebook.output(0).locator('iframe').contentFrame().getByRole('cell', { name: 'item 119' }).waitFor();
  assert.equal(await notebook.output(0).innerText(), '');
  await page.getByRole('button', { name: 'Variables' }).click();
  await explorer().getByRole('button', { name: /^shop/ }).click();
  const rows = explorer().getByRole('row');
  const cells = async (n) => (await rows.nth(n).innerText()).split('\t');
  const where = (text) => explorer().getByText(text, { exact: true }).waitFor();
  await where('1 to 50 of 120');
  assert.deepEqual(await cells(0), ['', 'item', 'price']);
  assert.deepEqual(await cells(1), ['0', 'item 0', '0']);
  await explorer().getByRole('button', { name: 'Later' }).click();
  await where('51 to 100 of 120');
  assert.deepEqual(await cells(1), ['50', 'item 50', '110']);
  await explorer().getByRole('button', { name: 'Later' }).click();
  await where('101 to 120 of 120');
  assert.ok(await explorer().getByRole('button', { name: 'Later' }).isDisabled());

  const price = explorer().getByRole('columnheader', { name: 'price' });
  await price.getByRole('button').click();
  await where('1 to 50 of 120');
  assert.equal(await price.getAttribute('aria-sort'), 'ascending');
  assert.deepEqual(await cells(2), ['103', 'item 103', '1']);
  await price.getByRole('button').click();
  await explorer().locator('th[aria-sort="descending"]').waitFor();
  assert.deepEqual(await cells(1), ['17', 'item 17', '119']);
});
