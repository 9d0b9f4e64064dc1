import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { complaintsOf, hasBrowser, openBrowser } from '../../../../tools/browser.ts';
import { reportPage } from '../../src/report/report-page.ts';
import { HOSTILE, LARGE, PAGES } from './reports.ts';

const SIZES = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 900 } } as const;

describe.skipIf(!hasBrowser())('reports in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  async function open(html: string, size: keyof typeof SIZES): Promise<{ page: Page; complaints: readonly string[] }> {
    const page = await browser.newPage({ viewport: SIZES[size] });
    const complaints = complaintsOf(page);
    await page.setContent(html);
    return { page, complaints };
  }

  it.each(Object.entries({ ...PAGES, HOSTILE, LARGE }))(
    '%s: no complaint, no request, nothing wider than the screen',
    async (_, report) => {
      const html = reportPage(report);
      for (const size of ['phone', 'desktop'] as const) {
        const { page, complaints } = await open(html, size);
        expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
        expect(await page.evaluate('document.documentElement.className')).toBe('js');
        expect(complaints).toEqual([]);
        await page.close();
      }
    },
  );

  it('finds and sorts weights', async () => {
    const { page, complaints } = await open(reportPage(LARGE), 'desktop');
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
    await page.close();
  });
});
