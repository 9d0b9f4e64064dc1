import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker as NodeWorker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadFile, loadModel, modelFetch, openDecoder, openTsr, TsrError } from '../src/index.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const packed = readFileSync(fileURLToPath(new URL('fixtures/forms.safetensors.tsr', import.meta.url)));
const sha256 = async (bytes: Uint8Array) => new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes)));
const expected = openDecoder().then(async (decoder) => {
  const source = { size: packed.length, read: async (offset: number, length: number) => packed.subarray(offset, offset + length) };
  return Uint8Array.from((await openTsr(source, decoder)).file.sha256);
});

let server: Server;
let asked: (string | undefined)[] = [];
let url: (path: string) => string;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.headers.range);
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const body = request.url === '/damaged' ? Buffer.from(packed).fill(7, 50000, 50010) : packed;
    if (request.url === '/none') return response.writeHead(404).end();
    const canRange = request.url !== '/no-ranges';
    if (from > 0 && canRange)
      response.writeHead(206, { 'Content-Length': body.length - from, 'Content-Range': `bytes ${from}-${body.length - 1}/${body.length}` });
    else response.writeHead(200, { 'Content-Length': body.length, ETag: '"1"' });
    if ((request.url === '/breaks' || request.url === '/no-ranges') && from < 40000) {
      return response.write(body.subarray(from, from + 30000), () => setTimeout(() => response.destroy(), 20));
    }
    return response.end(request.url === '/short' ? body.subarray(0, 60000) : body.subarray(canRange ? from : 0));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = (path) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

describe('a packed file over HTTP', () => {
  it('is there whole, and its progress was told', async () => {
    const progress: [number, number][] = [];
    const file = await loadFile(url('file'), { onProgress: (...each) => progress.push(each) });
    expect(await sha256(file)).toEqual(await expected);
    expect(progress.at(-1)).toEqual([packed.length, packed.length]);
  });

  it('is handed to the runtime', async () => {
    const ort = { InferenceSession: { create: async (model: Uint8Array, options?: object) => ({ model, options }) } };
    const { model, options } = await loadModel(url('file'), { ort, sessionOptions: { executionProviders: ['wasm'] } });
    expect(await sha256(model)).toEqual(await expected);
    expect(options).toEqual({ executionProviders: ['wasm'] });
  });

  it('is decoded here where Worker is that of Node, which onnxruntime-web makes global', async () => {
    vi.stubGlobal('Worker', NodeWorker);
    expect(await sha256(await loadFile(url('file')))).toEqual(await expected);
    vi.unstubAllGlobals();
  });

  it('goes on where it broke off, if the server can', async () => {
    asked = [];
    expect(await sha256(await loadFile(url('breaks')))).toEqual(await expected);
    expect(asked).toEqual([undefined, 'bytes=30000-', 'bytes=60000-']);
    await expect(loadFile(url('no-ranges'))).rejects.toThrow('status 200');
  });

  it('that is damaged, missing, or stopped is an error', async () => {
    await expect(loadFile(url('damaged'))).rejects.toMatchObject({ code: 'corrupt' });
    await expect(loadFile(url('none'))).rejects.toBeInstanceOf(TsrError);
    const controller = new AbortController();
    const loading = loadFile(url('file'), { signal: controller.signal, onProgress: () => controller.abort() });
    await expect(loading).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('nested bits', () => {
  const nested = readFileSync(fileURLToPath(new URL('fixtures/nested.safetensors.tsr', import.meta.url)));
  /** Sends it in pieces, and counts what was taken. */
  let sent = 0;
  const fetch = async () => {
    sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (sent >= nested.length) return controller.close();
        controller.enqueue(new Uint8Array(nested.subarray(sent, sent + 1000)));
        sent += 1000;
      },
    });
    return new Response(body, { headers: { 'content-length': String(nested.length) } });
  };

  it('so many as are wanted are loaded, and no more', async () => {
    const file = await loadFile('http://localhost/nested', { fetch, bits: 4 });
    expect(sent).toBeLessThan(nested.length * 0.7);
    expect(file).toHaveLength((await loadFile('http://localhost/nested', { fetch })).length);
    expect(sent).toBeGreaterThanOrEqual(nested.length);
  });

  it('a session begins with few, and the one of all bits comes later', async () => {
    const ort = { InferenceSession: { create: async (model: Uint8Array) => sha256(model) } };
    const few = await sha256(await loadFile('http://localhost/nested', { fetch, bits: 3 }));
    const all = await sha256(await loadFile('http://localhost/nested', { fetch }));
    const refined = await new Promise((resolve) => {
      loadModel('http://localhost/nested', { ort, fetch, bits: 3, onRefine: resolve }).then((first) => expect(first).toEqual(few));
    });
    expect(refined).toEqual(all);
  });
});

it('is the file that its digest says, or an error', async () => {
  const decoder = await openDecoder();
  const changed = Uint8Array.from(packed);
  const view = new DataView(changed.buffer);
  const at = packed.indexOf(await expected);
  changed[at]! ^= 1;
  view.setUint32(16, decoder.crc32c(changed.subarray(24, 24 + view.getUint32(12, true))), true);
  view.setUint32(20, decoder.crc32c(changed.subarray(0, 20)), true);
  const fetch = async () => new Response(changed);
  await expect(loadFile('http://localhost/x', { fetch })).rejects.toThrow('holds another file than it says');
});

it('digests in parts what the platform digests at once', async () => {
  const decoder = await openDecoder();
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 300_000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7 + (i >> 8));
    const digest = decoder.sha256();
    for (const [from, to] of [
      [0, length >> 2],
      [length >> 2, length >> 1],
      [length >> 1, length],
    ])
      digest.update(bytes.subarray(from, to));
    expect(digest.digest(), String(length)).toEqual(await sha256(bytes));
  }
});

