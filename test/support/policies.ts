import type { Stage } from '../../src/call/stage.ts';
import type { Clock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { compilePolicies, policyMetrics } from '../../src/policies/compile.ts';
import { policies } from '../../src/policies/list.ts';
import { PartStore } from '../../src/policies/parts.ts';
import type { RoutePolicy } from '../../src/policies/policy.ts';
import type { Raw } from '../../src/schema/scalar-type.ts';
import { propertyName } from '../../src/schema/shape.ts';
import { typedOf } from '../../src/schema/typed.ts';
import { createRegistry, type Registry } from '../../src/telemetry/metrics/registry.ts';
import type { Cluster } from '../../src/upstream/cluster.ts';

export interface CompileOptions {
  readonly clock: Clock;
  readonly clusters?: readonly Cluster[];
  readonly registry?: Registry;
  readonly seed?: number;
  readonly list?: readonly RoutePolicy[];
}

/** The stages of a route, compiled from what its file would hold: `{ rateLimit: { requests: 1 } }`. */
export function stagesOf(route: Readonly<Record<string, Raw>>, options: CompileOptions): Stage[] {
  const { clock, clusters = [], registry = createRegistry(), seed = 1, list = policies } = options;
  const typed: Record<string, unknown> = {};
  for (const { key, schema } of list)
    if (route[key] !== undefined) typed[propertyName(key, schema)] = typedOf(schema, route[key]);
  const env = {
    listener: 'in',
    route: 'hello',
    clock,
    random: new SeededRandom(seed),
    logger: silentLogger,
    cluster: (name: string) => clusters.find((cluster) => cluster.name === name)!,
  };
  const metrics = policyMetrics(registry, list);
  return compilePolicies(typed, env, { list, metrics, parts: new PartStore() });
}
