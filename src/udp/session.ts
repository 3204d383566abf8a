import type { Address } from '../core/address.ts';
import { formatAddress } from '../core/address.ts';
import { connectionErrorText } from '../core/connection-error.ts';
import { type Ending, endings } from '../core/ending.ts';
import type { ReplyErrorCode } from '../core/reply-error.ts';
import type { DropReason } from './drops.ts';
import type { EndpointSocket, EndpointSocketEvents } from './endpoint-socket.ts';
import type { IdleEntry } from './idle-list.ts';

/** The endpoint that was picked for a session, counted as active until `release`. */
export interface UdpTarget {
  readonly address: Address;
  /** The endpoint cannot be used any more, and another one can. */
  shouldMove(): boolean;
  /** The endpoint sent its first datagram. */
  answered(): void;
  /** Once, when the endpoint is done with; `error` is a code of the table where it failed, else '', and `detail` a sentence. */
  release(ending: Ending, error: ReplyErrorCode | '', detail: string): void;
}

/** Why a session gets no endpoint. */
export interface UdpRefusal {
  readonly code: ReplyErrorCode;
  readonly detail: string;
}

/** How a session went, for logs and metrics. */
export interface UdpOutcome {
  /** `formatAddress` of the endpoint last used, '' where none was. */
  readonly endpoint: string;
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  readonly datagramsFromClient: number;
  readonly datagramsToClient: number;
  /** A code of the table where something failed, else ''. */
  readonly error: ReplyErrorCode | '';
  readonly detail: string;
  readonly endedBy: 'upstream' | 'outrigger';
}

/** Who a session belongs to: picks its endpoints and keeps its record. */
export interface UdpSessionOwner {
  /** An endpoint that this session has not used; `mayRepeat` allows one that it has where there is no other. */
  pick(mayRepeat: boolean): UdpTarget | UdpRefusal;
  /** Once, when the session is over. */
  ended(outcome: UdpOutcome): void;
}

/** What a session needs of its relay; an interface so that the two files do not import each other. */
export interface SessionHost {
  /** Datagrams that an endpoint sends for each datagram of the client; 0 where that is not known. */
  readonly responses: number;
  /** Null where no file descriptor or port is left. */
  connect(address: Address, events: EndpointSocketEvents): EndpointSocket | NodeJS.ErrnoException | null;
  /** Sends a datagram of the endpoint to the client of the session. */
  reply(session: Session, bytes: Buffer): void;
  dropped(reason: DropReason): void;
  /** The session is over and has left nothing open. */
  over(session: Session): void;
}

/** Endpoints that one session may use, one after the other; the next datagram begins another session. */
export const endpointAttemptsMax = 3;

/**
 * A datagram is kept until the endpoint sends one, to be sent to another endpoint where the first refuses it. The size is that of
 * a DNS query or a log line, not that of a file: thousands of sessions may keep one.
 */
const keptBytesMax = 2048;

/** Errors that are about the endpoint or the way to it; any other is about the datagram or this machine. */
const endpointErrors = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENOTFOUND',
  'EADDRNOTAVAIL',
]);
const localErrors = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRINUSE', 'EAGAIN']);

/**
 * The datagrams between one client address and port and one endpoint.
 *
 *     idle ──datagram of the client──▶ open ──idle timeout, all responses, shutdown──▶ over
 *      ▲                                │
 *      └── the endpoint refused ────────┘   (over after `endpointAttemptsMax`)
 *
 * An endpoint that says nothing has not failed: many protocols have no replies. One that refuses (ICMP port unreachable) has.
 */
export class Session implements IdleEntry<Session>, EndpointSocketEvents {
  readonly host: string;
  readonly port: number;
  lastMs = 0;
  earlier: Session | null = null;
  later: Session | null = null;
  /** The next datagram of its client begins another session; this one only takes what its endpoint still sends. */
  replaced = false;
  private readonly relay: SessionHost;
  private readonly owner: UdpSessionOwner;
  private target: UdpTarget | null = null;
  private socket: EndpointSocket | null = null;
  private attempts = 0;
  private endpoint = '';
  /** The latest datagram, while it may have to be sent to another endpoint. */
  private kept: Buffer | null = null;
  private datagramsFromClient = 0;
  private datagramsToClient = 0;
  private bytesFromClient = 0;
  private bytesToClient = 0;
  private done = false;

