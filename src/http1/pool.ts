import http from 'node:http';
import https from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { type Address, formatAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { ErrorCode } from '../core/error-code.ts';
import type { InternalErrors } from '../core/internal-errors.ts';
import type { MessageStream, StreamReceiver } from '../core/message-stream.ts';
import { pluralize } from '../core/pluralize.ts';
import { openHttp1Stream } from './upstream-stream.ts';

export interface Http1PoolOptions {
  readonly clock: Clock;
  readonly connectTimeoutMs: number;
  /** Connections at once. */
  readonly socketsMax: number;
  /** Calls waiting for one of them; the next is refused at once. */
  readonly pendingMax: number;
  /** What the other endpoints of its cluster have too: exchanges at the most, and those that there are. */
  readonly shared?: { active: number; readonly max: number };
  /** Idle connections kept. */
  readonly freeSocketsMax: number;
  /** How long an idle connection is kept; less where the endpoint says so in `keep-alive: timeout=`. */
  readonly freeSocketTimeoutMs: number;
  /** Bytes of a reply's header section. */
  readonly replyHeaderBytesMax: number;
  /** Speak TLS with these, which say what name to verify (`endpointTls`), or null for cleartext. */
  readonly tls: ConnectionOptions | null;
  readonly internalErrors?: InternalErrors;
}

export interface Http1Pool {
  /** Why another exchange would be over a limit, '' where it would not. */
  readonly fullBecause: string;
  /**
   * One more exchange with the endpoint. `clientAddress` goes on `x-forwarded-for`; see `upstreamRequest`. Failures come to the
   * receiver, never from here.
   */
  open(receiver: StreamReceiver, clientAddress?: string | null): MessageStream;
  /** Closes the connections that no exchange uses now. */
  closeIdle(): void;
  /** Takes no new exchanges; those that run finish, and each connection closes when idle. */
  close(): void;
  /** Closes what is left. */
  destroy(): void;
  /** Exchanges open. */
  readonly active: number;
}

/** The connections to one HTTP/1.1 endpoint, kept alive and used newest first, so that the rest age out. */
export function createHttp1Pool(address: Address, options: Http1PoolOptions): Http1Pool {
  const agentOptions: https.AgentOptions = {
    keepAlive: true,
    maxSockets: options.socketsMax,
    maxFreeSockets: options.freeSocketsMax,
    timeout: options.freeSocketTimeoutMs,
    scheduling: 'lifo',
  };
  const agent =
    options.tls === null
      ? new http.Agent(agentOptions)
      : new https.Agent({ ...options.tls, ...agentOptions, ALPNProtocols: ['http/1.1'] });
  let active = 0;
  let closed = false;
  const closeIdle = (): void => {
    for (const sockets of Object.values(agent.freeSockets))
      for (const socket of sockets ?? []) socket.destroy();
  };

  const fullBecause = (): string => {
    const { shared, socketsMax, pendingMax } = options;
    if (active >= socketsMax + pendingMax)
      return `${formatAddress(address)} is at its limit of ${pluralize(active, 'request')}`;
    if (shared !== undefined && shared.active >= shared.max)
      return `its cluster is at its limit of ${pluralize(shared.active, 'request')}`;
    return '';
  };

  return {
    get fullBecause() {
      return fullBecause();
    },
    open(receiver, clientAddress = '') {
      if (closed) return refused(receiver, `${formatAddress(address)} is draining`);
      const full = fullBecause();
      if (full !== '') return refused(receiver, full);
      const { shared } = options;
      if (shared !== undefined) shared.active += 1;
      active += 1;
      return openHttp1Stream(address, receiver, {
        agent,
        clock: options.clock,
        connectTimeoutMs: options.connectTimeoutMs,
        replyHeaderBytesMax: options.replyHeaderBytesMax,
        secure: options.tls !== null,
        clientAddress,
        internalErrors: options.internalErrors,
        over: () => {
          active -= 1;
          if (shared !== undefined) shared.active -= 1;
        },
      });
    },
    closeIdle,
    close() {
      closed = true;
      agent.maxFreeSockets = 0;
      closeIdle();
    },
    destroy() {
      closed = true;
      agent.destroy();
    },
    get active() {
      return active;
    },
  };
}

/** A stream that was refused before it began. */
function refused(receiver: StreamReceiver, message: string): MessageStream {
  let over = false;
  const stream: MessageStream = {
    receiver,
    head() {
      process.nextTick(() => {
        if (over) return;
        over = true;
        stream.receiver?.failed({ kind: 'refused', code: ErrorCode.REFUSED_STREAM, message });
      });
    },
    data() {},
    trailers() {},
    consumed() {},
    reset() {
      over = true;
    },
  };
  return stream;
}
