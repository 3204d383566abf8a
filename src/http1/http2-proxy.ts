import { EventEmitter } from 'node:events';
import type { Duplex, Readable } from 'node:stream';
import http2Proxy from 'http2-proxy';
import type { HeaderBlock } from '../core/header-block.ts';

/**
 * The WebSocket part of http2-proxy behind a typed function, and the only place that knows it. It ties the handshake of a client
 * to one with an endpoint: waits for its end, tells apart how it ended, forwards bytes both ways, and takes both sides down
 * together. It sees no field of either side: it would copy them into a plain object (`__proto__`, repeats), add a `forwarded`
 * whose host is not quoted, and relay a reply to an upgrade with the framing of the endpoint. Heads are made by
 * `message-writer.ts` and `upgrade-client.ts`.
 */

/** What the client sent behind its handshake is still to be read from its side. */
const nothing = Buffer.alloc(0);

/** What the endpoint makes of a handshake; each is called at most once. */
export interface HandshakeEvents {
  /** It opens the WebSocket. `head` has `:status` 101; `surplus` came behind it. */
  switched(head: HeaderBlock, upstream: Duplex, surplus: Buffer): void;
  /** It declines; `body` is that of its reply. */
  replied(head: HeaderBlock, body: Readable): void;
  failed(error: Error): void;
}

export interface WebSocketHooks {
  /** Begins the handshake with the endpoint; returns what stops it. */
  open(events: HandshakeEvents): () => void;
  /** The WebSocket is open: sends the client the head of the reply. Bytes follow both ways, unless this throws. */
  switched(head: HeaderBlock, upstream: Duplex): void;
  /** Relays a reply that declines, and ends the client's side behind it. */
  replied(head: HeaderBlock, body: Readable): void;
}

/**
 * Forwards a WebSocket handshake and then bytes both ways until either side ends. Resolves when the client's side
 * ended or the reply was relayed; rejects when the upstream failed or its side closed first. The upstream's side is destroyed by
 * then, the client's is not.
 */
export function proxyWebSocket(client: Duplex, hooks: WebSocketHooks): Promise<void> {
  const downstream = new Downstream();
  downstream.headers.upgrade = 'websocket';
  const handshake = new HandshakeStandIn(client, hooks);
  return http2Proxy.ws(downstream, client, nothing, {
    onReq: () => handshake,
    onRes: () => handshake.relay(),
  });
}

/** A handshake as http2-proxy sees it: a request that is connected, so that it begins when http2-proxy listens to all its events. */
class HandshakeStandIn extends EventEmitter {
  readonly method = 'GET';
  readonly socket = { connecting: false };
  private readonly client: Duplex;
  private readonly hooks: WebSocketHooks;
  private stop = (): void => {};
  private reply: { readonly head: HeaderBlock; readonly body: Readable } | null = null;

  constructor(client: Duplex, hooks: WebSocketHooks) {
    super();
    this.client = client;
    this.hooks = hooks;
  }

  end(): void {
    // Who left before http2-proxy listened would never be missed, and the endpoint be held for nobody.
    if (this.client.destroyed) return this.fail(new Error('the client has left'));
    this.stop = this.hooks.open({
      switched: (head, upstream, surplus) => this.switched(head, upstream, surplus),
      replied: (head, body) => {
        this.reply = { head, body };
        this.emit('response', Object.assign(body, { headers: {} }));
      },
      failed: (error) => this.fail(error),
    });
  }

  destroy(): void {
    this.stop();
  }

  relay(): void {
    this.hooks.replied(this.reply!.head, this.reply!.body);
  }

  private switched(head: HeaderBlock, upstream: Duplex, surplus: Buffer): void {
    try {
      this.hooks.switched(head, upstream);
    } catch (error) {
      upstream.destroy();
      return this.fail(error as Error);
    }
    // The one thing that http2-proxy writes itself is a head of a 101 made of an object of headers.
    const { client } = this;
    Object.assign(client, { write: () => true });
    try {
      this.emit('upgrade', { headers: {} }, upstream, surplus);
    } finally {
      delete (client as Partial<Duplex>).write;
    }
  }

  private fail(error: Error): void {
    // http2-proxy listens until the handshake is over; an emitter without a listener would throw.
    if (this.listenerCount('error') > 0) this.emit('error', error);
  }
}

/** The request that http2-proxy believes it forwards: no fields, no body. */
class Downstream extends EventEmitter {
  readonly method = 'GET';
  readonly url = '/';
  readonly httpVersion = '1.1';
  readonly headers: Record<string, string> = {};
  /** For its `forwarded` field, which is not used. */
  readonly socket = { localAddress: '', remoteAddress: '' };

  resume(): void {}
  pause(): void {}
}