describe('what is kept between visits', () => {
  /** The Cache API, as far as it is used. */
  const kept = new Map<string, Response>();
  const caches = {
    open: async () => ({
      match: async (key: string) => kept.get(key)?.clone(),
      put: async (key: string, response: Response) => {
        const body = await response.arrayBuffer();
        kept.set(key, new Response(body, { headers: response.headers }));
      },
      delete: async (key: string) => kept.delete(key),
    }),
  };
  const answers: { status: number; condition: string | null }[] = [];
  let etag = '"1"';
  const fetch: typeof globalThis.fetch = async (_, init) => {
    const condition = new Headers(init?.headers).get('if-none-match');
    const status = condition === etag ? 304 : 200;
    answers.push({ status, condition });
    if (etag === 'offline') throw new TypeError('no network');
    return new Response(status === 304 ? null : packed, { status, headers: { etag, 'content-length': String(packed.length) } });
  };
  beforeAll(() => void Object.assign(globalThis, { caches }));
  afterAll(() => void Reflect.deleteProperty(globalThis, 'caches'));
  const load = async (options = {}) => sha256(await loadFile('http://localhost/model', { fetch, ...options }));
  const isKept = () => vi.waitFor(() => expect(kept.size).toBe(1));

  it('is asked for once, and then only whether it has changed', async () => {
    expect(await load()).toEqual(await expected);
    await isKept();
    expect(await load()).toEqual(await expected);
    expect(answers).toEqual([
      { status: 200, condition: null },
      { status: 304, condition: '"1"' },
    ]);
  });

  it('is used without a network, and replaced by what is newer', async () => {
    etag = 'offline';
    expect(await load()).toEqual(await expected);
    etag = '"2"';
    expect(await load()).toEqual(await expected);
    await vi.waitFor(() => expect(kept.get('http://localhost/model')?.headers.get('etag')).toBe('"2"'));
  });

  it('is fetched again where the disk kept something else, and not kept where it is damaged or not wanted', async () => {
    const damaged = Uint8Array.from(packed).fill(7, 50000, 50010);
    kept.set('http://localhost/model', new Response(damaged, { headers: { etag } }));
    expect(await load()).toEqual(await expected);
    await isKept();
    kept.clear();
    await expect(load({ fetch: async () => new Response(damaged) })).rejects.toThrow('is damaged');
    expect(await load({ cache: false })).toEqual(await expected);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(kept.size).toBe(0);
  });
});

describe('modelFetch', () => {
  const served = { '/a/model.onnx.tsr': packed, '/a/config.json': Buffer.from('{}'), '/b/model.onnx': Buffer.from('plain') };
  const fetch: typeof globalThis.fetch = async (input) => {
    const { pathname } = new URL(input instanceof Request ? input.url : String(input));
    const body = served[pathname as keyof typeof served];
    return new Response(body ?? null, { status: body ? 200 : 404 });
  };

  it('gives models from what is packed beside them, and the rest as it is', async () => {
    const before = globalThis.fetch;
    try {
      globalThis.fetch = fetch; // of the loader, too
      const progress: string[] = [];
      const models = modelFetch({ onProgress: (url) => progress.push(url) });
      const response = await models('http://localhost/a/model.onnx');
      expect(await sha256(new Uint8Array(await response.arrayBuffer()))).toEqual(await expected);
      expect(progress).toContain('http://localhost/a/model.onnx');
      expect(await (await models('http://localhost/b/model.onnx')).text()).toBe('plain');
      expect(await (await models('http://localhost/a/config.json')).text()).toBe('{}');
      expect((await models('http://localhost/a/model.onnx', { headers: { range: 'bytes=0-0' } })).status).toBe(200);
      expect((await models('http://localhost/c/model.onnx')).status).toBe(404);
    } finally {
      globalThis.fetch = before;
    }
  });
});

it('the loader takes at most 12 KB on the wire: what a page imports, and its worker; what takes bits apart comes where there are some', async () => {
  const bytesOf = async (entry: BuildOptions) => {
    const { outputFiles = [] } = await build({ ...entry, bundle: true, minify: true, format: 'esm', write: false, absWorkingDir: root });
    return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
  };
  const page = (names: string) =>
    bytesOf({ stdin: { contents: `export { ${names} } from './index.ts'`, resolveDir: join(root, 'src') }, external: ['./worker.ts'] });
  const worker = await bytesOf({ entryPoints: [join(root, 'src/worker.ts')], external: ['./nested.ts'] });
  expect(await bytesOf({ entryPoints: [join(root, 'src/nested.ts')] })).toBeLessThanOrEqual(2048);
  expect((await page('loadModel')) + worker).toBeLessThanOrEqual(12_000);
  expect((await page('loadModel, loadFile, modelFetch, TsrError')) + worker).toBeLessThanOrEqual(12 * 1024);
});
