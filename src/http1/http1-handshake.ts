import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { type Address, formatAddress } from '../core/address.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { connectionErrorText } from '../core/connection-error.ts';
import { endings } from '../core/ending.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import { noteReasonPhrase } from '../core/reason-phrase.ts';
import type { ReplyErrorCode } from '../core/reply-error.ts';
import { dial } from '../transport/dial.ts';
import { OutputBuffer } from '../transport/output-buffer.ts';
import { watchTruncation } from '../transport/tls-truncation.ts';
import { interimRepliesMax } from './client-connection.ts';
import { HandshakeError } from './handshake.ts';
import type { HeadCache } from './head-cache.ts';
import type { HandshakeEvents } from './http2-proxy.ts';
import type { MessageError, MessageHead, MessageListener, ParserLimits } from './message.ts';
import { MessageParser } from './message-parser.ts';
import { writeRequestHead } from './message-writer.ts';
import { acceptOf } from './websocket-head.ts';

/** How an HTTP/1.1 endpoint is asked for a WebSocket. */
export interface Http1Dial {
  /** TLS toward it, with what name to verify (`endpointTls`), or null for cleartext. */
  readonly tls: ConnectionOptions | null;
  readonly connectTimeoutMs: number;
  /** For its reply. */
  readonly replyLimits: ParserLimits;
}

/**
 * A WebSocket handshake with an HTTP/1.1 endpoint (RFC 6455 section 4.1) on a connection of its own, which carries nothing
 * else, whatever the reply is.
 *
 *     connecting ──▶ waiting ──101──▶ over (the socket is http2-proxy's)
 *         │             └──another reply──▶ replying ──whole, broken off──▶ over
 *         └──no connection──▶ over
 */
export class Http1Handshake implements MessageListener {
  private readonly address: Address;
  private readonly dial: Http1Dial;
  private readonly clock: Clock;
  private readonly events: HandshakeEvents;
  private readonly parser: MessageParser;
  /** What the endpoint must answer the key of ours with; '' where the key is the client's, who checks that itself. */
  private readonly expectedAccept: string;
  private socket: Socket | null = null;
  private state: 'connecting' | 'waiting' | 'replying' | 'over' = 'connecting';
  private timer: Timer | null = null;
  private interimReplies = 0;
  /** The head of the 101. */
  private opened: HeaderBlock | null = null;
  /** The body of another reply. */
  private readonly body = new PassThrough();

  constructor(
    address: Address,
    settings: Http1Dial,
    clock: Clock,
    heads: HeadCache,
    ownKey: string,
    events: HandshakeEvents,
  ) {
    this.address = address;
    this.dial = settings;
    this.clock = clock;
    this.expectedAccept = ownKey === '' ? '' : acceptOf(ownKey);
    this.events = events;
    this.parser = new MessageParser('reply', 'http', settings.replyLimits, heads, this);
  }

  /** `head` is the request as the endpoint gets it; for `clientAddress` see `RequestHeadOptions`. */
  start(head: HeaderBlock, clientAddress: string | null): void {
    const { address } = this;
    const fallbackHost = address.kind === 'unix' ? 'localhost' : formatAddress(address);
    const out = new OutputBuffer();
    const words = writeRequestHead(out, head, 'none', 0, { fallbackHost, clientAddress, isWebSocket: true });
    if (words !== null) {
      const detail = `the request had ${words}`;
      const reply = { code: 'protocol_error', detail, mayHaveProcessed: false } as const;
      return this.fail(new HandshakeError(reply, endings.unsendable));
    }
    const request = Buffer.from(out.bytes.subarray(0, out.length));
    out.clear();
    this.connect(request);
  }

  /** The client has left, or has had what it was to get. */
  stop(): void {
    this.state = 'over';
    this.timer?.cancel();
    this.socket?.destroy();
  }

