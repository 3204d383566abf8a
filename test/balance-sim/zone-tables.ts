import { shortestQueue } from './baselines.ts';
import { ownCounts, sharedLoad } from './policies.ts';
import { product } from './product.ts';
import { ownZoneFirst, shortestOwnZoneFirst } from './rivals/own-zone-first.ts';
import { scenario, steady, type Zones } from './scenario.ts';
import type { Table } from './tables.ts';

/** Two zones with half of the ten replicas each, and four fifths of the sidecars in one of them. */
export function unevenZones(sidecars: number): Zones {
  return {
    ofSidecar: Array.from({ length: sidecars }, (_, i) => (i < sidecars * 0.8 ? 0 : 1)),
    ofReplica: Array.from({ length: 10 }, (_, i) => i % 2),
    betweenMs: 1,
  };
}

/** The way from a zone to the other and back is as long as a call's turn of 2 ms, in which a replica does 4 calls. */
const wayInCalls = 4;

export function zoneTables(calls: number): Table[] {
  return [10, 100].map((sidecars) => ({
    name: `zones-${sidecars}`,
    title: `${sidecars} sidecars, exponential service of 2 ms, ${calls} calls`,
    columns: [0.3, 0.5, 0.6, 0.7, 0.85].map((load) => ({
      name: `load ${load}`,
      scenario: steady(scenario({ sidecars, load, calls, zones: unevenZones(sidecars) })),
    })),
    policies: [
      ownCounts,
      product('least_request, zones ignored', { preferZone: false }),
      product('least_request, zoneSpill', { zoneSpill: true }),
      sharedLoad,
      ownZoneFirst(2),
      ownZoneFirst(wayInCalls),
      ownZoneFirst(2 * wayInCalls),
      shortestOwnZoneFirst(wayInCalls),
      shortestQueue,
    ],
    shows: 'p99',
    relativeTo: shortestOwnZoneFirst(wayInCalls).name,
    details: 'zones',
  }));
}
