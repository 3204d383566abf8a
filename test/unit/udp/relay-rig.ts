import type { Address } from '../../../src/core/address.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import type { Ending } from '../../../src/core/ending.ts';
import type { EndpointSocket, EndpointSocketEvents } from '../../../src/udp/endpoint-socket.ts';
import { UdpRelay, type UdpRelayOptions, type UdpRelaySettings } from '../../../src/udp/relay.ts';
import type { UdpOutcome, UdpRefusal, UdpSessionOwner } from '../../../src/udp/session.ts';

/** An endpoint in memory. */
export interface FakeEndpoint {
  readonly name: string;
  readonly address: Address;
  /** Sessions of other endpoints should not come here, and its own should leave where there is another. */
  usable: boolean;
  /** Nothing listens: each datagram is refused. */
  refuses: boolean;
  readonly sockets: FakeSocket[];
}

/** The socket of a session. */
export class FakeSocket implements EndpointSocket {
  readonly endpoint: FakeEndpoint;
  readonly events: EndpointSocketEvents;
  readonly sent: string[] = [];
  closed = false;
  full = false;

  constructor(endpoint: FakeEndpoint, events: EndpointSocketEvents) {
    this.endpoint = endpoint;
    this.events = events;
  }

  send(bytes: Buffer): boolean {
    if (this.closed) throw new Error('sent by a socket that is closed');
    if (this.full) return false;
    this.sent.push(bytes.toString());
    return true;
  }

  /** The endpoint sends a datagram. */
  answer(text: string): void {
    if (!this.closed) this.events.received(Buffer.from(text));
  }

  fail(code: string): void {
    if (!this.closed) this.events.failed(Object.assign(new Error(code), { code }));
  }

  close(): void {
    this.closed = true;
  }
}

export interface RelayRig {
  readonly clock: VirtualClock;
  readonly relay: UdpRelay;
  readonly endpoints: FakeEndpoint[];
  /** What clients got: `port text`. */
  readonly replies: string[];
  readonly outcomes: UdpOutcome[];
  /** How endpoints were released: `name outcome error`. */
  readonly released: string[];
  /** Endpoints whose lease has not ended, by name. */
  readonly leased: Map<string, number>;
  /** The client of this port sends. */
  send(port: number, text: string, host?: string): void;
  /** The latest socket. */
  socket(): FakeSocket;
  readonly sockets: FakeSocket[];
}

/** A relay over endpoints in memory, of which each session gets the next, on virtual time. */
export function relayRig(
  names: readonly string[] = ['a', 'b'],
  settings: Partial<UdpRelaySettings> = {},
  options: Partial<UdpRelayOptions> = {},
): RelayRig {
  const clock = new VirtualClock();
  const endpoints = names.map((name, i): FakeEndpoint => {
    const address: Address = { kind: 'tcp', host: '127.0.0.1', port: 1000 + i };
    return { name, address, usable: true, refuses: false, sockets: [] };
  });
  const replies: string[] = [];
  const outcomes: UdpOutcome[] = [];
  const released: string[] = [];
  const sockets: FakeSocket[] = [];
  const leased = new Map<string, number>();
  let turn = 0;

  function begin(): UdpSessionOwner {
    const used = new Set<FakeEndpoint>();
    return {
      pick(mayRepeat) {
        const usable = endpoints.filter((endpoint) => endpoint.usable);
        const fresh = usable.filter((endpoint) => !used.has(endpoint));
        const list = fresh.length > 0 || !mayRepeat ? fresh : usable;
        if (list.length === 0) return { code: 'no_healthy_endpoint', detail: 'none is usable' } as UdpRefusal;
        const endpoint = list[turn++ % list.length];
        used.add(endpoint);
        leased.set(endpoint.name, (leased.get(endpoint.name) ?? 0) + 1);
        return {
          address: endpoint.address,
          shouldMove: () => !endpoint.usable && endpoints.some((other) => other.usable),
          answered() {},
          release(ending: Ending, error) {
            leased.set(endpoint.name, leased.get(endpoint.name)! - 1);
            released.push(`${endpoint.name} ${ending.outcome} ${error}`.trimEnd());
          },
        };
      },
      ended: (outcome) => void outcomes.push(outcome),
    };
  }

  const relay = new UdpRelay({
    clock,
    settings: () => ({ sessionsMax: 100, idleTimeoutMs: 60_000, responses: 0, ...settings }),
    begin,
    connect(address, events) {
      const endpoint = endpoints.find((one) => one.address === address)!;
      const socket = new FakeSocket(endpoint, events);
      endpoint.sockets.push(socket);
      sockets.push(socket);
      return socket;
    },
    reply(bytes, _host, port) {
      replies.push(`${port} ${bytes}`);
      return true;
    },
    ...options,
  });
  return {
    clock,
    relay,
    endpoints,
    replies,
    outcomes,
    released,
    leased,
    sockets,
    send: (port, text, host = '10.0.0.9') => relay.received(Buffer.from(text), host, port),
    socket: () => sockets[sockets.length - 1],
  };
}
