import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { type Address, formatAddress } from '../core/address.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { ErrorCode } from '../core/error-code.ts';
import { Field } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';
import { contain, type InternalErrors } from '../core/internal-errors.ts';
import type { MessageStream, StreamFailure, StreamReceiver } from '../core/message-stream.ts';
import { noteReasonPhrase } from '../core/reason-phrase.ts';
import { BodyReader } from './body-reader.ts';
import { readFields, writeTrailers } from './fields.ts';
import { type ProxyFailure, proxyWeb, type WebExchange } from './http2-proxy.ts';
import { ReplyEnd } from './reply-end.ts';
import { isIdempotent, maybeEmpty, type UpstreamRequest, upstreamRequest } from './upstream-request.ts';

/** 1xx heads before a reply; one more and the upstream is taken for hostile. */
export const interimRepliesMax = 32;

export interface UpstreamStreamOptions {
  readonly agent: http.Agent;
  readonly clock: Clock;
  /** For a new connection, TLS included; waiting for a pooled one does not count. */
  readonly connectTimeoutMs: number;
  /** Bytes of a reply's header section. */
  readonly replyHeaderBytesMax: number;
  /** Speak TLS; the agent holds the options. */
  readonly secure: boolean;
  /** What `x-forwarded-for` gets; see `upstreamRequest`. */
  readonly clientAddress: string | null;
  /** Once, when the stream is over, whichever way. */
  readonly over: () => void;
  /** Without it an exception of our own is thrown on. */
  readonly internalErrors?: InternalErrors;
}

/** What was said before the request could be opened. */
type Pending =
  | { bytes: Buffer; trailers?: undefined; last: boolean }
  | { bytes?: undefined; trailers: HeaderBlock; last: true };

/**
 * The upstream leg of a call to an HTTP/1.1 endpoint: one request on a pooled connection. Failures show whether another
 * attempt is safe:
 *
 * - `refused`: no byte of the request reached the endpoint, or it was an idempotent one on a *reused* connection that closed
 *   without a word. That is the race with an endpoint closing an idle connection, and RFC 9110 section 9.2.2
 *   lets a proxy repeat exactly that. On a new connection the same silence may be a crash that this request caused.
 * - `protocol`: what came is no HTTP/1.1.
 * - `unsendable`: what is to be sent has no form in HTTP/1.1. That is the doing of who wrote it, not of the endpoint.
 * - `internal`: an error of this process.
 * - `closed`: anything else; the endpoint may have worked on it. Code STREAM_CLOSED where the endpoint closed in the middle;
 *   NO_ERROR after a whole reply: the endpoint closed before it had read the whole request.
 */
export function openHttp1Stream(
  target: Address,
  receiver: StreamReceiver,
  options: UpstreamStreamOptions,
): MessageStream {
  return new UpstreamStream(target, receiver, options);
}

class UpstreamStream implements MessageStream {
  receiver: StreamReceiver | null;
  private readonly target: Address;
  private readonly options: UpstreamStreamOptions;
  /** A head that waits for the first byte to say whether there is a body. */
  private held: HeaderBlock | null = null;
  private plan: UpstreamRequest | null = null;
  private exchange: WebExchange | null = null;
  private request: http.ClientRequest | null = null;
  private pending: Pending[] = [];
  private requestBytes = 0;
  private requestEnded = false;
  private requestFlushed = false;
  private reader: BodyReader | null = null;
  private replyStarted = false;
  private replyEnded = false;
  private interimReplies = 0;
  private message: http.IncomingMessage | null = null;
  private readonly replyEnd = new ReplyEnd();
  /** Bytes came behind the reply: the connection serves no other request. */
  private surplus = false;
  /** The connection closed, or was given back. */
  private connectionOver = false;
  /** A connection on which the request may have been sent exists. */
  private connected = false;
  /** The connection served another request before. */
  private reused = false;
  private bytesWrittenBefore = 0;
  private timedOut = false;
  private connectTimer: Timer | null = null;
  private over = false;
  /** After `reset`: the receiver hears nothing more. */
  private detached = false;

  constructor(target: Address, receiver: StreamReceiver, options: UpstreamStreamOptions) {
    this.target = target;
    this.receiver = receiver;
    this.options = options;
  }

