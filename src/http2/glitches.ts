/** Control frames that each frame of a message earns: honest peers give credit, take the peer's time and cancel calls. */
const earnedPerMessageFrame = 10;

/** What calls that end as they should, and time, forgive of early resets; and how soon an early one is. */
const earlyResetsForgivenPerSecond = 100;
export const earlyResetMs = 1000;

export interface GlitchLimits {
  /** Points of needless frames. */
  readonly glitchesMax: number;
  readonly glitchesLeakPerSecond: number;
  /** Control frames beyond what the frames of messages earn, before each of them is a point. */
  readonly controlFramesMax: number;
  /** Calls taken back early, beyond as many that were not. */
  readonly earlyResetsMax: number;
}

export type GlitchVerdict = 'fine' | 'soft' | 'hard';

/**
 * What honest peers do rarely and attackers do for a living, counted per connection. It leaks, so that a long-lived honest
 * connection never adds up to an attack. At three quarters no new streams are taken; at the limit it is closed.
 *
 * PING, WINDOW_UPDATE, PRIORITY, RST_STREAM and what comes late for a stream that is over are free as long as messages go
 * along with them: a client that measures its path sends a PING for every few DATA frames, all day long.
 */
export class GlitchCounter {
  private readonly limits: GlitchLimits;
  private level = 0;
  private atMs = 0;
  private allowance: number;
  private messageFramesSeen = 0;
  private earlyLevel = 0;
  private earlyAtMs = 0;

  constructor(limits: GlitchLimits) {
    this.limits = limits;
    this.allowance = limits.controlFramesMax;
  }

  /** Adds `points` and says what is due. */
  add(points: number, nowMs: number): GlitchVerdict {
    const { glitchesMax, glitchesLeakPerSecond } = this.limits;
    this.level = Math.max(0, this.level - ((nowMs - this.atMs) * glitchesLeakPerSecond) / 1000) + points;
    this.atMs = nowMs;
    if (this.level >= glitchesMax) return 'hard';
    return this.level >= glitchesMax * 0.75 ? 'soft' : 'fine';
  }

  /** A control frame came; `messageFrames` is how many frames of messages went either way so far. */
  control(messageFrames: number, nowMs: number): GlitchVerdict {
    const earned = (messageFrames - this.messageFramesSeen) * earnedPerMessageFrame;
    this.messageFramesSeen = messageFrames;
    this.allowance = Math.min(this.limits.controlFramesMax, this.allowance + earned) - 1;
    if (this.allowance >= 0) return 'fine';
    this.allowance = 0;
    return this.add(1, nowMs);
  }

  /**
   * A stream was taken back, or had to be reset for what its client did, before its reply and within `earlyResetMs` of its
   * begin (CVE-2023-44487, CVE-2025-8671). True when that is an attack: when it was the fate of most of the streams, as
   * with Envoy, and of `earlyResetsMax` more than the others; a client that gives up now and then never gets there.
   */
  earlyReset(nowMs: number): boolean {
    const forgiven = ((nowMs - this.earlyAtMs) * earlyResetsForgivenPerSecond) / 1000;
    // Two, since the end of this very stream is counted as well.
    this.earlyLevel = Math.max(0, this.earlyLevel - forgiven) + 2;
    this.earlyAtMs = nowMs;
    return this.earlyLevel > this.limits.earlyResetsMax;
  }

  /** A stream is over, however. No credit comes of it: a level below zero counts as zero. */
  streamEnded(): void {
    this.earlyLevel--;
  }
}
