import { expect } from 'chai';
import fc from 'fast-check';
import { type DiscoveryRig, discoveryContract } from '../../../contract/discovery.ts';
import { type FakeEndpoint, sliceObject } from './fake-api-server.ts';
import { kubernetesRig } from './rig.ts';

discoveryContract({
  name: 'a Kubernetes service',
  make(): DiscoveryRig {
    const { api, clock, source, advance } = kubernetesRig();
    api.put(sliceObject('orders-a', [{ address: '10.1.0.1' }, { address: '10.1.0.2' }]));
    return {
      clock,
      source,
      first: ['10.1.0.1:50051', '10.1.0.2:50051'],
      settle: () => advance(40_000, 500),
      change: () => {
        api.fault = null;
        api.put(sliceObject('orders-a', [{ address: '10.1.0.2' }, { address: '10.1.0.3' }]));
        return ['10.1.0.2:50051', '10.1.0.3:50051'];
      },
      fail: () => {
        api.fault = { kind: 'down' };
        api.breakAll();
      },
    };
  },
});

describe('a Kubernetes service as a source', () => {
  let rig: ReturnType<typeof kubernetesRig>;
  beforeEach(() => {
    rig = kubernetesRig();
  });
  afterEach(() => {
    rig.source.stop();
    expect(rig.clock.pending).to.equal(0);
    expect(rig.api.requests.filter(({ open }) => open)).to.have.length(0);
  });
  const put = (...endpoints: FakeEndpoint[]) => rig.api.put(sliceObject('orders-a', endpoints));

  it('names service, namespace and port', async () => {
    expect(rig.source.describe).to.equal('Kubernetes service orders, port grpc');
    await rig.start();
    expect(rig.source.describe).to.equal('Kubernetes service shop/orders, port grpc');
    expect(rig.api.last.path).to.equal('/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices');
    expect(rig.api.last.query.get('labelSelector')).to.equal('kubernetes.io/service-name=orders');
  });

  it('lets TLS verify the name of the service', async () => {
    put({ address: '10.1.0.1' });
    await rig.start();
    expect(rig.published[0][0].hostname).to.equal('orders.shop.svc');
  });

  it('uses a new endpoint within 50 ms of the event', async () => {
    put({ address: '10.1.0.1' });
    await rig.start();
    put({ address: '10.1.0.1' }, { address: '10.1.0.2' });
    await rig.advance(50);
    expect(rig.latest()).to.deep.equal(['10.1.0.1:50051', '10.1.0.2:50051']);
  });

  it('publishes one list for a burst of events', async () => {
    put({ address: '10.1.0.1' });
    await rig.start();
    for (let i = 2; i < 30; i++) rig.api.put(sliceObject(`orders-${i}`, [{ address: `10.1.0.${i}` }]));
    await rig.advance(200);
    expect(rig.published).to.have.length(2);
    expect(rig.latest()).to.have.length(29);
  });

  it('keeps an endpoint that moves from one slice to another', async () => {
    put({ address: '10.1.0.1' }, { address: '10.1.0.2' });
    await rig.start();
    put({ address: '10.1.0.1' });
    rig.api.put(sliceObject('orders-b', [{ address: '10.1.0.2' }]));
    await rig.advance(200);
    expect(rig.published).to.have.length(1);
  });

  it('has no endpoints once no pod is ready, and says so', async () => {
    put({ address: '10.1.0.1' }, { address: '10.1.0.2' });
    await rig.start();
    put({ address: '10.1.0.1', ready: false }, { address: '10.1.0.2', ready: false });
    await rig.advance(100);
    expect(rig.latest()).to.deep.equal([]);
    expect(rig.source.status).to.include({ answered: true, lastError: 'none of its 2 endpoints is ready' });
    put({ address: '10.1.0.1', ready: true });
    await rig.advance(100);
    expect(rig.source.status.lastError).to.equal('');
    expect(rig.lines).to.deep.equal([
      'Kubernetes service shop/orders, port grpc: none of its 2 endpoints is ready',
      'Kubernetes service shop/orders, port grpc is discovered again',
    ]);
  });

  it('has answered for a service without pods, so that two services can wait for each other', async () => {
    put();
    await rig.start();
    expect(rig.source.status).to.include({ answered: true, lastError: 'it has no endpoints' });
    expect(rig.latest()).to.deep.equal([]);
  });

  it('explains a service without slices, and keeps the last endpoints when they all vanish', async () => {
    await rig.start();
    expect(rig.source.status.lastError).to.match(/no EndpointSlice of it; .*ExternalName/);
    put({ address: '10.1.0.1' });
    await rig.advance(100);
    rig.api.remove('orders-a');
    await rig.advance(100);
    expect(rig.latest()).to.deep.equal(['10.1.0.1:50051']);
    expect(rig.lines.at(-1)).to.match(/no EndpointSlice of it; .*; keeping the last 1 endpoint$/);
  });

  it('ends up with what the API server has, whatever happens in between', async () => {
    const address = fc.integer({ min: 1, max: 6 }).map((n) => `10.1.0.${n}`);
    const state = fc.constantFrom('ready', 'terminating', 'unready', 'gone');
    const endpoint = fc.record({ address, state }).map(({ address, state }) => ({
      address,
      ready: state === 'ready',
      serving: state === 'ready' || state === 'terminating',
      terminating: state === 'terminating' || state === 'gone',
    }));
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(
          fc.constant('put' as const),
          fc.constantFrom('a', 'b', 'c'),
          fc.array(endpoint, { maxLength: 5 }),
        ),
      },
      fc.tuple(fc.constant('remove' as const), fc.constantFrom('a', 'b', 'c')),
      fc.tuple(
        fc.constantFrom(
          'compact',
          'end',
          'break',
          'down',
          'throttle',
          'garbage',
          'silent',
          'up',
          'bookmark',
        ) as fc.Arbitrary<'up'>,
      ),
      fc.tuple(fc.constant('wait' as const), fc.integer({ min: 1, max: 20_000 })),
    );
    const run = fc.record({
      steps: fc.array(step, { maxLength: 25 }),
      seed: fc.integer(),
      chunkBytes: fc.integer({ min: 1, max: 2000 }),
      knowsWatchLists: fc.boolean(),
      pageSize: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(run, async ({ steps, seed, chunkBytes, knowsWatchLists, pageSize }) => {
        const { api, source, start, advance, latest, clock } = kubernetesRig({}, seed);
        Object.assign(api, { knowsWatchLists, pageSize });
        api.chunk = (bytes) => {
          const chunks: Buffer[] = [];
          for (let at = 0; at < bytes.length; at += chunkBytes)
            chunks.push(bytes.subarray(at, at + chunkBytes));
          return chunks;
        };
        const world = new Map<string, readonly FakeEndpoint[]>();
        await start();
        for (const [what, first, second] of steps as Array<[string, unknown, unknown]>) {
          if (what === 'put') {
            world.set(first as string, second as FakeEndpoint[]);
            api.put(sliceObject(first as string, second as FakeEndpoint[]));
          } else if (what === 'remove') {
            world.delete(first as string);
            api.remove(first as string);
          } else if (what === 'wait') await advance(first as number, 1000);
          else fault(api, what);
        }
        api.fault = null;
        api.knowsWatchLists = knowsWatchLists;
        // Something is there at the end, so that what is expected depends on no earlier list.
        world.set('z', [{ address: '10.1.0.9', ready: true }]);
        api.put(sliceObject('z', [{ address: '10.1.0.9', ready: true }]));
        await advance(400_000, 2000);
        const ready = [...world.values()].flat().filter(({ ready }) => ready);
        const expected = [...new Set(ready.map(({ address }) => `${address}:50051`))].sort();
        expect(latest()).to.deep.equal(expected);
        expect(source.status.lastError).to.equal('');
        source.stop();
        expect(clock.pending).to.equal(0);
        expect(api.requests.filter(({ open }) => open)).to.have.length(0);
      }),
      { numRuns: 60 },
    );
  }).timeout(60_000);
});

function fault(api: ReturnType<typeof kubernetesRig>['api'], what: string): void {
  switch (what) {
    case 'compact':
      return api.compact();
    case 'end':
      return api.endWatches();
    case 'break':
      return api.breakAll();
    case 'down':
      api.fault = { kind: 'down' };
      return api.breakAll();
    case 'throttle':
      api.fault = { kind: 'status', status: 429, retryAfter: '7' };
      return api.endWatches();
    case 'garbage':
      api.fault = { kind: 'text', text: '<html>\n' };
      return api.sendLine('{"type":');
    case 'silent':
      api.fault = { kind: 'silent' };
      return api.breakAll();
    case 'bookmark':
      return api.bookmark();
    default:
      api.fault = null;
  }
}
