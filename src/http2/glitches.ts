/**
 * One counter per connection of what honest peers do rarely and attackers do for a living: needless PINGs and
 * SETTINGS, resets of young streams, empty frames, malformed requests. It leaks, so that a long-lived honest
 * connection never adds up to an attack. At three quarters no new streams are taken; at the limit it is closed.
 */
export class GlitchCounter {
  private level = 0;
  private atMs = 0;
  private readonly max: number;
  private readonly leakPerMs: number;

  constructor(max: number, leakPerSecond: number) {
    this.max = max;
    this.leakPerMs = leakPerSecond / 1000;
  }

  /** Adds `points` and says what is due. */
  add(points: number, nowMs: number): 'fine' | 'soft' | 'hard' {
    this.level = Math.max(0, this.level - (nowMs - this.atMs) * this.leakPerMs) + points;
    this.atMs = nowMs;
    if (this.level >= this.max) return 'hard';
    return this.level >= this.max * 0.75 ? 'soft' : 'fine';
  }
}
