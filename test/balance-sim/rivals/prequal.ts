import type { Random } from '../../../src/core/random.ts';
import type { Policy, Spreader, SpreaderDeps } from '../spreader.ts';

/** The parameters of the paper. */
const probesPerCall = 3;
const removedPerCall = 1;
const poolMax = 16;
const probeAgeMaxMs = 1000;
const hotQuantile = 2 ** -0.25;
/** How much more probes come than are removed, for the number of uses. */
const surplus = 1;
/** Of the latest probes, of which the quantile is. */
const countsKept = 128;
/** Of the calls of a replica that found as many there, of which the latency is the median. */
const samplesKept = 16;
const loadMax = 1023;

interface Probe {
  readonly replica: number;
  inFlight: number;
  readonly latencyMs: number;
  readonly atMs: number;
  usesLeft: number;
}

/**
 * Prequal (Wydrowski, Kleinberg, Rumble and Archer, 2024): every call sends probes to replicas drawn at random, whose answers are
 * kept in a pool for later calls. Of the pool that replica gets the call which answers fastest among those that are not hot, that is,
 * among the most loaded. A replica estimates its latency at the load that it has, by the latest calls that found about as many there.
 */
export const prequal: Policy = {
  name: 'Prequal',
  build(deps) {
    const estimates = Array.from({ length: deps.replicas }, () => new LatencyByLoad());
    return Array.from({ length: deps.sidecars }, () => new PrequalSpreader(deps, estimates));
  },
};

class PrequalSpreader implements Spreader {
  private readonly deps: SpreaderDeps;
  private readonly random: Random;
  private readonly loads = new LoadQuantile();
  /** What each replica keeps. */
  private readonly estimates: readonly LatencyByLoad[];
  /** Calls that were at the replica when a call of this sidecar was sent there. */
  private readonly found = new Map<number, number>();
  private pool: Probe[] = [];
  private known: readonly number[] = [];
  private removesOldest = false;
  private stopped = false;

  constructor(deps: SpreaderDeps, estimates: readonly LatencyByLoad[]) {
    this.deps = deps;
    this.estimates = estimates;
    this.random = deps.random();
  }

  pick(nowMs: number, _key: string, call: number): number {
    if (this.known.length === 0) return -1;
    this.pool = this.pool.filter(({ atMs }) => nowMs - atMs <= probeAgeMaxMs);
    const replica = this.choose();
    for (let i = 0; i < removedPerCall && this.pool.length > 0; i++) this.remove();
    this.found.set(call, this.deps.loadOf(replica).inFlight);
    this.probe();
    return replica;
  }

  settle({ call, replica, latencyMs }: Parameters<Spreader['settle']>[0]): void {
    this.estimates[replica].add(this.found.get(call)!, latencyMs);
    this.found.delete(call);
  }

  discover(replicas: readonly number[]): void {
    this.known = replicas;
  }

  stop(): void {
    this.stopped = true;
  }

  private choose(): number {
    const { pool, known, random } = this;
    if (pool.length < 2) return known[Math.floor(random.next() * known.length)];
    const best = chooseHotCold(pool, this.loads.quantile);
    best.inFlight++;
    if (--best.usesLeft <= 0) pool.splice(pool.indexOf(best), 1);
    return best.replica;
  }

  private probe(): void {
    const { clock, networkMs } = this.deps;
    const targets = this.draw(Math.min(probesPerCall, this.known.length));
    clock.after(networkMs, () => {
      const answers = targets.map((replica) => {
        const { inFlight } = this.deps.loadOf(replica);
        return { replica, inFlight, latencyMs: this.estimates[replica].at(inFlight) };
      });
      clock.after(networkMs, () => {
        for (const { replica, inFlight, latencyMs } of answers) this.answered(replica, inFlight, latencyMs);
      });
    });
  }

