import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { expect } from 'chai';
import type { Address } from '../../../src/core/address.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import {
  createTcpPassthrough,
  type TcpOutcome,
  type TcpPassthrough,
  type TcpPassthroughOptions,
} from '../../../src/tcp/passthrough.ts';

const closed = (socket: net.Socket) => new Promise<boolean>((resolve) => socket.once('close', resolve));
async function readAll(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
async function eventually(condition: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error('never came true');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe('tcp/passthrough', () => {
  let clock: VirtualClock;
  let passthrough: TcpPassthrough;
  let outcomes: TcpOutcome[];
  let released: string[];
  const servers: net.Server[] = [];
  const sockets: net.Socket[] = [];

  async function listen(onSocket: (socket: net.Socket) => void): Promise<number> {
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      onSocket(socket);
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as net.AddressInfo).port;
  }

  /** Forwards to the given ports, the n-th for the n-th attempt; gives the port to speak to. */
  async function forward(ports: number[], options: Partial<TcpPassthroughOptions> = {}, first?: string) {
    passthrough = createTcpPassthrough({
      clock,
      pick: (_client, attempt) => {
        if (attempt > ports.length) return { code: 'no_healthy_endpoint', detail: 'no endpoint is left' };
        const address: Address = { kind: 'tcp', host: '127.0.0.1', port: ports[attempt - 1] };
        return { address, connectTimeoutMs: 1000, release: ({ outcome }) => void released.push(outcome) };
      },
      connectAttemptsMax: 3,
      idleTimeoutMs: 0,
      ended: (outcome) => void outcomes.push(outcome),
      ...options,
    });
    return listen((socket) => passthrough.accept(socket, first === undefined ? null : Buffer.from(first)));
  }
  function connect(port: number): net.Socket {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    sockets.push(socket);
    socket.on('error', () => {});
    return socket;
  }
  async function deadPort(): Promise<number> {
    const port = await listen(() => {});
    await new Promise((resolve) => servers.pop()?.close(resolve));
    return port;
  }

  beforeEach(() => {
    clock = new VirtualClock();
    outcomes = [];
    released = [];
  });
  afterEach(async () => {
    passthrough.close();
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
    expect(clock.pending, 'timers left').to.equal(0);
  });

  it('moves bytes both ways, those read before too, and keeps a half-close', async () => {
    let ended = false;
    const upstream = await listen(async (socket) => {
      const all = await readAll(socket);
      ended = true;
      // The client's direction is closed; this one is not.
      socket.write(`heard ${all}`);
      setImmediate(() => socket.end(' and more'));
    });
    const client = connect(await forward([upstream], {}, 'first '));
    client.end('then');
    expect((await readAll(client)).toString()).to.equal('heard first then and more');
    expect(ended).to.equal(true);
    await eventually(() => outcomes.length === 1);
    expect(outcomes[0]).to.include({
      attempts: 1,
      bytesFromClient: 10,
      bytesToClient: 25,
      error: '',
      detail: '',
    });
    expect(released).to.deep.equal(['success']);
    expect(passthrough.connections).to.equal(0);
  });

  for (const first of ['', 'first ']) {
    it(`passes on in order what came before there was an endpoint, ${first === '' ? 'unread' : 'read'}`, async () => {
      let heard: Buffer | null = null;
      const upstream = await listen((socket) => {
        void readAll(socket).then((all) => {
          heard = all;
          socket.end();
        });
      });
      const data = randomBytes(300_000);
      const written = Promise.withResolvers<void>();
      await forward([upstream]);
      const port = await listen((socket) => {
        const read = first === '' ? null : Buffer.from(first);
        void written.promise.then(() => passthrough.accept(socket, read));
      });
      const client = connect(port);
      client.write(data.subarray(0, 200_000), () => written.resolve());
      client.end(data.subarray(200_000));
      await eventually(() => outcomes.length === 1);
      const whole = Buffer.concat([Buffer.from(first), data]);
      expect(whole.equals(heard as unknown as Buffer)).to.equal(true);
    });
  }

  it('keeps a half-close of the endpoint too', async () => {
    let heard = '';
    const upstream = await listen(async (socket) => {
      socket.end('greeting');
      heard = (await readAll(socket)).toString();
    });
    const client = connect(await forward([upstream]));
    expect((await readAll(client)).toString()).to.equal('greeting');
    client.end('answer to a closed ear');
    await eventually(() => heard === 'answer to a closed ear');
    await eventually(() => outcomes.length === 1);
  });

  it('ends a connection whose client closed before an endpoint took it', async () => {
    const upstream = await listen((socket) => {
      socket.on('end', () => socket.end());
      socket.resume();
    });
    await forward([upstream]);
    const server = net.createServer({ allowHalfOpen: true }, async (socket) => {
      sockets.push(socket);
      await once(socket, 'end');
      passthrough.accept(socket, null);
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    connect((server.address() as net.AddressInfo).port).end();
    await eventually(() => outcomes.length === 1);
    expect(outcomes[0]).to.include({ error: '', attempts: 1 });
    expect(passthrough.connections).to.equal(0);
  });

  it('carries 16 MiB each way while neither side reads first', async () => {
    const total = 16 * 1024 * 1024;
    const [up, down] = [randomBytes(total), randomBytes(total)];
    let heard: Buffer | null = null;
    const upstream = await listen((socket) => {
      socket.end(down);
      void readAll(socket).then((all) => {
        heard = all;
      });
    });
    const client = connect(await forward([upstream]));
    client.end(up);
    expect((await readAll(client)).equals(down), 'to the client').to.equal(true);
    await eventually(() => heard !== null && outcomes.length === 1);
    expect(up.equals(heard as unknown as Buffer), 'to the endpoint').to.equal(true);
    expect(outcomes[0]).to.include({ bytesFromClient: total, bytesToClient: total });
  });

  it('stops reading from an endpoint whose client does not read', async () => {
    const chunk = Buffer.alloc(64 * 1024);
    const most = 128 * 1024 * 1024;
    // Two pairs of sockets, each with the kernel's largest buffers (tcp_wmem, tcp_rmem), and some.
    const kernelMost = 48 * 1024 * 1024;
    let sent = 0;
    let endpoint: net.Socket | undefined;
    const upstream = await listen((socket) => {
      endpoint = socket;
      const fill = (): void => {
        while (sent < most) {
          sent += chunk.length;
          if (!socket.write(chunk)) break;
        }
      };
      socket.on('drain', fill);
      fill();
    });
    const client = connect(await forward([upstream]));
    client.pause();
    let before = -1;
    // It stands still once every buffer on the way is full.
    while (sent === 0 || sent !== before) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(sent).to.be.below(kernelMost);
    const gone = closed(endpoint as net.Socket);
    (endpoint as net.Socket).resume();
    client.resetAndDestroy();
    await gone;
  });

  it('goes to the next endpoint where one gives no connection', async () => {
    const upstream = await listen((socket) => socket.end('here'));
    const client = connect(await forward([await deadPort(), await deadPort(), upstream]));
    client.end();
    expect((await readAll(client)).toString()).to.equal('here');
    await eventually(() => outcomes.length === 1);
    expect(outcomes[0]).to.include({ attempts: 3, endpoint: `127.0.0.1:${upstream}`, error: '' });
    expect(released).to.deep.equal(['failure', 'failure', 'success']);
  });

  it('disconnects the client where none does, and says why', async () => {
    const dead = await deadPort();
    const client = connect(await forward([dead], { connectAttemptsMax: 1 }));
    client.resume();
    expect(await closed(client), 'closed by an error').to.equal(true);
    await eventually(() => outcomes.length === 1);
    expect(outcomes[0].error).to.equal('connect_failed');
    expect(outcomes[0].detail).to.equal(
      `127.0.0.1:${dead} gave no connection: connection refused (ECONNREFUSED)`,
    );
  });

  it('disconnects the client where nothing can be picked', async () => {
    const client = connect(await forward([]));
    client.resume();
    await closed(client);
    await eventually(() => outcomes.length === 1);
    expect(outcomes[0]).to.include({ error: 'no_healthy_endpoint', endpoint: '' });
    expect(released).to.deep.equal([]);
  });

  it('gives up on a connection after the timeout, and not before', async () => {
    // It would come in the next turn of the event loop; the virtual clock fires in this one.
    const address: Address = { kind: 'tcp', host: '127.0.0.1', port: await listen(() => {}) };
    const client = new net.Socket();
    sockets.push(client);
    passthrough = createTcpPassthrough({
      clock,
      pick: () => ({ address, connectTimeoutMs: 700, release: ({ outcome }) => void released.push(outcome) }),
      connectAttemptsMax: 1,
      idleTimeoutMs: 0,
      ended: (outcome) => void outcomes.push(outcome),
    });
    passthrough.accept(client, null);
    clock.advance(699);
    expect(clock.pending).to.equal(1);
    clock.advance(1);
    await eventually(() => outcomes.length === 1);
    expect(outcomes[0]).to.include({ error: 'connect_timeout', durationMs: 700 });
    expect(released).to.deep.equal(['failure']);
  });

  for (const side of ['client', 'endpoint'] as const) {
    it(`turns an RST of the ${side} into one on the other side`, async () => {
      let endpoint: net.Socket | undefined;
      const upstream = await listen((socket) => {
        endpoint = socket;
        socket.resume();
        socket.write('x');
      });
      const client = connect(await forward([upstream]));
      await once(client, 'data');
      const [breaks, hears] =
        side === 'client' ? [client, endpoint as net.Socket] : [endpoint as net.Socket, client];
      const heard = closed(hears);
      breaks.resetAndDestroy();
      expect(await heard, 'closed by an error').to.equal(true);
      await eventually(() => outcomes.length === 1);
      expect(outcomes[0].error).to.equal(side === 'client' ? '' : 'upstream_closed');
      // What the endpoint broke off for may have been among the client's bytes.
      expect(released).to.deep.equal([side === 'client' ? 'success' : 'unclear']);
    });
  }

  it('closes a connection that is idle too long, where that is asked for', async () => {
    const upstream = await listen((socket) => {
      socket.on('data', (chunk) => socket.write(chunk));
      socket.resume();
    });
    const client = connect(await forward([upstream], { idleTimeoutMs: 1000 }));
    client.write('a');
    await once(client, 'data');
    clock.advance(1000); // bytes moved in this period
    client.write('b');
    await once(client, 'data');
    clock.advance(1000);
    expect(outcomes).to.deep.equal([]);
    const gone = closed(client);
    clock.advance(1000);
    await gone;
    expect(outcomes[0]).to.include({ error: '', detail: 'idle for 1000 ms', bytesFromClient: 2 });
  });

  it('drains: takes nothing new, lets what runs go on, and terminates it on close', async () => {
    const upstream = await listen((socket) => {
      socket.on('data', (chunk) => socket.write(chunk));
      socket.resume();
    });
    const port = await forward([upstream]);
    const old = connect(port);
    old.write('a');
    await once(old, 'data');
    passthrough.drain();
    const late = connect(port);
    late.resume();
    await closed(late);
    old.write('b');
    await once(old, 'data');
    expect(passthrough.connections).to.equal(1);
    const gone = closed(old);
    passthrough.close();
    await gone;
    expect(passthrough.connections).to.equal(0);
    expect(outcomes).to.have.length(1);
    expect(outcomes[0].error).to.equal('draining');
  });
});
