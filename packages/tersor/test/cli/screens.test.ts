import { describe, expect, it } from 'vitest';
import { checkScreen, folderCheckScreen } from '../../src/cli/screens/check-screen.ts';
import { comparisonScreen } from '../../src/cli/screens/comparison-screen.ts';
import { conversionScreen } from '../../src/cli/screens/conversion-screen.ts';
import { costScreen } from '../../src/cli/screens/cost-screen.ts';
import { devicesScreen } from '../../src/cli/screens/devices-screen.ts';
import { errorPage } from '../../src/cli/screens/error-page.ts';
import { folderInspectionScreen } from '../../src/cli/screens/folder-inspection-screen.ts';
import { folderScreen } from '../../src/cli/screens/folder-screen.ts';
import { inspectionScreen } from '../../src/cli/screens/inspection-screen.ts';
import { methodPage, methodsScreen } from '../../src/cli/screens/methods-screen.ts';
import { modelLine } from '../../src/cli/screens/model-line.ts';
import { reportScreen } from '../../src/cli/screens/report-screen.ts';
import { sensitivityScreen } from '../../src/cli/screens/sensitivity-screen.ts';
import type { Screen } from '../../src/cli/shell.ts';
import { widthOf } from '../../src/cli/text/width.ts';
import { FAKE_METHODS, fakeScreen } from './fake-shell.ts';
import { SENSITIVITY } from './sample-of-sensitivity.ts';
import {
  CHECK,
  COMPARISON,
  CONVERSION,
  FLIPS,
  FOLDER_CHECK,
  FOLDER_INSPECTION,
  FOLDER_REPORT,
  INSPECTION,
  MISSED,
  NOTHING,
  PLANNED,
  REPORT,
} from './samples.ts';
import { BARE_COST, COST, DEVICE } from './samples-of-cost.ts';

const brief = { everyWeight: false, kept: false };
const rounding = Object.values(FAKE_METHODS)[0]!;

/** `vitest -u` writes them anew; look at the difference before committing it. */
const SCREENS: Readonly<Record<string, (screen: Screen) => string>> = {
  compressed: (screen) => modelLine(INSPECTION, screen) + reportScreen(REPORT, screen, brief),
  'compressed, every weight': (screen) => reportScreen(REPORT, screen, { ...brief, everyWeight: true }),
  missed: (screen) => reportScreen(MISSED, screen, brief),
  planned: (screen) => reportScreen(PLANNED, screen, brief),
  'nothing to gain': (screen) => reportScreen(NOTHING, screen, brief),
  inspection: (screen) => inspectionScreen(INSPECTION, screen, false),
  folder: (screen) => folderScreen(FOLDER_REPORT, screen, { kept: false }),
  'folder inspection': (screen) => folderInspectionScreen(FOLDER_INSPECTION, screen),
  cost: (screen) => costScreen(COST, screen),
  'cost without a device': (screen) => costScreen(BARE_COST, screen),
  devices: (screen) => devicesScreen({ here: DEVICE }, screen),
  comparison: (screen) => comparisonScreen(COMPARISON, screen, { everyWeight: false, atLeast: 0.99 }),
  'flips and labels': (screen) => comparisonScreen(FLIPS, screen, { everyWeight: false }),
  conversion: (screen) => conversionScreen(CONVERSION, screen, false),
  sensitivity: (screen) => sensitivityScreen(SENSITIVITY, screen),
  check: (screen) => checkScreen(CHECK, screen),
  'check of a folder': (screen) => folderCheckScreen(FOLDER_CHECK, screen),
  methods: (screen) => methodsScreen(Object.values(FAKE_METHODS), screen),
  method: (screen) => methodPage(rounding, screen),
  error: (screen) => errorPage('RULE_UNMATCHED', screen),
};

describe.each(Object.entries(SCREENS))('%s', (name, screenOf) => {
  it.each([80, 120])('looks as agreed in %i columns', async (columns) => {
    await expect(screenOf(fakeScreen(columns))).toMatchFileSnapshot(`screens/${name.replaceAll(/\W+/g, '-')}.${columns}.txt`);
  });

  it.each([60, 80, 100, 120, 200])('fits %i columns', (columns) => {
    for (const line of screenOf(fakeScreen(columns)).split('\n')) {
      // what is to be pasted stays in one piece, and a word cannot be broken
      if (/^(Load it|Repeat it|Recipe)/.test(line)) continue;
      expect(widthOf(line), line).toBeLessThanOrEqual(columns);
    }
  });

  it('has no escape codes without colours, and the same text with them', () => {
    const plain = screenOf(fakeScreen(80));
    const coloured = screenOf(fakeScreen(80, { colors: true }));
    expect(plain).not.toContain('\u001b');
    expect(coloured).toContain('\u001b');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes of colours
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(plain);
  });
});

it('shows control characters of a hostile name instead of sending them to the terminal', () => {
  const weights = [{ ...REPORT.weights[0]!, id: 'a\u001b]0;owned\u0007\u202e.weight' }];
  const text = reportScreen({ ...REPORT, weights, skipped: [{ about: 'x\ny', message: '\u009b2J' }] }, fakeScreen(120), brief);
  expect(text).toContain('a\\x1b]0;owned\\x07\\x202e.weight');
  expect(text).toContain('x\\x0ay: \\x9b2J');
});

it('says that a missed file was kept', () => {
  const kept = reportScreen({ ...MISSED, output: { path: 'slow.onnx', format: 'onnx', bytes: 1000 } }, fakeScreen(), {
    ...brief,
    kept: true,
  });
  expect(kept).toContain('The file was kept: slow.onnx');
  expect(reportScreen(MISSED, fakeScreen(), brief)).toContain('--keep leaves it');
});
