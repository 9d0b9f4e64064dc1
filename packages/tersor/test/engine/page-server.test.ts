import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPageServer, type PageServer } from '../../src/engine/page-server-node.ts';

let folder = '';
let server: PageServer;
const replies: Uint8Array[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-page-'));
  writeFileSync(join(folder, 'a model.onnx'), 'model');
  writeFileSync(join(folder, 'weights.bin'), 'weights');
  symlinkSync('/etc/hostname', join(folder, 'link'));
  server = await openPageServer((frame) => replies.push(frame));
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') => {
  const url = new URL(server.url);
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
    request({ host: url.hostname, port: url.port, path, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
    })
      .on('error', reject)
      .end();
  });
};

it('serves the page, its program and the runtime, and nothing else', async () => {
  const { pathname } = new URL(server.url);
  const page = await get(pathname);
  expect(page).toMatchObject({ status: 200, headers: { 'cross-origin-opener-policy': 'same-origin' } });
  expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self' 'wasm-unsafe-eval'/);
  const program = await get(`${pathname}app.js`);
  expect(program).toMatchObject({ status: 200, headers: { 'content-type': 'text/javascript' } });
  expect(program.text).not.toMatch(/^import /m);
  expect((await get(`${pathname}ort/ort.wasm.min.mjs`)).headers['content-type']).toBe('text/javascript');
  for (const path of [
    'app.js/main.js',
    'app.js/../../package.json',
    'main.js',
    'ort/../package.json',
    'ort/%2e%2e/package.json',
    'model/0/x',
    'etc',
  ])
    expect(await get(`${pathname}${path}`), path).toMatchObject({ status: 404 });
  expect((await get(pathname, {}, 'PUT')).status).toBe(405);
});

it('answers nobody without the token, and no other host name', async () => {
  const { pathname } = new URL(server.url);
  for (const path of ['/', '/next', `/${'0'.repeat(32)}/`]) expect((await get(path)).status).toBe(403);
  expect((await get(pathname, { host: 'evil.example' })).status).toBe(403);
});

it('lets the page read a model and what lies beside it, and nothing outside', async () => {
  const { pathname } = new URL(server.url);
  const address = server.serve(join(folder, 'a model.onnx'));
  expect(address).toBe('model/0/a%20model.onnx');
  expect((await get(pathname + address)).text).toBe('model');
  expect((await get(`${pathname}model/0/weights.bin`)).text).toBe('weights');
  for (const name of ['link', '%2e%2e%2fetc%2fpasswd', '%2fetc%2fpasswd', 'missing', '.'])
    expect((await get(`${pathname}model/0/${name}`)).status, name).not.toBe(200);
});

it('hands messages on in order, however early they come', async () => {
  const { pathname } = new URL(server.url);
  server.send([Uint8Array.of(65)]);
  server.send([Uint8Array.of(66), Uint8Array.of(67)]);
  expect((await get(`${pathname}next`)).text).toBe('A');
  const late = get(`${pathname}next`);
  expect((await late).text).toBe('BC');
  const response = await fetch(new URL('reply', server.url), { method: 'POST', body: Uint8Array.of(1, 2, 3) });
  expect(response.status).toBe(204);
  expect(replies).toEqual([Uint8Array.of(1, 2, 3)]);
});
