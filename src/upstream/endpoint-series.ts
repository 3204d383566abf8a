import { DurationCounts } from '../core/duration-counts.ts';
import type { Ending, Tally } from '../core/ending.ts';
import { type MethodRef, MethodSlots, methodsPerClusterMax, otherMethodSlot } from './method-slots.ts';

/**
 * Bounds of the duration of an attempt, seconds. Few, because each is a line of every scrape for each endpoint: with seven of
 * them 1,000 endpoints are 10,000 lines. `rpc.client.call.duration` has the finer ones, per method.
 */
export const attemptBoundsSeconds = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10] as const;

/** Endpoints of all clusters together that have series of their own; those beyond share one per cluster, `other`. */
export const endpointSeriesMax = 1000;

/** Series of methods at endpoints, besides `other`, that there may be in all; no scrape has more than 5,000 of a family. */
export const methodSeriesMax = 4000;

/** What is left of them. */
interface MethodRoom {
  series: number;
}

/** What metrics show of the attempts at one endpoint, or at all those of a cluster that have no series of their own. */
export class EndpointSeries {
  /** Several endpoints count here. */
  readonly isShared: boolean;
  success = 0;
  error = 0;
  other = 0;
  readonly durations = new DurationCounts(attemptBoundsSeconds);
  /** Attempts by method; made with the first gRPC attempt. The last place is of those without one of their own. */
  methods: Float64Array | null = null;
  /** Names of the places. */
  readonly methodSlots: MethodSlots;
  /** Clusters or endpoints that hold it. */
  holders = 0;
  private readonly room: MethodRoom;

  constructor(
    isShared: boolean,
    methodSlots = new MethodSlots(),
    room: MethodRoom = { series: methodSeriesMax },
  ) {
    this.isShared = isShared;
    this.methodSlots = methodSlots;
    this.room = room;
  }

  /** An attempt ended. */
  record(tally: Tally, durationMs: number): void {
    if (tally === 'ok') this.success++;
    else if (tally === 'error') this.error++;
    else this.other++;
    this.durations.record(durationMs);
  }

  /** The same of its method. */
  recordMethod(method: MethodRef, ending: Ending): void {
    // An attempt may end after its endpoint has left, and must not take room that nobody would give back.
    if (this.holders === 0) return;
    this.methods ??= new Float64Array(methodsPerClusterMax + 1);
    const { methods, room } = this;
    let slot = this.methodSlots.slotOf(method, ending);
    if (methods[slot] === 0 && slot !== otherMethodSlot) {
      if (room.series > 0) room.series--;
      else slot = otherMethodSlot;
    }
    methods[slot]++;
  }

  /** Nobody shows it any more: its methods make room for others. */
  close(): void {
    const { methods, room } = this;
    if (methods === null) return;
    for (let slot = 0; slot < otherMethodSlot; slot++) if (methods[slot] > 0) room.series++;
  }
}

/**
 * The series of the process. An endpoint gets one when it joins and gives it back when it leaves: only then has another room. A
 * cluster that a reload rebuilds has the same series as the one before, so that counters go on.
 */
export class EndpointSeriesTable {
  private readonly own = new Map<string, EndpointSeries>();
  private readonly shared = new Map<string, EndpointSeries>();
  private readonly methods = new Map<string, { readonly slots: MethodSlots; clusters: number }>();
  private readonly seriesMax: number;
  private readonly room: MethodRoom;

  constructor(seriesMax = endpointSeriesMax, methodsMax = methodSeriesMax) {
    this.seriesMax = seriesMax;
    this.room = { series: methodsMax };
  }

  /** A cluster of this name begins: until it calls `leave` its methods keep their places. */
  join(cluster: string): void {
    const known = this.methods.get(cluster);
    if (known === undefined) this.methods.set(cluster, { slots: new MethodSlots(), clusters: 1 });
    else known.clusters++;
  }

  leave(cluster: string): void {
    const known = this.methods.get(cluster)!;
    if (--known.clusters === 0) this.methods.delete(cluster);
  }

  /** To be given back by `release`. */
  acquire(cluster: string, address: string): EndpointSeries {
    const key = keyOf(cluster, address);
    const known = this.own.get(key);
    const series =
      known ?? (this.own.size < this.seriesMax ? this.add(key, cluster) : this.sharedBy(cluster));
    series.holders++;
    return series;
  }

  release(cluster: string, address: string, series: EndpointSeries): void {
    if (--series.holders > 0) return;
    series.close();
    if (series.isShared) this.shared.delete(cluster);
    else this.own.delete(keyOf(cluster, address));
  }

  private slotsOf(cluster: string): MethodSlots | undefined {
    return this.methods.get(cluster)?.slots;
  }

  private add(key: string, cluster: string): EndpointSeries {
    const series = new EndpointSeries(false, this.slotsOf(cluster), this.room);
    this.own.set(key, series);
    return series;
  }

  private sharedBy(cluster: string): EndpointSeries {
    let series = this.shared.get(cluster);
    if (series === undefined) {
      series = new EndpointSeries(true, this.slotsOf(cluster), this.room);
      this.shared.set(cluster, series);
    }
    return series;
  }
}

/** Names of clusters have no line feed. */
function keyOf(cluster: string, address: string): string {
  return `${cluster}\n${address}`;
}
