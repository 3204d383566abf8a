import { SeededRandom } from '../../src/core/random.ts';
import { arrivals } from './arrivals.ts';
import { Replica } from './replica.ts';
import { Reporter } from './reporter.ts';
import { networkMsBetween, type Scenario } from './scenario.ts';
import type { Policy, ReplicaReport, Spreader } from './spreader.ts';
import { type Happening, isDone, reaches, returns, World } from './world.ts';

/** What became of each call, in order of arrival. */
export interface Run {
  readonly scenario: Scenario;
  readonly arrivedMs: Float64Array;
  /** From arrival at the sidecar until the reply is back there. */
  readonly latencyMs: Float64Array;
  readonly replicaOf: Uint16Array;
  readonly sidecarOf: Uint16Array;
  /** 1 for each that failed. */
  readonly failed: Uint8Array;
}

/**
 * One simulation. What arrives, where and when, how much work it is and whether it fails by itself is drawn from the
 * seed alone and is the same for every policy; so the noise is much the same too, and ratios between policies have
 * little of it.
 */
export function run(scenario: Scenario, policy: Policy, seed: number): Run {
  const { sidecars } = scenario;
  const world = new World();
  let spreaderSeed = seed * 1_000_003;
  const replicas = Array.from({ length: scenario.replicas }, (_, i) => {
    const own = scenario.troubles.filter(({ replica }) => replica === i);
    return new Replica(scenario.workers, own);
  });
  const spreaders = policy.build({
    sidecars,
    replicas: scenario.replicas,
    clock: world,
    random: () => new SeededRandom(spreaderSeed++),
    speeds: replicas.map((_, i) => scenario.speeds[i] ?? 1),
    networkMs: scenario.networkMs,
    zones: scenario.zones,
    loadOf: (replica) => replicas[replica].load(world.nowMs),
  });
  const tracks = new Tracks(scenario, world, spreaders, replicas);
  tell(scenario, world, spreaders);
  const happens = (call: number, what: Happening): void => tracks.happens(call, what);
  let call = 0;
  for (const { atMs, sidecar, workMs, luck, key } of arrivals(scenario, seed)) {
    world.runUntil(atMs, happens);
    tracks.arrives(call++, sidecar, workMs, luck, key);
  }
  while (tracks.inFlight > 0) world.runUntil(world.nowMs + 1000, happens);
  for (const spreader of spreaders) spreader.stop();
  return tracks;
}

/** Tells the sidecars of the replicas that are there from the start, and of the others when they join. */
function tell(scenario: Scenario, world: World, spreaders: readonly Spreader[]): void {
  const late = new Set(scenario.joins.map(({ replica }) => replica));
  const there = Array.from({ length: scenario.replicas }, (_, i) => i).filter((i) => !late.has(i));
  const discover = (replicas: readonly number[]): void => {
    for (const spreader of spreaders) spreader.discover(replicas);
  };
  discover(there);
  for (const { replica, atMs } of scenario.joins)
    world.after(atMs, () => {
      there.push(replica);
      discover([...there]);
    });
}

/** The way of every call: sidecar, network, queue, worker, network. */
class Tracks implements Run {
  readonly scenario: Scenario;
  readonly arrivedMs: Float64Array;
  readonly latencyMs: Float64Array;
  readonly replicaOf: Uint16Array;
  readonly failed: Uint8Array;
  inFlight = 0;
  private readonly workMs: Float64Array;
  /** From 0 to 1: calls with little fail where some do. */
  private readonly luck: Float64Array;
  readonly sidecarOf: Uint16Array;
  private readonly world: World;
  private readonly spreaders: readonly Spreader[];
  private readonly replicas: readonly Replica[];
  private readonly reporters: readonly Reporter[];
  /** When a call reached its replica, and what its reply reports. */
  private readonly reachedMs: Float64Array;
  private readonly reports: Array<ReplicaReport | null>;

  constructor(
    scenario: Scenario,
    world: World,
    spreaders: readonly Spreader[],
    replicas: readonly Replica[],
  ) {
    const { calls } = scenario;
    this.scenario = scenario;
    this.world = world;
    this.spreaders = spreaders;
    this.arrivedMs = new Float64Array(calls);
    this.latencyMs = new Float64Array(calls);
    this.workMs = new Float64Array(calls);
    this.luck = new Float64Array(calls);
    this.replicaOf = new Uint16Array(calls);
    this.sidecarOf = new Uint16Array(calls);
    this.failed = new Uint8Array(calls);
    this.replicas = replicas;
    this.reporters = replicas.map((replica, i) => new Reporter(scenario, i, replica));
    this.reachedMs = new Float64Array(calls);
    this.reports = new Array(calls).fill(null);
  }

  arrives(call: number, sidecar: number, workMs: number, luck: number, key: string): void {
    const { nowMs } = this.world;
    const replica = this.spreaders[sidecar].pick(nowMs, key, call);
    if (replica < 0) throw new Error(`sidecar ${sidecar} picked no replica at ${nowMs} ms`);
    this.arrivedMs[call] = nowMs;
    this.workMs[call] = workMs;
    this.replicaOf[call] = replica;
    this.sidecarOf[call] = sidecar;
    this.luck[call] = luck;
    this.failed[call] = luck < this.scenario.errorShare ? 1 : 0;
    this.inFlight++;
    this.world.at(nowMs + networkMsBetween(this.scenario, sidecar, replica), call, reaches);
  }

  happens(call: number, what: Happening): void {
    const { nowMs } = this.world;
    const index = this.replicaOf[call];
    if (what === reaches) {
      this.reachedMs[call] = nowMs;
      if (this.replicas[index].take(call, nowMs)) this.begin(call);
      this.reporters[index].changed(nowMs);
    } else if (what === isDone) {
      const next = this.replicas[index].next(nowMs);
      if (next >= 0) this.begin(next);
      this.reporters[index].changed(nowMs);
      this.report(call, index);
      this.world.at(nowMs + networkMsBetween(this.scenario, this.sidecarOf[call], index), call, returns);
    } else this.settle(call);
  }

  /** What the reply takes along as it leaves. */
  private report(call: number, index: number): void {
    const { nowMs } = this.world;
    // Another digit of the luck of the call, so that losses are the same for every policy.
    const luck = (this.luck[call] * 1_000_003) % 1;
    const tookMs = nowMs - this.reachedMs[call];
    this.reports[call] = this.reporters[index].report(this.sidecarOf[call], tookMs, luck, nowMs);
  }

  private begin(call: number): void {
    const { nowMs } = this.world;
    const trouble = this.replicas[this.replicaOf[call]].trouble(nowMs);
    let lastsMs = this.workMs[call] / (this.scenario.speeds[this.replicaOf[call]] ?? 1);
    if (trouble?.kind === 'slow') lastsMs *= trouble.factor;
    else if (trouble?.kind === 'failing' && this.luck[call] < trouble.share) {
      lastsMs = trouble.afterMs;
      this.failed[call] = 1;
    }
    this.world.at(nowMs + lastsMs, call, isDone);
  }

  private settle(call: number): void {
    const { nowMs } = this.world;
    const latencyMs = nowMs - this.arrivedMs[call];
    this.latencyMs[call] = latencyMs;
    this.inFlight--;
    this.spreaders[this.sidecarOf[call]].settle({
      call,
      replica: this.replicaOf[call],
      failed: this.failed[call] === 1,
      latencyMs,
      nowMs,
      report: this.reports[call],
    });
    this.reports[call] = null;
  }
}
