import { connectionErrorText, systemErrorWords } from '../core/connection-error.ts';

/** One way to ask an endpoint how it is. What follows from the answers is the checker's business. */
export interface Probe {
  /** Asks once. Settles within `timeoutMs`, never rejects for what the endpoint does, and is not called again before it settled. */
  check(timeoutMs: number): Promise<ProbeResult>;
  /** Called once, before the first check, where the endpoint may say by itself how it is: hands on what it says. */
  listen?(publish: (result: ProbeResult) => void): void;
  /** Gives up what is in flight and every connection. */
  close(): void;
}

export interface ProbeResult {
  readonly verdict: ProbeVerdict;
  /** A few plain words for the log and `/clusters`: `SERVING`, `connection refused`. */
  readonly reason: string;
}

export type ProbeVerdict =
  | 'healthy'
  /** The endpoint itself said so: no further evidence is needed. */
  | 'unhealthy_now'
  /** No connection of the kind that calls need: counts to the threshold. */
  | 'failed'
  /** The endpoint lives but has no health service, which is no reason to shun it (gRPC A17). */
  | 'unimplemented'
  /** It answered, with something that says nothing about its health: it requires credentials, limits the rate, is a web page. */
  | 'inconclusive'
  /** Its health service answered that it does not know (`UNKNOWN`, which is also what an empty message says). */
  | 'says_unknown'
  /** It answered that it is unavailable. */
  | 'unavailable'
  /** It ended the connection, which stood, instead of an answer. */
  | 'connection_closed'
  /** Its connection stands, and no answer came in time. */
  | 'no_answer';

const reasonCharsMax = 200;

/** What a peer wrote, as one short line: its length is bounded and whatever could move a cursor is replaced. */
export function peerText(text: string): string {
  const line = text
    .slice(0, 4 * reasonCharsMax)
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim();
  return line.length > reasonCharsMax ? `${line.slice(0, reasonCharsMax)}...` : line;
}

export const timedOut = (timeoutMs: number): ProbeResult => ({
  verdict: 'failed',
  reason: `no answer within ${timeoutMs} ms`,
});

/** An error of the system, whose code says more than its text. */
export function failed(error: Error): ProbeResult {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const reason = systemErrorWords(code) ?? peerText(connectionErrorText(error, 'server'));
  return { verdict: 'failed', reason };
}