  private connect(request: Buffer): void {
    const { connectTimeoutMs, tls } = this.dial;
    const socket = dial(this.address, tls, null, 'http/1.1');
    this.socket = socket;
    this.timer = this.clock.after(connectTimeoutMs, () => {
      const detail = `${formatAddress(this.address)} gave no connection within ${connectTimeoutMs} ms`;
      this.fail(failed('connect_timeout', detail));
    });
    socket.once(tls === null ? 'connect' : 'secureConnect', () => {
      this.timer?.cancel();
      if (this.state === 'over') return;
      this.state = 'waiting';
      this.parser.expectReply('GET', true);
      socket.write(request);
    });
    watchTruncation(socket, () => this.onLost(new Error('the connection ended without close_notify')));
    socket.on('data', this.onData);
    socket.on('end', this.onEnd);
    socket.on('error', this.onLost);
    socket.on('close', this.onEnd);
  }

  private readonly onData = (bytes: Buffer): void => {
    const at = this.parser.receive(bytes, 0, bytes.length);
    if (this.opened !== null) this.switched(this.opened, bytes.subarray(at));
  };

  private readonly onEnd = (): void => {
    if (this.state !== 'over') this.parser.peerEnded();
    // Before the request has left, the end of the connection is none of a message.
    this.onLost(new Error('the connection closed'));
  };

  private readonly onLost = (error: Error): void => {
    if (this.state === 'over') return;
    const name = formatAddress(this.address);
    if (this.state === 'replying') return this.brokeOff();
    const reason = connectionErrorText(error, 'server');
    if (this.state === 'connecting')
      return this.fail(failed('connect_failed', `${name} gave no connection: ${reason}`));
    const detail = `${name} closed without a reply to the upgrade: ${reason}`;
    // Servers close the connection on a handshake that they do not like.
    const reply = { code: 'upstream_closed', detail, mayHaveProcessed: true } as const;
    this.fail(new HandshakeError(reply, endings.connectionEnded));
  };

  // What the parser says.

  head({ block, reasonPhrase, websocket }: MessageHead): void {
    if (this.state !== 'waiting') return;
    noteReasonPhrase(block, reasonPhrase, '');
    if (websocket) this.opened = block;
    else if (block.status < 200) {
      this.interimReplies++;
      if (this.interimReplies > interimRepliesMax)
        this.malformed(`over ${interimRepliesMax} interim replies`);
    } else {
      this.state = 'replying';
      this.body.on('drain', () => this.socket?.resume());
      this.events.replied(block, this.body);
    }
  }

  data(bytes: Uint8Array, start: number, end: number): void {
    if (this.state !== 'replying') return;
    if (!this.body.write(Buffer.from(bytes.subarray(start, end)))) this.socket?.pause();
  }

  end(): void {
    if (this.state !== 'replying') return;
    this.stop();
    this.body.end();
  }

  failed({ reason, words }: MessageError): void {
    if (this.state === 'over') return;
    // The loss of the connection is reported as such.
    if (reason === 'incomplete') return;
    if (this.state === 'replying') this.brokeOff();
    else this.malformed(words);
  }

  // How it ends.

  private switched(head: HeaderBlock, surplus: Buffer): void {
    const socket = this.socket!;
    this.opened = null;
    if (this.expectedAccept !== '' && head.get('sec-websocket-accept') !== this.expectedAccept)
      return this.malformed('a 101 whose sec-websocket-accept does not belong to the key');
    this.state = 'over';
    socket.off('data', this.onData).off('end', this.onEnd).off('close', this.onEnd);
    // `onLost` stays: http2-proxy stops listening when it is done, and an error after that must not throw.
    socket.pause();
    this.events.switched(head, socket, surplus);
  }

  private brokeOff(): void {
    this.stop();
    this.body.destroy(new Error('the reply broke off'));
  }

  private malformed(what: string): void {
    const detail = `${formatAddress(this.address)} sent ${what}`;
    const reply = { code: 'upstream_reset', detail, mayHaveProcessed: true } as const;
    this.fail(new HandshakeError(reply, endings.malformedReply));
  }

  private fail(error: HandshakeError): void {
    if (this.state === 'over') return;
    this.stop();
    this.events.failed(error);
  }
}

function failed(code: ReplyErrorCode, detail: string): HandshakeError {
  return new HandshakeError({ code, detail, mayHaveProcessed: false }, endings.connectFailed, true);
}
