import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ErrorCode, TersorError } from '../../src/core/error.ts';
import { openOnnx } from '../../src/formats/onnx/open.ts';
import { encodeBytes, encodeMessage, encodeText, encodeVarint, type Part } from '../../src/formats/onnx/proto/encode.ts';
import { GRAPH, MODEL, NODE, SPARSE, TENSOR, VALUE } from '../../src/formats/onnx/proto/schema.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { openFolder } from '../../src/io/node-store.ts';
import { bytesOf, external, graphAttribute, initializer, input, modelBytes, node, output, raw } from '../support/onnx-bytes.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const open = (bytes: Uint8Array, files: Record<string, Uint8Array> = {}) => openOnnx(openMemory({ 'm.onnx': bytes, ...files }), 'm.onnx');

async function loadAll(bytes: Uint8Array): Promise<void> {
  for (const weight of (await open(bytes)).weights.values()) await weight.load();
}

function refuses(name: string, bytes: () => Uint8Array, code: ErrorCode, words: RegExp): void {
  it(name, async () => {
    const error = await loadAll(bytes()).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TersorError);
    expect(error).toMatchObject({ code, where: expect.stringContaining('m.onnx'), message: expect.stringMatching(words) });
  });
}

const graph = (...parts: Part[]) => modelBytes([input('x'), ...parts]);

describe('files that are no ONNX model are named for what they are', () => {
  refuses('an empty file', () => new Uint8Array(), 'FILE_CORRUPT', /is empty\n {2}fetch/);
  refuses(
    'a Git LFS pointer',
    () => encode('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 90\n'),
    'FILE_UNSUPPORTED',
    /git lfs pull/,
  );
  refuses('a web page', () => encode('<!DOCTYPE html><html><body>404</body></html>'), 'FILE_UNSUPPORTED', /web page/);
  refuses('a zip archive', () => encode('PK\x03\x04rest of the archive'), 'FILE_UNSUPPORTED', /zip.*\n.*torch\.onnx\.export/);
  refuses('a gzip file', () => new Uint8Array(gzipSync(encode('model'))), 'FILE_UNSUPPORTED', /gzip/);
  refuses('an .ort file', () => Uint8Array.of(32, 0, 0, 0, ...encode('ORTM'), 0, 0, 0, 0), 'FILE_UNSUPPORTED', /\.ort/);
  refuses('a text file', () => encode('# My model\nIt is somewhere else.\n'), 'FILE_UNSUPPORTED', /is text/);
  refuses(
    'a safetensors file',
    () => Uint8Array.of(16, 0, 0, 0, 0, 0, 0, 0, ...encode('{"weight":{}}')),
    'FILE_UNSUPPORTED',
    /safetensors/,
  );
  refuses('random bytes', () => Uint8Array.from({ length: 400 }, (_, i) => (i * 197 + 91) % 256), 'FILE_CORRUPT', /m\.onnx/);
  refuses('a header without a graph', () => bytesOf([encodeVarint(MODEL.irVersion, 8)]), 'FILE_CORRUPT', /no graph/);
});

it('opens a model without nodes', async () => {
  expect((await open(modelBytes([]))).graph?.nodes).toEqual([]);
  expect((await open(modelBytes([input('x'), output('x')]))).graph?.outputs[0]?.name).toBe('x');
});

