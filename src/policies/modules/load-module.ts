import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import { dirname, extname, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Clock } from '../../core/clock.ts';
import type { Result } from '../../core/result.ts';
import { listed, shown } from '../../schema/problem.ts';
import type { ModuleSettings, RoutePolicy } from '../policy.ts';

/** The default export of a module: a policy, whose schema may be missing. */
export type ModulePolicy = Omit<RoutePolicy, 'schema'> & { readonly schema?: RoutePolicy['schema'] };

export interface LoadedModule {
  readonly file: string;
  /** Differs where the text of the file differs. */
  readonly version: string;
  readonly policy: ModulePolicy;
}

export interface ModuleSource {
  readonly clock: Clock;
  readonly configFile: string | undefined;
  readonly modules: ModuleSettings;
}

const fileBytesMax = 1_048_576;
/** How long a module may take over its own loading, `await` at its top included, milliseconds. */
const loadMsMax = 10_000;

/**
 * Loads a module of the user's own, or says why it cannot be loaded. A file whose text has changed is loaded again; the files
 * that it imports are loaded once for each process.
 */
export async function loadModule(path: string, source: ModuleSource): Promise<Result<LoadedModule>> {
  const { allow } = source.modules;
  if (allow === false)
    return {
      error: `${shown(path)} cannot be loaded, because modules are off; write modules: { allow: true }, or a list of directories`,
    };
  const folder = source.configFile === undefined ? process.cwd() : dirname(resolve(source.configFile));
  try {
    const file = await realpath(resolve(folder, path));
    if (allow !== true && !(await isWithin(file, allow, folder)))
      return {
        error: `${shown(path)} is outside the directories of modules.allow, ${listed(allow, 'and')}; add its directory there`,
      };
    const text = await readFile(file);
    if (text.length > fileBytesMax)
      return { error: `${shown(path)} has ${text.length} bytes; write at most ${fileBytesMax}` };
    const version = createHash('sha256').update(text).digest('hex').slice(0, 16);
    const url = `${pathToFileURL(file).href}?version=${version}`;
    provideOwnPackage();
    const loaded = await within(import(url) as Promise<{ default?: unknown }>, source.clock);
    const policy = loaded.default as ModulePolicy | undefined;
    if (typeof policy?.compile !== 'function' || typeof policy.key !== 'string')
      return {
        error: `${shown(path)} has no policy as its default export; write export default definePolicy({ key, schema, compile })`,
      };
    return { value: { file, version, policy } };
  } catch (error) {
    return { error: `${shown(path)} cannot be loaded: ${reasonOf(error, folder)}` };
  }
}

function reasonOf(error: unknown, folder: string): string {
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'ENOENT') return `there is no such file; write its path from ${folder}`;
  return message ?? String(error);
}

async function isWithin(file: string, directories: readonly string[], folder: string): Promise<boolean> {
  for (const directory of directories) {
    const real = await realpath(resolve(folder, directory)).catch(() => null);
    if (real !== null && file.startsWith(real.endsWith(sep) ? real : `${real}${sep}`)) return true;
  }
  return false;
}

function within<T>(loading: Promise<T>, clock: Clock): Promise<T> {
  return new Promise((done, fail) => {
    const timer = clock.after(loadMsMax, () => fail(new Error(`it has not loaded within ${loadMsMax} ms`)));
    loading.then(done, fail).finally(() => timer.cancel());
  });
}

let provided = false;

/** Modules import `outrigger/policy` from this process, wherever they lie: no package has to be installed beside them. */
function provideOwnPackage(): void {
  if (provided) return;
  provided = true;
  const own = resolve(fileURLToPath(import.meta.url), `../../../policy${extname(import.meta.url)}`);
  const { href } = pathToFileURL(own);
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'outrigger/policy' ? { url: href, shortCircuit: true } : next(specifier, context),
  });
}
