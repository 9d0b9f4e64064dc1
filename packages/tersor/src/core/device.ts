import type { Arithmetic } from './cost.ts';

/** What products are bound by on a device, each with a speed of its own. */
export type ProductFamily = 'linear' | 'conv' | 'depthwise' | 'recurrent';

/** Speeds in 10^9 multiply-accumulates a second, by what is computed in. `f32` stands in for what is missing. */
export type Rates = { readonly f32: number } & { readonly [A in Exclude<Arithmetic, 'f32'>]?: number };

/** How fast a device runs models: what the roofline needs to know. The file of a device is this as JSON. */
export interface DeviceProfile {
  readonly $schema?: string;
  readonly version: 1;
  /** For people: "Raspberry Pi 4, one core". */
  readonly name: string;
  /** `estimate`: from data sheets and published benchmarks; `measured`: by "tersor device measure". */
  readonly basis: 'estimate' | 'measured';
  /** Where the numbers come from. */
  readonly source: string;
  /** The runtime that they are for: "onnxruntime-node 1.30.0". */
  readonly runtime?: string;
  readonly threads?: number;
  /** What products reach, by family; a family that is missing is as fast as `linear`. */
  readonly gigamacs: { readonly linear: Rates } & { readonly [F in Exclude<ProductFamily, 'linear'>]?: Rates };
  /** 10^9 elementary operations a second outside of products: an addition is one, an exponential or a division ten. */
  readonly gigaoperations: number;
  readonly bandwidth: {
    /** 10^9 bytes a second from memory, and from the last cache. */
    readonly memory: number;
    readonly cache: number;
    /** What is larger comes from memory. */
    readonly cacheBytes: number;
  };
  readonly overhead: {
    /** Microseconds to start an operator, and a run. */
    readonly operator: number;
    readonly run: number;
  };
  /** Absent: what the literature says of 45 nm. */
  readonly energy?: EnergyProfile;
}

/** Picojoules. */
export interface EnergyProfile {
  /** A multiply-accumulate, with what the processor spends around it. */
  readonly mac: Rates;
  /** A byte from memory, and from the last cache. */
  readonly memoryByte: number;
  readonly cacheByte: number;
  readonly source: string;
}
