import type { Browser, BrowserType, LaunchOptions } from 'playwright-core';
import type { Engine } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import { openAsks } from './asks.ts';
import { crashed, engineOver, type Host } from './engine-over.ts';
import { findBrowser } from './find-browser-node.ts';
import { decodeFrame, encodeFrame } from './frames.ts';
import { openPageServer } from './page-server-node.ts';
import { isReply } from './protocol.ts';

export interface BrowserEngineOptions {
  readonly target?: 'wasm' | 'webgpu';
  /** Path of the browser; found unless told, see `findBrowser`. */
  readonly browser?: string;
  readonly signal?: AbortSignal;
}

/** Nothing of the browser but the page: no services, no first run, no network of its own. */
const QUIET = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-domain-reliability',
];

/** On Linux WebGPU is off unless asked for. */
const FLAGS = { wasm: [...QUIET, '--disable-gpu'], webgpu: [...QUIET, '--enable-unsafe-webgpu'] } as const;

/**
 * Starts onnxruntime-web in a page of a headless browser, which ends with us. The page is served from this computer to itself; models, whoever
 * made them, are data there.
 * @throws ENGINE_MISSING without playwright-core, browser or, for `webgpu`, adapter; ENGINE_CRASHED, INTERRUPTED
 */
export async function openBrowserEngine({ target = 'wasm', browser: named, signal }: BrowserEngineOptions = {}): Promise<Engine> {
  signal?.throwIfAborted();
  const chromium = await loadDriver();
  const path = findBrowser(named);
  const browser = await launch(chromium, path, FLAGS[target]);
  const host = await openPage(browser, signal);
  try {
    const where = `${nameOf(browser, path)}`;
    const { name, notice } = await host.ask('load', { target }, { where, doing: 'loading', refused: 'ENGINE_MISSING' });
    return engineOver(host, { name: `${name} in ${where}`, ...(notice !== undefined && { notice }) });
  } catch (error) {
    await host.end();
    throw error;
  }
}

/** @throws ENGINE_MISSING */
async function loadDriver(): Promise<BrowserType> {
  try {
    return (await import('playwright-core')).chromium;
  } catch (cause) {
    const hint = 'it starts the browser that you have, and downloads none: npm i -D playwright-core';
    throw new TersorError('ENGINE_MISSING', 'browser', 'playwright-core is not installed', hint, { cause });
  }
}

/**
 * With the browser's sandbox where that is to be had. It is not for root, nor in many containers; what runs in the page is WebAssembly, which would run
 * in Node otherwise.
 */
async function launch(chromium: BrowserType, executablePath: string, args: readonly string[]): Promise<Browser> {
  const isRoot = process.getuid?.() === 0;
  const options: LaunchOptions = {
    executablePath,
    headless: true,
    args: [...args],
    chromiumSandbox: !isRoot,
    // Ctrl-C is ours: what was begun is taken back first.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  };
  try {
    return await chromium.launch(options).catch((error: unknown) => {
      if (isRoot || !/sandbox/i.test(String(error))) throw error;
      return chromium.launch({ ...options, chromiumSandbox: false });
    });
  } catch (cause) {
    const [what = ''] = String(cause instanceof Error ? cause.message : cause).split('\n');
    const hint = 'it is to be a Chromium: name another one with CHROME_PATH';
    throw new TersorError('ENGINE_MISSING', executablePath, `does not start: ${what.replace(/^browserType\.launch: /, '')}`, hint, {
      cause,
    });
  }
}

function nameOf(browser: Browser, path: string): string {
  const [major = ''] = browser.version().split('.');
  return `${/edge/i.test(path) ? 'Edge' : /chromium/i.test(path) ? 'Chromium' : 'Chrome'} ${major}`;
}

async function openPage(browser: Browser, signal: AbortSignal | undefined): Promise<Host> {
  let said = '';
  const asks = openAsks((message) => server.send(encodeFrame(message)));
  const fail = (how: string) => asks.fail((task) => crashed(task, how, said));
  const server = await openPageServer((frame) => {
    const reply = decodeFrame(frame);
    if (isReply(reply)) asks.settle(reply);
  });
  const end = async () => {
    asks.fail(({ where }) => new TersorError('USAGE', where, 'the engine is closed'));
    signal?.removeEventListener('abort', abort);
    await browser.close().catch(() => undefined);
    await server.close();
  };
  const abort = () => {
    asks.fail(({ where }) => new TersorError('INTERRUPTED', where, 'stopped on request'));
    void end();
  };
  signal?.addEventListener('abort', abort, { once: true });
  browser.on('disconnected', () => fail('the browser ended'));
  try {
    const page = await browser.newPage();
    page.on('crash', () => fail('the page crashed'));
    page.on('pageerror', (error) => {
      said = error.message;
      fail('the page failed');
    });
    await page.goto(server.url);
  } catch (cause) {
    await end();
    if (signal?.aborted) throw new TersorError('INTERRUPTED', 'browser', 'stopped on request', '', { cause });
    throw new TersorError('ENGINE_CRASHED', 'browser', 'the page of the runtime did not load', '', { cause });
  }
  return {
    ask: asks.ask,
    reach: (model) => ('path' in model ? { path: server.serve(model.path) } : model),
    ended: asks.failed,
    end,
  };
}
