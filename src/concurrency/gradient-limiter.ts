import type { Random } from '../core/random.ts';
import { LatencyWindow } from './latency-window.ts';

export interface GradientSettings {
  readonly minLimit: number;
  readonly maxLimit: number;
  readonly initialLimit: number;
  /** How many times the base latency the median may be. */
  readonly tolerance: number;
  readonly probeIntervalMs: number;
}

/** A window is this long and has this many latencies, at the least. */
const windowMsMin = 100;
const windowSamplesMin = 10;
/** Allowed beside `tolerance`: below it differences are noise of this machine, milliseconds. */
const slackMs = 1;
/** One window changes the limit by no more than these factors. */
const gradientMin = 0.5;
const gradientMax = 2;
/** Latencies that a probe measures. */
const probeSamples = 20;
/** A probe that has not ended after this long, or this many times the base latency, is given up. */
const probeMsMax = 2000;
const probeBasesMax = 20;
/** The first probe after a change is followed by another after this long; then each time twice as long, up to the interval. */
const probeWaitMsMin = 5000;
/** A base that a probe changes by more than this factor is a change. */
const baseChange = 1.5;
/** The first refusal after this long without one puts the base to the test. */
const calmMs = 10_000;
/** Give or take, of the probe interval: sidecars must not probe together. */
const probeJitter = 0.15;
/** A median below this part of the base latency is the new base: less is noise. */
const baseFall = 0.75;
/** Windows at the lower bound, latency too high all the same, after which the base latency is in doubt. */
const windowsAtMinMax = 5;

/**
 * A limit that follows the gradient of latency, as Envoy's adaptive concurrency filter ("gradient controller") and Netflix's
 * concurrency-limits do:
 *
 *     gradient = clamp((base × tolerance + slack) / median, 0.5, 2)
 *     limit    = gradient × limit + √(gradient × limit)        within minLimit and maxLimit, once a window
 *
 * The root lets a limit grow where latency stays good, and is the queue that is allowed where it does not. A limit of which less
 * than half is in use does not grow: nothing was learned of what lies above it.
 *
 * The base is the latency without queueing. It cannot be seen while there is a queue, and an average over time would follow an
 * overload upwards. So it is measured by a probe: the limit falls to `minLimit`, the queue drains, and the median of the next
 * 20 latencies is the base. Envoy probes at regular intervals and refuses requests for it; here a probe needs a
 * refusal, or a limit that has stayed at `minLimit` although latency is too high, as after a release that is slower. Without
 * either the limit binds nobody, and a wrong base does no harm. The first window gives the first base. The first refusal,
 * after a calm as well, puts the base to the test; while an overload lasts and the base stays the same, probes become rare.
 */
export class GradientLimiter {
  inFlight = 0;
  refused = 0;
  baseLatencyMs = 0;
  private readonly settings: GradientSettings;
  private readonly random: Random;
  private exactLimit: number;
  private readonly window = new LatencyWindow();
  private windowStartMs = Number.NEGATIVE_INFINITY;
  private inFlightPeak = 0;
  private windowsAtMin = 0;
  private probeWaitMs = probeWaitMsMin;
  private nextProbeMs = Number.NEGATIVE_INFINITY;
  private refusedMs = Number.NEGATIVE_INFINITY;
  private probe: Probe | null = null;

  constructor(settings: GradientSettings, random: Random) {
    this.settings = settings;
    this.random = random;
    this.exactLimit = settings.initialLimit;
  }

  get limit(): number {
    return this.probe === null ? Math.floor(this.exactLimit) : this.settings.minLimit;
  }

  tryAcquire(nowMs: number): boolean {
    const { probe } = this;
    if (probe !== null && nowMs >= probe.giveUpMs) this.endProbe(nowMs);
    if (this.inFlight < this.limit) {
      this.inFlight++;
      if (this.inFlight > this.inFlightPeak) this.inFlightPeak = this.inFlight;
      return true;
    }
    this.refused++;
    if (nowMs - this.refusedMs >= calmMs) this.nextProbeMs = nowMs;
    this.refusedMs = nowMs;
    // Not before there is a base: without one the first window is as good a measurement.
    if (this.probe === null && this.baseLatencyMs > 0 && nowMs >= this.nextProbeMs) this.startProbe(nowMs);
    return false;
  }

