import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { judgesRealTime } from '../support/real-time.ts';
import { type Program, startProgram } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const { OK } = status;
/** A start takes a second of CPU, and a machine may have ten others waiting for it. */
const startMsMax = 50_000;

/** One after the other on the same addresses: SO_REUSEPORT is had where Node says so. */
describe('hand-over to a successor on the same port', function () {
  judgesRealTime(this, 'two programs start and end beside calls of a few seconds');
  this.timeout(120_000);
  const { greeter, client: grpcClient, defer } = rig();

  before(async function () {
    const probe = createTcpServer();
    const shares = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen({ host: '127.0.0.1', port: 0, reusePort: true }, () => resolve(true));
    });
    if (shares) await new Promise((closed) => probe.close(closed));
    else this.skip(); // this platform cannot share a port
  });

  async function setUp(replica: string, protocol: 'http2' | 'http1', handover = '60s') {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    defer(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'outrigger.yaml');
    const [listen, admin] = await freeAddresses(2);
    writeFileSync(
      file,
      JSON.stringify({
        admin: { listen: admin },
        listeners: [{ name: 'in', listen, routes: [{ name: 'all', cluster: 'replica' }] }],
        clusters: [{ name: 'replica', protocol, endpoints: [{ address: replica }] }],
        drain: { delay: '0s', grace: '10s', goawayDelay: '100ms', handover },
      }),
    );
    return { file, listen, admin };
  }
  function start(file: string): Program {
    const running = startProgram(['run', '--config', file]);
    defer(async () => {
      running.signal('SIGKILL');
      await running.exit;
    });
    return running;
  }
  const pidOf = async (admin: string): Promise<number> => {
    const reply = await fetch(`http://${admin}/server_info?format=json`).catch(() => null);
    const { pid, state } = ((await reply?.json()) ?? {}) as { pid?: number; state?: string };
    return state === 'ready' ? (pid ?? 0) : 0;
  };
  async function serving(admin: string, running: Program): Promise<void> {
    await until(
      async () => (await pidOf(admin)) === running.pid,
      () => running.stderr,
      startMsMax,
    );
  }

  for (const order of ['the old one is told to go first', 'the new one is there first'] as const) {
    it(`no call fails, streams finish: ${order}`, async () => {
      const replica = await greeter({ delayMs: 2 });
      const { file, listen, admin } = await setUp(replica.address, 'http2');
      const old = start(file);
      await serving(admin, old);
      const client = grpcClient(listen);
      const outcomes: string[] = [];
      let stop = false;
      const load = Array.from({ length: 8 }, async () => {
        while (!stop) {
          const { code, details } = await client.sayHello('x');
          outcomes.push(code === OK ? 'OK' : `${code} ${details}`);
        }
      });
      const stream = client.serverStream({ options: { replies: 30, pauseMs: 100 } });
      await until(
        () => outcomes.length > 50,
        () => `${outcomes.length} calls`,
      );
      const first = order.startsWith('the old');
      if (first) old.signal('SIGTERM');
      const fresh = start(file);
      if (!first) {
        // It shares no address with a sidecar that is not told to go.
        await fresh.said(/waiting for its sidecar to start draining/);
        old.signal('SIGTERM');
      }
      await serving(admin, fresh);
      const before = outcomes.length;
      await until(
        () => outcomes.length > before + 200,
        () => `${outcomes.length} calls`,
      );
      stop = true;
      await Promise.all(load);
      const failed = outcomes.filter((outcome) => outcome !== 'OK');
      expect(failed.length, `${failed[0]} and others`).to.equal(0);
      const { code, replies } = await stream;
      expect([code, replies.length]).to.deep.equal([OK, 30]);
      expect(await old.exit).to.equal(0);
      expect(old.stderr)
        .to.match(/the successor is listening/)
        .and.match(/drained: 0 requests terminated, \d+ finished/);
      expect((await client.sayHello('x')).code).to.equal(OK);
    });
  }

  it('without a successor it goes when its time is over', async () => {
    const replica = await greeter();
    const { file, admin } = await setUp(replica.address, 'http2', '200ms');
    const old = start(file);
    await serving(admin, old);
    old.signal('SIGTERM');
    expect(await old.exit).to.equal(0);
    expect(old.stderr).to.match(/no successor took over: shutting down without a handover/);
  });

  it('a second one that nobody makes room for ends with 1, and never takes a connection', async () => {
    const replica = await greeter({ delayMs: 100 });
    const { file, listen, admin } = await setUp(replica.address, 'http2', '1s');
    const first = start(file);
    await serving(admin, first);
    const outcomes = new Set<string>();
    let stop = false;
    const load = Array.from({ length: 4 }, async () => {
      while (!stop) {
        const client = grpcClient(listen, { 'grpc.use_local_subchannel_pool': 1 });
        const { code, details } = await client.sayHello('x');
        outcomes.add(code === OK ? 'OK' : `${code} ${details}`);
        client.close();
      }
    });
    const second = start(file);
    expect(await second.exit).to.equal(1);
    expect(second.stderr)
      .to.match(
        /cannot start.*admin: .* is in use, and its sidecar did not start to drain within drain.handover/,
      )
      .and.not.match(/listening/);
    stop = true;
    await Promise.all(load);
    expect([...outcomes]).to.deep.equal(['OK']);
    expect(await pidOf(admin)).to.equal(first.pid);
  });

  it('a sidecar shares its addresses only once its probes have answered', async () => {
    const mute = createTcpServer().listen(0, '127.0.0.1');
    await new Promise((listening) => mute.once('listening', listening));
    defer(() => mute.close());
    const probes: Socket[] = [];
    mute.on('connection', (socket) => probes.push(socket.on('error', () => {}).resume()));
    const { port } = mute.address() as AddressInfo;
    const { file, listen } = await setUp(`127.0.0.1:${port}`, 'http2');
    const running = start(file);
    await until(
      () => probes.length > 0,
      () => running.stderr,
    );
    // Each is a round trip through the kernel's table of who listens.
    for (let i = 0; i < 50; i++) expect(await ask(Number(listen.split(':')[1]))).to.equal('ECONNREFUSED');
    for (const probe of probes) probe.destroy();
    await running.said(/listening/);
    expect(await ask(Number(listen.split(':')[1]))).to.match(/503/);
  });

  it('no connection is refused over five hand-overs; one may be reset by each, and that is rare', async () => {
    const server = createServer((_request, reply) => reply.end('ok'));
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    defer(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { file, listen, admin } = await setUp(`127.0.0.1:${port}`, 'http1');
    let current = start(file);
    await serving(admin, current);
    const outcomes = new Map<string, number>();
    let stop = false;
    const load = Array.from({ length: 4 }, async () => {
      while (!stop) {
        const outcome = await ask(Number(listen.split(':')[1]));
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    });
    const handOvers = 5;
    for (let i = 0; i < handOvers; i++) {
      current.signal('SIGTERM');
      const old = current;
      current = start(file);
      await serving(admin, current);
      expect(await old.exit).to.equal(0);
    }
    stop = true;
    await Promise.all(load);
    const { OK: fine = 0, ...others } = Object.fromEntries(outcomes);
    const resets = others.ECONNRESET ?? 0;
    console.log(`      ${fine} connections served over ${handOvers} hand-overs, ${resets} reset`);
    expect(fine).to.be.greaterThan(20);
    // What the kernel gave to a socket between its last accept and its close (Listener.emptyQueue).
    expect(resets).to.be.at.most(handOvers);
    expect({ ...others, ECONNRESET: 0 }).to.deep.equal({ ECONNRESET: 0 });
  });
});

/** A connection of its own for one HTTP/1.1 request; how it went. */
function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    let failure = '';
    socket.on('connect', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'));
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failure = error.code ?? error.message;
    });
    socket.on('close', () => {
      if (failure === '' && text.startsWith('HTTP/1.1 200')) resolve('OK');
      else resolve(failure || (text === '' ? 'ECONNRESET' : text.split('\r\n')[0]));
    });
  });
}
