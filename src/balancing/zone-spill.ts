import type { Candidate } from './candidate.ts';
import { type EndpointReport, unreported } from './endpoint-report.ts';

/** A report older than this says nothing of the load now, milliseconds: streams of load reports may have 30 seconds between two. */
const freshMs = 60_000;

/** What fits is what the endpoints of the own zone take at this utilization, or at the mean of all zones if that is higher. */
const utilizationTarget = 0.8;

/**
 * Power of the ratio by which the part that stays changes in one step. Utilization of the processor is an average over seconds: with the
 * whole ratio, ten steps would be made before the first is seen.
 */
const stepGain = 0.2;
/** Bounds of the factor of one step: down fast, up slowly. */
const stepDown = 0.8;
const stepUp = 1.05;

/**
 * Without utilization: the own zone has too much where its endpoints take this many times as long as those of another zone and have more
 * requests in flight, and room for more where they take less than the second of these times as long.
 */
const slowRatio = 1.5;
const fastRatio = 1.2;
const busierRatio = 1.2;
const inFlightMin = 1;
/** Then it keeps this part of what it had, or takes as much back. */
const latencyStepDown = 0.9;
const latencyStepUp = 1.02;

/** A zone has room up to this multiple of the load of the own zone. */
const roomMargin = 1.05;
/** Part of the way that the parts of zones go in one step. */
const partGain = 0.2;

/** One request at the most in so many, and in this time, goes to another zone for its load report alone. */
const probePicksMin = 100;
const probeMsMin = 5000;
/** The time doubles up to this with each probe that brings no report. */
const probeMsMax = 300_000;
/** Below this utilization nothing has to go to other zones, so nobody has to know of them. */
const calmUtilization = 0.5;

/** Endpoints of one zone. */
export interface ZoneMembers<E extends Candidate = Candidate> {
  readonly zone: string;
  readonly endpoints: readonly E[];
}

interface KnownZone extends ZoneMembers {
  readonly load: ZoneLoad;
}

/** What the endpoints of a zone report, as medians; `unreported` where none reports it. */
interface ZoneLoad {
  readonly utilization: number;
  readonly latencyMs: number;
  readonly inFlight: number;
  /** `Clock.now()` of the newest report. */
  readonly atMs: number;
}

/**
 * How much of the requests that the own zone should take stays there, by the load that endpoints report: what does not fit goes to zones
 * with less load. One for each priority; it outlives balancers.
 *
 * Nobody coordinates the sidecars of a zone. Each scales its own part by the same figures, so all of them together scale the requests of
 * the zone. A step is made once most of the endpoints have reported since the last one, and is small. Worked example: the endpoints report
 * 0.96 where 0.8 is the target, so 1/6 of the requests should leave; the first step lets 4% go (1 - (0.8 / 0.96)^0.2), whether there are
 * three sidecars or three hundred.
 *
 * A lie can move requests to other zones and back, but never takes more from the own zone than `leastKept`: its part of the weight, as
 * without zones. Medians are what counts, the lower of two for the own zone and the higher for others, so that one liar decides nothing.
 */
export class LevelSpill {
  /** Part that stays, up to 1. */
  kept = 1;
  /** Why less than all of it stays, in plain words; '' where all does. */
  reason = '';
  /** Of the part that does not stay, by zone; empty where all of it does. */
  readonly parts = new Map<string, number>();
  /** `Clock.now()` of the latest step. */
  private steppedMs = Number.NEGATIVE_INFINITY;
  private readonly probes = new Map<string, { dueMs: number; intervalMs: number }>();
  /** Since the latest probe. */
  private picks = 0;

  /** Takes in what the endpoints report now. To be called about once a second. */
  learn(local: ZoneMembers, others: readonly ZoneMembers[], leastKept: number, nowMs: number): void {
    const own = loadOf(local, nowMs, 'lower');
    const known: KnownZone[] = [];
    for (const zone of others) {
      const load = loadOf(zone, nowMs, 'upper');
      if (load !== null) known.push({ ...zone, load });
    }
    if (own === null || known.length === 0) return this.forget();
    const heard = local.endpoints.filter(({ report }) => report !== null && report.atMs > this.steppedMs);
    if (2 * heard.length < local.endpoints.length) return;
    this.steppedMs = nowMs;
    const byUse = known.filter(({ load }) => load.utilization !== unreported);
    const factor =
      own.utilization !== unreported && byUse.length > 0
        ? this.byUtilization({ ...local, load: own }, byUse)
        : this.byLatency(own, known);
    this.kept = Math.min(1, Math.max(leastKept, this.kept * factor));
    if (this.kept < 1) return;
    this.parts.clear();
    this.reason = '';
  }

  /** Nothing is known any more: as without reports. */
  private forget(): void {
    this.parts.clear();
    this.kept = 1;
    this.reason = '';
  }

  /** Returns by what the part that stays is multiplied. */
  private byUtilization(own: KnownZone, known: readonly KnownZone[]): number {
    const all = [own, ...known];
    const weight = sum(all.map(({ endpoints }) => weightOf(endpoints)));
    const mean = sum(all.map(({ endpoints, load }) => weightOf(endpoints) * load.utilization)) / weight;
    const { utilization } = own.load;
    const hasRoom = this.share(known, utilization, (load) => load.utilization);
    const least = Math.min(...known.map(({ load }) => load.utilization));
    this.reason = `its endpoints report a utilization of ${rounded(utilization)}, those of another zone ${rounded(least)}`;
    if (!hasRoom) return stepUp;
    const ratio = Math.max(utilizationTarget, mean) / utilization;
    return Math.min(stepUp, Math.max(stepDown, ratio ** stepGain));
  }

