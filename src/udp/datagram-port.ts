import type { Socket } from 'node:dgram';
import { getSystemErrorName } from 'node:util';

/** What a socket reports. Datagrams and errors that come after `close` are not reported. */
export interface DatagramEvents {
  received(bytes: Buffer, host: string, port: number): void;
  /** A datagram was not sent, or the peer of a connected socket refused an earlier one (ICMP). */
  failed(error: NodeJS.ErrnoException): void;
}

/** A bound UDP socket, to send and receive datagrams at the least cost. */
export interface DatagramPort {
  /**
   * Sends the datagram, or queues it; false where `queuedBytesMax` bytes wait. Where `failed` is called, that may be before this
   * returns. The bytes must not change any more. A connected socket has one peer, and takes no port and host.
   */
  send(bytes: Buffer, port: number, host: string): boolean;
  close(): void;
}

/**
 * Node's handle of a UDP socket. `Socket.send` makes an object for each datagram and looks at each of its arguments; without
 * it, and without events, a datagram costs a fifth less (`test/bench/udp/`). This is no public API of Node: where a release
 * has another one, `datagramPort` uses `Socket.send`.
 */
interface UdpHandle {
  onmessage(read: number, handle: UdpHandle, bytes: Buffer, from: { address: string; port: number }): void;
  /** To the peer of a connected socket. Returns the size and 1, 0 where the datagram waits, or a negative error number. */
  send(request: object, list: readonly Buffer[], count: number, hasCallback: boolean): number;
  send(
    request: object,
    list: readonly Buffer[],
    count: number,
    port: number,
    host: string,
    hasCallback: boolean,
  ): number;
}

interface SendRequest {
  /** Kept from the garbage collector. */
  list?: Buffer;
}

type RequestClass = new () => SendRequest;

/** Takes over a socket that is bound, and connected where it is `connected`. `direct: false` is for tests. */
export function datagramPort(
  socket: Socket,
  connected: boolean,
  queuedBytesMax: number,
  events: DatagramEvents,
  direct = true,
): DatagramPort {
  const handle = direct ? handleOf(socket) : null;
  const request = handle === null ? null : requestClass(socket, handle, connected);
  return handle !== null && request !== null
    ? new DirectPort(socket, handle, request, connected, queuedBytesMax, events)
    : new SocketPort(socket, connected, queuedBytesMax, events);
}

class DirectPort implements DatagramPort {
  private readonly socket: Socket;
  private readonly handle: UdpHandle;
  private readonly requestClass: RequestClass;
  private readonly connected: boolean;
  private readonly queuedBytesMax: number;
  private readonly events: DatagramEvents;
  /** Of use until a datagram waits, which takes it along. */
  private request: SendRequest;
  /** Of the datagram that is sent: the handle takes a list. */
  private readonly list: Buffer[] = [Buffer.alloc(0)];
  /** A datagram had to wait, and may still. */
  private queued = false;
  private closed = false;

  constructor(
    socket: Socket,
    handle: UdpHandle,
    request: RequestClass,
    connected: boolean,
    queuedBytesMax: number,
    events: DatagramEvents,
  ) {
    this.socket = socket;
    this.handle = handle;
    this.requestClass = request;
    this.request = new request();
    this.connected = connected;
    this.queuedBytesMax = queuedBytesMax;
    this.events = events;
    socket.on('error', (error) => {
      if (!this.closed) events.failed(error);
    });
    handle.onmessage = (read, _handle, bytes, from) => {
      if (this.closed) return;
      if (read < 0) events.failed(systemError(read));
      else events.received(bytes, from.address, from.port);
    };
  }

  send(bytes: Buffer, port: number, host: string): boolean {
    if (this.closed || (this.queued && !this.hasRoom(bytes))) return false;
    const { handle, request, list } = this;
    list[0] = bytes;
    const result = this.connected
      ? handle.send(request, list, 1, false)
      : handle.send(request, list, 1, port, host, false);
    if (result > 0) return true;
    if (result === 0) {
      this.queued = true;
      // The system reads the bytes later; the request lives until it has.
      request.list = bytes;
      this.request = new this.requestClass();
    } else this.events.failed(systemError(result));
    return true;
  }

  private hasRoom(bytes: Buffer): boolean {
    const waiting = this.socket.getSendQueueSize();
    if (waiting === 0) this.queued = false;
    return waiting + bytes.length <= this.queuedBytesMax;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.socket.close();
  }
}

class SocketPort implements DatagramPort {
  private readonly socket: Socket;
  private readonly connected: boolean;
  private readonly queuedBytesMax: number;
  private closed = false;
  /** Datagrams that Node has not reported as sent. It reports nearly every one before the next one arrives. */
  private pending = 0;
  private readonly sent: (error: NodeJS.ErrnoException | null) => void;

  constructor(socket: Socket, connected: boolean, queuedBytesMax: number, events: DatagramEvents) {
    this.socket = socket;
    this.connected = connected;
    this.queuedBytesMax = queuedBytesMax;
    this.sent = (error) => {
      this.pending--;
      if (error !== null && !this.closed) events.failed(error);
    };
    socket.on('message', (bytes, from) => {
      if (!this.closed) events.received(bytes, from.address, from.port);
    });
    socket.on('error', (error) => {
      if (!this.closed) events.failed(error);
    });
  }

  send(bytes: Buffer, port: number, host: string): boolean {
    const { socket, sent } = this;
    if (this.closed) return false;
    if (this.pending > 0 && socket.getSendQueueSize() + bytes.length > this.queuedBytesMax) return false;
    this.pending++;
    if (this.connected) socket.send(bytes, sent);
    else socket.send(bytes, port, host, sent);
    return true;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.socket.close();
  }
}

/** The key of a socket's state, which holds its handle; null until it was found. */
let stateKey: symbol | null = null;

function handleOf(socket: Socket): UdpHandle | null {
  const states = socket as unknown as Record<symbol, { readonly handle?: Partial<UdpHandle> } | undefined>;
  stateKey ??= Object.getOwnPropertySymbols(socket).find((key) => states[key]?.handle !== undefined) ?? null;
  const handle = stateKey === null ? undefined : states[stateKey]?.handle;
  const isKnown = typeof handle?.send === 'function' && typeof handle.onmessage === 'function';
  return isKnown ? (handle as UdpHandle) : null;
}

/** The class of the object that the handle takes with each datagram; null until it was found. */
let knownRequestClass: RequestClass | null = null;

/** Node keeps the class to itself: a datagram that is not sent shows it. */
function requestClass(socket: Socket, handle: UdpHandle, connected: boolean): RequestClass | null {
  if (knownRequestClass !== null) return knownRequestClass;
  const own = handle as unknown as { send?: unknown };
  own.send = (request: object): number => {
    if (request.constructor !== Object) knownRequestClass = request.constructor as RequestClass;
    return 1;
  };
  try {
    if (connected) socket.send(Buffer.alloc(0));
    else socket.send(Buffer.alloc(0), 9, '127.0.0.1');
  } finally {
    delete own.send;
  }
  return knownRequestClass;
}

function systemError(number: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(number);
  return Object.assign(new Error(code), { code });
}
