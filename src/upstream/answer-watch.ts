import type { SuccessGaps } from '../health/unclear-failures.ts';

/** Consecutive streams of a connection that the endpoint resets before it answers. */
const unansweredResetsMax = 5;

/**
 * A connection is stuck after this multiple of the usual time between two answers. Outlier detection waits twice as long before it
 * ejects the endpoint, so a new connection first shows whether the endpoint works. An overloaded endpoint that resets most of its
 * streams still answers some of them, and keeps its connections.
 */
const silentGaps = 8;

/** What is watched of a connection; see `ConnectionCore`. */
export interface Watched {
  readonly answers: number;
  readonly unansweredResets: number;
}

/**
 * Finds a connection on which an endpoint resets every stream, though it answered there before. Node's server does so with
 * ENHANCE_YOUR_CALM when large replies that the client cancelled have filled the memory limit of the connection. The connection never
 * recovers, and a new one works, so one client could make the endpoint unusable for all others. A connection that never answered is not
 * stuck: another one would do no better.
 */
export class AnswerWatch {
  private answers = 0;
  private latestMs: number;
  /** Of all connections to the endpoint. */
  private readonly gaps: SuccessGaps;

  constructor(gaps: SuccessGaps, nowMs: number) {
    this.gaps = gaps;
    this.latestMs = nowMs;
  }

  /** Returns whether new calls need another connection. Call it when a stream has ended. */
  isStuck({ answers, unansweredResets }: Watched, nowMs: number): boolean {
    if (answers !== this.answers) {
      this.answers = answers;
      this.latestMs = nowMs;
      this.gaps.succeeded(nowMs);
    }
    if (answers === 0 || unansweredResets < unansweredResetsMax) return false;
    return this.gaps.isLong(nowMs - this.latestMs, silentGaps);
  }
}
