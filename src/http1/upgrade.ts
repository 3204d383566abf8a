import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { type ConnectionOptions, TLSSocket } from 'node:tls';
import { type Address, formatAddress } from '../core/address.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { connectionErrorText } from '../core/connection-error.ts';
import { type Ending, endingOfHttp, endings } from '../core/ending.ts';
import { Field } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';
import { noteReasonPhrase } from '../core/reason-phrase.ts';
import type { ReplyError, ReplyErrorCode } from '../core/reply-error.ts';
import { abortSocket, endSocket, errorReply } from './error-reply.ts';
import { pushFraming, readFields } from './fields.ts';
import { proxyWebSocket } from './http2-proxy.ts';
import { readRequestHead } from './request-head.ts';
import { upstreamRequest } from './upstream-request.ts';

/** The endpoint that was picked for an upgrade and counted as active until `release`. */
export interface UpgradeTarget {
  readonly address: Address;
  /** The request's head as this endpoint gets it. */
  readonly head: HeaderBlock;
  /** TLS toward it, with what name to verify (`endpointTls`), or null for cleartext. */
  readonly tls: ConnectionOptions | null;
  /** What `x-forwarded-for` gets; see `upstreamRequest`. */
  readonly clientAddress: string | null;
  /** Added to its reply, whatever that is: a session cookie. */
  readonly replyFields: readonly Field[];
  readonly connectTimeoutMs: number;
  /** Bytes of its reply head. */
  readonly replyHeaderBytesMax: number;
  /** Once, when this attempt is over; `error` where it failed. */
  release(ending: Ending, error: ReplyError | null): void;
}

export type UpgradeChoice =
  | { readonly kind: 'endpoint'; readonly target: UpgradeTarget }
  | { readonly kind: 'error'; readonly error: ReplyError }
  | { readonly kind: 'reply'; readonly status: number; readonly bytes: Buffer };

export interface UpgradeOptions {
  readonly clock: Clock;
  /** Endpoints attempted before the client gets an error; each took no connection. */
  readonly connectAttemptsMax: number;
  /** Routes, admits and picks. An error or a reply is what the client gets. */
  choose(head: HeaderBlock): Promise<UpgradeChoice>;
}

/** How long the second side of a WebSocket may take to close after the first, milliseconds. */
export const halfClosedMs = 10_000;

/** How an upgrade went, for the record of the call. */
export interface UpgradeOutcome {
  /** 101, or the status that the client got instead; 0 where it got none. */
  httpStatus: number;
  /** Bytes after the handshake, and of the body of another reply. */
  bytesFromClient: number;
  bytesToClient: number;
  attempts: number;
  /** A code of the table where something failed, else ''. */
  error: ReplyErrorCode | '';
  detail: string;
  /** Head of the reply with which the upstream declined; null where it did not. */
  declined: HeaderBlock | null;
}

/**
 * Forwards a WebSocket (RFC 6455 section 4.1) through http2-proxy: the handshake to an endpoint that `choose` picks,
 * then bytes both ways until either side ends. Never rejects. When it resolves, the upstream's socket is gone and
 * the client's is closed or closing. `head` holds bytes that were read too far.
 */
export async function proxyUpgrade(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  options: UpgradeOptions,
): Promise<UpgradeOutcome> {
  socket.on('error', () => {}); // http2-proxy stops listening when it is done; an error after that must not throw.
  const outcome: UpgradeOutcome = {
    httpStatus: 0,
    bytesFromClient: 0,
    bytesToClient: 0,
    attempts: 0,
    error: '',
    detail: '',
    declined: null,
  };
  const refuse = (error: ReplyError): UpgradeOutcome => {
    const reply = errorReply(error);
    outcome.httpStatus = Number(reply.toString('latin1', 9, 12));
    outcome.error = error.code;
    outcome.detail = error.detail;
    endSocket(socket, options.clock, reply);
    return outcome;
  };

  const reply = (status: number, bytes: Buffer): UpgradeOutcome => {
    outcome.httpStatus = status;
    endSocket(socket, options.clock, bytes);
    return outcome;
  };

  const read = readRequestHead(request, socket instanceof TLSSocket ? 'https' : 'http');
  if (read.refusal !== undefined) {
    const detail = `the client sent ${read.refusal.reason}`;
    return refuse({ code: 'protocol_error', detail, mayHaveProcessed: false });
  }
  const stopWatching = watchForLeaving(socket);
  let first = head;
  for (;;) {
    outcome.attempts += 1;
    const choice = await options.choose(read.value.head);
    if (choice.kind === 'error') return refuse(choice.error);
    if (choice.kind === 'reply') return reply(choice.status, choice.bytes);
    const attempt = new UpgradeAttempt(choice.target, socket, outcome, options, stopWatching);
    const error = await attempt.run(first);
    choice.target.release(attempt.ending(error), error);
    if (error === null || socket.destroyed || attempt.answered) return finish(attempt, error);
    first = Buffer.alloc(0); // The first attempt put it back on the socket.
    const canRetry = error.code === 'connect_failed' || error.code === 'connect_timeout';
    if (!canRetry || outcome.attempts >= options.connectAttemptsMax) return refuse(error);
  }

  function finish(attempt: UpgradeAttempt, error: ReplyError | null): UpgradeOutcome {
    outcome.error = error?.code ?? '';
    outcome.detail = error?.detail ?? '';
    // Half a reply must not look whole; a WebSocket says itself, by its close frame, whether its end is clean.
    if (error !== null && attempt.answered && outcome.httpStatus !== 101) abortSocket(socket);
    else endSocket(socket, options.clock, null);
    return outcome;
  }
}

