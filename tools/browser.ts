/** A headless Chromium for tests of what people see. */
import { type Browser, chromium, type Page } from 'playwright-core';
import { findBrowser } from '../packages/tersor/src/engine/find-browser-node.ts';

const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Whether tests that need a browser can run here; says so in a line where they cannot.
 * @throws in CI, where they may not be left out
 */
export function hasBrowser(): boolean {
  try {
    findBrowser();
    return true;
  } catch (error) {
    if (process.env.CI) throw error;
    console.warn(`skipped: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}

/** A browser of this machine with a profile of its own, that goes when it is closed. @throws where there is none */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findBrowser(), args: QUIET });
}

/** What a page complains about from now on: errors, warnings, requests that failed. */
export function complaintsOf(page: Page): readonly string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  return complaints;
}
