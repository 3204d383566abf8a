import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import type { HeadCache } from '../http1/head-cache.ts';
import type { ViolationCounts } from '../http1/violation-counts.ts';
import type { ConnectionOptions } from '../http2/options.ts';
import type { BindingDeps } from '../transport/socket-binding.ts';

export interface DownstreamSettings {
  /** Its limits of header sections hold for HTTP/1.1 as well. */
  readonly http2: ConnectionOptions;
  /** From accept to the client's SETTINGS, or to the end of the head of a request in HTTP/1.1, milliseconds. */
  readonly prefaceTimeoutMs: number;
  /** A connection without a call for so long is asked to go, milliseconds. */
  readonly idleTimeoutMs: number;
  /** A connection so old, give or take 10%, is asked to go; its calls finish. Milliseconds; Infinity for no limit. */
  readonly ageMsMax: number;
  /** A call whose client takes next to nothing of its reply for so long, while there is some, is ended, milliseconds. */
  readonly stallTimeoutMs: number;
  /** A request, not of gRPC, whose client sends next to nothing of its body for so long before the reply is ended, milliseconds. */
  readonly uploadStallTimeoutMs: number;
}

export interface Http1DownstreamSettings extends DownstreamSettings {
  /** Name of the listener. */
  readonly name: string;
  /** How long a client that has sent its FIN may wait for bytes of its reply, milliseconds. */
  readonly halfCloseTimeoutMs: number;
}

export interface DownstreamDeps extends BindingDeps {
  readonly logger: Logger;
  readonly random: Random;
}

export interface Http1DownstreamDeps extends DownstreamDeps {
  /** Shared by all connections of the process. */
  readonly headCache: HeadCache;
  readonly refusedRequests: ViolationCounts;
}

/** How old a connection may get, milliseconds: clients that came together must not come back together. */
export function ageLimitMs({ ageMsMax }: DownstreamSettings, random: Random): number {
  return ageMsMax * (0.9 + 0.2 * random.next());
}
