import type { Address } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { InternalErrors } from '../core/internal-errors.ts';
import { type DropReason, UdpCounts } from './drops.ts';
import type { EndpointSocket, EndpointSocketEvents } from './endpoint-socket.ts';
import { IdleList } from './idle-list.ts';
import { Session, type SessionHost, type UdpSessionOwner } from './session.ts';

/** The settings of the moment: a reload may change them. */
export interface UdpRelaySettings {
  /** Sessions at the most, those that were replaced included. */
  readonly sessionsMax: number;
  /** Without a datagram either way. */
  readonly idleTimeoutMs: number;
  /** Datagrams that an endpoint sends for each datagram of the client; 0 where that is not known. */
  readonly responses: number;
}

export interface UdpRelayOptions {
  readonly clock: Clock;
  settings(): UdpRelaySettings;
  /** Returns who picks the endpoints of a new session. */
  begin(host: string, port: number): UdpSessionOwner;
  /** Opens a socket to an endpoint; null where no file descriptor is left. */
  connect(address: Address, events: EndpointSocketEvents): EndpointSocket | NodeJS.ErrnoException | null;
  /** Sends a datagram to a client. False where the queue is full. */
  reply(bytes: Buffer, host: string, port: number): boolean;
  /** A datagram is dropped; also counted. */
  dropped?(reason: DropReason): void;
  /** The last session of a client is over. */
  left?(host: string, port: number): void;
  /** Without it an exception of our own is thrown on. */
  readonly internalErrors?: InternalErrors;
}

/** How long a session that was replaced takes what its endpoint still sends, without a datagram, milliseconds. */
const replacedIdleMs = 5000;

const replacedDetail = 'the next datagram of the client went to another endpoint';

/** Layer 4: datagrams between clients and endpoints, one endpoint for each client address and port. */
export class UdpRelay implements SessionHost {
  readonly counts = new UdpCounts();
  private readonly options: UdpRelayOptions;
  /** By host, then by port: no text has to be made for a key of both. */
  private readonly byHost = new Map<string, Map<number, Session>>();
  private readonly current: IdleList<Session>;
  private readonly replaced: IdleList<Session>;
  private draining = false;

  constructor(options: UdpRelayOptions) {
    this.options = options;
    const { clock } = options;
    const idleTimeoutMs = (): number => options.settings().idleTimeoutMs;
    this.current = new IdleList(clock, idleTimeoutMs, (session) =>
      this.end(session, `idle for ${idleTimeoutMs()} ms`),
    );
    this.replaced = new IdleList(
      clock,
      () => Math.min(replacedIdleMs, idleTimeoutMs()),
      (session) => this.end(session, replacedDetail),
    );
  }

  /** Sessions that are not over. */
  get connections(): number {
    return this.current.size + this.replaced.size;
  }

  get ended(): number {
    return this.counts.ended;
  }

  get responses(): number {
    return this.options.settings().responses;
  }

  /** A datagram of a client. The bytes must not change any more. */
  received(bytes: Buffer, host: string, port: number): void {
    try {
      this.forward(bytes, host, port);
    } catch (error) {
      this.caught(error);
    }
  }

  /** Begins no new sessions; those there are go on to their own end. */
  drain(): void {
    this.draining = true;
  }

  /** Ends every session. */
  close(): void {
    this.draining = true;
    for (const session of [...this.current.all(), ...this.replaced.all()])
      session.finish('', 'the sidecar shut down');
  }

  connect(address: Address, events: EndpointSocketEvents): EndpointSocket | NodeJS.ErrnoException | null {
    return this.options.connect(address, {
      received: (bytes) => {
        try {
          events.received(bytes);
        } catch (error) {
          this.caught(error);
        }
      },
      failed: (failure) => {
        try {
          events.failed(failure);
        } catch (error) {
          this.caught(error);
        }
      },
    });
  }

  reply(session: Session, bytes: Buffer): void {
    this.listOf(session).touch(session);
    if (this.options.reply(bytes, session.host, session.port)) {
      this.counts.responseDatagrams++;
      this.counts.responseBytes += bytes.length;
    } else this.dropped('queue_full');
  }

  dropped(reason: DropReason): void {
    this.counts.dropped(reason);
    this.options.dropped?.(reason);
  }

  over(session: Session): void {
    this.counts.ended++;
    this.listOf(session).remove(session);
    if (!session.replaced) this.forget(session);
    const { host, port } = session;
    if (this.draining && !this.hasSession(host, port)) this.options.left?.(host, port);
  }

  /** Clients that have a session. */
  clients(): Array<{ readonly host: string; readonly port: number }> {
    return this.current.all().map(({ host, port }) => ({ host, port }));
  }

  private hasSession(host: string, port: number): boolean {
    return this.byHost.get(host)?.has(port) === true;
  }

  private forward(bytes: Buffer, host: string, port: number): void {
    let session = this.byHost.get(host)?.get(port) ?? null;
    if (session === null) session = this.beginNew(host, port);
    else if (session.shouldMove) session = this.replace(session);
    else this.current.touch(session);
    if (session === null || !session.forward(bytes)) return;
    this.counts.requestDatagrams++;
    this.counts.requestBytes += bytes.length;
  }

  /** A session for a client that has none; null where there may be none, and the datagram is dropped. */
  private beginNew(host: string, port: number): Session | null {
    if (this.draining) this.dropped('draining');
    else if (this.connections >= this.options.settings().sessionsMax) this.dropped('session_limit');
    else return this.begin(host, port);
    return null;
  }

  private begin(host: string, port: number): Session {
    const session = new Session(host, port, this.options.begin(host, port), this);
    let ofHost = this.byHost.get(host);
    if (ofHost === undefined) {
      ofHost = new Map();
      this.byHost.set(host, ofHost);
    }
    ofHost.set(port, session);
    this.current.add(session);
    this.counts.sessions++;
    return session;
  }

  /** Another session for the same client. What the endpoint of the first still sends reaches the client, if there is room for both. */
  private replace(session: Session): Session {
    if (this.connections >= this.options.settings().sessionsMax) session.finish('', replacedDetail);
    else {
      this.current.remove(session);
      this.forget(session);
      session.replaced = true;
      this.replaced.add(session);
    }
    return this.begin(session.host, session.port);
  }

  private end(session: Session, detail: string): void {
    try {
      session.finish('', detail);
    } catch (error) {
      this.caught(error);
    }
  }

  private listOf(session: Session): IdleList<Session> {
    return session.replaced ? this.replaced : this.current;
  }

  private forget({ host, port }: Session): void {
    const ofHost = this.byHost.get(host);
    if (ofHost === undefined) return;
    ofHost.delete(port);
    if (ofHost.size === 0) this.byHost.delete(host);
  }

  private caught(error: unknown): void {
    const { internalErrors } = this.options;
    if (internalErrors === undefined) throw error;
    internalErrors.caught('udp', error);
    this.dropped('internal_error');
  }
}
