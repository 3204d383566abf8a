import type { Policy, Spreader, SpreaderDeps } from '../spreader.ts';
import { lowest } from './choose.ts';
import { ReportedLoad } from './reported-load.ts';
import { ZoneLoad } from './zone-load.ts';

/**
 * "Used once" with a mean for each zone, where a replica in another zone counts as so many calls more: calls stay in the zone while it
 * has room, and sidecars learn from the calls that they send elsewhere how loaded it is there.
 */
export const ownZoneFirst = (costCalls: number): Policy => ({
  name: `own zone + ${costCalls}`,
  build: (deps) =>
    Array.from({ length: deps.sidecars }, (_, sidecar) => zoneSpreader(deps, sidecar, costCalls)),
});

function zoneSpreader(
  { replicas, random, zones }: SpreaderDeps,
  sidecar: number,
  costCalls: number,
): Spreader {
  const ofReplica = zones?.ofReplica ?? new Array<number>(replicas).fill(0);
  const ownZone = zones?.ofSidecar[sidecar] ?? 0;
  const load = new ReportedLoad(replicas);
  const zoneLoad = new ZoneLoad(ofReplica);
  const ties = random();
  let known: readonly number[] = [];
  const scoreOf = (one: number, nowMs: number): number => {
    const zone = ofReplica[one];
    const mean = zoneLoad.mean(zone, nowMs);
    return (zone === ownZone ? 0 : costCalls) + load.own[one] + mean + load.deviation(one, mean, nowMs);
  };
  return {
    pick(nowMs) {
      const replica = lowest(known, (one) => scoreOf(one, nowMs), ties);
      if (replica >= 0) load.picked(replica);
      return replica;
    },
    settle({ replica, report, nowMs }) {
      load.settled(replica, report, nowMs);
      if (report !== null) zoneLoad.reported(replica, load.others[replica], nowMs);
    },
    discover(told) {
      known = told;
    },
    stop() {},
  };
}

/** The same with every sidecar knowing every call in flight: the limit. */
export const shortestOwnZoneFirst = (costCalls: number): Policy => ({
  name: `JSQ, own zone + ${costCalls}`,
  build({ sidecars, replicas, random, zones }) {
    const inFlight = new Int32Array(replicas);
    return Array.from({ length: sidecars }, (_, sidecar) => {
      const ties = random();
      const zone = zones?.ofSidecar[sidecar];
      let known: readonly number[] = [];
      return {
        pick() {
          const scoreOf = (one: number): number =>
            inFlight[one] + (zones?.ofReplica[one] === zone ? 0 : costCalls);
          const replica = lowest(known, scoreOf, ties);
          if (replica >= 0) inFlight[replica]++;
          return replica;
        },
        settle({ replica }) {
          inFlight[replica]--;
        },
        discover(told) {
          known = told;
        },
        stop() {},
      };
    });
  },
});
