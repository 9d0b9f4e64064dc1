import { readFile } from 'node:fs/promises';
import type { Engine } from '../../src/core/engine.ts';
import { eachGraph, mapGraphs, type Node } from '../../src/core/graph.ts';
import { type Model, withGraph } from '../../src/core/model.ts';
import { onnx } from '../../src/formats/onnx/onnx.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { written } from './runtimes.ts';

/** A runtime with a bug: whatever it loads, nodes for which `wrong` gives another one compute that one instead. */
export function wrongEngine(engine: Engine, wrong: (node: Node, model: Model) => Node | undefined): Engine {
  return {
    ...engine,
    name: `${engine.name} with a bug`,
    async open(source, options) {
      const bytes = 'path' in source ? await readFile(source.path) : source.bytes;
      const model = await onnx.open(openMemory({ m: bytes }), 'm');
      const graph = mapGraphs(model.graph!, (inner) => ({ ...inner, nodes: inner.nodes.map((node) => wrong(node, model) ?? node) }));
      const isHit = [...eachGraph(model.graph!)].some(({ graph: inner }) => inner.nodes.some((node) => wrong(node, model)));
      return engine.open(isHit ? { bytes: await written(withGraph(model, graph)) } : source, options);
    },
  };
}
