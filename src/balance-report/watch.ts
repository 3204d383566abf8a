import { pluralize } from '../core/pluralize.ts';
import { CountWindow, windowTicksMax } from './count-window.ts';
import type { ClusterFacts, EndpointFacts, RequestCount } from './facts.ts';
import { FairShare } from './fair-share.ts';
import { milliseconds } from './reason.ts';
import type { BalanceReport, ShareExtreme } from './report.ts';
import { activeMaxOverMean, type ClusterSample, type EndpointSample, shareOverWeight } from './sample.ts';
import { judge } from './verdict.ts';

/** How often `BalanceWatch.tick` is to be called, milliseconds. */
export const tickMs = 1000;
/** Retries are worth a remark from this amplification on. */
const amplificationShownMin = 1.1;

interface EndpointWatch {
  readonly picks: CountWindow;
  readonly errors: CountWindow;
  /** Sum of the attempts in flight at each tick. */
  readonly activeSum: CountWindow;
  /** It gets requests. */
  isUsable: boolean;
  weight: number;
}

/** What is known of one cluster from tick to tick. */
class ClusterWatch {
  readonly fairShare = new FairShare();
  private readonly endpoints = new Map<string, EndpointWatch>();
  private readonly times: CountWindow;
  private readonly requests: CountWindow;
  private readonly attempts: CountWindow;
  private readonly waits: CountWindow;
  private readonly waitSeconds: CountWindow;
  private clusterPicks = 0;
  /** Ticks since endpoints or weights changed. */
  private ticks = 0;

  constructor({ streamWaits: { limit } }: ClusterFacts, { requests, attempts }: RequestCount, nowMs: number) {
    this.times = new CountWindow(nowMs);
    this.requests = new CountWindow(requests);
    this.attempts = new CountWindow(attempts);
    this.waits = new CountWindow(limit.count);
    this.waitSeconds = new CountWindow(limit.sum);
  }

  tick(
    { endpoints, streamWaits: { limit } }: ClusterFacts,
    { requests, attempts }: RequestCount,
    nowMs: number,
  ): void {
    this.times.push(nowMs);
    this.requests.push(requests);
    this.attempts.push(attempts);
    this.waits.push(limit.count);
    this.waitSeconds.push(limit.sum);
    this.ticks = Math.min(this.ticks + 1, windowTicksMax);
    const hadUsable = [...this.endpoints.values()].some(({ isUsable }) => isUsable);
    const joined: EndpointFacts[] = [];
    const gone = new Set(this.endpoints.keys());
    for (const endpoint of endpoints) {
      gone.delete(endpoint.address);
      if (this.note(endpoint) && hadUsable) joined.push(endpoint);
    }
    for (const address of gone) this.remove(address);
    for (const endpoint of endpoints) this.fairShare.judge(endpoint, this.clusterPicks, nowMs);
    for (const endpoint of joined) this.fairShare.begin(endpoint, this.clusterPicks);
  }

  /** Notes the counters of an endpoint; returns whether it has just become usable. */
  private note(endpoint: EndpointFacts): boolean {
    const { address, picks, errors, active, weight } = endpoint;
    const isUsable = endpoint.share > 0;
    let known = this.endpoints.get(address);
    if (known === undefined) {
      known = {
        picks: new CountWindow(picks),
        errors: new CountWindow(errors),
        activeSum: new CountWindow(0),
        isUsable: false,
        weight,
      };
      this.endpoints.set(address, known);
    } else {
      known.picks.push(picks);
      known.errors.push(errors);
    }
    known.activeSum.push(known.activeSum.total + active);
    this.clusterPicks += known.picks.growth(1);
    if (known.isUsable !== isUsable || known.weight !== weight) this.ticks = 0;
    const hasJoined = isUsable && !known.isUsable;
    if (!isUsable) this.fairShare.end(address);
    known.isUsable = isUsable;
    known.weight = weight;
    return hasJoined;
  }

  private remove(address: string): void {
    this.endpoints.delete(address);
    this.fairShare.end(address);
    this.ticks = 0;
  }

