import type { Diagnostics } from '../schema/diagnostics.ts';
import { type ConfigProblem, type Place, problemAt } from '../schema/problem.ts';
import type { Draft } from '../schema/typed.ts';
import type { Reading } from './reader.ts';
import { addressRules } from './rules/addresses.ts';
import { adminRules } from './rules/admin.ts';
import { clusterRules } from './rules/clusters.ts';
import { listenerRules } from './rules/listeners.ts';
import { policyRules } from './rules/policies.ts';
import { referenceRules } from './rules/references.ts';
import type { Rule, RuleHelp } from './rules/rule.ts';
import { telemetryRules } from './rules/telemetry.ts';
import { xdsRules } from './rules/xds.ts';
import type { Config } from './table.ts';

/** What one value alone cannot tell: every rule over several of them, each by its name for tests. */
const rules = {
  ...addressRules,
  ...adminRules,
  ...referenceRules,
  ...listenerRules,
  ...policyRules,
  ...clusterRules,
  ...telemetryRules,
  ...xdsRules,
} satisfies Record<string, Rule>;

export interface RulesResult {
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

/**
 * Applies every rule to what could be read. A value that was not written is pointed at by the mapping it would stand in.
 */
export function applyRules(
  draft: Draft<Config>,
  reading: Pick<Reading, 'places' | 'reported' | 'lost'> & {
    /** The flag or variable that set a path, if one did. */
    readonly originOf: (path: string) => Place | undefined;
  },
  help: RuleHelp,
): RulesResult {
  const problems: ConfigProblem[] = [];
  const warnings: ConfigProblem[] = [];
  const at = (path: string): Place => reading.originOf(path) ?? placeOf(path, reading.places);
  const reported = withParents(reading.reported);
  const isLost = (path: string): boolean => {
    for (let part = path; part !== ''; part = parentOf(part)) if (reading.lost.has(part)) return true;
    return false;
  };
  const diagnostics: Diagnostics = {
    problem: (path, message) => {
      if (!reported.has(path) && !isLost(path)) problems.push(problemAt(at(path), path, message));
    },
    warning: (path, message) => warnings.push(problemAt(at(path), path, message)),
    lineOf: (path) => at(path).line,
  };
  for (const rule of Object.values<Rule>(rules)) rule(draft, diagnostics, help);
  return { problems, warnings };
}

/** What was said of a part need not be said of the whole: without its misspelt key it would look empty, for one. */
function withParents(reported: ReadonlySet<string>): ReadonlySet<string> {
  const all = new Set<string>();
  for (const path of reported) {
    for (let at = path; at !== '' && !all.has(at); at = parentOf(at)) all.add(at);
  }
  return all;
}

/** `a.b` of `a.b[2]` and of `a.b.c`; '' at the end. */
function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.search(/(\.[^.[]*|\[\d+\])$/)));
}

/** Where a value was written, or the mapping it would stand in. */
export function placeOf(path: string, places: ReadonlyMap<string, Place>): Place {
  for (let at = path; at !== ''; at = parentOf(at)) {
    const place = places.get(at);
    if (place !== undefined) return place;
  }
  return places.get('') ?? { file: 'configuration', line: 0, column: 0 };
}
