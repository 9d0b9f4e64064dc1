import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadFile, loadModel, openDecoder, openTsr, TsrError } from '../src/index.ts';

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

it('the loader takes at most 12 KB on the wire', async () => {
  const entry = fileURLToPath(new URL('../src/index.ts', import.meta.url));
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, minify: true, format: 'esm', write: false });
  expect(gzipSync(outputFiles[0]!.contents, { level: 9 }).length).toBeLessThanOrEqual(12_000);
});