describe('lengths', () => {
  const whole = () => graph(initializer('w', [4], [raw(16)]));
  it('every truncation is refused, or cuts off what may be missing', async () => {
    const bytes = whole();
    for (let length = 1; length < bytes.length; length++) {
      const outcome = await loadAll(bytes.slice(0, length)).then(
        () => 'opened',
        (error: unknown) => error,
      );
      if (outcome !== 'opened') expect(outcome).toMatchObject({ code: expect.stringMatching(/^FILE_/) });
      else expect(length).toBeGreaterThan(bytes.length - 6);
    }
  });
  refuses('a field that runs past the end', () => Uint8Array.of(0x3a, 0x7f, 0x0a), 'FILE_CORRUPT', /127 bytes|field of/);
  refuses('a length near 2^63', () => Uint8Array.of(0x3a, ...Array(8).fill(0xff), 0x7f), 'FILE_CORRUPT', /larger than any file/);
  refuses('a length that never ends', () => Uint8Array.of(0x3a, ...Array(40).fill(0x80)), 'FILE_CORRUPT', /m\.onnx/);
  refuses(
    'a field that overlaps its parent',
    () => {
      const bytes = whole();
      bytes[bytes.lastIndexOf(16, bytes.length - 17)] = 120;
      return bytes;
    },
    'FILE_CORRUPT',
    /with \d+ left/,
  );
  refuses(
    'a length written with more bytes than a number has',
    () => Uint8Array.of(0x3a, ...Array(200).fill(0x80), 1, 0),
    'FILE_CORRUPT',
    /longer than 64 bits/,
  );
  refuses(
    'packed dimensions of megabytes',
    () => graph(initializer('w', [], [encodeBytes(TENSOR.dims, new Uint8Array(4e6).fill(0x80))])),
    'FILE_CORRUPT',
    /longer than 64 bits/,
  );
  refuses(
    'packed dimensions that are cut off',
    () => graph(initializer('w', [], [encodeBytes(TENSOR.dims, Uint8Array.of(4, 0x80))])),
    'FILE_CORRUPT',
    /cut off/,
  );
  refuses('field number 0', () => Uint8Array.of(0x02, 0x01, 0x00), 'FILE_CORRUPT', /impossible/);
  refuses('groups', () => Uint8Array.of(0x0b, 0x0c), 'FILE_CORRUPT', /wire type 3/);
});

describe('shapes', () => {
  refuses('a product beyond 2^53', () => graph(initializer('w', [2 ** 30, 2 ** 30], [raw(4)])), 'FILE_LIMIT', /larger than any file/);
  refuses(
    'a product that is infinite, times zero',
    () => graph(initializer('w', [...Array(30).fill(2 ** 50), 0], [])),
    'FILE_LIMIT',
    /larger than any file/,
  );
  refuses('a dimension near 2^63', () => graph(initializer('w', [2n ** 63n - 1n], [raw(4)])), 'FILE_LIMIT', /9223372036854775807/);
  refuses('a negative dimension', () => graph(initializer('w', [-1], [raw(4)])), 'FILE_CORRUPT', /dimension of -1/);
  refuses('65 axes', () => graph(initializer('w', Array(65).fill(1), [raw(4)])), 'FILE_LIMIT', /more than 64 axes/);
  refuses('too few bytes', () => graph(initializer('w', [1000, 1000], [raw(4)])), 'FILE_CORRUPT', /takes 4000000 bytes, the file has 4/);
  refuses('too many bytes', () => graph(initializer('w', [2], [raw(12)])), 'FILE_CORRUPT', /takes 8 bytes, the file has 12/);
  refuses('no bytes', () => graph(initializer('w', [4], [])), 'FILE_CORRUPT', /in 0 bytes/);
  refuses(
    'a huge shape over a few numbers',
    () => graph(initializer('w', [2 ** 40], [encodeBytes(TENSOR.int64s, new Uint8Array(4))], 7)),
    'FILE_CORRUPT',
    /in 6 bytes/,
  );
  refuses(
    'too few numbers',
    () => graph(initializer('w', [5], [encodeBytes(TENSOR.int64s, new Uint8Array(4))], 7)),
    'FILE_CORRUPT',
    /takes 40 bytes/,
  );
  refuses(
    'too many numbers',
    () => graph(initializer('w', [2], [encodeBytes(TENSOR.int64s, new Uint8Array(4))], 7)),
    'FILE_CORRUPT',
    /has more/,
  );
  refuses(
    'numbers of another type',
    () => graph(initializer('w', [4], [encodeBytes(TENSOR.int64s, new Uint8Array(16))])),
    'FILE_CORRUPT',
    /field 7 instead of 4/,
  );
  refuses(
    'values in a thousand pieces',
    () =>
      graph(
        initializer(
          'w',
          [1000],
          Array.from({ length: 1000 }, () => [encodeBytes(TENSOR.floats, new Uint8Array(4)), encodeText(12, 'doc')]).flat(),
        ),
      ),
    'FILE_CORRUPT',
    /1000 pieces/,
  );
  refuses('an element type from the future', () => graph(initializer('w', [4], [raw(16)], 99)), 'FILE_UNSUPPORTED', /element type 99/);
  refuses('a sparse position outside', () => graph(sparse([10], 10n)), 'FILE_CORRUPT', /position 10 of 10/);
  refuses('a negative sparse position', () => graph(sparse([10], -1n)), 'FILE_CORRUPT', /position -1/);
  refuses('a sparse shape that fills any memory', () => graph(sparse([2 ** 20, 2 ** 20], 1n)), 'FILE_LIMIT', /does not fit/);
});

