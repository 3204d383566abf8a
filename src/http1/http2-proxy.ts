import { EventEmitter } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import http2Proxy from 'http2-proxy';
import { connectionErrorText } from '../core/connection-error.ts';

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
 *   relays a reply to an upgrade with the upstream's framing. Here it sees no field of the client's; heads are
 *   made by `upstream-request.ts` and `fields.ts`.
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

export interface WebSocketHooks {
  open(): ClientRequest;
  /** The upstream answered with something else than 101; relays it to the socket and ends that. */
  reply(message: IncomingMessage): void;
}

/**
 * Forwards a WebSocket handshake and then bytes both ways until either side ends. Resolves when the client's side
 * ended or the reply was relayed; rejects when the upstream failed or its side closed first. The upstream's socket is destroyed by
 * then, the client's is not.
 */
export function proxyWebSocket(socket: Socket, head: Buffer, hooks: WebSocketHooks): Promise<void> {
  const downstream = new Downstream('GET');
  downstream.headers.upgrade = 'websocket';
  return http2Proxy.ws(downstream, socket, head, {
    onReq: () => new RequestStandIn(hooks.open(), true),
    onRes: (_request, _reply, message) => hooks.reply(message),
  });
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
  /** http2-proxy ends a GET itself. */
  readonly method: 'GET' | '';
  private readonly request: ClientRequest;
  private message: IncomingMessage | null = null;
  private released = false;

  constructor(request: ClientRequest, upgrades = false) {
    super();
    this.request = request;
    this.method = upgrades ? 'GET' : '';
    request.on('socket', (socket) => this.emit('socket', socket));
    request.on('response', (message) => {
      this.message = message;
      this.emit('response', message);
    });
    request.on('error', (error) => this.fail(error));
    request.on('upgrade', (message, socket, head) => {
      if (upgrades) {
        this.emit('upgrade', message, socket, head);
        return;
      }
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
