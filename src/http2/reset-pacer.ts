import type { ErrorCode } from '../core/error-code.ts';

/** RST_STREAM frames that may be sent at once, and how many more each second. */
const burstMax = 100;
const perSecond = 3;
/** With fewer left than this no new streams are begun, so that those there are can still be reset at once. */
const reserve = 50;

/**
 * How many streams we reset on one connection to a server. Servers take more than a few for a rapid reset attack and close
 * the connection, with everyone's calls on it: nghttp2 and node after 1000 and 33 a second, Netty after 200 in 30 s. One
 * client that cancels a thousand calls, or is killed with as many open, must not end the calls of the others.
 *
 * So a connection that has used up half of its resets takes no new streams and another is opened for those; what more it
 * has to reset waits its turn. Once there is nothing else on it, it is closed, which resets them all.
 */
export class ResetPacer {
  private left = burstMax;
  private atMs = 0;
  private readonly waiting = new Map<number, ErrorCode>();

  /** Few are left: begin no new streams here. */
  get low(): boolean {
    return this.left < reserve;
  }

  /** Streams that have yet to be reset. */
  get pending(): number {
    return this.waiting.size;
  }

  /** True when RST_STREAM may be sent now; otherwise it waits for `serve`. */
  take(id: number, code: ErrorCode, nowMs: number): boolean {
    this.refill(nowMs);
    if (this.left >= 1) {
      this.left--;
      return true;
    }
    this.waiting.set(id, code);
    return false;
  }

  /** The peer has ended the stream by itself. */
  forget(id: number): void {
    if (this.waiting.size > 0) this.waiting.delete(id);
  }

  /** Hands over those whose time has come. */
  serve(nowMs: number, reset: (id: number, code: ErrorCode) => void): void {
    this.refill(nowMs);
    for (const [id, code] of this.waiting) {
      if (this.left < 1) return;
      this.left--;
      this.waiting.delete(id);
      reset(id, code);
    }
  }

  private refill(nowMs: number): void {
    this.left = Math.min(burstMax, this.left + ((nowMs - this.atMs) * perSecond) / 1000);
    this.atMs = Math.max(this.atMs, nowMs);
  }
}
