import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { drainableOf } from '../../../src/runtime/drainable.ts';
import {
  type AppState,
  activeCalls,
  connectionCounts,
  endedCalls,
  everyListener,
  notReadyBecause,
} from '../../../src/runtime/parts.ts';
import { callRig, grpcHead } from '../call/call-rig.ts';

/** Parts of an app with one listener of calls and one of TCP, of which the steps are noted. */
function setUp() {
  const rig = callRig();
  const steps: string[] = [];
  const note = (step: string) => () => void steps.push(step);
  const listener = (name: string) => ({
    connections: 2,
    undelivered: 1,
    announceShutdown: (delayMs: number) => void steps.push(`${name} announce ${delayMs}`),
    resume: note(`${name} resume`),
    stopAccepting: note(`${name} close accept`),
    shutdown: note(`${name} shutdown`),
    close: note(`${name} close`),
  });
  const tcp = { connections: 3, drain: note('tcp drain'), close: note('tcp close') };
  const parts = {
    lifecycle: { state: 'ready' },
    inboundDrain: { phase: null, end() {} },
    running: {
      listeners: [{ listener: listener('in'), context: rig.context, passthrough: null }],
      clusters: new Map([['greeter', { cluster: rig.cluster }]]),
    },
    // What a reload took away counts as well.
    leaving: {
      listeners: new Set([{ listener: listener('raw'), context: callRig().context, passthrough: tcp }]),
      clusters: new Set(),
    },
    memory: { stop: note('memory stop') },
    balance: { stop() {} },
    telemetry: { shutdown: async () => void steps.push('telemetry shutdown') },
  } as unknown as AppState;
  const admin = { address: null as never, close: async () => void steps.push('admin close') };
  return { rig, parts, steps, drainable: drainableOf(parts, () => admin) };
}

describe('the sidecar as its drain sees it', () => {
  it('sums up over its listeners; a TCP connection counts as a call', () => {
    const { rig, drainable, parts } = setUp();
    rig.call(grpcHead());
    expect(drainable).to.include({ connections: 4, activeCalls: 4, endedCalls: 0, undelivered: 2 });
    expect([activeCalls(everyListener(parts)), endedCalls(everyListener(parts))]).to.deep.equal([4, 0]);
    expect(connectionCounts(parts)).to.deep.equal({ downstream: 4, upstream: 0 });
    rig.cluster.stop();
  });

  it('aborts calls and TCP connections alike', () => {
    const { rig, drainable, steps } = setUp();
    rig.call(grpcHead());
    expect(drainable.abortCalls()).to.equal(4);
    expect(steps).to.include('tcp close');
    expect(rig.settled[0].error).to.equal('draining');
    rig.cluster.stop();
  });

  it('closes from the outside in: listeners, clusters, telemetry, and the admin server last', async () => {
    const { drainable, steps } = setUp();
    drainable.announce(1000);
    drainable.resume();
    await drainable.stopAccepting();
    drainable.refuse();
    await drainable.close();
    expect(steps).to.deep.equal([
      'in announce 1000',
      'raw announce 1000',
      'in resume',
      'raw resume',
      'in close accept',
      'raw close accept',
      'tcp drain',
      'in shutdown',
      'raw shutdown',
      'in close',
      'raw close',
      'memory stop',
      'telemetry shutdown',
      'admin close',
    ]);
  });
});

describe('a hand-over', () => {
  const servers = new Set<Server>();
  const close = (server: Server): Promise<void> =>
    new Promise((resolve) => {
      servers.delete(server);
      server.close(() => resolve());
    });
  afterEach(async () => {
    for (const server of servers) await close(server);
  });
  async function listen(port: number, reusePort = true): Promise<Server> {
    const server = createServer();
    server.listen({ host: '127.0.0.1', port, reusePort });
    await once(server, 'listening');
    servers.add(server);
    return server;
  }
  const addressOf = (server: Server) => {
    const { port } = server.address() as AddressInfo;
    return { kind: 'tcp', host: '127.0.0.1', port } as const;
  };

  it('is over when a successor has the admin address, and not when one has come and gone', async function () {
    if (process.platform !== 'linux') this.skip(); // nobody else tells who listens
    const { parts, rig } = setUp();
    const [own, ownAdmin] = [await listen(0), await listen(0, false)];
    const [address, adminAddress] = [addressOf(own), addressOf(ownAdmin)];
    const said: string[] = [];
    const note = (message: string) => void said.push(message);
    Object.assign(parts, {
      deps: { clock: rig.clock, logger: { info: note, warn: note } },
      running: {
        listeners: [{ listener: { address, settings: { shared: true } } }],
        config: { drain: { handoverMs: 60_000 }, admin: { listen: adminAddress } },
      },
    });
    const admin = { address: adminAddress, close: () => close(ownAdmin) };
    const control = {
      over: false,
      committed: false,
      untilMs: 0,
      acceptsUntil(atMs: number) {
        this.untilMs = atMs;
      },
      commit() {
        this.committed = true;
      },
    };
    const beganMs = rig.clock.now();
    const handOver = drainableOf(parts, () => admin).handOver(control);
    const looks = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        rig.clock.advance(10);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await looks();
    expect([said, ownAdmin.listening]).to.deep.equal([['waiting for a successor'], true]);
    expect(control.untilMs).to.equal(beganMs + 60_000);
    const first = await listen(address.port);
    await looks();
    expect([said.length, ownAdmin.listening], 'it gives the admin address away').to.deep.equal([1, false]);
    await close(first);
    await looks();
    await listen(address.port);
    await looks();
    expect(said, 'and waits until one takes it').to.have.length(1);
    await listen(adminAddress.port, false);
    await looks();
    expect([await handOver, control.committed]).to.deep.equal([true, true]);
    expect(said.slice(1)).to.deep.equal(['the successor is listening: clients move to it']);
    rig.cluster.stop();
  });
});

describe('readiness', () => {
  it('waits for the start and for each cluster, and is over with the drain', () => {
    const { parts } = setUp();
    const lifecycle = parts.lifecycle as { state: string; progress: unknown };
    expect(notReadyBecause(parts)).to.deep.equal([]);
    lifecycle.state = 'starting';
    expect(notReadyBecause(parts)).to.deep.equal(['the listeners are not bound yet']);
    lifecycle.state = 'draining';
    const reason = (phase: string, acceptingForMs: number) => {
      lifecycle.progress = { phase, acceptingForMs };
      return notReadyBecause(parts).join();
    };
    expect(reason('accepting', 4210)).to.equal('draining: new connections are accepted for another 4.2 s');
    expect(reason('closing', 0)).to.equal('draining: the listeners are closed and calls in flight finish');
    expect(reason('drained', 0)).to.equal('draining: the listeners are closed and every call has ended');
  });
});