/**
 * Reads ahead, into the socket's own bounded buffer, while nobody else reads: a socket that is not read does not show that
 * its peer is gone. Who leaves before the answer is disconnected, and with it the attempt. Gives the way to stop.
 */
function watchForLeaving(socket: Socket): () => void {
  const check = () => {
    // Reading nothing out of an empty buffer is what brings `end` up.
    if (socket.readableLength === 0) socket.read(0);
  };
  const left = () => socket.destroy();
  socket.on('readable', check);
  socket.once('end', left);
  return () => {
    socket.off('readable', check);
    socket.off('end', left);
  };
}

/** One attempt at one endpoint. */
class UpgradeAttempt {
  /** The client got the head of a reply. */
  answered = false;
  private readonly target: UpgradeTarget;
  private readonly socket: Socket;
  private readonly outcome: UpgradeOutcome;
  private readonly options: UpgradeOptions;
  private readonly stopWatching: () => void;
  private connected = false;
  private timedOut = false;
  private upstreamEnded = false;
  private settled = false;
  private halfClosedTimer: Timer | null = null;

  constructor(
    target: UpgradeTarget,
    socket: Socket,
    outcome: UpgradeOutcome,
    options: UpgradeOptions,
    stopWatching: () => void,
  ) {
    this.target = target;
    this.socket = socket;
    this.outcome = outcome;
    this.options = options;
    this.stopWatching = stopWatching;
  }

  /** Null where all went well, and where the client went away. */
  async run(first: Buffer): Promise<ReplyError | null> {
    const name = formatAddress(this.target.address);
    const plan = upstreamRequest(this.target.head, true, name, this.target.clientAddress);
    if (plan.error !== undefined) {
      return { code: 'protocol_error', detail: `the request had ${plan.error}`, mayHaveProcessed: false };
    }
    const headers = [...plan.value.headers, 'connection', 'upgrade', 'upgrade', 'websocket'];
    try {
      await proxyWebSocket(this.socket, first, {
        open: () => this.open(plan.value.path, headers),
        reply: (message) => this.relay(message),
      });
      return null;
    } catch (error) {
      return this.judge(name, error as Error);
    } finally {
      this.settled = true;
      this.halfClosedTimer?.cancel();
    }
  }

  /** How it ended, given what `run` resolved with. */
  ending(error: ReplyError | null): Ending {
    const { httpStatus } = this.outcome;
    if (error === null) {
      if (!this.answered) return endings.cancelled;
      // After a 101 the two sides speak by themselves, and end when they like.
      return httpStatus === 101 ? endings.answered : endingOfHttp(httpStatus);
    }
    if (error.code === 'protocol_error') return endings.unsendable;
    // Servers close the connection on a handshake that they do not like, and on frames that break RFC 6455.
    return this.connected ? endings.connectionEnded : endings.connectFailed;
  }

