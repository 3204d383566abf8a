import { isDeepStrictEqual } from 'node:util';
import { shownFileOfConfig } from '../config/load.ts';
import { type ClusterConfig, type Config, type ListenerConfig, table, tableOf } from '../config/table.ts';
import { usesLocalZone } from '../discovery/list.ts';
import type { PolicyList } from '../policies/compile.ts';
import { type Difference, differences } from '../schema/difference.ts';
import { type ConfigProblem, type Place, problemAt, shown } from '../schema/problem.ts';
import type { List } from '../schema/shape.ts';

/** What a reload has to do, as the schema says for each key that differs. */

const clusterShape = table.keys.clusters.item;

/** Of a listener whose routes may have these policies. */
function listenerDifferences(
  before: ListenerConfig,
  after: ListenerConfig,
  policies: PolicyList,
): Difference[] {
  const { item } = tableOf(policies).keys.listeners as List;
  return differences(item, before, after, 'rebuild');
}

/**
 * How much of a running cluster another configuration leaves as it is: all of it; its endpoints with their connections, health
 * and counters, of which some may come or go; or nothing, since its connections or probes would not be the same.
 */
export function clusterChange(before: ClusterConfig, after: ClusterConfig): 'same' | 'live' | 'rebuild' {
  const found = differences(clusterShape, before, after, 'rebuild');
  if (found.length === 0) return 'same';
  return found.some(({ effect }) => effect === 'rebuild') ? 'rebuild' : 'live';
}

/** Whether the endpoints of two configurations come from the same place. */
export function sameDiscovery(a: ClusterConfig, b: ClusterConfig): boolean {
  const sourceOf = ({ endpoints, discovery, balancer }: ClusterConfig) => [
    endpoints,
    discovery,
    discovery !== undefined && usesLocalZone(discovery) && balancer.preferZone,
  ];
  return isDeepStrictEqual(sourceOf(a), sourceOf(b));
}

/** Whether two configurations of a listener hold its connections to the same; where requests go may differ. */
export function sameAccepting(before: ListenerConfig, after: ListenerConfig, policies: PolicyList): boolean {
  return listenerDifferences(before, after, policies).every(({ effect }) => effect === 'live');
}

/** Whether the routes of two configurations of a listener are the same, over clusters of the same names. */
export function sameRouting(before: ListenerConfig, after: ListenerConfig, policies: PolicyList): boolean {
  return listenerDifferences(before, after, policies).every(({ effect }) => effect !== 'live');
}

export function sameListener(before: ListenerConfig, after: ListenerConfig, policies: PolicyList): boolean {
  return listenerDifferences(before, after, policies).length === 0;
}

/** The keys outside clusters and listeners that differ. */
export function processDifferences(before: Config, after: Config): Difference[] {
  return differences(table, before, after, 'live').filter(
    ({ path }) => path !== 'clusters' && path !== 'listeners',
  );
}

/** A problem for each changed key that takes a restart: a reload that left it out in silence would be half a reload. */
export function restartProblems(
  before: Config,
  after: Config,
  placeOf: (path: string) => Place,
): ConfigProblem[] {
  const shownBefore = leavesOf(shownFileOfConfig(before));
  const shownAfter = leavesOf(shownFileOfConfig(after));
  return processDifferences(before, after)
    .filter(({ effect }) => effect === 'restart')
    .map(({ path }) => {
      const values = `was ${valueText(shownBefore.get(path))} and is now ${valueText(shownAfter.get(path))}`;
      return problemAt(
        placeOf(path),
        path,
        `${values}, which requires a restart; restart, or leave it as it was`,
      );
    });
}

function valueText(value: unknown): string {
  return value === undefined ? 'not there' : shown(value);
}

/** Values by path; a list is one value. */
function leavesOf(value: unknown, path = '', leaves = new Map<string, unknown>()): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) leaves.set(path, value);
  else
    for (const [key, child] of Object.entries(value))
      leavesOf(child, path === '' ? key : `${path}.${key}`, leaves);
  return leaves;
}
