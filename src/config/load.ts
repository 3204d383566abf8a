import type { PolicyList } from '../policies/compile.ts';
import { policies as builtIn } from '../policies/list.ts';
import type { PolicyParts } from '../policies/parts.ts';
import {
  type ConfigProblem,
  type Place,
  placeOfName,
  problemsMax,
  shown,
  sortProblems,
} from '../schema/problem.ts';
import type { Raw, RawMap } from '../schema/scalar-type.ts';
import type { Section } from '../schema/shape.ts';
import { type Draft, deepFreeze, rawOfTyped, typedOf } from '../schema/typed.ts';
import { checkWritable, type ReadFile, readFileBounded, textOf } from './config-file.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { withGrpcBootstrap } from './grpc-bootstrap.ts';
import { type FlagValues, mergeLayers } from './layers.ts';
import { hasControlPlane, type PushedLists, withPushed } from './pushed.ts';
import { readSource } from './reader.ts';
import type { RuleHelp } from './rules/rule.ts';
import { applyRules, placeOf } from './rules.ts';
import { maskRaw, secretsOf, secretsOfText, withoutSecrets } from './secrets.ts';
import { sourceVariables } from './settings.ts';
import { configFileBytesMax, parseSource, type SourceNode } from './source.ts';
import { cluster as clusterShape } from './table/cluster.ts';
import { type Config, table, tableOf } from './table.ts';
import { sourceOfTargets } from './targets.ts';

/** Flags of `run` and `validate`, as the command line had them. */
export interface ConfigFlags {
  readonly config?: string;
  readonly from?: string;
  readonly to?: readonly string[];
  /** Settings by the flag's name: `{ 'log-level': 'debug' }`. */
  readonly settings?: FlagValues;
}

export interface LoadInput {
  readonly flags: ConfigFlags;
  readonly env: Environment;
  /** `checkSafeRegex` of `src/routing/`: what is wrong with a pattern, or undefined. */
  readonly checkRegex: (pattern: string) => string | undefined;
  /** What is wrong with the text of a bootstrap file of gRPC, and the files that it names; not checked where it is absent. */
  readonly checkBootstrap?: RuleHelp['checkBootstrap'];
  /** For tests. */
  readonly readFile?: ReadFile;
  /** For tests: other policies than Outrigger's. */
  readonly policies?: PolicyList;
  /** What a control plane sent, in addition to the file. */
  readonly pushed?: PushedLists;
}

export type LoadResult =
  | {
      readonly config: Config;
      /** Where a value was written, for who finds something wrong with it later on. */
      readonly placeOf: (path: string) => Place;
      /** Where the value at this very path was written; undefined where it is a default. */
      readonly originOf?: (path: string) => Place | undefined;
      /** The file, or `undefined` for a run with `--from` and `--to`. */
      readonly file: string | undefined;
      readonly warnings: readonly ConfigProblem[];
      /** What policies loaded from outside, where `loadWithParts` was asked. */
      readonly parts?: PolicyParts;
      /** Problems that are found later, without the secrets of this configuration. */
      readonly hide?: (problems: readonly ConfigProblem[]) => readonly ConfigProblem[];
      readonly problems?: undefined;
    }
  | {
      readonly config?: undefined;
      readonly file: string | undefined;
      readonly warnings: readonly ConfigProblem[];
      /** Never empty; at most `problemsMax` and a line that counts the others. */
      readonly problems: readonly ConfigProblem[];
    };

/** Certificates and keys; larger is a mistake. */
const namedFileBytesMax = 16_777_216;

/**
 * The whole configuration from flags, environment, file and defaults, each beaten by the one before; or everything that
 * is wrong with it. All or nothing: what comes out is whole, checked and frozen. Reads files; never throws.
 */
export function loadConfig(input: LoadInput): LoadResult {
  const { flags, env, checkRegex, readFile = readFileBounded, policies = builtIn } = input;
  const table = tableOf(policies);
  const environment = readEnvironment(env);
  const found = findSource(flags, env, readFile);
  const problems: ConfigProblem[] = [...(found.problems ?? [])];
  const warnings: ConfigProblem[] = [...environment.warnings];
  let reading: ReturnType<typeof readSource> | undefined;
  const partial = problems.length > 0;
  if (found.value !== undefined) {
    const variables = found.fillsVariables ? env : undefined;
    const source = withGrpcBootstrap(found.value, env);
    const value = withPushed(source, input.pushed);
    const mayLackItems = hasControlPlane(source, env);
    reading = readSource(table, value, { variables, partial, mayLackItems });
    problems.push(...reading.problems.filter((problem) => found.isSound?.(problem) ?? true));
  }
  const merged = mergeLayers({ file: reading?.raw ?? {}, environment, flags: flags.settings ?? {} });
  problems.push(...merged.problems);

  const secrets = found.value === undefined ? [] : [...secretsOf(table, found.value, env)];
  const hide = (list: readonly ConfigProblem[]) =>
    withoutSecrets(list, new Set([...secrets, ...(found.secrets ?? [])]));

  const draft = typedOf(table, merged.raw as Raw) as Draft<Config>;
  // Rules hold parts of a file against each other, and errors of syntax may have cost it some.
  if (reading !== undefined && !partial) {
    const ruled = applyRules(
      draft,
      { ...reading, originOf: merged.originOf },
      {
        policies,
        checkRegex,
        checkBootstrap: input.checkBootstrap,
        readFile: (path) => readFile(path, namedFileBytesMax),
        checkWritable,
      },
    );
    problems.push(...ruled.problems);
    // Beside errors they only mislead: a cluster looks unused because the route to it was misspelt.
    if (problems.length === 0) warnings.push(...sortProblems(ruled.warnings));
  }
  const { file } = found;
  if (problems.length > 0) return { file, warnings: hide(warnings), problems: hide(bounded(problems, file)) };
  const places: ReadonlyMap<string, Place> = reading?.places ?? new Map();
  return {
    file,
    warnings: hide(warnings),
    config: deepFreeze(withProbes(draft as Config)),
    placeOf: (path) => merged.originOf(path) ?? placeOf(path, places),
    originOf: (path) => merged.originOf(path) ?? places.get(path),
    hide,
  };
}

