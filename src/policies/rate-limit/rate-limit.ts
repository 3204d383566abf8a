export interface RateLimitSettings {
  /** This many calls in each `perMs`, on the whole. */
  readonly calls: number;
  readonly perMs: number;
  /** This many at once, after a time without any. */
  readonly burst: number;
  /** Keys remembered at the most. */
  readonly keysMax: number;
}

/** Characters of a key that distinguish it from others. */
const keyCharsMax = 128;

/**
 * A token bucket per key, kept as one number each (GCRA, ITU-T I.371): when the bucket would be full again. With a call
 * every 10 ms allowed and a burst of 3, a full bucket that gives one call is full again 10 ms later; one that would only be
 * full in more than 20 ms after a call has none to give.
 *
 * Memory is bounded by the number of keys. Beyond it the key that was quiet for longest is forgotten, which gives it a
 * full bucket: who can make up keys is not held by a limit per key, whatever is remembered.
 */
export class RateLimit {
  private readonly settings: RateLimitSettings;
  private readonly intervalMs: number;
  /** When each bucket is full again, the quietest key first. */
  private readonly fullAtMs = new Map<string, number>();

  constructor(settings: RateLimitSettings) {
    this.settings = settings;
    this.intervalMs = settings.perMs / settings.calls;
  }

  get keys(): number {
    return this.fullAtMs.size;
  }

  /** Takes a call's token: 0, or the milliseconds until there is one. */
  take(key: string, nowMs: number): number {
    const { fullAtMs, intervalMs } = this;
    const known = fullAtMs.get(key);
    const fullMs = Math.max(known ?? nowMs, nowMs);
    const waitMs = fullMs - nowMs - (this.settings.burst - 1) * intervalMs;
    // Sums of fractions are a little off, and a call in time is not to be refused for that.
    if (waitMs > 1e-6) return waitMs;
    // Deleted first: a Map keeps the order of insertion, and this key was used last.
    if (known !== undefined) fullAtMs.delete(key);
    else if (fullAtMs.size >= this.settings.keysMax) this.forgetOldest();
    fullAtMs.set(known === undefined ? ownText(key) : key, fullMs + intervalMs);
    return 0;
  }

  private forgetOldest(): void {
    for (const key of this.fullAtMs.keys()) {
      this.fullAtMs.delete(key);
      return;
    }
  }
}

/** A header's value as a key; longer ones that begin alike are one. */
export function rateLimitKey(value: string): string {
  return value.length <= keyCharsMax ? value : value.slice(0, keyCharsMax);
}

/** A copy: part of a string would keep the whole of it alive, which a client may make large. */
function ownText(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
