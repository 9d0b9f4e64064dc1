/** Checks who imports whom: the direction between folders, no cycles, platform code only where it belongs. */
import { cruise, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser';
import { fail, root } from './run.ts';

const SRC = 'packages/tersor/src';

/** What each folder may import besides itself. A folder that is not named here may not exist. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  numeric: ['core'],
  fit: ['core', 'numeric'],
  observe: ['core', 'numeric', 'fit'],
  methods: ['core', 'numeric', 'fit', 'observe'],
  search: ['core', 'numeric', 'fit', 'observe', 'methods'],
  formats: ['core', 'numeric'],
  kernels: ['core'],
  io: ['core'],
  engine: ['core', 'formats', 'kernels', 'io'],
  data: ['core', 'io'],
  record: ['core', 'data', 'io'],
  evaluate: ['core'],
  report: ['core'],
  cost: ['core'],
  architectures: ['core'],
  convert: ['core', 'architectures', 'formats', 'io', 'compress'],
  // `compress`, its neighbours beside it and `index` wire everything together; only the command stands above them.
  compress: [
    'core',
    'numeric',
    'fit',
    'observe',
    'methods',
    'search',
    'formats',
    'kernels',
    'io',
    'engine',
    'data',
    'evaluate',
    'report',
    'cost',
  ],
};

/** No platform and no package: these run anywhere and are checked without DOM and Node types too. */
const PURE = ['core', 'numeric', 'fit', 'observe', 'methods', 'search', 'evaluate', 'report', 'cost', 'architectures'];

const direction: IForbiddenRuleType[] = Object.entries(MAY_IMPORT).map(([folder, allowed]) => ({
  name: `${folder} imports ${allowed.join(', ') || 'nothing else'}`,
  severity: 'error',
  from: { path: `^${SRC}/${folder}/` },
  to: { path: `^${SRC}/`, pathNot: `^${SRC}/(${[folder, ...allowed].join('|')})/` },
}));

const forbidden: IForbiddenRuleType[] = [
  ...direction,
  {
    name: 'every folder has a place in tools/imports.ts',
    severity: 'error',
    from: {},
    to: { path: `^${SRC}/[^/]+/`, pathNot: `^${SRC}/(${[...Object.keys(MAY_IMPORT), 'cli'].join('|')})/` },
  },
  { name: 'only the command imports cli', severity: 'error', from: { pathNot: `^${SRC}/cli/` }, to: { path: `^${SRC}/cli/` } },
  { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
  {
    name: 'sources import only what is published',
    severity: 'error',
    from: { path: `^${SRC}/` },
    to: { path: '^(?!node_modules/)', pathNot: [`^${SRC}/`, '^packages/loader/dist/'], dependencyTypesNot: ['core'] },
  },
  {
    name: 'node:* only in cli and in files named for Node',
    severity: 'error',
    from: { path: `^${SRC}/`, pathNot: [`^${SRC}/cli/`, `^${SRC}/(io|engine|data|kernels|record)/.*node[^/]*$`] },
    to: { dependencyTypes: ['core'] },
  },
  {
    name: `no packages in ${PURE.join(', ')}`,
    severity: 'error',
    from: { path: `^${SRC}/(${PURE.join('|')})/` },
    to: { path: 'node_modules/' },
  },
  { name: 'onnxruntime only in engine', severity: 'error', from: { pathNot: `^${SRC}/engine/` }, to: { path: 'node_modules/onnxruntime' } },
  {
    name: 'terminal packages only in cli',
    severity: 'error',
    from: { pathNot: `^${SRC}/cli/` },
    to: { path: 'node_modules/(commander|picocolors)/' },
  },
  { name: 'imports resolve', severity: 'error', from: {}, to: { couldNotResolve: true } },
];

const { output } = await cruise([SRC], {
  baseDir: root,
  ruleSet: { forbidden },
  validate: true,
  tsPreCompilationDeps: true,
  tsConfig: { fileName: 'packages/tersor/tsconfig.json' },
  doNotFollow: { path: ['node_modules', '^packages/loader/'] },
  enhancedResolveOptions: {
    exportsFields: ['exports'],
    conditionNames: ['import', 'node', 'types', 'default'],
    extensions: ['.ts', '.js', '.d.ts'],
  },
});
if (typeof output === 'string') fail(output);
const { violations, totalCruised } = (output satisfies ICruiseResult).summary;
const lines = violations.map(({ rule, from, to, cycle }) => `${from} → ${cycle?.map(({ name }) => name).join(' → ') ?? to}: ${rule.name}`);
if (totalCruised === 0) fail(`no sources found in ${SRC}`);
if (lines.length > 0) fail(lines.join('\n'));
