import type { AdminDeps, ReloadOutcome } from '../admin/deps.ts';
import { shownFileOfConfig } from '../config/load.ts';
import { tableOf } from '../config/table.ts';
import { settingValues } from '../config/values.ts';
import { formatAddress } from '../core/address.ts';
import { policies } from '../policies/list.ts';
import { traceLink } from '../telemetry/trace-link.ts';
import { certificatesInUse } from './certificates.ts';
import { explainDeps } from './explain-deps.ts';
import { operatorCalls } from './operator-calls.ts';
import { type AppState, activeCalls, everyListener } from './parts.ts';
import { clusterUsability, readinessOf } from './readiness.ts';
import { routesSnapshot } from './route-snapshots.ts';
import { routeTexts } from './route-texts.ts';
import { clusterSnapshot, endpointStates, udpSnapshot } from './snapshots.ts';

/** What the admin API may see of a running sidecar, and do to it. `drain` runs until it is over or taken back. */
export function adminDeps(
  parts: AppState,
  drain: () => Promise<unknown>,
  reload: () => Promise<ReloadOutcome>,
): AdminDeps {
  const { deps, lifecycle, telemetry, stats } = parts;
  const { clock, logger } = deps;
  const startedMs = clock.now();
  const startedWallMs = Math.floor(clock.wallMs());
  return {
    readiness: () => readinessOf(parts),
    clusterUsability: () => clusterUsability(parts),
    live: () => true,
    metricsText: (accept) => telemetry.prometheusText(accept),
    clusters() {
      const nowMs = clock.now();
      return [...parts.running.clusters.values()].map((built) => ({
        ...clusterSnapshot(built.cluster, nowMs),
        balance: parts.balance.report(built),
      }));
    },
    endpointStates() {
      const clusters = [...parts.running.clusters.values()].map(({ cluster }) => cluster);
      return endpointStates(clusters, clock.now());
    },
    listeners: () =>
      everyListener(parts).map((one) => ({
        name: one.listener.settings.name,
        address: formatAddress(one.listener.address),
        direction: one.listener.settings.direction,
        protocol: one.listener.settings.protocol,
        connections: one.listener.connections,
        active: one.passthrough?.connections ?? one.context.calls.active,
        total: one.passthrough?.ended ?? one.context.calls.ended,
        going: parts.leaving.listeners.has(one) || lifecycle.isClosing,
        udp: one.udp === null ? null : udpSnapshot(one.udp),
      })),
    routes(routesMax) {
      const { config, listeners } = parts.running;
      const list = deps.policies ?? policies;
      return routesSnapshot(listeners, list, routesMax, routeTexts(config, list));
    },
    stats() {
      const nowMs = clock.now();
      return {
        totals: {
          calls: stats.calls,
          errors: stats.errors,
          clientErrors: stats.clientErrors,
          active: activeCalls(everyListener(parts)),
          callsPerSecond: stats.callsPerSecond(nowMs),
          errorsPerSecond: stats.errorsPerSecond(nowMs),
          clientErrorsPerSecond: stats.clientErrorsPerSecond(nowMs),
          p50Ms: stats.quantileMs(0.5, nowMs),
          p90Ms: stats.quantileMs(0.9, nowMs),
          p99Ms: stats.quantileMs(0.99, nowMs),
          statuses: stats.statuses(),
        },
        counters: counters(parts),
      };
    },
    controlPlane: () => parts.controlPlane?.status ?? null,
    sentObjects: () => parts.controlPlane?.sentObjects() ?? [],
    configDump: () => shownFileOfConfig(parts.running.config, tableOf(deps.policies)),
    configValues: () => settingValues(parts.running.config, parts.running.originOf, tableOf(deps.policies)),
    certificates: () => certificatesInUse(parts),
    serverInfo: () => ({
      name: parts.running.config.telemetry.serviceName,
      version: deps.version,
      state: lifecycle.state,
      uptimeMs: clock.now() - startedMs,
      startedWallMs,
      pid: process.pid,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      logLevel: logger.level,
      config: { ...parts.reloads },
      drain: lifecycle.progress,
      inboundDrain: parts.inboundDrain.phase,
      drained: lifecycle.drained,
    }),
    memory() {
      const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
      return {
        rssBytes: rss,
        heapUsedBytes: heapUsed,
        heapTotalBytes: heapTotal,
        externalBytes: external,
        arrayBuffersBytes: arrayBuffers,
        resources: countsOf(process.getActiveResourcesInfo()),
      };
    },
    callGroups: (by, filters) => stats.observed.report(by, filters, clock.now()),
    traces: () => ({
      recent: telemetry.recent.recent(),
      slow: telemetry.recent.slow(),
      failed: telemetry.recent.failed(),
      clientErrors: telemetry.recent.clientErrors(),
    }),
    traceLink: (call) => traceLink(parts.running.config.telemetry.traces.linkUrl, call),
    ...explainDeps(parts),
    shown: (calls) => telemetry.recent.shown(calls),
    tap: (query, descriptors) => parts.taps.prepare(query, descriptors),
    drain: () => void drain(),
    drainInbound() {
      if (lifecycle.progress === null) parts.inboundDrain.begin();
    },
    undrain() {
      const outcome = lifecycle.undrain();
      // Too late for the sidecar is too late for its inbound listeners.
      if (outcome !== 'not_draining' && outcome !== 'undrained') return outcome;
      return parts.inboundDrain.cancel() === 'undrained' ? 'undrained' : outcome;
    },
    reload,
    setLogLevel(level) {
      logger.level = level;
    },
    endpointDrain(address, on) {
      let found = false;
      for (const { cluster } of parts.running.clusters.values())
        found = cluster.drainEndpoint(address, on) || found;
      return found;
    },
    ...operatorCalls(parts),
    healthcheckFail(on) {
      parts.failReadiness = on;
    },
    // Whoever runs the process closes it then: it is told as by SIGTERM.
    quit() {
      lifecycle.endsForSure();
      void drain().then(deps.onQuit);
    },
  };
}

function countsOf(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries(counts);
}

function counters(parts: AppState): Record<string, number> {
  const all: Record<string, number> = {};
  for (const { listener, context, passthrough } of everyListener(parts)) {
    const prefix = `listener.${listener.settings.name}`;
    all[`${prefix}.connections`] = listener.connections;
    all[`${prefix}.calls`] = passthrough?.ended ?? context.calls.ended;
    all[`${prefix}.active`] = passthrough?.connections ?? context.calls.active;
  }
  for (const { cluster } of parts.running.clusters.values()) {
    const prefix = `cluster.${cluster.name}`;
    const endpoints = cluster.all();
    all[`${prefix}.endpoints`] = endpoints.length;
    all[`${prefix}.usable`] = endpoints.filter((endpoint) => endpoint.unusableBecause === '').length;
    all[`${prefix}.active`] = cluster.active;
    all[`${prefix}.retries`] = cluster.retries;
  }
  return all;
}
