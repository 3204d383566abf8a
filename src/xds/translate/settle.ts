import type { ResourceProblem } from '../resource.ts';
import { type AssembleInput, type Assembly, assemble } from './assemble.ts';

/** What loading the lists of an assembly finds wrong, by the path in them. */
export type CheckAssembly = (
  assembly: Assembly,
) => ReadonlyArray<{ readonly path: string; readonly message: string }>;

export interface Settlement {
  /** Without the resources that were refused. */
  readonly assembly: Assembly;
  /** Why resources were refused: each of them as a whole. */
  readonly problems: readonly ResourceProblem[];
  /** Problems of no resource, such as those of the configuration file itself. */
  readonly others: ReadonlyArray<{ readonly path: string; readonly message: string }>;
}

/** Rounds of refusing resources; each refuses all that the check found. */
const roundsMax = 10;

/**
 * Assembles resources, and refuses those that the check of the configuration finds wrong, until none is left. A refused resource
 * is replaced by its last good version in `lastGood`, where it has another one there.
 */
export function settle(
  input: AssembleInput,
  check: CheckAssembly,
  lastGood: Partial<Pick<AssembleInput, 'listeners' | 'routes' | 'clusters'>> = {},
): Settlement {
  const current = {
    ...input,
    listeners: new Map(input.listeners),
    routes: new Map(input.routes),
    clusters: new Map(input.clusters),
  };
  const lists = { listener: 'listeners', route: 'routes', cluster: 'clusters' } as const;
  const problems: ResourceProblem[] = [];
  for (let round = 0; ; round++) {
    const assembly = assemble(current);
    const found = [...assembly.problems];
    const others: Array<{ readonly path: string; readonly message: string }> = [];
    for (const { path, message } of check(assembly)) {
      const origin = assembly.originOf(path);
      if (origin === undefined) others.push({ path, message });
      else found.push({ ...origin, message: `${keyOf(path)} ${message}` });
    }
    if (found.length === 0 || round === roundsMax) return { assembly, problems, others };
    problems.push(...found);
    // Once for each resource, however many problems it has: its last good version has none of them.
    for (const { kind, name } of distinct(found)) {
      if (kind === 'endpoint' || kind === 'secret') continue;
      const list: Map<string, unknown> = current[lists[kind]];
      const good = lastGood[lists[kind]]?.get(name);
      if (good !== undefined && list.get(name) !== good) list.set(name, good);
      else list.delete(name);
    }
  }
}

function distinct(problems: readonly ResourceProblem[]): ResourceProblem[] {
  return [...new Map(problems.map((problem) => [`${problem.kind} ${problem.name}`, problem])).values()];
}

/** The key of the configuration that is wrong, behind what the resource stands for. */
function keyOf(path: string): string {
  return path.replace(/^(listeners|clusters)\[\d+\](\.routes\[\d+\])?\.?/, '') || 'it';
}
