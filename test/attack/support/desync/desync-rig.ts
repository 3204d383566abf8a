import net from 'node:net';
import { expect } from 'chai';
import { blame } from '../../../e2e/blame-rig.ts';
import { type ConfigShape, type Sidecar, startSidecar } from '../../../support/sidecar.ts';
import { until } from '../../../support/until.ts';
import { RecordingUpstream } from './recording-upstream.ts';
import type { Piece } from './rows.ts';

export interface DesyncRig {
  readonly sidecar: Sidecar;
  readonly upstream: RecordingUpstream;
  /** Connects, by default to the sidecar of the rig; closed after the test. */
  client(target?: string): RawClient;
  /** Nothing is held against the endpoint, and no request is counted as in flight. */
  expectUnblamed(): Promise<void>;
}

/** A listener in front of one HTTP/1.1 endpoint; what is in `cluster` is laid over its cluster. */
export function recordedConfig(address: string, cluster: Record<string, unknown> = {}): ConfigShape {
  const denied = { name: 'denied', match: { pathPrefix: '/denied' }, respond: { status: 403 } };
  const routes = [denied, { name: 'all', cluster: 'recorded' }];
  const recorded = { name: 'recorded', protocol: 'http1', health: 'none', endpoints: [{ address }] };
  return {
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes }],
    clusters: [{ ...recorded, ...cluster }],
  };
}

/** A sidecar in front of one HTTP/1.1 endpoint that records what it gets, for a whole `describe`; to be called within it. */
export function desyncRig(cluster: Record<string, unknown> = {}): DesyncRig {
  let sidecar: Sidecar | null = null;
  let upstream: RecordingUpstream | null = null;
  const clients: RawClient[] = [];
  before(async () => {
    upstream = await new RecordingUpstream().start();
    sidecar = await startSidecar(recordedConfig(upstream.address, cluster));
  });
  beforeEach(() => upstream!.reset());
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
  });
  after(async () => {
    await sidecar?.stop();
    await upstream?.close();
  });
  return {
    get sidecar() {
      return sidecar!;
    },
    get upstream() {
      return upstream!;
    },
    client(target = sidecar!.target()) {
      const client = new RawClient(target);
      clients.push(client);
      return client;
    },
    async expectUnblamed() {
      const endpoint = sidecar!.endpoint(upstream!.address);
      await until(
        () => endpoint.active === 0,
        () => `${endpoint.active} requests are still counted`,
      );
      expect(blame(endpoint)).to.equal('');
    },
  };
}

/** A client that says what it likes and keeps what it gets. */
export class RawClient {
  readonly socket: net.Socket;
  /** All that came. */
  text = '';
  /** The other side has sent its FIN, or the connection is gone. */
  ended = false;
  /** The connection was reset. */
  wasReset = false;

  constructor(target: string) {
    const [host, port] = target.split(':');
    this.socket = net.connect({ host, port: Number(port), allowHalfOpen: true });
    this.socket.setNoDelay(true);
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.wasReset ||= error.code === 'ECONNRESET';
    });
    this.socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
    });
    this.socket.on('end', () => {
      this.ended = true;
    });
    this.socket.on('close', () => {
      this.ended = true;
    });
  }

  say(text: string): void {
    if (!this.socket.destroyed) this.socket.write(text, 'latin1');
  }

  async sayAll(pieces: readonly Piece[]): Promise<void> {
    for (const piece of pieces) {
      if (typeof piece === 'string') this.say(piece);
      else {
        await this.until(() => this.text.includes(piece.after), piece.after);
        this.say(piece.next);
      }
    }
  }

  /** The statuses so far, interim ones included. */
  get statuses(): number[] {
    return Array.from(this.text.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status));
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    await until(
      () => holds() || this.ended,
      () => `no ${what}; it got ${JSON.stringify(this.text.slice(0, 2000))}`,
      2000,
    );
  }

  destroy(): void {
    this.socket.destroy();
  }
}
