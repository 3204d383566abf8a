import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The suites' programs, built into the user's cache on first use by the toolchain that each needs. */

/** The newest version of h2spec that the Go module proxy serves; later tags have no module path. */
const h2specVersion = 'v2.2.1+incompatible';
const httpwgVersion = '0.2.5';

export type ProgramName = 'h2spec' | 'h2specd' | 'httpwg';
export const programNames: readonly ProgramName[] = ['h2spec', 'h2specd', 'httpwg'];

export const cacheDir = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'outrigger');
const buildPatienceMs = 840_000;

export interface Recipe {
  readonly folder: string;
  /** Below the folder. */
  readonly path: string;
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Where the program is; null with the reason said. */
export function program(name: ProgramName): string | null {
  return installed(name, recipe(name));
}

/** Where the program of a recipe is, built if it is not there yet; null with the reason said. */
export function installed(name: string, { folder, path, command, env }: Recipe): string | null {
  const file = join(folder, path);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  const [tool, ...args] = command;
  const built = spawnSync(tool, args, {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: buildPatienceMs,
  });
  if (built.status === 0 && existsSync(file)) return file;
  const reason = built.error?.message ?? built.stderr.trim().split('\n').at(-1);
  console.log(`skipped: ${name} cannot be had (${command.join(' ')}: ${reason})`);
  return null;
}

function recipe(name: ProgramName): Recipe {
  if (name === 'httpwg') {
    const folder = join(cacheDir, `httpwg-${httpwgVersion}`);
    const command = ['cargo', 'install', 'httpwg-cli', '--version', `=${httpwgVersion}`, '--locked'];
    return { folder, path: 'bin/httpwg', command: [...command, '--root', folder] };
  }
  const folder = join(cacheDir, `h2spec-${h2specVersion}`);
  const target = `github.com/summerwind/h2spec/cmd/${name}@${h2specVersion}`;
  return { folder, path: name, command: ['go', 'install', target], env: { GOBIN: folder } };
}
