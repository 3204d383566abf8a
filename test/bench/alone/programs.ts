import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The two ways to run this work tree, as the arguments to Node before those of the program. */
export interface Programs {
  /** As npm installs it and the container image has it: the goals are for this one. */
  readonly built: string;
  /** As `make demo` and the tests run it, with what strips the types. */
  readonly sources: string;
}

/** Builds the sources as they are now, in a directory of its own, so that a `dist/` of another day is not what is measured. */
export function buildPrograms(dir: string): Programs {
  const place = `${dir}/built`;
  const dist = `${place}/dist`;
  mkdirSync(place);
  const run = (...args: string[]) =>
    execFileSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  run('node_modules/typescript/bin/tsc', '-p', 'config/tsconfig.build.json', '--outDir', dist);
  run('config/copy-assets.mjs', dist);
  run('config/bundle.mjs', dist);
  cpSync(`${root}package.json`, `${place}/package.json`);
  for (const name of ['node_modules', 'protos']) symlinkSync(`${root}${name}`, `${place}/${name}`);
  return { built: `${dist}/main.js`, sources: `${root}src/main.ts` };
}