  private byLatency(own: ZoneLoad, known: readonly KnownZone[]): number {
    const measured = known.filter(
      ({ load }) => load.latencyMs !== unreported && load.inFlight !== unreported,
    );
    if (own.latencyMs === unreported || own.inFlight === unreported || measured.length === 0) return stepUp;
    const fastest = measured.reduce((a, b) => (b.load.latencyMs < a.load.latencyMs ? b : a)).load;
    const { latencyMs, inFlight } = fastest;
    // Those that are as slow as the own zone have no room either.
    const hasRoom = this.share(measured, own.latencyMs, (load) => load.latencyMs);
    this.reason = `its endpoints report ${rounded(own.latencyMs)} ms with ${rounded(own.inFlight)} requests in flight, those of another zone ${rounded(latencyMs)} ms with ${rounded(inFlight)}`;
    if (!hasRoom) return latencyStepUp;
    const isBusier = own.inFlight >= inFlightMin && own.inFlight > busierRatio * inFlight;
    if (isBusier && own.latencyMs > slowRatio * latencyMs) return latencyStepDown;
    return !isBusier || own.latencyMs < fastRatio * latencyMs ? latencyStepUp : 1;
  }

  /**
   * Shares what does not stay among zones, by their weight and the room that they have. Returns whether one has less load than the own
   * zone; else all stays as it was.
   *
   * Two zones that are nearly as loaded as the own one have nearly no room, and which of them has more changes all the time. So the
   * measure is a little more than the load of the own zone, and the parts move slowly.
   */
  private share(zones: readonly KnownZone[], ownLoad: number, loadIn: (load: ZoneLoad) => number): boolean {
    if (!zones.some(({ load }) => loadIn(load) < ownLoad)) return false;
    const rooms = zones.map(
      ({ endpoints, load }) => weightOf(endpoints) * Math.max(0, roomMargin * ownLoad - loadIn(load)),
    );
    const all = sum(rooms);
    const isFirst = this.parts.size === 0;
    const names = new Set([...this.parts.keys(), ...zones.map(({ zone }) => zone)]);
    for (const zone of names) {
      const i = zones.findIndex((known) => known.zone === zone);
      const now = i < 0 ? 0 : rooms[i] / all;
      const before = this.parts.get(zone) ?? 0;
      this.parts.set(zone, isFirst ? now : before + partGain * (now - before));
    }
    return true;
  }

  /**
   * Returns the zone that the next request should go to for its load report alone; null for none. `picks` are those since
   * the last time. Only while the own zone reports, and is not calm.
   */
  probe(local: ZoneMembers, others: readonly ZoneMembers[], picks: number, nowMs: number): string | null {
    this.picks += picks;
    const own = loadOf(local, nowMs, 'lower');
    const isCalm =
      own === null ||
      (own.utilization === unreported ? own.inFlight < inFlightMin : own.utilization < calmUtilization);
    if (isCalm || this.picks < probePicksMin) return null;
    for (const other of others) {
      const probe = this.probes.get(other.zone) ?? {
        dueMs: Number.NEGATIVE_INFINITY,
        intervalMs: probeMsMin,
      };
      this.probes.set(other.zone, probe);
      const load = loadOf(other, nowMs, 'upper');
      if (load !== null && nowMs - load.atMs < probeMsMin) probe.intervalMs = probeMsMin;
      else if (nowMs >= probe.dueMs) {
        probe.dueMs = nowMs + probe.intervalMs;
        // A report that comes of it makes it short again.
        probe.intervalMs = Math.min(probeMsMax, 2 * probe.intervalMs);
        this.picks = 0;
        return other.zone;
      }
    }
    return null;
  }
}

/** What endpoints reported in the last minute. Null where no report is that new. */
function loadOf({ endpoints }: ZoneMembers, nowMs: number, median: 'lower' | 'upper'): ZoneLoad | null {
  const reports = endpoints
    .map(({ report }) => report)
    .filter((report): report is EndpointReport => report !== null && nowMs - report.atMs < freshMs);
  if (reports.length === 0) return null;
  return {
    utilization: medianOf(
      reports.map(({ utilization }) => utilization),
      median,
    ),
    latencyMs: medianOf(
      reports.map(({ latencyMs }) => latencyMs),
      median,
    ),
    inFlight: medianOf(
      reports.map(({ inFlight }) => inFlight),
      median,
    ),
    atMs: Math.max(...reports.map(({ atMs }) => atMs)),
  };
}

/** Of those that report it. */
function medianOf(values: readonly number[], which: 'lower' | 'upper'): number {
  const sorted = values.filter((value) => value !== unreported).sort((a, b) => a - b);
  if (sorted.length === 0) return unreported;
  return sorted[which === 'lower' ? (sorted.length - 1) >> 1 : sorted.length >> 1];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const weightOf = (endpoints: readonly Candidate[]): number =>
  sum(endpoints.map(({ configuredWeight }) => configuredWeight));
const rounded = (value: number): number => Math.round(value * 100) / 100;
