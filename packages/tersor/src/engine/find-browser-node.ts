import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { TersorError } from '../core/error.ts';

/** As they are called on Linux, best first. */
const NAMES = ['google-chrome-stable', 'google-chrome', 'chromium', 'chromium-browser', 'microsoft-edge-stable', 'microsoft-edge'];

const MAC = [
  'Google Chrome.app/Contents/MacOS/Google Chrome',
  'Chromium.app/Contents/MacOS/Chromium',
  'Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
];

const WINDOWS = [
  'Google\\Chrome\\Application\\chrome.exe',
  'Chromium\\Application\\chrome.exe',
  'Microsoft\\Edge\\Application\\msedge.exe',
];

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A Chromium that the user has: the one that is named, then CHROME_PATH, then the usual places.
 * @throws ENGINE_MISSING when there is none, or not where it was said to be
 */
export function findBrowser(named?: string, environment: Environment = process.env, platform: string = process.platform): string {
  const said = named ?? environment.CHROME_PATH;
  if (said) {
    if (isProgram(said)) return said;
    throw new TersorError('ENGINE_MISSING', said, 'is no program', 'CHROME_PATH names the browser itself: /usr/bin/chromium');
  }
  const found = places(environment, platform).find(isProgram);
  if (found !== undefined) return found;
  throw new TersorError(
    'ENGINE_MISSING',
    'browser',
    'no Chrome, Chromium or Edge was found',
    `install one, or say where it is: CHROME_PATH=/path/to/chrome${platform === 'linux' ? '; on Debian and Ubuntu: apt-get install chromium' : ''}`,
  );
}

function places(environment: Environment, platform: string): string[] {
  if (platform === 'darwin') {
    return ['/Applications', join(environment.HOME ?? '', 'Applications')].flatMap((folder) => MAC.map((app) => join(folder, app)));
  }
  if (platform === 'win32') {
    const folders = [environment.PROGRAMFILES, environment['PROGRAMFILES(X86)'], environment.LOCALAPPDATA];
    return folders.flatMap((folder) => (folder ? WINDOWS.map((program) => join(folder, program)) : []));
  }
  const folders = [...(environment.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/snap/bin'];
  return NAMES.flatMap((name) => folders.filter(Boolean).map((folder) => join(folder, name)));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
