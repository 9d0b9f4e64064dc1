import { applySteps } from './compress/apply.ts';
import type { DeviceProfile, ProductFamily, Rates } from './core/device.ts';
import type { Engine, Feeds } from './core/engine.ts';
import type { Target } from './core/format.ts';
import type { Kernels } from './core/kernels.ts';
import type { Progress } from './core/progress.ts';
import { chainProbe, elementProbes, type Probe, type ProductProbe, productProbes, streamProbe, weightProbe } from './cost/probes.ts';
import { openEngine } from './engine/engine-node.ts';
import { onnx } from './formats/onnx/onnx.ts';
import { openMemory } from './io/memory-store.ts';
import { openKernels } from './kernels/open-kernels.ts';

export interface AskedToMeasure {
  /** The runtime; `node` unless told. */
  readonly target?: Target;
  /** For people: "build server". */
  readonly name?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const MEGABYTE = 1e6;
/** From what fits into any cache up to what fits into none. */
const SIZES = [0.5, 1, 2, 4, 8, 16, 32, 64].map((megabytes) => megabytes * MEGABYTE);
const CHAINS = [16, 176] as const;

interface Measuring {
  readonly engine: Engine;
  readonly kernels: Kernels;
  readonly target: Target;
  /** Called when a probe begins. */
  readonly tick: (about: string) => void;
}

/**
 * Measures this machine with tiny models on one thread of the runtime, in a few seconds: the profile that `cost` predicts latencies with. It is
 * as true as the machine is quiet.
 *
 * @throws {TersorError} ENGINE_MISSING, ENGINE_CRASHED, INTERRUPTED
 */
export async function measureDevice({ target = 'node', name, signal, onProgress }: AskedToMeasure = {}): Promise<DeviceProfile> {
  const engine = await openEngine({ target, ...(signal && { signal }) });
  const kernels = await openKernels({ threads: 0 });
  try {
    const products = productProbes();
    const total = products.length + SIZES.length + 5;
    let done = 0;
    const tick = (about: string) => onProgress?.({ phase: 'time', done: done++, total, about });
    const measuring = { engine, kernels, target, tick };
    const [short, long] = [
      await time(chainProbe(CHAINS[0]), measuring, 'overhead'),
      await time(chainProbe(CHAINS[1]), measuring, 'overhead'),
    ];
    const operator = Math.max(1e-4, (long - short) / (CHAINS[1] - CHAINS[0]));
    const run = Math.max(1e-4, short - CHAINS[0] * operator);
    const net = (ms: number) => Math.max(ms - run - operator, ms / 20);
    const speeds: number[] = [];
    for (const probe of elementProbes()) speeds.push(probe.operations / net(await time(probe, measuring, 'elementwise')) / 1e6);
    const stream = streamProbe(0.25 * MEGABYTE);
    const cache = stream.bytes / net(await time(stream, measuring, 'cache')) / 1e6;
    return {
      version: 1,
      name: name ?? `this machine, ${engine.name}`,
      basis: 'measured',
      source: 'tersor device measure',
      runtime: engine.name,
      threads: 1,
      gigamacs: await measureProducts(products, measuring, net),
      gigaoperations: rounded(geometricMean(speeds)),
      bandwidth: await measureMemory(cache, measuring, net),
      overhead: { operator: rounded(operator * 1e3), run: rounded(run * 1e3) },
    };
  } finally {
    await kernels.close();
    await engine.close();
  }
}

type Net = (ms: number) => number;

async function measureProducts(probes: readonly ProductProbe[], measuring: Measuring, net: Net): Promise<DeviceProfile['gigamacs']> {
  const speeds = new Map<ProductFamily, Map<string, number[]>>();
  for (const probe of probes) {
    const { family, arithmetic, macs } = probe;
    const speed = macs / net(await time(probe, measuring, `${family} ${arithmetic}`)) / 1e6;
    const ofFamily = speeds.get(family) ?? new Map<string, number[]>();
    ofFamily.set(arithmetic, [...(ofFamily.get(arithmetic) ?? []), speed]);
    speeds.set(family, ofFamily);
  }
  const ratesOf = (family: ProductFamily): Rates => {
    const means = [...(speeds.get(family) ?? [])].map(([arithmetic, each]): [string, number] => [arithmetic, rounded(geometricMean(each))]);
    return { f32: 1, ...Object.fromEntries(means) };
  };
  return { linear: ratesOf('linear'), conv: ratesOf('conv'), depthwise: ratesOf('depthwise'), recurrent: ratesOf('recurrent') };
}

/** Weights of more and more bytes, one row at a time: where they stop to come quickly, the cache ends. */
async function measureMemory(stream: number, measuring: Measuring, net: Net): Promise<DeviceProfile['bandwidth']> {
  const speeds: { readonly bytes: number; readonly speed: number }[] = [];
  for (const size of SIZES) {
    const probe = weightProbe(size);
    speeds.push({ bytes: probe.bytes, speed: probe.bytes / net(await time(probe, measuring, 'memory')) / 1e6 });
  }
  const memory = speeds.at(-1)?.speed ?? 1;
  const cache = Math.max(memory, stream, ...speeds.map(({ speed }) => speed));
  const inCache = speeds.filter(({ speed }) => speed > Math.sqrt(memory * cache));
  return { memory: rounded(memory), cache: rounded(cache), cacheBytes: Math.round(inCache.at(-1)?.bytes ?? speeds[0]?.bytes ?? 1) };
}

/** Milliseconds of the quickest run: whatever else a machine does only makes the others slower. */
async function time({ model, input, steps = [] }: Probe, { engine, kernels, target, tick }: Measuring, about: string): Promise<number> {
  tick(about);
  const changed = await applySteps(model, steps, { seed: 0, kernels, note: () => {} });
  const store = openMemory();
  await onnx.write(changed, store, 'probe.onnx', { target, kernels });
  await store.commit();
  const session = await engine.open({ bytes: store.files.get('probe.onnx') ?? new Uint8Array() });
  try {
    const feeds = feedsOf(input);
    const [first = []] = await engine.race([session], feeds, { rounds: 3, warmup: 2 });
    const rounds = Math.round(Math.min(200, Math.max(15, 250 / Math.max(0.01, ...first))));
    const [times = []] = await engine.race([session], feeds, { rounds, warmup: 2 });
    return Math.min(...times);
  } finally {
    await session.close();
  }
}

function feedsOf(shape: readonly number[]): Feeds {
  const data = Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => Math.sin(i));
  return { x: { dtype: 'f32', shape, data } };
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / Math.max(1, values.length));
}

/** Three digits, which is more than a machine repeats. */
function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