  private open(path: string, headers: string[]): http.ClientRequest {
    const { address, tls, connectTimeoutMs, replyHeaderBytesMax } = this.target;
    const { clock } = this.options;
    const request = (tls === null ? http : https).request({
      ...tls,
      ...(tls === null ? {} : { ALPNProtocols: ['http/1.1'] }),
      ...(address.kind === 'unix'
        ? { socketPath: address.path }
        : { host: address.host, port: address.port }),
      agent: false,
      method: 'GET',
      path,
      headers,
      insecureHTTPParser: false,
      maxHeaderSize: replyHeaderBytesMax,
    });
    const timer = clock.after(connectTimeoutMs, () => {
      this.timedOut = true;
      request.destroy(new Error('timeout'));
    });
    request.once('socket', (socket) =>
      socket.once(tls === null ? 'connect' : 'secureConnect', () => {
        this.connected = true;
        timer.cancel();
      }),
    );
    request.once('close', () => timer.cancel());
    request.on('upgrade', (message, upstream: Socket) => {
      // Before http2-proxy, which listens later, makes the head of the 101 out of these.
      for (const { name, value } of this.target.replyFields)
        message.headers[name] = [message.headers[name] ?? [], value].flat();
      this.upgraded(upstream);
    });
    return request;
  }

  /** http2-proxy ties the sockets together in the same turn; listening beside it does not disturb its back-pressure. */
  private upgraded(upstream: Socket): void {
    const { outcome, socket } = this;
    this.answered = true;
    outcome.httpStatus = 101;
    this.stopWatching();
    upstream.once('end', () => {
      this.upstreamEnded = true;
    });
    // A side that ended says nothing more, and the other has so long to end as well (RFC 6455 section 7.1.1).
    const halfClosed = () => {
      if (this.halfClosedTimer !== null || this.settled) return;
      this.halfClosedTimer = this.options.clock.after(halfClosedMs, () => {
        upstream.destroy();
        socket.destroy();
      });
    };
    upstream.once('end', halfClosed);
    socket.once('end', halfClosed);
    // Not before http2-proxy has put back what came with the 101 and listens itself: a socket with a listener flows, and what
    // is put back on it then is heard by that one alone.
    process.nextTick(() => {
      upstream.on('data', (chunk: Buffer) => {
        outcome.bytesToClient += chunk.length;
      });
      socket.on('data', (chunk: Buffer) => {
        outcome.bytesFromClient += chunk.length;
      });
    });
  }

  /** The upstream declined the upgrade: its reply goes to the client with framing of our own, and ends the connection. */
  private relay(message: IncomingMessage): void {
    const { outcome, socket } = this;
    const read = readFields(message.rawHeaders);
    const status = message.statusCode ?? 0;
    if (read.error !== undefined || status < 200) throw new Error(read.error ?? `status ${status}`);
    const raw: string[] = [];
    for (const field of read.value.fields) {
      if (field.name !== 'content-length') raw.push(field.name, field.value);
    }
    for (const { name, value } of this.target.replyFields) raw.push(name, value);
    raw.push('connection', 'close');
    if (read.value.contentLength >= 0) pushFraming(raw, read.value.contentLength);
    let text = `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\n`;
    for (let i = 0; i < raw.length; i += 2) text += `${raw[i]}: ${raw[i + 1]}\r\n`;
    socket.write(`${text}\r\n`, 'latin1');
    this.answered = true;
    outcome.httpStatus = status;
    outcome.declined = new HeaderBlock([new Field(':status', String(status)), ...read.value.fields]);
    noteReasonPhrase(outcome.declined, message.statusMessage ?? '', http.STATUS_CODES[status]);
    message.on('data', (chunk: Buffer) => {
      outcome.bytesToClient += chunk.length;
    });
    message.pipe(socket);
  }

  private judge(name: string, error: NodeJS.ErrnoException): ReplyError | null {
    // The client left; or the upstream ended, and its socket closed before the client's had taken the last bytes.
    if (this.socket.destroyed || this.upstreamEnded) return null;
    if (!this.connected) {
      return this.timedOut
        ? {
            code: 'connect_timeout',
            detail: `${name} gave no connection within ${this.target.connectTimeoutMs} ms`,
            mayHaveProcessed: false,
          }
        : {
            code: 'connect_failed',
            detail: `${name} gave no connection: ${connectionErrorText(error, 'server')}`,
            mayHaveProcessed: false,
          };
    }
    if (this.answered)
      return { code: 'upstream_closed', detail: `${name} broke off`, mayHaveProcessed: true };
    const detail = `${name} closed without a reply to the upgrade: ${connectionErrorText(error, 'server')}`;
    return { code: 'upstream_closed', detail, mayHaveProcessed: true };
  }
}
