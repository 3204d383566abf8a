import type { Draw } from './draw.ts';
import type { SimClock } from './sim-clock.ts';
import { type Path, SimSocket } from './sim-socket.ts';
import type { Trace } from './trace.ts';

/** Someone who accepts connections at an address. */
export interface Host {
  /** `down` refuses, `mute` takes no notice: a connect there ends only by its timeout. */
  state: 'up' | 'down' | 'mute';
  accept(socket: SimSocket): void;
}

/** Both ends of a connection. */
export interface Link {
  readonly name: string;
  readonly client: SimSocket;
  readonly server: SimSocket;
}

/** Addresses, connections between them, and the weather. */
export class SimNetwork {
  readonly hosts = new Map<string, Host>();
  /** Connections that were made and are not known to be over. */
  readonly links: Link[] = [];
  private readonly clock: SimClock;
  private readonly draw: Draw;
  private readonly trace: Trace;
  private ports = 40_000;
  private readonly tampers: boolean;

  /** `tampers`: bytes arrive in pieces of any size, sometimes late. */
  constructor(clock: SimClock, draw: Draw, trace: Trace, tampers: boolean) {
    this.clock = clock;
    this.draw = draw;
    this.trace = trace;
    this.tampers = tampers;
  }

  dial(address: string): SimSocket {
    const port = this.ports++;
    const path = this.newPath();
    const client = new SimSocket(this.clock, path, { port: 0, allowHalfOpen: false, connected: false });
    this.clock.at(path.latencyMs(), () => {
      const host = this.hosts.get(address);
      if (host?.state === 'mute') return;
      if (host === undefined || host.state === 'down') return client.reset('ECONNREFUSED');
      if (client.destroyed) return;
      const name = `${port}>${address}`;
      const server = new SimSocket(this.clock, this.newPath(), {
        port,
        allowHalfOpen: true,
        connected: true,
      });
      server.peer = client;
      this.links.push({ name, client, server });
      this.trace.note(`connected ${name}`);
      client.connect(server);
      host.accept(server);
    });
    return client;
  }

  /** Connections that still carry something. */
  alive(): Link[] {
    return this.links.filter(({ client, server }) => !client.destroyed && !server.destroyed);
  }

  newPath(): Path {
    const { draw } = this;
    const tampers = this.tampers && draw.percent(60);
    const [low, high] = draw.of([
      [1, 1],
      [1, 5],
      [1, 30],
      [10, 300],
    ] as const);
    const pieceMax = tampers ? draw.size(1, 65_536) : 65_536;
    return {
      // In steps of 0.1 ms, so that reads of several sockets fall into one turn as they do in an event loop.
      latencyMs: () => draw.int(low, high) / 10,
      pieceBytes: (available) => {
        if (!tampers || draw.percent(30)) return Math.min(available, 65_536);
        return Math.min(available, draw.size(1, pieceMax));
      },
    };
  }
}