function sparse(dims: readonly number[], position: bigint): Part {
  const positions = new Uint8Array(BigInt64Array.of(position).buffer);
  return encodeMessage(GRAPH.sparse, [
    encodeMessage(SPARSE.values, [encodeVarint(TENSOR.dims, 1), encodeVarint(TENSOR.type, 1), encodeText(TENSOR.name, 's'), raw(4)]),
    encodeMessage(SPARSE.indices, [encodeVarint(TENSOR.dims, 1), encodeVarint(TENSOR.type, 7), encodeBytes(TENSOR.raw, positions)]),
    ...dims.map((size) => encodeVarint(SPARSE.dims, size)),
  ]);
}

describe('graphs', () => {
  refuses(
    'a node that depends on itself',
    () => graph(node('Add', ['y', 'x'], ['y'])),
    'FILE_CORRUPT',
    /\(Add\) depends on its own output/,
  );
  refuses(
    'a ring of nodes',
    () => graph(node('Abs', ['c'], ['a']), node('Abs', ['a'], ['b']), node('Abs', ['b'], ['c'])),
    'FILE_CORRUPT',
    /depends on its own/,
  );
  refuses(
    'a ring through a branch',
    () =>
      graph(node('If', ['x'], ['a'], [graphAttribute('then_branch', [node('Abs', ['b'], ['t']), output('t')])]), node('Abs', ['a'], ['b'])),
    'FILE_CORRUPT',
    /depends on its own/,
  );
  refuses(
    'a name produced twice',
    () => graph(node('Abs', ['x'], ['y']), node('Neg', ['x'], ['y'])),
    'FILE_CORRUPT',
    /"y" is produced twice/,
  );
  refuses('an input that is also produced', () => graph(node('Abs', ['x'], ['x'])), 'FILE_CORRUPT', /"x" is produced twice/);
  refuses('two inputs of one name', () => graph(input('x')), 'FILE_CORRUPT', /two inputs/);
  refuses('a name that nothing produces', () => graph(node('Abs', ['ghost'], ['y'])), 'FILE_CORRUPT', /\(Abs\) reads "ghost"/);
  refuses('an output that nothing produces', () => graph(output('ghost')), 'FILE_CORRUPT', /reads "ghost"/);
  refuses('an initializer without a name', () => graph(initializer('', [1], [raw(4)])), 'FILE_CORRUPT', /has no name/);
  refuses('a node without an operator', () => graph(node('', ['x'], ['y'])), 'FILE_CORRUPT', /has no operator/);
  refuses(
    'a name that is not UTF-8',
    () => graph(encodeMessage(GRAPH.input, [encodeBytes(VALUE.name, Uint8Array.of(0xff, 0xfe))])),
    'FILE_CORRUPT',
    /not UTF-8/,
  );
  refuses(
    'branches nested without end',
    () => {
      let inner: Uint8Array = new Uint8Array();
      for (let depth = 0; depth < 2000; depth++)
        inner = bytesOf([node('If', ['x'], [`y${depth}`], [graphAttribute('then_branch', [inner])])]);
      return graph(inner);
    },
    'FILE_LIMIT',
    /nest deeper than 32/,
  );
  refuses(
    'more nodes than any model has',
    () => {
      const one = bytesOf([node('A', [], [])]);
      return modelBytes(Array.from({ length: 200_001 }, () => one));
    },
    'FILE_LIMIT',
    /more than 200000 nodes/,
  );
  it('takes a chain of nodes as long as a graph can be, even backwards', async () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => node('Abs', [i === 0 ? 'x' : `v${i}`], [`v${i + 1}`]));
    expect((await open(graph(...chain.reverse()))).graph?.nodes[0]?.inputs).toEqual(['x']);
  });
});

