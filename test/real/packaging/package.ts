import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The npm package, packed and installed as a user would. */

export const root = fileURLToPath(new URL('../../../', import.meta.url));
const patienceMs = 120_000;

export interface PackedFile {
  readonly path: string;
  readonly size: number;
}

export interface Installed {
  /** The folder of the consumer, with its `node_modules`. */
  readonly folder: string;
  /** `node_modules/outrigger` there. */
  readonly package: string;
  readonly packedBytes: number;
  readonly files: readonly PackedFile[];
  remove(): void;
}

/** Runs a program to its end. `node` is the Node that `#!/usr/bin/env node` finds. */
export function run(
  command: string,
  args: readonly string[],
  { cwd, node = process.execPath }: { readonly cwd: string; readonly node?: string },
): SpawnSyncReturns<string> {
  const env = { ...process.env, PATH: [dirname(node), process.env.PATH].join(delimiter) };
  return spawnSync(command, args, { cwd, env, encoding: 'utf8', timeout: patienceMs, killSignal: 'SIGKILL' });
}

/** The same; throws what it wrote where it failed. */
export function succeed(...call: Parameters<typeof run>): string {
  const { status, stdout, stderr, error } = run(...call);
  if (status !== 0) throw error ?? new Error(`${call[0]} ended with ${status}: ${stdout}${stderr}`);
  return stdout;
}

/** Packs the package and installs it into an empty folder, from npm's cache alone. */
export function install(): Installed {
  const work = mkdtempSync(join(tmpdir(), 'outrigger-package-'));
  try {
    const folder = join(work, 'app');
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    const [packed] = JSON.parse(
      succeed('npm', ['pack', '--json', '--silent', '--pack-destination', work], { cwd: root }),
    ) as Array<{ filename: string; size: number; files: PackedFile[] }>;
    const options = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const types = `@types/node@${manifest.devDependencies['@types/node']}`;
    succeed('npm', ['install', ...options, join(work, packed.filename), types], { cwd: folder });
    return {
      folder,
      package: join(folder, 'node_modules/outrigger'),
      packedBytes: packed.size,
      files: packed.files,
      remove: () => rmSync(work, { recursive: true, force: true }),
    };
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    throw error;
  }
}

/** What a consumer writes: the example of the guide, a policy module, and the settings of its compiler. */
export function writeConsumer({ folder, package: own }: Installed): void {
  cpSync(join(own, 'examples/embed.ts'), join(folder, 'embed.test.ts'));
  cpSync(join(own, 'examples/policies'), join(folder, 'policies'), { recursive: true });
  cpSync(join(own, 'protos'), join(folder, 'protos'), { recursive: true });
  const compilerOptions = {
    target: 'es2022',
    module: 'nodenext',
    types: ['node'],
    strict: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    noEmit: true,
  };
  const settings = { compilerOptions, files: ['embed.test.ts', 'policies/header-check.ts', 'wrong.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
  writeFileSync(
    join(folder, 'wrong.ts'),
    [
      "import { startSidecar } from 'outrigger';",
      '// @ts-expect-error: a listener has an address',
      "await startSidecar({ listeners: [{ name: 'in' }], clusters: [] });",
      '// @ts-expect-error: the signal is an AbortSignal',
      "await startSidecar('outrigger.yaml', { signal: true });",
      '',
    ].join('\n'),
  );
}

export interface Dependency {
  readonly name: string;
  readonly license: string;
}

/** The packages that were installed with ours, and the size of everything. */
export function dependenciesOf({ folder }: Installed): {
  readonly packages: Dependency[];
  readonly bytes: number;
} {
  const modules = join(folder, 'node_modules');
  const entries = readdirSync(modules, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { license?: string }>;
  };
  const places = Object.keys(lock.packages).filter(
    (place) => place !== '' && place !== 'node_modules/outrigger',
  );
  const packages = places.map((place) => ({
    name: place.replace(/^.*node_modules\//, ''),
    license: JSON.parse(readFileSync(join(folder, place, 'package.json'), 'utf8')).license ?? '',
  }));
  const sizes = entries.map((entry) => readFileSync(join(entry.parentPath, entry.name)).length);
  return { packages, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}