  released(outcome: 'answered' | 'timed_out' | 'unknown', latencyMs: number, nowMs: number): void {
    this.inFlight--;
    const { probe } = this;
    if (probe !== null) this.measure(probe, outcome, latencyMs, nowMs);
    else if (outcome !== 'unknown') this.sample(latencyMs, nowMs);
  }

  private sample(latencyMs: number, nowMs: number): void {
    const { window } = this;
    if (window.count === 0 && this.windowStartMs === Number.NEGATIVE_INFINITY) this.windowStartMs = nowMs;
    window.add(latencyMs);
    if (nowMs - this.windowStartMs < windowMsMin || window.count < windowSamplesMin) return;
    const medianMs = window.median();
    if (this.baseLatencyMs === 0 || medianMs < this.baseLatencyMs * baseFall) this.baseLatencyMs = medianMs;
    this.adjust(medianMs, nowMs);
    this.beginWindow(nowMs);
  }

  private adjust(medianMs: number, nowMs: number): void {
    const { minLimit, maxLimit, tolerance } = this.settings;
    const before = this.exactLimit;
    const allowedMs = this.baseLatencyMs * tolerance + slackMs;
    const gradient = Math.min(Math.max(allowedMs / medianMs, gradientMin), gradientMax);
    const target = gradient * before + Math.sqrt(gradient * before);
    if (target > before && this.inFlightPeak * 2 < before) return;
    this.exactLimit = Math.min(Math.max(target, minLimit), maxLimit);
    this.windowsAtMin = this.exactLimit === minLimit && medianMs > allowedMs ? this.windowsAtMin + 1 : 0;
    if (this.windowsAtMin >= windowsAtMinMax) this.startProbe(nowMs);
  }

  private beginWindow(nowMs: number): void {
    this.window.clear();
    this.windowStartMs = nowMs;
    this.inFlightPeak = this.inFlight;
  }

  private startProbe(nowMs: number): void {
    const withinMs = Math.max(probeMsMax, this.baseLatencyMs * probeBasesMax);
    this.probe = { drainedMs: Number.POSITIVE_INFINITY, giveUpMs: nowMs + withinMs };
    this.window.clear();
    this.noteDrained(this.probe, nowMs);
  }

  /** An attempt that waited for others to be done says nothing of the latency without queueing. */
  private measure(
    probe: Probe,
    outcome: 'answered' | 'timed_out' | 'unknown',
    latencyMs: number,
    nowMs: number,
  ): void {
    if (outcome === 'answered' && nowMs - latencyMs >= probe.drainedMs) this.window.add(latencyMs);
    this.noteDrained(probe, nowMs);
    if (this.window.count >= probeSamples) this.endProbe(nowMs);
  }

  private noteDrained(probe: Probe, nowMs: number): void {
    if (this.inFlight < this.settings.minLimit) probe.drainedMs = Math.min(probe.drainedMs, nowMs);
  }

  /** With fewer latencies than a window needs, the base stays as it was. */
  private endProbe(nowMs: number): void {
    const before = this.baseLatencyMs;
    if (this.window.count >= windowSamplesMin) this.baseLatencyMs = this.window.median();
    const change = Math.max(this.baseLatencyMs / before, before / this.baseLatencyMs);
    const waitMs = change > baseChange ? probeWaitMsMin : this.probeWaitMs * 2;
    this.probeWaitMs = Math.min(waitMs, this.settings.probeIntervalMs);
    this.probe = null;
    this.windowsAtMin = 0;
    const jitter = 1 + probeJitter * (2 * this.random.next() - 1);
    this.nextProbeMs = nowMs + this.probeWaitMs * jitter;
    this.beginWindow(nowMs);
  }
}

interface Probe {
  /** When the attempts from before had drained; infinity until then. */
  drainedMs: number;
  readonly giveUpMs: number;
}