describe('functions and training information', () => {
  const carried = (tensor: readonly Part[]) =>
    bytesOf([
      encodeMessage(MODEL.functions, [encodeText(1, 'F'), encodeMessage(7, [encodeText(NODE.op, 'Constant'), constant(tensor)])]),
      modelBytes([input('x')]),
    ]);
  const constant = (tensor: readonly Part[]) => encodeMessage(NODE.attribute, [encodeText(1, 'value'), encodeMessage(5, tensor)]);
  it('are carried', async () => {
    expect((await open(carried([raw(4)]))).meta.format).toMatchObject({ carried: [{ offset: 0 }] });
  });
  refuses(
    'that keep weights in external data',
    () => carried(external({ location: 'w.bin' })),
    'FILE_UNSUPPORTED',
    /external data\n.*inline/,
  );
});

describe('counts', () => {
  refuses(
    'more inputs than any model has',
    () => modelBytes(Array.from({ length: 500_001 }, () => EMPTY_INPUT)),
    'FILE_LIMIT',
    /more than 500000/,
  );
});

const EMPTY_INPUT = Uint8Array.of(0x5a, 0);

describe('external data', () => {
  const at = (pairs: Record<string, string>) => graph(initializer('w', [4], external(pairs)));
  for (const location of ['../secret', '/etc/passwd', 'a/../../b', 'C:\\data', '..\\b', 'a//b', '', '.', 'a\0b']) {
    refuses(`at ${JSON.stringify(location)}`, () => at({ location }), 'FILE_CORRUPT', /not inside the model's folder/);
  }
  refuses('that is not there', () => at({ location: 'w.bin' }), 'FILE_MISSING', /keeps weights in w\.bin.*\n.*fetch that file too/);
  it.each([
    [{ offset: '20' }, /bytes 20 to 36 of w\.bin, which has 32/],
    [{ offset: '99999999999999999999' }, /offset/],
    [{ offset: '9007199254740991' }, /which has 32/],
    [{ offset: '-4' }, /offset "-4"/],
    [{ offset: '0x10' }, /offset "0x10"/],
    [{ offset: '1e1' }, /offset "1e1"/],
    [{ length: '12' }, /takes 16 bytes, its external data has 12/],
  ])('with %o', async (pairs, words) => {
    const files = { 'w.bin': new Uint8Array(32) };
    await expect(open(at({ location: 'w.bin', ...pairs }), files)).rejects.toThrow(words);
    await expect(open(at({ location: 'w.bin', ...pairs }), files)).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
  });
});

describe('external data through links', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-links-'));
    await mkdir(join(folder, 'model'));
    await writeFile(join(folder, 'secret'), new Uint8Array(16));
    await writeFile(join(folder, 'model', 'real'), new Uint8Array(16));
    await symlink('../secret', join(folder, 'model', 'out'));
    await symlink('real', join(folder, 'model', 'in'));
    await symlink('.', join(folder, 'model', 'loop'));
    await symlink('..', join(folder, 'model', 'up'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const openAt = async (location: string) => {
    await writeFile(join(folder, 'model', 'm.onnx'), graph(initializer('w', [4], external({ location }))));
    const { store, name } = await openFolder(join(folder, 'model', 'm.onnx'));
    try {
      return await openOnnx(store, name);
    } finally {
      await store.close();
    }
  };
  it('is refused when they lead out of the folder', async () => {
    await expect(openAt('out')).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
    await expect(openAt('up/secret')).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
  });
  it('is read when they stay inside', async () => {
    expect((await openAt('in')).weights.size).toBe(1);
    expect((await openAt('loop/in')).weights.size).toBe(1);
  });
  it('lets the model itself be a link: a person named it', async () => {
    await writeFile(join(folder, 'blob'), graph(initializer('w', [4], [raw(16)])));
    await symlink('../blob', join(folder, 'model', 'linked.onnx'));
    const { store, name } = await openFolder(join(folder, 'model', 'linked.onnx'));
    expect((await openOnnx(store, name)).weights.size).toBe(1);
    await store.close();
  });
});
