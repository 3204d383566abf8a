import { PassthroughCall } from '../call/passthrough-call.ts';
import type { ProxyContext } from '../call/plan.ts';
import type { Address } from '../core/address.ts';
import { formatAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { InternalErrors } from '../core/internal-errors.ts';
import { ListenError } from '../core/listen-error.ts';
import type { Logger } from '../core/logger.ts';
import { rateLimitedLogger } from '../core/rate-limited-logger.ts';
import { ClientSockets } from '../udp/client-sockets.ts';
import type { DatagramEvents } from '../udp/datagram-port.ts';
import type { DropReason } from '../udp/drops.ts';
import { openEndpointSocket } from '../udp/endpoint-socket.ts';
import { type ListeningSocket, openListeningSocket } from '../udp/listening-socket.ts';
import { UdpRelay, type UdpRelaySettings } from '../udp/relay.ts';
import type { UdpSessionOwner } from '../udp/session.ts';
import type { ConnectionSlots } from './connection-slots.ts';
import type { NetworkListener, NetworkListenerSettings, PreparedListener } from './network-listener.ts';
import { portSharers } from './port-sharers.ts';

export interface UdpListenerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly internalErrors: InternalErrors;
  /** Shared by all listeners: each session has a socket of its own. */
  readonly slots: ConnectionSlots;
  /** The listener's context of the moment. */
  context(): ProxyContext;
  /** What sessions are held to, of the moment. */
  settings(): UdpRelaySettings;
}

/** What the log says of datagrams that are dropped; reasons without a sentence are logged with the session that failed. */
const dropMessages: Partial<Record<DropReason, string>> = {
  session_limit: 'datagram of a new client dropped: the listener is at its limit (udp.maxSessions)',
  open_files: 'datagram dropped: no file descriptor or local port is left for a session (ulimit -n)',
  draining: 'datagram of a new client dropped: the listener is draining',
  queue_full: 'datagram dropped: the system does not send as fast as datagrams arrive',
  send_failed: 'datagram dropped: the system refused to send it; it may be too large for the network',
};

/** A listener with `protocol: udp`: one socket for all clients, and a session for each of their addresses and ports. */
export class UdpListener implements NetworkListener {
  settings: NetworkListenerSettings;
  readonly relay: UdpRelay;
  readonly connections = 0;
  readonly undelivered = 0;
  private readonly deps: UdpListenerDeps;
  private readonly logger: Logger;
  private socket: ListeningSocket | null = null;
  /** Of the sessions that go on when a successor has the address; no others have one. */
  private readonly clientSockets: ClientSockets;
  private readonly datagrams: DatagramEvents;

  constructor(settings: NetworkListenerSettings, deps: UdpListenerDeps) {
    this.settings = settings;
    this.deps = deps;
    this.logger = rateLimitedLogger(deps.logger, deps.clock);
    this.relay = new UdpRelay({
      clock: deps.clock,
      settings: deps.settings,
      internalErrors: deps.internalErrors,
      begin: (host, port) => this.begin(host, port),
      connect: (address, events) => openEndpointSocket(address, events, (socket) => deps.slots.hold(socket)),
      reply: (bytes, host, port) => this.reply(bytes, host, port),
      dropped: (reason) => this.logDrop(reason),
      left: (host, port) => this.clientSockets.close(host, port),
    });
    this.datagrams = {
      received: (bytes, host, port) => this.relay.received(bytes, host, port),
      failed: () => this.relay.dropped('send_failed'),
    };
    this.clientSockets = new ClientSockets(this.datagrams);
  }

  get address(): Address {
    const { socket } = this;
    if (socket === null) return this.settings.address;
    return { kind: 'tcp', host: socket.host, port: socket.port };
  }

  async listen(): Promise<Address> {
    const { name, address, shared } = this.settings;
    if (address.kind === 'unix') throw new ListenError(name, address, new Error('UDP has no socket files'));
    try {
      this.socket = await openListeningSocket(
        { host: address.host, port: address.port, shared },
        this.datagrams,
      );
    } catch (error) {
      throw new ListenError(name, address, error);
    }
    return this.address;
  }

  prepare(settings: NetworkListenerSettings): PreparedListener {
    return { settings };
  }

  apply({ settings }: PreparedListener): void {
    this.settings = settings;
  }

  announceShutdown(): void {
    // Nothing in UDP asks a client to go.
  }

  resume(): void {
    // Nothing was announced.
  }

  /**
   * On an address that a successor shares, the listening socket must close, or the kernel would give it datagrams of new clients:
   * sessions go on by sockets of their own. Otherwise it stays open for them, and datagrams of new clients are dropped.
   */
  async stopAccepting(): Promise<void> {
    const { socket, settings } = this;
    if (socket !== null && settings.shared && (portSharers(this.address, 'udp') ?? 1) > 1) {
      for (const { host, port } of this.relay.clients()) this.clientSockets.open(socket, host, port);
      // What waits in the socket is read first, new clients included: two turns, since one may have begun.
      for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
      for (const { host, port } of this.relay.clients())
        if (this.clientSockets.of(host, port) === null) this.clientSockets.open(socket, host, port);
      socket.close();
    }
    this.relay.drain();
  }

  shutdown(): void {
    this.relay.drain();
  }

  close(): void {
    this.relay.close();
    this.socket?.close();
    this.clientSockets.closeAll();
  }

  private reply(bytes: Buffer, host: string, port: number): boolean {
    const own = this.clientSockets.of(host, port);
    return own === null ? (this.socket?.reply(bytes, host, port) ?? false) : own.send(bytes, 0, '');
  }

  private begin(host: string, port: number): UdpSessionOwner {
    const call = new PassthroughCall('udp', () => this.deps.context(), { address: host, port });
    return {
      pick(mayRepeat) {
        const choice = call.choose(mayRepeat);
        if ('code' in choice) return choice;
        const { endpoint, answered, release } = choice;
        return { address: endpoint.target, shouldMove: () => call.shouldLeave(endpoint), answered, release };
      },
      ended: (outcome) => {
        call.ended(outcome);
        if (outcome.error === '') return;
        this.logger.warn('UDP session failed', {
          listener: this.settings.name,
          client: formatAddress({ kind: 'tcp', host, port }),
          cluster: call.record.cluster,
          endpoint: outcome.endpoint,
          code: outcome.error,
          reason: outcome.detail,
        });
      },
    };
  }

  private logDrop(reason: DropReason): void {
    const message = dropMessages[reason];
    if (message !== undefined) this.logger.warn(message, { listener: this.settings.name });
  }
}
