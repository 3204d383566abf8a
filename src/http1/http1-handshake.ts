import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { type Address, formatAddress } from '../core/address.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { connectionErrorText } from '../core/connection-error.ts';
import { endings } from '../core/ending.ts';
import { Field } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';
import { noteReasonPhrase } from '../core/reason-phrase.ts';
import type { ReplyErrorCode } from '../core/reply-error.ts';
import { interimRepliesMax } from './client-connection.ts';
import { readFields } from './fields.ts';
import { HandshakeError } from './handshake.ts';
import type { HandshakeEvents } from './http2-proxy.ts';
import { upstreamRequest } from './upstream-request.ts';
import { acceptOf } from './websocket-head.ts';

/** How an HTTP/1.1 endpoint is asked for a WebSocket. */
export interface Http1Dial {
  /** TLS toward it, with what name to verify (`endpointTls`), or null for cleartext. */
  readonly tls: ConnectionOptions | null;
  readonly connectTimeoutMs: number;
  /** Bytes of its reply head. */
  readonly replyHeaderBytesMax: number;
}

/**
 * A WebSocket handshake with an HTTP/1.1 endpoint (RFC 6455 section 4.1) on a connection of its own, which carries nothing
 * else, whatever the reply is.
 */
export class Http1Handshake {
  private readonly address: Address;
  private readonly dial: Http1Dial;
  private readonly clock: Clock;
  private readonly events: HandshakeEvents;
  /** What the endpoint must answer the key of ours with; '' where the key is the client's, who checks that itself. */
  private readonly expectedAccept: string;
  private connected = false;
  private timedOut = false;
  private interimReplies = 0;
  private timer: Timer | null = null;
  private request: http.ClientRequest | null = null;
  private reply: IncomingMessage | null = null;

  constructor(address: Address, dial: Http1Dial, clock: Clock, ownKey: string, events: HandshakeEvents) {
    this.address = address;
    this.dial = dial;
    this.clock = clock;
    this.expectedAccept = ownKey === '' ? '' : acceptOf(ownKey);
    this.events = events;
  }

  /** `head` is the request as the endpoint gets it; `clientAddress` goes on `x-forwarded-for`, see `upstreamRequest`. */
  start(head: HeaderBlock, clientAddress: string | null): void {
    const plan = upstreamRequest(head, true, formatAddress(this.address), clientAddress);
    if (plan.error !== undefined) {
      const detail = `the request had ${plan.error}`;
      const error = { code: 'protocol_error', detail, mayHaveProcessed: false } as const;
      return this.events.failed(new HandshakeError(error, endings.unsendable));
    }
    this.send(plan.value.path, [...plan.value.headers, 'connection', 'upgrade', 'upgrade', 'websocket']);
  }

  stop(): void {
    this.request?.destroy();
  }

  private send(path: string, headers: string[]): void {
    const { address, clock } = this;
    const { tls, connectTimeoutMs, replyHeaderBytesMax } = this.dial;
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
    this.request = request;
    request.maxHeadersCount = 0; // node drops what comes after the first thousand; the size is the limit.
    this.timer = clock.after(connectTimeoutMs, () => {
      this.timedOut = true;
      request.destroy(new Error('timeout'));
    });
    request.once('socket', (socket) =>
      socket.once(tls === null ? 'connect' : 'secureConnect', () => {
        this.connected = true;
        this.timer?.cancel();
      }),
    );
    request.once('close', () => this.timer?.cancel());
    request.on('information', () => this.interim());
    request.on('error', (error) => {
      // What follows a whole reply, such as bytes behind it, takes nothing of it back.
      if (this.reply?.complete !== true) this.events.failed(this.errorOf(error));
    });
    request.once('upgrade', (message, socket: Socket, surplus) => this.switched(message, socket, surplus));
    request.once('response', (message) => this.replied(message));
    request.end();
  }

  private interim(): void {
    this.interimReplies += 1;
    if (this.interimReplies > interimRepliesMax)
      this.request!.destroy(this.malformed(`over ${interimRepliesMax} interim replies`));
  }

  private switched(message: IncomingMessage, socket: Socket, surplus: Buffer): void {
    socket.on('error', () => {}); // http2-proxy stops listening when it is done; an error after that must not throw.
    const head = this.headOf(message);
    let error = head instanceof HandshakeError ? head : null;
    if (!/^\s*websocket\s*$/i.test(message.headers.upgrade ?? ''))
      error ??= this.malformed('a 101 to another protocol than WebSocket');
    const accept = message.headers['sec-websocket-accept'] ?? '';
    if (this.expectedAccept !== '' && accept !== this.expectedAccept)
      error ??= this.malformed('a 101 whose sec-websocket-accept does not belong to the key');
    if (error === null) return this.events.switched(head as HeaderBlock, socket, surplus);
    socket.destroy();
    this.events.failed(error);
  }

  private replied(message: IncomingMessage): void {
    const status = message.statusCode ?? 0;
    const head = status < 200 ? this.malformed(`status ${status} without an upgrade`) : this.headOf(message);
    if (head instanceof HandshakeError) this.request!.destroy(head);
    else {
      this.reply = message;
      this.events.replied(head, message);
    }
  }

  private headOf(message: IncomingMessage): HeaderBlock | HandshakeError {
    const status = message.statusCode ?? 0;
    const read = readFields(message.rawHeaders);
    if (read.error !== undefined) return this.malformed(`a reply with ${read.error}`);
    const { codings } = read.value;
    // Another coding would reach the client without the word that says so.
    if (status !== 101 && codings.length > 0 && (codings.length > 1 || codings[0] !== 'chunked'))
      return this.malformed('a reply with an unknown transfer coding');
    const head = new HeaderBlock([new Field(':status', String(status)), ...read.value.fields]);
    noteReasonPhrase(head, message.statusMessage ?? '', http.STATUS_CODES[status]);
    return head;
  }

  private malformed(what: string): HandshakeError {
    const detail = `${formatAddress(this.address)} sent ${what}`;
    return new HandshakeError(
      { code: 'upstream_reset', detail, mayHaveProcessed: true },
      endings.malformedReply,
    );
  }

  private errorOf(error: Error): HandshakeError {
    if (error instanceof HandshakeError) return error;
    const name = formatAddress(this.address);
    if (this.timedOut) {
      const detail = `${name} gave no connection within ${this.dial.connectTimeoutMs} ms`;
      return failed('connect_timeout', detail);
    }
    const reason = connectionErrorText(error, 'server');
    if (!this.connected) return failed('connect_failed', `${name} gave no connection: ${reason}`);
    const detail = `${name} closed without a reply to the upgrade: ${reason}`;
    // Servers close the connection on a handshake that they do not like.
    return new HandshakeError(
      { code: 'upstream_closed', detail, mayHaveProcessed: true },
      endings.connectionEnded,
    );
  }
}

function failed(code: ReplyErrorCode, detail: string): HandshakeError {
  return new HandshakeError({ code, detail, mayHaveProcessed: false }, endings.connectFailed, true);
}