/** The configuration as a file would have it, with every default written out. */
export function fileOfConfig(config: Config, of: Section = table): RawMap {
  return rawOfTyped(of, config) as RawMap;
}

/** The same with every secret of the table masked: what may be shown. */
export function shownFileOfConfig(config: Config, of: Section = table): RawMap {
  return maskRaw(of, fileOfConfig(config, of) as Raw) as RawMap;
}

interface FoundSource {
  readonly file: string | undefined;
  readonly value?: SourceNode;
  /** With a value too where the errors of syntax left one. */
  readonly problems?: readonly ConfigProblem[];
  readonly isSound?: (place: Place) => boolean;
  /** What stands under keys that sound like secrets, where the text could not be parsed. */
  readonly secrets?: ReadonlySet<string> | undefined;
  /** Whether `${NAME}` stands for a variable. */
  readonly fillsVariables?: boolean;
}

/** A file or `--from` and `--to`; flags that say which beat variables that say so. */
function findSource(flags: ConfigFlags, env: Environment, readFile: ReadFile): FoundSource {
  const variables: ConfigFlags = {
    config: env[sourceVariables.config] || undefined,
    from: env[sourceVariables.from] || undefined,
    to: env[sourceVariables.to] ? [env[sourceVariables.to] as string] : undefined,
  };
  const flagsSay = flags.config !== undefined || flags.from !== undefined || (flags.to?.length ?? 0) > 0;
  const chosen = flagsSay ? flags : variables;
  const hasTargets = chosen.from !== undefined || (chosen.to?.length ?? 0) > 0;
  const configName = chosen === flags ? '--config' : sourceVariables.config;
  if (chosen.config !== undefined && hasTargets)
    return refused(configName, 'a run has a file or --from and --to, not both; write one of them');
  if (chosen.config !== undefined) return readConfigFile(chosen.config, configName, readFile);
  if (!hasTargets)
    return refused('configuration', 'there is none; write --config FILE, or --from ADDR --to TARGET');
  // A variable may supply the half that flags leave open: an image that sets OUTRIGGER_FROM, say.
  const name = (key: 'from' | 'to'): string =>
    flags[key]?.length ? `--${key}` : env[sourceVariables[key]] ? sourceVariables[key] : `--${key}`;
  const from = { text: flags.from ?? variables.from, name: name('from') };
  const to = { texts: flags.to?.length ? flags.to : (variables.to ?? []), name: name('to') };
  return { file: undefined, ...sourceOfTargets({ from, to }) };
}

function readConfigFile(file: string, name: string, readFile: ReadFile): FoundSource {
  const bytes = readFile(file, configFileBytesMax);
  // A URL may hold a password, which the path of a file does not.
  if (bytes.value === undefined && file.includes('://'))
    return refused(name, `${shown(file)} is a URL; write the path of a file`);
  if (bytes.value === undefined) return refused(file, bytes.error, file);
  const text = textOf(bytes.value);
  if (text.value === undefined) return refused(file, text.error, file);
  if (/^\s*$/.test(text.value)) return refused(file, 'is empty; write listeners and clusters', file);
  const parsed = parseSource(file, text.value);
  // Of a text that is not YAML there is no tree, or a part of one.
  const secrets = parsed.problems.length > 0 ? secretsOfText(text.value) : undefined;
  return { file, fillsVariables: true, secrets, ...parsed };
}

function refused(name: string, message: string, file?: string): FoundSource {
  return { file, problems: [{ ...placeOfName(name), path: '', message }] };
}

/** Without a kind of probe: gRPC for what speaks HTTP/2, none for UDP, a connection for the others. */
function withProbes(config: Config): Config {
  const clusters = config.clusters.map((cluster) => {
    const { health, protocol } = cluster;
    if (health === 'none' || health.grpc || health.http || health.tcp) return cluster;
    if (protocol === 'udp') return { ...cluster, health: 'none' as const };
    // As if `grpc: {}` were written, so that what is written out reads back as the same.
    const grpc = typedOf(clusterShape.keys.health.keys.grpc, {}) as NonNullable<typeof health.grpc>;
    return { ...cluster, health: { ...health, ...(protocol === 'http2' ? { grpc } : { tcp: {} }) } };
  });
  return { ...config, clusters };
}

function bounded(problems: readonly ConfigProblem[], file: string | undefined): readonly ConfigProblem[] {
  const sorted = sortProblems(problems);
  if (sorted.length <= problemsMax) return sorted;
  const more = { ...placeOfName(file ?? 'configuration'), path: '' };
  return [
    ...sorted.slice(0, problemsMax),
    { ...more, message: `has ${sorted.length - problemsMax} more problems; fix these first` },
  ];
}
