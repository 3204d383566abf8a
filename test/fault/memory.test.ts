import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect } from 'chai';
import type { MemoryReading } from '../../src/runtime/memory.ts';
import { RssWatch } from '../attack/support/process-usage.ts';
import { connectPeer, type RawPeer } from '../attack/support/raw-peer.ts';
import { untilReady } from '../attack/support/rig.ts';
import { download, Setting } from '../attack/support/wire.ts';
import { rig } from '../e2e/rig.ts';
import { connectGreeter, type GreeterClient } from '../support/greeter-client.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig, startSidecarProgram } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { ReplicaProcess } from './replica-process.ts';

const UNAVAILABLE = 14;
const mebibyte = 1 << 20;

/** A stream that lives as long as the test, and answers. */
function liveStream(client: GreeterClient) {
  const { call, result } = client.openBidi();
  let echoes = 0;
  call.on('data', () => echoes++);
  return {
    async echoes(): Promise<void> {
      const before = echoes;
      call.write({ payload: Buffer.from('x') });
      await until(
        () => echoes > before,
        () => 'the stream has stalled',
      );
    },
    async end(): Promise<number> {
      call.end();
      return (await result).code;
    },
  };
}

describe('memory that runs short', function () {
  judgesRealTime(this, 'a process of its own fills its memory beside calls with deadlines');
  const { greeter, sidecar, client, defer } = rig();

  /** Answers every request with `fine`; its port. */
  async function webServer(): Promise<number> {
    const server = createServer((_request, response) => response.end('fine'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => {
      server.closeAllConnections();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  it('new calls of every protocol are refused, those there go on, and all is well when it is over', async () => {
    const idle = { residentBytes: 1e8, heapBytes: 5e7, heldBytes: 6e7 };
    let reading: MemoryReading = idle;
    const replica = await greeter();
    const port = await webServer();
    const proxy = await sidecar(
      {
        limits: { memoryBytes: '200MiB' },
        listeners: [
          {
            name: 'in',
            listen: '127.0.0.1:0',
            routes: [
              { name: 'web', match: { pathPrefix: '/web' }, cluster: 'web' },
              { name: 'all', cluster: 'greeter' },
            ],
          },
          { name: 'raw', listen: '127.0.0.1:0', protocol: 'tcp', cluster: 'raw' },
        ],
        clusters: [
          { name: 'greeter', endpoints: [{ address: replica.address }] },
          { name: 'web', protocol: 'http1', endpoints: [{ address: `127.0.0.1:${port}` }] },
          { name: 'raw', protocol: 'tcp', endpoints: [{ address: `127.0.0.1:${port}` }] },
        ],
      },
      { readMemory: () => reading },
    );
    const caller = client(proxy.target());
    const live = liveStream(caller);
    await live.echoes();
    const short = async (): Promise<string> => {
      const text = await (await fetch(`${proxy.adminUrl}/metrics`)).text();
      return /^outrigger_memory_short (\d)$/m.exec(text)![1];
    };
    const web = (path: string, more = {}): Promise<Response> =>
      fetch(`http://${proxy.target()}${path}`, more);
    const raw = (): Promise<boolean> => {
      const [host, at] = proxy.target('raw').split(':');
      const socket = connect(Number(at), host);
      socket.on('error', () => {});
      socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      let said = '';
      socket.on('data', (chunk) => {
        said += chunk;
      });
      return new Promise((resolve) => socket.on('close', () => resolve(said.includes('fine'))));
    };
    expect([await (await web('/web')).text(), await raw(), await short()]).to.deep.equal(['fine', true, '0']);

    reading = { residentBytes: 201 * mebibyte, heapBytes: 1e8, heldBytes: 150 * mebibyte };
    await until(
      async () => (await short()) === '1',
      () => 'no pressure',
    );
    const { code, details } = await caller.sayHello('x');
    expect(code).to.equal(UNAVAILABLE);
    expect(details).to.match(
      /^the sidecar is short of memory; the upstream did not process.*\[overloaded\] \(call \S+\)$/,
    );
    const refused = await web('/web');
    expect([refused.status, refused.headers.get('x-outrigger-error')]).to.deep.equal([503, 'overloaded']);
    const upgrade = new WebSocket(`ws://${proxy.target()}/web`);
    await new Promise((resolve) => upgrade.addEventListener('error', resolve, { once: true }));
    expect(proxy.calls().at(-1)!.error).to.equal('overloaded');
    expect(await raw(), 'TCP').to.equal(false);
    await live.echoes();

    reading = idle;
    await until(
      async () => (await short()) === '0',
      () => 'the pressure stays',
    );
    expect((await caller.sayHello('x')).code).to.equal(0);
    expect([await (await web('/web')).text(), await raw()]).to.deep.equal(['fine', true]);
    expect(await live.end()).to.equal(0);
    const told = proxy.log.filter((line) => line.includes('memory is')).map((line) => line.split(' ')[1]);
    expect(told).to.deep.equal(['warn', 'info']);
  });

  it('a process that is made to hold more than its mark sheds those who hold most, and lives', async () => {
    const addresses = await freeAddresses(1);
    const replica = new ReplicaProcess(addresses[0], 'replica');
    defer(() => replica.kill());
    await replica.start();
    // All that would bound it earlier is out of the way: the budget of buffers, and the time that readers have.
    const program = await startSidecarProgram(
      greeterConfig(
        [replica],
        { health: 'none' },
        { limits: { memoryBytes: '200MiB', bufferedBytes: '8GiB' } },
      ),
    );
    defer(async () => {
      program.signal('SIGKILL');
      await program.exit;
    });
    await untilReady(program);
    const honest = connectGreeter(program.target);
    defer(() => honest.close());
    const live = liveStream(honest);
    await live.echoes();
    const watch = new RssWatch(program.pid);
    const peers: RawPeer[] = [];
    defer(() => {
      for (const peer of peers) peer.destroy();
    });
    const outcomes = new Map<string, number>();
    const call = async (): Promise<number> => {
      const { code, details } = await honest.sayHello('x', { deadlineMs: 5000 });
      const outcome =
        code === 0 ? 'fine' : `${code} ${/^the sidecar is short of memory/.exec(details) ?? details}`;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      return code;
    };
    // 6,000 downloads of which nothing is taken: 64 KiB each, 375 MiB in all.
    const request = Buffer.concat(Array.from({ length: 100 }, (_, i) => download(2 * i + 1, 1_000_000)));
    for (let i = 0; i < 60; i++) {
      const peer = await connectPeer(program.target, { settings: [[Setting.InitialWindowSize, 0]] });
      peers.push(peer);
      peer.send(request);
      await call();
      await live.echoes();
    }
    await program.said(/memory is short: new requests are refused/);
    // Nobody has gone: it is the sidecar that makes room.
    await until(
      async () => (await call()) === 0 && /memory is no longer short/.test(program.stderr),
      () => `calls are still refused: ${program.stderr.slice(-500)}`,
      20_000,
    );
    await live.echoes();
    expect(await live.end()).to.equal(0);
    expect([...outcomes.keys()].sort()).to.deep.equal(['14 the sidecar is short of memory', 'fine']);
    const peakMiB = watch.stop();
    if (process.env.ATTACK_FACTS)
      console.log(`      ${JSON.stringify([...outcomes])}, RSS at the most ${peakMiB} MiB`);
    expect(peakMiB, 'resident at the most, MiB').to.be.at.most(320);
    expect(peers.some(({ resets }) => (resets.get(0xb) ?? 0) > 0)).to.equal(true);
    expect(program.exited).to.equal(false);
  });
});
