import { readFileBounded } from '../config/config-file.ts';
import type { Environment } from '../config/environment.ts';
import type { LoadInput, LoadResult } from '../config/load.ts';
import { loadWithParts } from '../config/load-parts.ts';
import type { Config } from '../config/table.ts';
import type { Address } from '../core/address.ts';
import { systemClock } from '../core/clock.ts';
import { checkSafeRegex } from '../routing/safe-regex.ts';
import { type ConfigProblem, placeOfName } from '../schema/problem.ts';
import { ConfigurationError } from './configuration-error.ts';
import type { SidecarConfig } from './sidecar.ts';

export type Loaded = Extract<LoadResult, { readonly config: Config }>;

/** What stands for the file of a configuration that is an object. Relative paths in it start from the working directory, as in a file there. */
const objectName = 'configuration';

/** Reads and checks a configuration: the object that a file contains, or the path of a file. Throws a `ConfigurationError`. */
export async function loadConfiguration(source: SidecarConfig | string, env: Environment): Promise<Loaded> {
  const common = { env, checkRegex: checkSafeRegex, clock: systemClock };
  const loaded =
    typeof source === 'string'
      ? await loadWithParts({ ...common, flags: { config: source } })
      : withoutPlaces(await loadWithParts({ ...common, ...objectInput(source) }));
  if (loaded.config === undefined) throw new ConfigurationError(loaded.problems);
  return loaded;
}

function objectInput(source: SidecarConfig): Pick<LoadInput, 'flags' | 'readFile'> {
  const bytes = Buffer.from(jsonOf(source));
  return {
    flags: { config: objectName },
    readFile: (path, bytesMax) => (path === objectName ? { value: bytes } : readFileBounded(path, bytesMax)),
  };
}

function jsonOf(source: SidecarConfig): string {
  try {
    return JSON.stringify(source) ?? '';
  } catch (error) {
    const message = `cannot be written as JSON: ${(error as Error).message}; use only what a YAML file can contain`;
    throw new ConfigurationError([{ ...placeOfName(objectName), path: '', message }]);
  }
}

/** An object has no lines: its problems have a path alone. */
function withoutPlaces(loaded: LoadResult): LoadResult {
  const plain = (list: readonly ConfigProblem[]): ConfigProblem[] =>
    list.map((problem) => (problem.file === objectName ? { ...problem, line: 0, column: 0 } : problem));
  const warnings = plain(loaded.warnings);
  if (loaded.config === undefined) return { ...loaded, warnings, problems: plain(loaded.problems) };
  return { ...loaded, warnings, placeOf: () => placeOfName(objectName) };
}

/**
 * Replaces ports by free ones: all of them, or that of the admin API alone where the configuration does not set its address, so that
 * two sidecars in one process do not want the same.
 */
export function withFreePorts({ config, originOf }: Loaded, all: boolean): Config {
  const { admin, listeners } = config;
  const hasDefaultAdmin = originOf?.('admin.listen') === undefined;
  const freed = <A extends Address | undefined>(address: A): A =>
    address?.kind === 'tcp' ? { ...address, port: 0 } : address;
  return {
    ...config,
    admin: {
      ...admin,
      listen: all || hasDefaultAdmin ? freed(admin.listen) : admin.listen,
      probes: all ? freed(admin.probes) : admin.probes,
    },
    listeners: all
      ? listeners.map((listener) => ({ ...listener, listen: freed(listener.listen) }))
      : listeners,
  };
}