  constructor(host: string, port: number, owner: UdpSessionOwner, relay: SessionHost) {
    this.host = host;
    this.port = port;
    this.owner = owner;
    this.relay = relay;
  }

  get shouldMove(): boolean {
    return this.target?.shouldMove() === true;
  }

  /** A datagram of the client. False where it is dropped. */
  forward(bytes: Buffer): boolean {
    if (this.socket === null && !this.open(true)) return false;
    this.datagramsFromClient++;
    this.bytesFromClient += bytes.length;
    this.kept = bytes.length <= keptBytesMax ? bytes : null;
    if (this.socket!.send(bytes)) return true;
    this.relay.dropped('queue_full');
    return false;
  }

  /** A datagram of the endpoint. */
  received(bytes: Buffer): void {
    if (this.done) return;
    if (this.datagramsToClient === 0) this.target?.answered();
    this.datagramsToClient++;
    this.bytesToClient += bytes.length;
    this.kept = null;
    this.relay.reply(this, bytes);
    const { responses } = this.relay;
    if (responses > 0 && this.datagramsToClient >= responses * this.datagramsFromClient)
      this.finish('', '', 'upstream');
  }

  failed(error: NodeJS.ErrnoException): void {
    if (this.done) return;
    if (!endpointErrors.has(error.code ?? '')) return this.relay.dropped('send_failed');
    const { kept } = this;
    const detail = `${this.endpoint} refused a datagram: ${connectionErrorText(error, 'server')}`;
    this.leaveEndpoint(endings.connectFailed, 'connect_failed', detail);
    const isLast = this.attempts >= endpointAttemptsMax;
    if (kept === null || isLast) this.relay.dropped('endpoint_refused');
    if (isLast) return this.finish('connect_failed', detail);
    if (kept === null) return;
    // The datagram reached nobody. Where there is no other endpoint, its client sends the next one.
    if (!this.open(false)) return;
    this.kept = kept;
    if (!this.socket!.send(kept)) this.relay.dropped('queue_full');
  }

  finish(error: ReplyErrorCode | '', detail: string, endedBy: UdpOutcome['endedBy'] = 'outrigger'): void {
    if (this.done) return;
    this.done = true;
    this.leaveEndpoint(this.datagramsToClient > 0 ? endings.answered : endings.silent, '', '');
    this.relay.over(this);
    this.owner.ended({
      endpoint: this.endpoint,
      bytesFromClient: this.bytesFromClient,
      bytesToClient: this.bytesToClient,
      datagramsFromClient: this.datagramsFromClient,
      datagramsToClient: this.datagramsToClient,
      error,
      detail,
      endedBy,
    });
  }

  /** False where no endpoint can get the datagram: it is dropped. */
  private open(mayRepeat: boolean): boolean {
    this.attempts++;
    const target = this.owner.pick(mayRepeat);
    if ('code' in target) {
      // What is refused to a datagram that is sent again was refused by the endpoint before it.
      this.relay.dropped(
        !mayRepeat ? 'endpoint_refused' : target.code === 'overloaded' ? 'overloaded' : 'no_endpoint',
      );
      if (mayRepeat) this.finish(target.code, target.detail);
      return false;
    }
    this.target = target;
    this.endpoint = formatAddress(target.address);
    const socket = this.relay.connect(target.address, this);
    if (socket !== null && 'send' in socket) {
      this.socket = socket;
      return true;
    }
    this.notConnected(socket);
    return false;
  }

  private notConnected(error: NodeJS.ErrnoException | null): void {
    if (error === null || localErrors.has(error.code ?? '')) {
      this.relay.dropped('open_files');
      this.leaveEndpoint(endings.overloaded, 'overloaded', 'no socket for the endpoint is left');
      return this.finish('overloaded', 'no socket for the endpoint is left');
    }
    const detail = `${this.endpoint} cannot be reached: ${error.message}`;
    this.relay.dropped('endpoint_refused');
    this.leaveEndpoint(endings.connectFailed, 'connect_failed', detail);
    this.finish('connect_failed', detail);
  }

  private leaveEndpoint(ending: Ending, error: ReplyErrorCode | '', detail: string): void {
    const { target, socket } = this;
    this.target = null;
    this.socket = null;
    this.kept = null;
    socket?.close();
    target?.release(ending, error, detail);
  }
}
