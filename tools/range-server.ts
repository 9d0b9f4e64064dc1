/** Serves files of some folders over HTTP as servers of pages do: with ranges and versions, and what was compressed ahead. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
};

export interface Asked {
  readonly path: string;
  readonly range?: string;
  readonly status: number;
}

export interface RangeServer {
  readonly url: string;
  /** Requests so far. */
  readonly asked: readonly Asked[];
  close(): Promise<void>;
}

export interface RangeServerOptions {
  /** The first that has a file gives it. */
  readonly folders: readonly string[];
  /** After how many bytes of an answer the connection breaks off, by path. */
  readonly breaksAfter?: (path: string) => number | undefined;
  /** A connection of so many Mbit/s, which all answers share, and the time that every one of them takes to begin. */
  readonly line?: { readonly mbits: number; readonly latencyMs: number };
}

/** What goes through a slow line at a time. */
const SLICE = 16 * 1024;

/** A name with `.br` behind it beside a file is sent in place of it, where the browser takes brotli. */
export async function openRangeServer({ folders, breaksAfter = () => undefined, line }: RangeServerOptions): Promise<RangeServer> {
  const asked: Asked[] = [];
  let isFree = 0;
  const sendSlowly = async (response: ServerResponse, body: Uint8Array, { mbits, latencyMs }: NonNullable<typeof line>) => {
    await sleep(latencyMs);
    for (let at = 0; at < body.length && !response.destroyed; at += SLICE) {
      const slice = body.subarray(at, at + SLICE);
      isFree = Math.max(isFree, performance.now()) + (slice.length * 8) / (mbits * 1000);
      await sleep(isFree - performance.now());
      response.write(slice);
    }
    response.end();
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const path = normalize(pathname).endsWith('/') ? '/index.html' : normalize(pathname);
    const file = folders.map((folder) => join(folder, path)).find((each) => existsSync(each) && statSync(each).isFile());
    const answer = (status: number, headers: Readonly<Record<string, string | number>> = {}, body?: Uint8Array) => {
      const { range } = request.headers;
      asked.push({ path, status, ...(range !== undefined && { range }) });
      response.writeHead(status, headers);
      const most = breaksAfter(path);
      if (body && most !== undefined && most < body.length)
        response.write(body.subarray(0, most), () => setTimeout(() => response.destroy(), 20));
      else if (body && line) void sendSlowly(response, body, line);
      else response.end(body);
    };
    if (!file) return answer(404);
    const { mtimeMs, size } = statSync(file);
    const etag = `"${mtimeMs}-${size}"`;
    const type = { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream', ETag: etag, 'Cache-Control': 'no-cache' };
    if (request.headers['if-none-match'] === etag) return answer(304, type);
    if (existsSync(`${file}.br`) && /\bbr\b/.test(request.headers['accept-encoding'] ?? '')) {
      const body = readFileSync(`${file}.br`);
      return answer(200, { ...type, 'Content-Encoding': 'br', 'Content-Length': body.length }, body);
    }
    const body = readFileSync(file);
    const [, begin, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    if (begin === undefined) return answer(200, { ...type, 'Accept-Ranges': 'bytes', 'Content-Length': body.length }, body);
    const [from, end] = [Number(begin), last ? Math.min(body.length, Number(last) + 1) : body.length];
    if (from >= end) return answer(416, type);
    return answer(
      206,
      { ...type, 'Content-Range': `bytes ${from}-${end - 1}/${body.length}`, 'Content-Length': end - from },
      body.subarray(from, end),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
