import { type ConfigFlags, type LoadResult, loadConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/table.ts';
import { checkSafeRegex } from '../../../src/routing/safe-regex.ts';
import { formatProblem } from '../../../src/schema/problem.ts';
import { checkBootstrap } from '../../../src/xds/client/bootstrap.ts';

export interface LoadOptions {
  readonly flags?: ConfigFlags;
  readonly env?: Readonly<Record<string, string>>;
  /** Further files by path. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
}

/** Loads a text as if it were the file `f.yaml`. */
export function loadText(text: string | undefined, options: LoadOptions = {}): LoadResult {
  const { flags = {}, env = {}, files = {} } = options;
  const all: Record<string, string | Buffer> = {
    ...files,
    ...(text === undefined ? {} : { 'f.yaml': text }),
  };
  return loadConfig({
    flags: text === undefined ? flags : { ...flags, config: 'f.yaml' },
    env,
    checkRegex: checkSafeRegex,
    checkBootstrap,
    readFile: (path) =>
      Object.hasOwn(all, path)
        ? { value: Buffer.from(all[path] as string) }
        : { error: 'does not exist; write the path of a file that does' },
  });
}

/** The configuration of a text that is fine. */
export function configOf(text: string | undefined, options: LoadOptions = {}): Config {
  const { config, problems } = loadText(text, options);
  if (config === undefined) throw new Error(problems.map(formatProblem).join('\n'));
  return config;
}

/** Every problem of a text, as the user is told it. */
export function problemsOf(text: string | undefined, options: LoadOptions = {}): string[] {
  return (loadText(text, options).problems ?? []).map(formatProblem);
}

/** Every warning of a text. */
export function warningsOf(text: string | undefined, options: LoadOptions = {}): string[] {
  return loadText(text, options).warnings.map(formatProblem);
}

/** The smallest file there is, and a place to put more. */
export function minimal({ route = '', listener = '', cluster = '', more = '' } = {}): string {
  return `listeners:
  - name: outbound
    listen: 127.0.0.1:15001
    routes: [{ name: all, cluster: greeter${route} }]
${listener}
clusters:
  - name: greeter
    endpoints: [{ address: 127.0.0.1:50051 }]
${cluster}
${more}`;
}