  /** In turn the oldest and the worst. */
  private remove(): void {
    this.removesOldest = !this.removesOldest;
    const worst = this.removesOldest ? 0 : this.pool.indexOf(worstHotCold(this.pool, this.loads.quantile));
    this.pool.splice(worst, 1);
  }

  private answered(replica: number, inFlight: number, latencyMs: number): void {
    if (this.stopped) return;
    this.loads.add(inFlight);
    const size = Math.min(poolMax, Math.ceil(this.known.length / 2));
    const kept = this.pool.findIndex((probe) => probe.replica === replica);
    if (kept >= 0) this.pool.splice(kept, 1);
    else if (this.pool.length >= size) this.pool.shift();
    const usesLeft = this.uses(size);
    this.pool.push({ replica, inFlight, latencyMs, atMs: this.deps.clock.now(), usesLeft });
  }

  /** How often a probe may be used, rounded at random. */
  private uses(size: number): number {
    const net = (1 - size / this.known.length) * probesPerCall - removedPerCall;
    const uses = net <= 0 ? size : Math.max(1, (1 + surplus) / net);
    return Math.floor(uses + this.random.next());
  }

  /** Distinct replicas. */
  private draw(count: number): number[] {
    const drawn: number[] = [];
    while (drawn.length < count) {
      const replica = this.known[Math.floor(this.random.next() * this.known.length)];
      if (!drawn.includes(replica)) drawn.push(replica);
    }
    return drawn;
  }
}

/** Returns the one with the least latency of those with at most so many calls; if there are none, the one with the fewest calls. */
export function chooseHotCold<P extends Pick<Probe, 'inFlight' | 'latencyMs'>>(
  pool: readonly P[],
  hotAbove: number,
): P {
  return pool.reduce((best, one) => (order(one, best, hotAbove) < 0 ? one : best));
}

function worstHotCold(pool: readonly Probe[], hotAbove: number): Probe {
  return pool.reduce((worst, one) => (order(one, worst, hotAbove) > 0 ? one : worst));
}

function order(a: Pick<Probe, 'inFlight' | 'latencyMs'>, b: typeof a, hotAbove: number): number {
  const aIsHot = a.inFlight > hotAbove;
  const bIsHot = b.inFlight > hotAbove;
  if (aIsHot !== bIsHot) return aIsHot ? 1 : -1;
  return aIsHot ? a.inFlight - b.inFlight : a.latencyMs - b.latencyMs;
}

/** Latencies of the latest calls of a replica, by how many others they found there. */
class LatencyByLoad {
  private readonly samples: { readonly values: Float64Array; count: number }[] = [];

  add(inFlight: number, latencyMs: number): void {
    const at = Math.min(inFlight, loadMax);
    this.samples[at] ??= { values: new Float64Array(samplesKept), count: 0 };
    this.samples[at].values[this.samples[at].count++ % samplesKept] = latencyMs;
  }

  /** The median for the load that is nearest to this one and known; 0 where none is. */
  at(inFlight: number): number {
    for (let off = 0; off <= loadMax; off++) {
      const near = this.samples[Math.min(inFlight, loadMax) - off] ?? this.samples[inFlight + off];
      if (near === undefined) continue;
      const sorted = near.values.slice(0, near.count).sort();
      return sorted[sorted.length >> 1];
    }
    return 0;
  }
}

/** Which number of calls in flight is exceeded by the most loaded part of the replicas, by the latest probes. */
class LoadQuantile {
  quantile = 0;
  private readonly latest: number[] = [];
  private next = 0;

  add(inFlight: number): void {
    this.latest[this.next] = inFlight;
    this.next = (this.next + 1) % countsKept;
    // A new quantile with every few probes is as good and much cheaper.
    if (this.next % 8 !== 0) return;
    const sorted = Float64Array.from(this.latest).sort();
    this.quantile = sorted[Math.min(sorted.length - 1, Math.floor(hotQuantile * sorted.length))];
  }
}
