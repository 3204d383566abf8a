import type { HeaderBlock } from '../../../src/core/header-block.ts';
import type { MessageStream, StreamFailure, StreamReceiver } from '../../../src/core/message-stream.ts';
import { HeadCache } from '../../../src/http1/head-cache.ts';
import type { MessageError } from '../../../src/http1/message.ts';
import { ServerConnection } from '../../../src/http1/server-connection.ts';
import type { Tunnel, TunnelReceiver } from '../../../src/http1/tunnel.ts';

/** One request as its handler hears it. */
export class HeardRequest implements StreamReceiver {
  readonly stream: MessageStream;
  readonly requestHead: HeaderBlock;
  body = '';
  ended: boolean;
  requestTrailers: HeaderBlock | null = null;
  failure: StreamFailure | null = null;
  sentBytes = 0;
  /** Bytes of the body for which no credit was given. */
  unconsumed = 0;
  consumesAtOnce = true;
  onEnd: () => void = () => {};

  constructor(stream: MessageStream, head: HeaderBlock, end: boolean) {
    this.stream = stream;
    this.requestHead = head;
    this.ended = end;
    stream.receiver = this;
  }

  head(): void {}
  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.body += Buffer.from(bytes.subarray(start, end)).toString('latin1');
    this.unconsumed += end - start;
    if (this.consumesAtOnce) this.consume();
    if (!last) return;
    this.ended = true;
    this.onEnd();
  }
  trailers(trailers: HeaderBlock): void {
    this.requestTrailers = trailers;
    this.ended = true;
    this.onEnd();
  }
  sent(bytes: number): void {
    this.sentBytes += bytes;
  }
  failed(failure: StreamFailure): void {
    this.failure = failure;
  }
  consume(): void {
    const bytes = this.unconsumed;
    this.unconsumed = 0;
    if (bytes > 0) this.stream.consumed(bytes);
  }
  say(text: string, last: boolean): void {
    const bytes = Buffer.from(text, 'latin1');
    this.stream.data(bytes, 0, bytes.length, last);
    bytes.fill(0x21); // Whoever keeps bytes must have copied them.
  }
}

export interface HeardTunnel extends TunnelReceiver {
  readonly tunnel: Tunnel;
  heard: string;
  isEnded: boolean;
  failure: StreamFailure | null;
  sentBytes: number;
}

export interface RigOptions {
  onRequest?: (request: HeardRequest) => void;
  fieldsMax?: number;
  scheme?: 'http' | 'https';
}

/** A server connection in memory; what a socket would do are methods. */
export class ServerRig {
  readonly connection: ServerConnection;
  readonly requests: HeardRequest[] = [];
  readonly tunnels: HeardTunnel[] = [];
  readonly refused: MessageError[] = [];
  /** What reached the client. */
  text = '';
  /** How the connection ended; '' while it has not. */
  end: '' | 'good' | 'bad' | 'aborted' = '';
  readonly events: string[] = [];
  activeNow = 0;
  readableCount = 0;
  dirty = false;
  nowMs = 0;

  constructor({ onRequest, fieldsMax = 100, scheme = 'http' }: RigOptions = {}) {
    this.connection = new ServerConnection(
      {
        scheme,
        limits: { headBytesMax: 16_384, fieldsMax, chunkExtensionBytesMax: 1024 },
        heads: new HeadCache(),
        date: { value: '' },
      },
      {
        written: () => {
          this.dirty = true;
        },
        flush: () => {
          this.dirty = true;
        },
        readable: () => {
          this.readableCount++;
        },
        ended: (inGoodOrder) => {
          this.end = inGoodOrder ? 'good' : 'bad';
          this.dirty = true;
        },
        aborted: () => {
          this.end = 'aborted';
          this.dirty = true;
        },
      },
      {
        stream: (stream, head, end) => {
          const request = new HeardRequest(stream, head, end);
          this.requests.push(request);
          onRequest?.(request);
        },
        tunnel: (_head, tunnel) => void this.tunnels.push(hear(tunnel)),
        refused: (error) => void this.refused.push(error),
        activity: () => {
          this.activeNow = this.connection.active;
        },
        halfClosed: () => void this.events.push('halfClosed'),
        discarding: () => void this.events.push('discarding'),
        ended: () => void this.events.push('ended'),
      },
    );
  }

  /** Bytes from the client. */
  say(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.connection.receive(bytes, 0, bytes.length, this.nowMs);
    bytes.fill(0x21);
  }

  /** One turn of the event loop: what was written goes to the client. */
  flush(accepted = true): void {
    if (!this.dirty) return;
    this.dirty = false;
    const { connection } = this;
    connection.beginFlush();
    const { out } = connection;
    if (out.length === 0) return;
    this.text += out.bytes.toString('latin1', 0, out.length);
    out.clear();
    if (!accepted) connection.setTransportReady(false);
    connection.flushed();
  }

  /** Turns until nothing is left to write. */
  settle(): void {
    while (this.dirty) this.flush();
  }
}

function hear(tunnel: Tunnel): HeardTunnel {
  const heard: HeardTunnel = {
    tunnel,
    heard: '',
    isEnded: false,
    failure: null,
    sentBytes: 0,
    data(bytes, start, end, last) {
      heard.heard += Buffer.from(bytes.subarray(start, end)).toString('latin1');
      if (last) heard.isEnded = true;
    },
    sent(bytes) {
      heard.sentBytes += bytes;
    },
    failed(failure) {
      heard.failure = failure;
    },
  };
  tunnel.receiver = heard;
  return heard;
}
