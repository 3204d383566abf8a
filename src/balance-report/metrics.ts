import type { Registry } from '../telemetry/metrics/registry.ts';
import type { StreamWaitCounts } from './facts.ts';
import type { FairShare } from './fair-share.ts';
import type { BalanceReport, Verdict } from './report.ts';

/** One cluster as its metrics show it. */
export interface ReportedCluster {
  readonly name: string;
  readonly report: BalanceReport;
  /** Null before the first tick. */
  readonly fairShare: FairShare | null;
  readonly streamWaits: StreamWaitCounts;
}

const verdicts: readonly Verdict[] = [
  'balanced',
  'uneven',
  'uneven_by_policy',
  'changing',
  'too_few_requests',
  'single_endpoint',
  'no_endpoint',
];

/** `outrigger_balance_*`, from one report per cluster and collection. */
export function registerBalanceMetrics(registry: Registry, reports: () => readonly ReportedCluster[]): void {
  let clusters: readonly ReportedCluster[] = [];
  registry.beforeCollect(() => {
    clusters = []; // rather none than old ones
    clusters = reports();
  });
  registry.observe(
    'gauge',
    {
      name: 'outrigger.balance.verdict',
      help: '1 for the current verdict on the balance of a cluster, 0 for the other verdicts.',
      unit: '',
    },
    (emit) => {
      for (const { name, report } of clusters)
        for (const verdict of verdicts)
          emit(
            { 'outrigger.cluster': name, 'outrigger.verdict': verdict },
            report.verdict === verdict ? 1 : 0,
          );
    },
  );
  const gauge = (name: string, help: string, value: (report: BalanceReport) => number | null): void =>
    registry.observe('gauge', { name: `outrigger.balance.${name}`, help, unit: '' }, (emit) => {
      for (const cluster of clusters) {
        const now = value(cluster.report);
        if (now !== null) emit({ 'outrigger.cluster': cluster.name }, now);
      }
    });
  gauge(
    'highest_share_over_weight',
    'Share of the recent attempts of the endpoint with most of them for its weight, divided by its share of the weight.',
    ({ highest }) => highest?.shareOverWeight ?? null,
  );
  gauge(
    'lowest_share_over_weight',
    'Share of the recent attempts of the endpoint with least of them for its weight, divided by its share of the weight.',
    ({ lowest }) => lowest?.shareOverWeight ?? null,
  );
  gauge(
    'retry_amplification',
    'Attempts per request that ended in the last ten seconds; 1 without retries.',
    ({ retryAmplification }) => retryAmplification,
  );
  gauge(
    'endpoints_below_share',
    'Endpoints that became usable and do not get their share yet.',
    ({ fairShare }) => fairShare.waiting.length,
  );
  registerFairShare(registry, () => clusters);
  registerStreamWaits(registry, () => clusters);
}

function registerStreamWaits(registry: Registry, clusters: () => readonly ReportedCluster[]): void {
  registry.observe(
    'gauge',
    {
      name: 'outrigger.cluster.waiting_requests',
      help: 'Requests that wait for a stream or a connection.',
      unit: '',
    },
    (emit) => {
      for (const { name, report } of clusters())
        emit({ 'outrigger.cluster': name }, report.streamWait.waiting);
    },
  );
  registry.observeHistogram(
    {
      name: 'outrigger.cluster.stream_wait',
      help: 'Time that requests waited for a stream, by reason: a connection is opened (connect), or all connections are full (limit).',
      unit: 's',
    },
    (emit) => {
      for (const { name, streamWaits } of clusters()) {
        emit({ 'outrigger.cluster': name, 'outrigger.reason': 'connect' }, streamWaits.connect);
        emit({ 'outrigger.cluster': name, 'outrigger.reason': 'limit' }, streamWaits.limit);
      }
    },
  );
}

function registerFairShare(registry: Registry, clusters: () => readonly ReportedCluster[]): void {
  registry.observeHistogram(
    {
      name: 'outrigger.balance.time_to_fair_share',
      help: 'Time from when an endpoint becomes usable beside others until it gets at least 80% of its share.',
      unit: 's',
    },
    (emit) => {
      for (const { name, fairShare } of clusters())
        if (fairShare !== null) emit({ 'outrigger.cluster': name }, fairShare.durations);
    },
  );
  registry.observe(
    'counter',
    {
      name: 'outrigger.balance.fair_share_missed',
      help: 'Endpoints that became usable beside others and did not get 80% of their share within five minutes.',
      unit: '{endpoint}',
    },
    (emit) => {
      for (const { name, fairShare } of clusters())
        emit({ 'outrigger.cluster': name }, fairShare?.missed ?? 0);
    },
  );
}
