import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { connectRaw, startRawServer } from '../support/raw-http2.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { broken, clients, raw, type Setup } from './blame-clients.ts';
import { blame, http1Replica, http2Replica, type Replica, tcpReplica } from './blame-rig.ts';
import { rig } from './rig.ts';

/**
 * The table of `core/ending.ts`, driven from outside: what clients do, over HTTP/2 and HTTP/1.1, to replicas that speak HTTP/2,
 * HTTP/1.1 and neither; and what replicas do.
 */

describe('what counts against an endpoint', function () {
  this.timeout(120_000);
  const { sidecar, defer } = rig();

  async function setUp(balancer = {}): Promise<Setup> {
    const both = async (start: () => Promise<Replica>) => {
      const two = [await start(), await start()];
      for (const one of two) defer(() => one.close());
      return two;
    };
    const replicas = {
      web2: await both(http2Replica),
      web1: await both(http1Replica),
      tcp: await both(tcpReplica),
    };
    const cluster = (name: keyof typeof replicas, protocol: string) => ({
      name,
      protocol,
      health: 'none',
      balancer,
      endpoints: replicas[name].map(({ address }) => ({ address })),
    });
    const proxy = await sidecar({
      listeners: [
        {
          name: 'in',
          listen: '127.0.0.1:0',
          // More than the replicas take: what they refuse has to reach them.
          limits: { headerCount: 1000 },
          routes: [
            { name: 'web1', match: { pathPrefix: '/web1' }, cluster: 'web1' },
            { name: 'web2', cluster: 'web2' },
          ],
        },
        { name: 'tcp', listen: '127.0.0.1:0', protocol: 'tcp', cluster: 'tcp' },
      ],
      clusters: [cluster('web2', 'http2'), cluster('web1', 'http1'), cluster('tcp', 'tcp')],
    });
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    return { proxy, client, replicas };
  }

  it('no sequence of what clients do ejects or penalises an endpoint, whatever the protocols', async () => {
    const setup = await setUp();
    const endpoints = setup.proxy.app.clusters.flatMap((cluster) => cluster.all());
    const names = fc.constantFrom(...Object.keys(clients));
    const sequence = fc.oneof(
      fc.array(names, { minLength: 5, maxLength: 40 }),
      // One thing over and over is what an attacker does.
      fc
        .tuple(names, fc.integer({ min: 12, max: 30 }))
        .map(([name, times]) => Array(times).fill(name) as string[]),
    );
    const seed = randomInt(2 ** 31);
    await fc.assert(
      fc.asyncProperty(sequence, fc.integer({ min: 1, max: 4 }), async (actions, abreast) => {
        const left = [...actions];
        const worker = async () => {
          for (let name = left.shift(); name !== undefined; name = left.shift()) await clients[name](setup);
        };
        await Promise.all(Array.from({ length: abreast }, worker));
        await until(
          () => endpoints.every(({ active }) => active === 0),
          () => `${endpoints.map(({ active }) => active)} are still counted`,
        );
        expect(endpoints.map(blame).filter((text) => text !== '')).to.deep.equal([]);
      }),
      { seed, numRuns: 25, endOnFailure: true },
    );
  });

  it('every action of a client, 15 times, leaves the endpoints as they were', async () => {
    const setup = await setUp();
    const endpoints = setup.proxy.app.clusters.flatMap((cluster) => cluster.all());
    for (const [name, action] of Object.entries(clients)) {
      for (let i = 0; i < 15; i++) await action(setup);
      expect(
        endpoints.map(blame).filter((text) => text !== ''),
        name,
      ).to.deep.equal([]);
    }
  });

  it('a request over the SETTINGS_MAX_HEADER_LIST_SIZE of a replica is refused here, and goes through below it', async () => {
    const settings = { maxHeaderListSize: 4000 };
    const server = await startRawServer((stream) => stream.respond({ ':status': 200 }, { endStream: true }), {
      settings,
    });
    defer(() => server.close());
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    const get = (bytes: number) =>
      client.request({ ':method': 'GET', ':path': '/', 'x-large': 'v'.repeat(bytes) });
    const refused = await get(4000);
    expect(refused.headers).to.include({ ':status': 431, 'x-outrigger-error': 'header_too_large' });
    expect(refused.body.toString()).to.match(
      /^the headers have \d+ bytes, and endpoint 127\.0\.0\.1:\d+ takes 4000; /,
    );
    expect(server.streams).to.have.length(0);
    expect((await get(3000)).headers[':status'], 'on the same connection').to.equal(200);
    expect(blame(proxy.endpoint(server.address))).to.equal('');
  });

  it('what a client does to one connection of a replica is over with that connection', async () => {
    // Node's server takes no more streams of a connection once replies that its client gave up fill the memory it allows.
    const setup = await setUp();
    const endpoints = setup.proxy.app.clusters.flatMap((cluster) => cluster.all());
    for (let i = 0; i < 30; i++) await clients['http/2 to http/2: a large reply that is reset'](setup);
    const statuses: unknown[] = [];
    // Each endpoint gets another connection before it stands out.
    const areWell = () => statuses.length >= 20 && statuses.slice(-20).every((status) => status === 200);
    while (!areWell() && statuses.length < 2000)
      statuses.push((await setup.client.request({ ':method': 'GET', ':path': '/web2' })).headers[':status']);
    expect(areWell(), `${statuses}`).to.equal(true);
    expect(endpoints.map(blame).filter((text) => text !== '')).to.deep.equal([]);
  });

  it('a request without an authority gets that of its endpoint', async () => {
    const asked: unknown[] = [];
    const server = await startRawServer((stream, headers) => {
      asked.push(headers[':authority']);
      stream.respond({ ':status': 200 }, { endStream: true });
    });
    defer(() => server.close());
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    expect(await raw(proxy.target(), 'GET / HTTP/1.0\r\n\r\n')).to.match(/^HTTP\/1\.1 200 /);
    expect(asked).to.deep.equal([server.address]);
  });

  it('requests over the limits of an HTTP/1.1 cluster are overloaded, and say nothing of its endpoints', async () => {
    const replica = await http1Replica();
    defer(() => replica.close());
    const limits = { perEndpoint: { maxConnections: 1, maxPending: 1 } };
    const proxy = await sidecar(greeterConfig([replica], { protocol: 'http1', health: 'none', limits }));
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    const held = [1, 2].map(() => client.open({ ':method': 'GET', ':path': '/', 'x-do': 'hang' }, true));
    for (let i = 0; i < 10; i++) {
      const { headers } = await client.request({ ':method': 'GET', ':path': '/' });
      expect(headers).to.include({ ':status': 503, 'x-outrigger-error': 'overloaded' });
    }
    expect(blame(proxy.endpoint(replica.address))).to.equal('');
    for (const { stream, reply } of held) {
      stream.close(8);
      await reply;
    }
    await until(
      () => proxy.cluster().active === 0,
      () => 'requests are still counted',
    );
    expect(
      (await client.request({ ':method': 'GET', ':path': '/' })).headers[':status'],
      'room again',
    ).to.equal(200);
  });

  for (const [name, deed, ask] of broken) {
    it(`an endpoint of ${name} that does "${deed}" to all requests is ejected, and the other is not`, async () => {
      // Its penalty would keep requests from it, and with them what else there is to learn.
      const setup = await setUp({ failPenalty: { load: 0 } });
      setup.replicas[name][0].broken = deed;
      const [bad, good] = setup.replicas[name].map(({ address }) => setup.proxy.endpoint(address));
      for (let i = 0; i < 80 && bad.outlier?.state === 'in'; i++) await ask(setup);
      expect(bad.outlier?.state, `after ${bad.total} requests`).to.equal('ejected');
      expect(blame(good)).to.equal('');
    });
  }
});
