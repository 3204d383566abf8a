import { nearestName } from '../core/nearest.ts';
import { otelVariables } from '../core/otel-variables.ts';
import { type ConfigProblem, placeOfName } from '../schema/problem.ts';
import { errorOf } from './secrets.ts';
import { type Setting, settings, sourceVariables } from './settings.ts';

const prefix = 'OUTRIGGER_';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment says, by the names of our own variables, and what is odd about it. */
export interface EnvironmentReading {
  readonly values: Readonly<Record<string, string>>;
  /** Where a value came from if not from our own variable: `OTEL_SERVICE_NAME` by path. */
  readonly standard: ReadonlyMap<string, string>;
  readonly warnings: readonly ConfigProblem[];
}

/**
 * Takes from the environment what concerns the configuration. An empty variable counts as unset, as the OpenTelemetry
 * specification and most images have it. An unknown `OUTRIGGER_*` is only warned of: another version may know it.
 */
export function readEnvironment(environment: Environment): EnvironmentReading {
  const values: Record<string, string> = {};
  const standard = new Map<string, string>();
  const warnings: ConfigProblem[] = [];
  for (const setting of settings) {
    const own = environment[setting.variable];
    if (own !== undefined && own !== '') values[setting.variable] = own;
    else readStandard(setting, environment, { values, standard, warnings });
  }
  warnings.push(...otelWarnings(environment));
  const known = new Set([...settings.map((setting) => setting.variable), ...Object.values(sourceVariables)]);
  // Without what they all begin with, which would make any two of them look alike.
  const names = [...known].map((variable) => variable.slice(prefix.length));
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith(prefix) || known.has(variable) || isServiceLink(variable)) continue;
    const near = nearestName(variable.slice(prefix.length), names);
    const fix = near === undefined ? 'see docs/configuration.md' : `did you mean ${prefix}${near}?`;
    warnings.push({
      ...placeOfName(variable),
      path: '',
      message: `is not a known variable and changes nothing; ${fix}`,
    });
  }
  return { values, standard, warnings };
}

interface Found {
  readonly values: Record<string, string>;
  readonly standard: Map<string, string>;
  readonly warnings: ConfigProblem[];
}

/** A variable of the OpenTelemetry specification, which says to warn of a wrong value and go on. */
function readStandard({ path, shape, variable }: Setting, environment: Environment, found: Found): void {
  const name = shape.standardVariable;
  const text = name === undefined ? undefined : environment[name];
  if (name === undefined || text === undefined || text === '') return;
  const accepted = (value: string): boolean =>
    shape.type.parse(shape.type.fromText(value)).error === undefined;
  // Words are to be understood in any case (OpenTelemetry "Environment Variable Specification", "Enum").
  const value = [text, text.trim(), text.trim().toLowerCase()].find(accepted);
  const error = errorOf(shape, shape.type.fromText(text));
  if (value !== undefined) {
    found.values[variable] = value;
    found.standard.set(path, name);
  } else found.warnings.push({ ...placeOfName(name), path: '', message: `${error}; it is ignored` });
}

/** Warns of wrong values in variables of the OpenTelemetry specification that have no configuration key. */
function otelWarnings(environment: Environment): ConfigProblem[] {
  return otelVariables.flatMap(({ name, write, accepts }) => {
    const text = environment[name]?.trim() ?? '';
    if (text === '' || accepts(text)) return [];
    const shown = JSON.stringify(text.slice(0, shownCharsMax));
    // An endpoint may hold a password.
    const message = name.endsWith('_ENDPOINT')
      ? `is no valid URL; write ${write}; it is ignored`
      : `${shown} is not known; write ${write}; it is ignored`;
    return [{ ...placeOfName(name), path: '', message }];
  });
}

const shownCharsMax = 64;

/** Kubernetes sets `OUTRIGGER_SERVICE_HOST`, `OUTRIGGER_PORT_15001_TCP` and more for a service called outrigger. */
function isServiceLink(variable: string): boolean {
  return /^OUTRIGGER_(SERVICE_(HOST|PORT)|PORT)(_|$)/.test(variable);
}
