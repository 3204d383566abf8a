import { EventEmitter } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import http2Proxy from 'http2-proxy';
import { connectionErrorText } from '../core/connection-error.ts';
import type { HeaderBlock } from '../core/header-block.ts';

/**
 * http2-proxy behind two typed functions, and the only place that knows it.
 *
 * It ties a request upstream to a request downstream: waits for the connection, tells apart how an attempt ended, and
 * takes both sides down together. What it must not do is kept from it by the stand-ins below:
 *
 * - **Body.** For GET, HEAD and OPTIONS it drops the body but leaves content-length, so that the upstream takes
 *   the next request on the pooled socket for the missing bytes. It decides that by the method of the request
 *   it is given, and pumps the body itself for the others. Here it sees a request without a method that never emits a
 *   body; `upstream-stream.ts` writes head and body for every method alike.
 * - **Heads.** It copies fields into a plain object (`__proto__`, repeats), adds a `forwarded` whose host is not quoted, and
 *   relays a reply to an upgrade with the upstream's framing. Here it sees no field of either side; heads are
 *   made by `upstream-request.ts`, `fields.ts` and `upgrade-client.ts`.
 * - **Trailers, back-pressure.** Replies go to `onReply`, not through its pipe.
 * - **The end of a reply.** It destroys a reply at any error of its request, with what nobody has read of it yet. Here it hears
 *   of no error that comes after the last byte of the reply: bytes behind that, or a reset.
 */

/** How an attempt that did not end well ended. */
export interface ProxyFailure {
  /** A plain phrase. */
  readonly message: string;
  /** From node, where there is one: ECONNREFUSED, ECONNRESET, HPE_…. */
  readonly code: string;
}

export interface WebHooks {
  /** Makes the request; called once, in a later microtask, and not at all after `cancel`. */
  open(): ClientRequest;
  reply(message: IncomingMessage): void;
  /** Once, unless cancelled or finished. The request and its socket are destroyed by then. */
  failed(failure: ProxyFailure): void;
}

export interface WebExchange {
  /** Both messages are through; node may keep the socket. */
  finish(): void;
  /** Destroys the request and its socket; nothing more is reported. */
  cancel(): void;
}

/** One exchange with an upstream. */
export function proxyWeb(hooks: WebHooks): WebExchange {
  const downstream = new Downstream('GET');
  const reply = new EventEmitter();
  let over = false;
  let stand: RequestStandIn | null = null;
  http2Proxy
    .web(downstream, reply, {
      onReq: async () => {
        // http2-proxy listens a few microtasks after it has the request. A request made in this tick could fail
        // (a Unix socket that is not there) before that; one made in a microtask cannot.
        await null;
        if (over) return new EventEmitter();
        stand = new RequestStandIn(hooks.open());
        return stand;
      },
      onRes: (_request, _reply, message) => {
        if (!over) hooks.reply(message);
      },
    })
    .catch((error: NodeJS.ErrnoException) => {
      if (over) return;
      over = true;
      stand?.destroy();
      hooks.failed({ message: connectionErrorText(error, 'server'), code: error.code ?? '' });
    });
  return {
    finish() {
      over = true;
      stand?.release();
      reply.emit('finish');
    },
    cancel() {
      over = true;
      stand?.destroy();
      // http2-proxy asks for this after it opened the request, and opens none if it is set before.
      downstream.aborted = true;
      reply.emit('close');
    },
  };
}

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
export function proxyWebSocket(client: Duplex, surplus: Buffer, hooks: WebSocketHooks): Promise<void> {
  const downstream = new Downstream('GET');
  downstream.headers.upgrade = 'websocket';
  const handshake = new HandshakeStandIn(client, hooks);
  return http2Proxy.ws(downstream, client, surplus, {
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
  aborted = false;
  readonly method: string;
  readonly url = '/';
  readonly httpVersion = '1.1';
  readonly headers: Record<string, string> = {};
  /** For its `forwarded` field, which is not used. */
  readonly socket = { localAddress: '', remoteAddress: '' };

  constructor(method: string) {
    super();
    this.method = method;
  }
  resume(): void {}
  pause(): void {}
}

/** The `ClientRequest` as http2-proxy sees it: its events, without a body to write. */
class RequestStandIn extends EventEmitter {
  readonly method = '';
  private readonly request: ClientRequest;
  private message: IncomingMessage | null = null;
  private released = false;

  constructor(request: ClientRequest) {
    super();
    this.request = request;
    request.on('socket', (socket) => this.emit('socket', socket));
    request.on('response', (message) => {
      this.message = message;
      this.emit('response', message);
    });
    request.on('error', (error) => this.fail(error));
    request.on('upgrade', (_message, socket) => {
      // Unasked for: web() would write the 101 to the client and tie the sockets together.
      socket.destroy();
      this.fail(Object.assign(new Error('it switched protocols unasked'), { code: 'HPE_PAUSED_UPGRADE' }));
    });
  }

  get socket(): Socket | null {
    return this.request.socket;
  }
  get reusedSocket(): boolean {
    return this.request.reusedSocket;
  }
  /** From here on `destroy` leaves the socket to the pool. */
  release(): void {
    this.released = true;
  }
  destroy(): void {
    if (!this.released) this.request.destroy();
  }

  end(): void {
    this.request.end();
  }

  private fail(error: Error): void {
    if (this.message?.complete) return;
    // http2-proxy listens until the exchange is over; an emitter without a listener would throw.
    if (this.listenerCount('error') > 0) this.emit('error', error);
  }
}
