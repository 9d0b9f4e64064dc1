import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { complaintsOf, hasBrowser, openBrowser } from '../../../../tools/browser.ts';
import { reportPage } from '../../src/report/report-page.ts';
import { sensitivityPage } from '../../src/report/sensitivity-page.ts';
import { SENSITIVITY } from '../cli/sample-of-sensitivity.ts';
import { EVIL, HOSTILE, LARGE, PAGES } from './reports.ts';

const SIZES = [
  { width: 360, height: 740 },
  { width: 1280, height: 900 },
] as const;

// What takes seconds alone takes minutes beside other suites.
describe.skipIf(!hasBrowser())('reports in Chromium', { timeout: 180_000 }, () => {
  let browser: Browser;
  let page: Page;
  let complaints: readonly string[] = [];
  beforeAll(async () => {
    browser = await openBrowser();
  }, 180_000);
  afterAll(() => browser?.close());

  // A page each: written twice into one document, the script would meet its own names.
  beforeEach(async () => {
    page = await browser.newPage();
    page.setDefaultTimeout(120_000);
    complaints = complaintsOf(page);
  }, 180_000);
  afterEach(() => page?.close());

  const reports = Object.entries({ ...PAGES, HOSTILE, LARGE }).map(([name, report]) => [name, reportPage(report)] as const);
  it.each([...reports, ['sensitivity', sensitivityPage(SENSITIVITY, EVIL)] as const])(
    '%s: no complaint, no request, nothing wider than the screen',
    async (_, content) => {
      await page.setContent(content);
      expect(await page.evaluate('performance.getEntriesByType("resource").length')).toBe(0);
      expect(await page.evaluate('document.documentElement.className')).toBe('js');
      for (const size of SIZES) {
        await page.setViewportSize(size);
        expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
      }
      expect(complaints).toEqual([]);
    },
  );

  it('finds and sorts weights', async () => {
    await page.setContent(reportPage(LARGE));
    const visible = page.locator('#weights tbody tr:visible');
    await page.getByLabel('Search').fill('layer.7 query');
    expect(await visible.count()).toBe(1);
    expect(await page.locator('#found').textContent()).toMatch(/^1 of \d+ weights$/);
    await page.getByLabel('Search').fill('');
    await page.getByRole('button', { name: 'error' }).click();
    const errors = await visible.evaluateAll((rows) => rows.map((row) => Number(row.getAttribute('data-error'))));
    expect(errors.length).toBeGreaterThan(100);
    expect(errors).toEqual([...errors].sort((a, b) => b - a));
    expect(complaints).toEqual([]);
  });
});
