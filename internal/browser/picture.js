/** Takes the README's picture of the page: scripts/picture. */
import fs from 'node:fs';
import path from 'node:path';

import { startRuntime } from '../nodeclients/runtime.js';
import { openBrowser, openNotebook } from './browser.js';
import { example } from './example.js';

const picture = new URL('../../docs/images/page.png', import.meta.url).pathname;

const runtime = await startRuntime('weather');
const browser = await openBrowser();
try {
  const notebook = await openNotebook(browser, new URL('/', runtime.url).href, { viewport: { width: 1120, height: 850 } });
  const { page } = notebook;
  for (const [n, code] of example.slice(0, 2).entries()) await notebook.run(n, code);
  await page.getByRole('button', { name: 'Variables' }).click();
  await page.getByRole('complementary').getByRole('button', { name: /^weather/ }).waitFor();
  await page.evaluate(() => scrollTo(0, 0));
  await page.mouse.move(0, 0);
  fs.mkdirSync(path.dirname(picture), { recursive: true });
  await page.screenshot({ path: picture });
  await notebook.close();
} finally {
  await browser.close();
  await runtime.stop();
}
