import type { AdminDeps } from '../admin/deps.ts';
import { processCallIds } from '../call/call-ids.ts';
import { checkListener, explainRequest, type LiveState } from '../explain/explain-request.ts';
import { policies as builtIn } from '../policies/list.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import { type AppState, everyListener } from './parts.ts';
import { clusterSnapshot } from './snapshots.ts';

/** Calls in flight that are searched for a trace. */
const searchedMax = 100_000;

/** What the admin API may ask about single calls, and about requests that nobody sent. */
export function explainDeps(
  parts: AppState,
): Pick<
  AdminDeps,
  'explain' | 'callsOfTrace' | 'inFlight' | 'latestCallId' | 'explainRequest' | 'resourcesOfCall'
> {
  const { recent } = parts.telemetry;
  return {
    explain: (id) => recent.find(id) ?? running(parts).find((record) => record.id === id),
    callsOfTrace(traceId) {
      const live = running(parts).filter((record) => record.traceId.equals(traceId));
      return [...live.toSorted((a, b) => b.id - a.id), ...recent.ofTrace(traceId)];
    },
    inFlight: (max) =>
      running(parts)
        .toSorted((a, b) => a.id - b.id)
        .slice(0, max),
    resourcesOfCall: ({ listener, cluster, startedMs }) =>
      parts.controlPlane?.resourcesOf(listener, [cluster], startedMs) ?? [],
    latestCallId: () => processCallIds.latest,
    explainRequest(request) {
      const { config } = parts.running;
      const checked = checkListener(request, config);
      if (checked.error !== undefined) return checked;
      return { value: explainRequest(config, parts.deps.policies ?? builtIn, request, liveState(parts)) };
    },
  };
}

/** The records of the calls in flight. */
function running(parts: AppState): CallRecord[] {
  return everyListener(parts).flatMap(({ context }) => context.calls.records(searchedMax));
}

function liveState({ running: { listeners, clusters }, deps, controlPlane }: AppState): LiveState {
  return {
    resources: (listener, names) => controlPlane?.resourcesOf(listener, names, deps.clock.now()) ?? [],
    router(listener) {
      const router = listeners.find(({ config }) => config.name === listener)?.context.router;
      if (router === undefined) return null;
      return {
        targetOf: (head) => router.targetOf(head),
        routeName: (head, source) => router.route(head, source)?.route ?? '',
      };
    },
    cluster(name) {
      const cluster = clusters.get(name)?.cluster;
      if (cluster === undefined) return null;
      const { discovery, endpoints } = clusterSnapshot(cluster, deps.clock.now());
      return {
        discovery,
        endpoints: endpoints.map(({ address, effectiveWeight, active, health, usable, unusableReason }) => ({
          address,
          weight: effectiveWeight,
          active,
          health: health.status,
          usable,
          unusable: unusableReason,
        })),
      };
    },
  };
}