  sample({ policy, endpoints, waiting }: ClusterFacts): ClusterSample {
    const { ticks } = this;
    const samples: EndpointSample[] = [];
    for (const endpoint of endpoints) {
      const known = this.endpoints.get(endpoint.address);
      if (known?.isUsable !== true || endpoint.share === 0) continue;
      const active = ticks === 0 ? endpoint.active : known.activeSum.growth(ticks) / ticks;
      samples.push({
        endpoint: endpoint.address,
        picks: known.picks.growth(ticks),
        errors: known.errors.growth(ticks),
        active,
        activePerWeight: active / endpoint.weight,
        share: endpoint.share,
        isInSlowStart: endpoint.effectiveWeight < endpoint.weight,
        p50Ms: endpoint.p50Ms,
      });
    }
    return {
      policy,
      ticks,
      windowMs: this.times.growth(ticks),
      endpointCount: endpoints.length,
      endpoints: samples,
      picks: samples.reduce((sum, { picks }) => sum + picks, 0),
      requests: this.requests.growth(windowTicksMax),
      attempts: this.attempts.growth(windowTicksMax),
      waiting,
      waits: this.waits.growth(windowTicksMax),
      waitSeconds: this.waitSeconds.growth(windowTicksMax),
    };
  }
}

/**
 * Keeps the counters of the last ten seconds of each cluster, and reports from them how evenly the cluster is balanced.
 * A tick reads a few numbers of each endpoint; no request costs anything here.
 */
export class BalanceWatch {
  private readonly clusters = new Map<string, ClusterWatch>();
  private readonly requestsOf: (cluster: string) => RequestCount;

  constructor(requestsOf: (cluster: string) => RequestCount) {
    this.requestsOf = requestsOf;
  }

  /** Notes the counters of all clusters; to be called every `tickMs`. `nowMs` is `Clock.now()`. */
  tick(clusters: readonly ClusterFacts[], nowMs: number): void {
    const gone = new Set(this.clusters.keys());
    for (const cluster of clusters) {
      gone.delete(cluster.name);
      this.watchOf(cluster, nowMs).tick(cluster, this.requestsOf(cluster.name), nowMs);
    }
    for (const name of gone) this.clusters.delete(name);
  }

  report(cluster: ClusterFacts, nowMs: number): BalanceReport {
    const watch = this.watchOf(cluster, nowMs);
    return reportOf(watch.sample(cluster), watch.fairShare, nowMs);
  }

  fairShareOf(cluster: string): FairShare | null {
    return this.clusters.get(cluster)?.fairShare ?? null;
  }

  private watchOf(cluster: ClusterFacts, nowMs: number): ClusterWatch {
    const { name } = cluster;
    let watch = this.clusters.get(name);
    if (watch === undefined) {
      watch = new ClusterWatch(cluster, this.requestsOf(name), nowMs);
      this.clusters.set(name, watch);
    }
    return watch;
  }
}

function reportOf(sample: ClusterSample, fairShare: FairShare, nowMs: number): BalanceReport {
  const { endpoints, picks, requests, attempts } = sample;
  const { verdict, text } = judge(sample);
  const shares = endpoints
    .map((e): ShareExtreme => ({ endpoint: e.endpoint, shareOverWeight: shareOverWeight(e, picks) }))
    .sort((a, b) => a.shareOverWeight - b.shareOverWeight);
  const amplification = requests === 0 ? null : attempts / requests;
  const waiting = fairShare.waiting(nowMs);
  const streamWait = {
    waiting: sample.waiting,
    atLimit: sample.waits,
    meanMs: sample.waits === 0 ? null : (sample.waitSeconds * 1000) / sample.waits,
  };
  const remarks = [text, ...remarksOf(amplification, streamWait, waiting)];
  return {
    verdict,
    text: remarks.join('; '),
    windowMs: sample.windowMs,
    attempts: picks,
    activeMaxOverMean: activeMaxOverMean(endpoints),
    highest: picks === 0 ? null : (shares.at(-1) ?? null),
    lowest: picks === 0 ? null : (shares[0] ?? null),
    retryAmplification: amplification,
    streamWait,
    fairShare: { waiting, lastMs: fairShare.lastMs },
  };
}

function remarksOf(
  amplification: number | null,
  { atLimit, meanMs }: BalanceReport['streamWait'],
  waiting: BalanceReport['fairShare']['waiting'],
): readonly string[] {
  const remarks: string[] = [];
  if (waiting.length > 0) {
    const { endpoint, sinceMs } = waiting[0];
    const others = waiting.length === 1 ? '' : ` (and ${waiting.length - 1} more)`;
    const seconds = Math.round(sinceMs / 1000);
    remarks.push(`${endpoint}${others} became usable ${seconds} s ago and does not get its share yet`);
  }
  if (amplification !== null && amplification >= amplificationShownMin)
    remarks.push(`a request takes ${amplification.toFixed(1)} attempts on average`);
  if (meanMs !== null)
    remarks.push(
      `${pluralize(atLimit, 'request')} waited ${milliseconds(meanMs)} on average for a stream because the connections were full`,
    );
  return remarks;
}
