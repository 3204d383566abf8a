import { exponential, type ServiceTime } from './service-time.ts';

/** What is wrong with a replica for a time. A call is slow, or fails, by what is so when a worker takes it. */
export type Trouble = {
  readonly replica: number;
  readonly fromMs: number;
  readonly untilMs: number;
} & (
  | { readonly kind: 'slow' /** Service times are so many times as long. */; readonly factor: number }
  | {
      readonly kind: 'failing';
      /** This share of its calls fails, after so long. */
      readonly share: number;
      readonly afterMs: number;
    }
);

/** How replicas report their load on replies. */
export interface Reports {
  /** The first replicas report, this share of all; the others never do. */
  readonly share: number;
  /** What is reported was so this long ago, milliseconds. */
  readonly lagMs: number;
  /** This share of the reports is lost, each on its own. */
  readonly lostShare: number;
  /** Nobody reports any more from then on. */
  readonly untilMs: number;
  /** The first replicas, this many, report this multiple of what is true. */
  readonly liars: number;
  readonly lieFactor: number;
}

/** At the pace of the product (`dueAfterReport`); every sidecar has one connection to each replica. */
export const honestReports: Reports = {
  share: 1,
  lagMs: 0,
  lostShare: 0,
  untilMs: Number.POSITIVE_INFINITY,
  liars: 0,
  lieFactor: 1,
};

export const noReports: Reports = { ...honestReports, share: 0 };

/** Which zone, a number, each sidecar and each replica is in. */
export interface Zones {
  readonly ofSidecar: readonly number[];
  readonly ofReplica: readonly number[];
  /** One way from one zone to another, milliseconds. */
  readonly betweenMs: number;
}

/** Calls that arrive at sidecars in front of replicas; all of it but the policy. */
export interface Scenario {
  readonly sidecars: number;
  readonly replicas: number;
  /** Calls that a replica works on at once; others wait for their turn, first come first served. */
  readonly workers: number;
  readonly service: ServiceTime;
  /** Offered load over the capacity of all replicas in good health. */
  readonly load: number;
  /** One way, within a zone. */
  readonly networkMs: number;
  /** Null where all are in the same. */
  readonly zones: Zones | null;
  readonly calls: number;
  /** Calls that arrive before are not measured. */
  readonly measureFromMs: number;
  /** Calls that arrive later are not measured; infinity for all. */
  readonly measureUntilMs: number;
  readonly troubles: readonly Trouble[];
  /** What ties calls to each other: so many keys, the n-th most frequent one n times as rare as the first (Zipf); 0 for none. */
  readonly keys: number;
  /** This share of calls fails after its ordinary service, everywhere. */
  readonly errorShare: number;
  /** When a replica becomes known to the sidecars; from the start where it is not named. */
  readonly joins: readonly { readonly replica: number; readonly atMs: number }[];
  readonly reports: Reports;
  /** How fast each replica works, 1 as a rule; all of them alike where it is empty. Capacity follows. */
  readonly speeds: readonly number[];
  /** The rate of arrivals is multiplied by this within these times. */
  readonly bursts: readonly { readonly fromMs: number; readonly untilMs: number; readonly factor: number }[];
}

const defaults: Scenario = {
  sidecars: 1,
  replicas: 10,
  workers: 4,
  service: exponential(2),
  load: 0.85,
  networkMs: 0.1,
  zones: null,
  calls: 300_000,
  measureFromMs: 0,
  measureUntilMs: Number.POSITIVE_INFINITY,
  troubles: [],
  keys: 0,
  errorShare: 0,
  joins: [],
  reports: honestReports,
  speeds: [],
  bursts: [],
};

/** The defaults of the tables: 10 replicas of 4 workers, 2 ms a call, load 0.85, one sidecar, 300,000 calls. */
export function scenario(changes: Partial<Scenario>): Scenario {
  return { ...defaults, ...changes };
}

/** Returns the time from a sidecar to a replica or back, milliseconds. */
export function networkMsBetween({ zones, networkMs }: Scenario, sidecar: number, replica: number): number {
  if (zones === null || zones.ofSidecar[sidecar] === zones.ofReplica[replica]) return networkMs;
  return zones.betweenMs;
}

/** Arrivals in a millisecond, over all sidecars, outside of bursts. */
export function arrivalsPerMs({ replicas, speeds, workers, service, load }: Scenario): number {
  const speed = speeds.length === 0 ? replicas : speeds.reduce((sum, one) => sum + one, 0);
  return (load * speed * workers) / service.meanMs;
}

/** What the rate of arrivals is multiplied by at a moment. */
export function burstFactor({ bursts }: Scenario, nowMs: number): number {
  for (const { fromMs, untilMs, factor } of bursts) if (nowMs >= fromMs && nowMs < untilMs) return factor;
  return 1;
}

/** One that lasts so long, whatever its arrivals. */
export function lasting(durationMs: number, one: Scenario): Scenario {
  return { ...one, calls: Math.round(durationMs * arrivalsPerMs(one)) };
}

/** A steady state: the first tenth is not measured. */
export function steady(one: Scenario): Scenario {
  return { ...one, measureFromMs: one.calls / arrivalsPerMs(one) / 10 };
}
