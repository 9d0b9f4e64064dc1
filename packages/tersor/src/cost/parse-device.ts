import type { DeviceProfile, EnergyProfile, Rates } from '../core/device.ts';
import { TersorError } from '../core/error.ts';
import { nearest } from '../core/nearest.ts';

type Fields = Readonly<Record<string, unknown>>;

const FIELDS = [
  '$schema',
  'version',
  'name',
  'basis',
  'source',
  'runtime',
  'threads',
  'gigamacs',
  'gigaoperations',
  'bandwidth',
  'overhead',
  'energy',
];
const ARITHMETICS = ['f32', 'f64', 'f16', 'i8', 'w8', 'w4', 'w2'] as const;
const FAMILIES = ['linear', 'conv', 'depthwise', 'recurrent'] as const;
const BASES = ['estimate', 'measured'] as const;

/** No device is faster in any of its units, and a profile that says so mixed them up. */
const MOST = 1e9;

/**
 * The profile in `json`, checked to the last number; `$schema` is for editors and left out.
 * @param where  how messages call it: a path, a name
 * @throws DEVICE_INVALID
 */
export function parseDevice(json: unknown, where = 'device'): DeviceProfile {
  const fields = record(json, where, FIELDS);
  if (fields.version !== 1) throw invalid(where, `version is ${show(fields.version)}`, 'this tersor reads "version": 1');
  const basis = BASES.find((known) => known === fields.basis);
  if (!basis) throw invalid(where, `basis is ${show(fields.basis)}`, `it is ${BASES.join(' | ')}`);
  const { linear, ...families } = record(fields.gigamacs, `${where} gigamacs`, FAMILIES);
  const bandwidth = record(fields.bandwidth, `${where} bandwidth`, ['memory', 'cache', 'cacheBytes']);
  const overhead = record(fields.overhead, `${where} overhead`, ['operator', 'run']);
  const { runtime, threads, energy } = fields;
  return {
    version: 1,
    name: text(fields.name, `${where} name`),
    basis,
    source: text(fields.source, `${where} source`),
    ...(runtime !== undefined && { runtime: text(runtime, `${where} runtime`) }),
    ...(threads !== undefined && { threads: amount(threads, `${where} threads`) }),
    gigamacs: {
      linear: rates(linear, `${where} gigamacs linear`),
      ...Object.fromEntries(Object.entries(families).map(([family, value]) => [family, rates(value, `${where} gigamacs ${family}`)])),
    },
    gigaoperations: amount(fields.gigaoperations, `${where} gigaoperations`),
    bandwidth: {
      memory: amount(bandwidth.memory, `${where} bandwidth memory`),
      cache: amount(bandwidth.cache, `${where} bandwidth cache`),
      cacheBytes: amount(bandwidth.cacheBytes, `${where} bandwidth cacheBytes`, Number.MAX_SAFE_INTEGER),
    },
    overhead: { operator: amount(overhead.operator, `${where} overhead operator`), run: amount(overhead.run, `${where} overhead run`) },
    ...(energy !== undefined && { energy: parseEnergy(energy, `${where} energy`) }),
  };
}

function parseEnergy(json: unknown, where: string): EnergyProfile {
  const { mac, memoryByte, cacheByte, source } = record(json, where, ['mac', 'memoryByte', 'cacheByte', 'source']);
  return {
    mac: rates(mac, `${where} mac`),
    memoryByte: amount(memoryByte, `${where} memoryByte`),
    cacheByte: amount(cacheByte, `${where} cacheByte`),
    source: text(source, `${where} source`),
  };
}

function rates(json: unknown, where: string): Rates {
  const { f32, ...others } = record(json, where, ARITHMETICS);
  return {
    f32: amount(f32, `${where} f32`),
    ...Object.fromEntries(Object.entries(others).map(([name, value]) => [name, amount(value, `${where} ${name}`)])),
  };
}

function record(json: unknown, where: string, known: readonly string[]): Fields {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw invalid(where, `is ${show(json)}`, `it has ${known.join(', ')}`);
  const fields: Fields = { ...json };
  for (const field of Object.keys(fields)) {
    if (known.includes(field)) continue;
    const close = nearest(field, known);
    throw invalid(where, `no field "${field}"`, close ? `did you mean "${close}"?` : `it has ${known.join(', ')}`);
  }
  return fields;
}

function text(value: unknown, where: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= 1000) return value;
  throw invalid(where, `is ${show(value)}`, 'it is a text of at most 1,000 characters');
}

function amount(value: unknown, where: string, most = MOST): number {
  if (typeof value === 'number' && value > 0 && value <= most) return value;
  throw invalid(where, `is ${show(value)}`, `it is a number above 0 and up to ${most}`);
}

function invalid(where: string, what: string, hint: string): TersorError {
  return new TersorError('DEVICE_INVALID', where, what, hint);
}

function show(value: unknown): string {
  if (value === undefined) return 'missing';
  const written = JSON.stringify(value);
  return written.length > 60 ? `${written.slice(0, 57)}...` : written;
}