  head(head: HeaderBlock, end: boolean): void {
    if (this.over || this.plan !== null || this.held !== null) return;
    // Many HTTP/2 clients end a GET with an empty DATA frame; it should not become a chunked body.
    if (!end && maybeEmpty(head)) this.held = head;
    else this.open(head, end);
  }

  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.over || this.requestEnded) return;
    const length = end - start;
    if (this.held !== null) {
      if (length === 0 && !last) return;
      this.open(this.held, length === 0);
      if (length === 0) return;
    }
    if (this.plan === null) return;
    this.requestBytes += length;
    if (!this.checkLength(last)) return;
    this.say({ bytes: Buffer.from(bytes.subarray(start, end)), last });
  }

  trailers(trailers: HeaderBlock): void {
    if (this.over || this.requestEnded) return;
    if (this.held !== null) this.open(this.held, false);
    if (this.plan !== null && this.checkLength(true)) this.say({ trailers, last: true });
  }

  consumed(bytes: number): void {
    this.reader?.consumed(bytes);
  }

  reset(_code: number): void {
    this.detached = true;
    if (this.over) return;
    this.stop();
  }

  private open(head: HeaderBlock, end: boolean): void {
    this.held = null;
    const fallbackHost = this.target.kind === 'unix' ? 'localhost' : formatAddress(this.target);
    const plan = upstreamRequest(head, end, fallbackHost, this.options.clientAddress);
    if (plan.error !== undefined) {
      this.giveUp(plan.error);
      return;
    }
    this.plan = plan.value;
    this.requestEnded = end;
    this.exchange = proxyWeb({
      open: () => this.send(plan.value),
      reply: (message) => this.contained(() => this.reply(message)),
      failed: (failure) => this.contained(() => this.failed(failure)),
    });
  }

  private send({ method, path, headers }: UpstreamRequest): http.ClientRequest {
    const { target } = this;
    const request = (this.options.secure ? https : http).request({
      agent: this.options.agent,
      ...(target.kind === 'unix' ? { socketPath: target.path } : { host: target.host, port: target.port }),
      method,
      path,
      headers,
      insecureHTTPParser: false,
      maxHeaderSize: this.options.replyHeaderBytesMax,
    });
    request.maxHeadersCount = 0; // node drops what comes after the first thousand; the size is the limit.
    request.once('socket', (socket) => this.contained(() => this.connecting(request, socket)));
    request.on('information', () => this.contained(() => this.interimReply()));
    request.once('finish', () => {
      this.requestFlushed = true;
      this.contained(() => this.settle());
    });
    request.once('close', () => {
      // http2-proxy reports what breaks before the reply is in; afterwards only an unfinished request is left to report.
      this.connectionOver = true;
      this.contained(() => this.settle());
    });
    this.request = request;
    for (const piece of this.pending.splice(0)) this.write(request, piece);
    if (request.writableEnded) return request;
    if (this.requestEnded) request.end();
    else if (this.requestBytes === 0) request.write('', 'latin1'); // `flushHeaders` would write UTF-8.
    return request;
  }

  private say(piece: Pending): void {
    if (piece.last) this.requestEnded = true;
    if (this.request === null) this.pending.push(piece);
    else this.write(this.request, piece);
  }

  private write(request: http.ClientRequest, piece: Pending): void {
    if (piece.trailers !== undefined) {
      request.addTrailers(writeTrailers(piece.trailers));
      request.end();
      return;
    }
    const length = piece.bytes.length;
    if (length > 0) {
      request.write(piece.bytes, (error) => {
        if (!error && !this.over) this.contained(() => this.receiver?.sent(length));
      });
    }
    if (piece.last) request.end();
  }

  /** A body of another length than promised would run into the next request on the connection. */
  private checkLength(last: boolean): boolean {
    const { chunked, contentLength } = this.plan as UpstreamRequest;
    if (chunked) return true;
    if (this.requestBytes <= contentLength && (!last || this.requestBytes === contentLength)) return true;
    this.giveUp('a body of another length than its content-length');
    return false;
  }

  private connecting(request: http.ClientRequest, socket: Socket): void {
    this.bytesWrittenBefore = socket.bytesWritten;
    const watch = (chunk: Buffer): void => this.contained(() => this.watch(request, chunk));
    // node's own listener is there already, so the parser has read each chunk before.
    socket.on('data', watch);
    request.once('close', () => socket.off('data', watch));
    // Not `request.reusedSocket`: that misses a connection handed straight from one request to one that waited.
    this.reused = !socket.connecting;
    this.connected = this.reused;
    if (this.reused) return;
    const { clock, connectTimeoutMs, secure } = this.options;
    this.connectTimer = clock.after(connectTimeoutMs, () => {
      this.timedOut = true;
      request.destroy(new Error(`gave no connection within ${connectTimeoutMs} ms`));
    });
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      this.connected = true;
      this.connectTimer?.cancel();
    });
  }

  /** Sees what the connection brings until the exchange is over, and stops the connection from being used again. */
  private watch(request: http.ClientRequest, chunk: Buffer): void {
    if (this.over || this.surplus) return;
    this.surplus = this.replyEnd.take(chunk, this.interimReplies, this.message);
    if (!this.surplus) return;
    request.shouldKeepAlive = false;
    this.settle();
  }

  private interimReply(): void {
    this.interimReplies += 1;
    if (this.over || this.interimReplies <= interimRepliesMax) return;
    this.fail('protocol', ErrorCode.ENHANCE_YOUR_CALM, `sent over ${interimRepliesMax} interim replies`);
  }

  private reply(message: http.IncomingMessage): void {
    if (this.over) return;
    this.replyStarted = true;
    this.message = message;
    const status = message.statusCode ?? 0;
    const read = readFields(message.rawHeaders);
    const fault = read.error ?? replyFault(message, status, read.value.codings);
    if (fault !== null || read.value === undefined) {
      this.fail('protocol', ErrorCode.PROTOCOL_ERROR, `sent a reply with ${fault}`);
      return;
    }
    const { fields, contentLength, codings } = read.value;
    const bodiless = this.plan?.method === 'HEAD' || status === 204 || status === 304;
    const end = bodiless || contentLength === 0;
    if (end) this.replyEnd.bodyBytes = 0;
    else if (contentLength >= 0 || codings.length > 0) this.replyEnd.bodyBytes = contentLength;
    this.reader = new BodyReader(
      message,
      () => (this.over || end ? null : this.receiver),
      () => {
        this.replyEnded = true;
        this.settle();
      },
      (run) => this.contained(run),
    );
    const head = new HeaderBlock([new Field(':status', String(status)), ...fields]);
    noteReasonPhrase(head, message.statusMessage ?? '', http.STATUS_CODES[status]);
    this.receiver?.head(head, end);
  }

  private settle(): void {
    if (this.over || !this.replyEnded) return;
    if (!this.requestEnded || !this.requestFlushed) {
      if (this.surplus) this.fail('closed', ErrorCode.NO_ERROR, 'sent bytes after its reply');
      else if (this.connectionOver) this.fail('closed', ErrorCode.NO_ERROR, 'closed after its reply');
      return;
    }
    this.end();
    this.exchange?.finish();
    if (this.surplus) this.request?.destroy();
  }

  private failed({ message, code }: ProxyFailure): void {
    if (this.over) return;
    if (!this.connected) {
      this.fail(
        'unsent',
        ErrorCode.CONNECT_ERROR,
        this.timedOut ? message : `gave no connection: ${message}`,
      );
    } else if (code.startsWith('HPE_')) {
      this.fail('protocol', ErrorCode.PROTOCOL_ERROR, notHttp1(code, message));
    } else if (!this.replyStarted && this.repeatable()) {
      this.fail('refused', ErrorCode.REFUSED_STREAM, 'closed an idle connection as it was used again');
    } else {
      // A kept connection that ends early is mostly that of a replica that stops as it is used again. Who repeats such a
      // request may do its work twice: RFC 9110 section 9.2.2 forbids a proxy to.
      const early = this.reused
        ? 'closed a connection that it had kept, without a reply'
        : 'closed without a reply';
      // The connection carried this request alone: the request may be why it was closed.
      this.fail('closed', ErrorCode.STREAM_CLOSED, this.replyStarted ? 'broke off its reply' : early);
    }
  }

  private repeatable(): boolean {
    if (!this.reused) return false;
    const written = (this.request?.socket?.bytesWritten ?? 0) > this.bytesWrittenBefore;
    return !written || isIdempotent(this.plan?.method ?? '');
  }

  /** `what` follows the name of the endpoint. */
  private fail(kind: StreamFailure['kind'], code: number, what: string): void {
    this.stop();
    this.receiver?.failed({ kind, code, message: `${formatAddress(this.target)} ${what}` });
  }

  /** The request cannot be expressed in HTTP/1.1. Fails a tick later, for the caller is still speaking. */
  private giveUp(what: string): void {
    this.stop();
    const failure: StreamFailure = {
      kind: 'unsendable',
      code: ErrorCode.PROTOCOL_ERROR,
      message: `the request had ${what}`,
    };
    process.nextTick(() => {
      if (!this.detached) this.receiver?.failed(failure);
    });
  }

  /** Runs what the connection calls; an internal error ends this exchange, and fails the call where that is still possible. */
  private contained(run: () => void): void {
    const { internalErrors } = this.options;
    const destroy = (): void => {
      if (this.over) return;
      const what = 'was given up by an internal error of the sidecar';
      contain(internalErrors, 'http1', null, () => this.fail('internal', ErrorCode.INTERNAL_ERROR, what));
    };
    contain(internalErrors, 'http1', { destroy }, run);
  }

  private stop(): void {
    this.end();
    this.exchange?.cancel();
  }

  private end(): void {
    this.over = true;
    this.connectTimer?.cancel();
    this.pending = [];
    this.options.over();
  }
}

/** What an intermediary must not relay of a reply that node's parser let through; null where it is sound. */
function replyFault(
  message: http.IncomingMessage,
  status: number,
  codings: readonly string[],
): string | null {
  if (status < 200) return `status ${status}`;
  if (codings.length === 0) return null;
  // Another coding would reach the client without the word that says so.
  if (codings.length > 1 || codings[0] !== 'chunked') return 'an unknown transfer coding';
  return message.httpVersionMinor === 0 ? 'transfer-encoding in HTTP/1.0' : null;
}

/** What bytes are that the HTTP/1.1 parser refused. */
function notHttp1(code: string, message: string): string {
  return code === 'HPE_INVALID_CONSTANT'
    ? 'did not answer in HTTP/1.1; if it serves HTTP/2 alone, write protocol: http2 in the cluster'
    : `sent an HTTP/1.1 response that is not valid (${message.replace(/^Parse Error: /, '')})`;
}
