import { expect } from 'chai';
import { sliceObject } from './fake-api-server.ts';
import { kubernetesRig } from './rig.ts';

const two = ['10.1.0.1:50051', '10.1.0.2:50051'];

let rig: ReturnType<typeof kubernetesRig>;
const status = () => rig.source.status;
const putSecond = () => rig.api.put(sliceObject('orders-b', [{ address: '10.1.0.2' }]));

/** A service with one slice in each test, and nothing left behind. */
function eachWithOneSlice(): void {
  beforeEach(() => {
    rig = kubernetesRig();
    rig.api.put(sliceObject('orders-a', [{ address: '10.1.0.1' }]));
  });
  afterEach(() => {
    rig.source.stop();
    expect(rig.clock.pending).to.equal(0);
  });
}

describe('a list with a watch of slices', () => {
  eachWithOneSlice();

  it('takes one request where the server knows watch lists', async () => {
    await rig.start();
    putSecond();
    await rig.advance(100);
    expect(rig.latest()).to.deep.equal(two);
    expect(rig.api.requests).to.have.length(1);
    expect(Object.fromEntries(rig.api.last.query)).to.deep.include({
      watch: '1',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: 'true',
    });
  });

  it('lists in pages where it does not, and asks for a watch list once', async () => {
    rig.api.knowsWatchLists = false;
    rig.api.pageSize = 2;
    for (let i = 2; i <= 5; i++) rig.api.put(sliceObject(`orders-${i}`, [{ address: `10.1.0.${i}` }]));
    await rig.start();
    expect(rig.latest()).to.have.length(5);
    expect(rig.api.requests.map(({ query }) => (query.has('watch') ? 'watch' : 'list'))).to.deep.equal([
      'watch',
      'list',
      'list',
      'list',
      'watch',
    ]);
    rig.api.compact();
    putSecond();
    rig.api.compact();
    rig.api.endWatches();
    await rig.advance(10_000);
    expect(rig.api.requests.filter(({ query }) => query.has('sendInitialEvents'))).to.have.length(1);
  });

  it('lists in pages after a watch list that never says where the list ends', async () => {
    rig.api.fault = { kind: 'silent' };
    await rig.start();
    const { receiver } = rig.api.last;
    receiver.head(200, '');
    await rig.advance(14_900);
    rig.api.fault = null;
    expect(rig.published).to.have.length(0);
    await rig.advance(1500);
    expect(rig.latest()).to.deep.equal(['10.1.0.1:50051']);
    expect(rig.api.requests[1].query.has('watch')).to.equal(false);
  });

  it('goes on from the last version when a watch ends, without listing again', async () => {
    await rig.start();
    putSecond();
    await rig.advance(2000);
    rig.api.bookmark();
    rig.api.endWatches();
    rig.api.remove('orders-b');
    await rig.advance(2500);
    expect(rig.latest()).to.deep.equal(['10.1.0.1:50051']);
    expect(rig.api.requests).to.have.length(2);
    expect(rig.api.last.query.get('resourceVersion')).to.equal('3');
    expect(status().lastError).to.equal('');
    expect(rig.lines).to.deep.equal([]);
  });

  it('goes on from a bookmark, so that nothing expires while other objects change', async () => {
    await rig.start();
    rig.api.changeOthers();
    rig.api.bookmark();
    rig.api.compact();
    rig.api.endWatches();
    await rig.advance(5000);
    expect(rig.api.requests).to.have.length(2);
    expect(rig.api.last.query.get('resourceVersion')).to.equal('3');
  });

  it('opens watches that end at once no more than once a second', async () => {
    await rig.start();
    for (let i = 0; i < 200; i++) {
      rig.api.endWatches();
      await rig.advance(50);
    }
    expect(rig.api.requests.length).to.be.within(5, 11);
  });
});

describe('a watch that expires or is silent', () => {
  eachWithOneSlice();

  it('lists again on 410 in an event, and loses no change', async () => {
    await rig.start();
    await rig.advance(6000);
    rig.api.fault = { kind: 'down' };
    rig.api.breakAll();
    putSecond();
    rig.api.remove('orders-a');
    rig.api.compact();
    rig.api.fault = null;
    await rig.advance(3000);
    expect(rig.latest()).to.deep.equal(['10.1.0.2:50051']);
    expect(status().lastError).to.equal('');
  });

  it('lists again on 410 as a status', async () => {
    await rig.start();
    await rig.advance(6000);
    rig.api.fault = { kind: 'status', status: 410 };
    rig.api.endWatches();
    await rig.advance(100);
    rig.api.fault = null;
    putSecond();
    await rig.advance(3000);
    expect(rig.latest()).to.deep.equal(two);
  });

  it('opens a silent watch again after 150 s, and calls that no failure', async () => {
    await rig.start();
    await rig.advance(149_000, 1000);
    expect(rig.api.requests).to.have.length(1);
    await rig.advance(2000, 100);
    expect(rig.api.requests).to.have.length(2);
    expect(rig.api.watches).to.have.length(1);
    expect(rig.lines).to.deep.equal([]);
  });

  it('does not open a watch again that gets bookmarks', async () => {
    await rig.start();
    for (let i = 0; i < 10; i++) {
      await rig.advance(60_000, 5000);
      rig.api.bookmark();
    }
    expect(rig.api.requests).to.have.length(1);
    expect(status().lastAnswerMs).to.equal(rig.clock.now());
  });

  it('opens a watch again that was silent for 15 s when calls fail, at most every 15 s', async () => {
    await rig.start();
    rig.source.refresh();
    await rig.advance(15_000, 500);
    expect(rig.api.requests).to.have.length(1);
    for (let i = 0; i < 30; i++) {
      rig.source.refresh();
      await rig.advance(1000, 500);
    }
    expect(rig.api.requests).to.have.length(3);
    expect(rig.api.watches).to.have.length(1);
  });
});

describe('an API server that fails or refuses', () => {
  eachWithOneSlice();

  it('retries with increasing intervals while the server is down, and within 31 s after it is back', async () => {
    await rig.start();
    rig.api.fault = { kind: 'down' };
    rig.api.breakAll();
    await rig.advance(300_000, 500);
    expect(rig.api.requests.length).to.be.within(8, 20);
    expect(status()).to.include({
      endpoints: 1,
      lastError: 'the API server cannot be used: connection refused',
    });
    rig.api.fault = null;
    putSecond();
    await rig.advance(46_000, 500);
    expect(rig.latest()).to.deep.equal(two);
    expect(rig.lines).to.deep.equal([
      'Kubernetes service shop/orders, port grpc: the API server cannot be used: connection reset; keeping the last 1 endpoint',
      'Kubernetes service shop/orders, port grpc: the API server cannot be used: connection refused; keeping the last 1 endpoint',
      'Kubernetes service shop/orders, port grpc is discovered again',
    ]);
  });

  it('confirms a watch that is open for a second, though nothing happens in it', async () => {
    await rig.start();
    rig.api.fault = { kind: 'down' };
    rig.api.breakAll();
    await rig.advance(1000);
    rig.api.fault = null;
    await rig.advance(4000);
    expect(status().lastError).to.equal('');
  });

  it('waits as long as Retry-After says, and no longer than five minutes', async () => {
    await rig.start();
    rig.api.fault = { kind: 'status', status: 429, retryAfter: '20', body: { message: 'too many requests' } };
    rig.api.endWatches();
    await rig.advance(2500);
    expect(status().lastError).to.equal(
      'the API server answers 429 (too many requests); it is overloaded or not ready, and Outrigger waits before it asks again',
    );
    const asked = rig.api.requests.length;
    await rig.advance(17_000, 500);
    expect(rig.api.requests).to.have.length(asked);
    rig.api.fault = { kind: 'status', status: 503, retryAfter: '999999' };
    await rig.advance(14_000, 500);
    expect(rig.api.requests).to.have.length(asked + 1);
    rig.api.fault = null;
    await rig.advance(451_000, 1000);
    expect(status().lastError).to.equal('');
  });

  it('says what to run when RBAC denies access', async () => {
    rig.api.fault = {
      kind: 'status',
      status: 403,
      body: {
        message:
          'endpointslices.discovery.k8s.io is forbidden: User "system:serviceaccount:web:sidecar" cannot list resource "endpointslices"',
      },
    };
    await rig.start();
    expect(status()).to.include({
      answered: false,
      lastError:
        'the API server denies access to EndpointSlices (403 Forbidden); run `kubectl create role web-sidecar-outrigger -n shop --verb=list,watch --resource=endpointslices.discovery.k8s.io && kubectl create rolebinding web-sidecar-outrigger -n shop --role=web-sidecar-outrigger --serviceaccount=web:sidecar`',
    });
  });

  it('puts nothing into that command that a server made up', async () => {
    rig.api.fault = { kind: 'status', status: 403, body: { message: 'User "x; rm -rf /" cannot' } };
    await rig.start();
    expect(status().lastError)
      .to.match(/--serviceaccount=NAMESPACE:NAME`$/)
      .and.not.to.contain('rm -rf');
  });

  it('asks for a valid token on 401, and takes it at the next attempt', async () => {
    rig.api.fault = { kind: 'status', status: 401 };
    await rig.start();
    expect(status().lastError).to.match(/^the API server does not accept the token .*401/);
    rig.api.fault = null;
    await rig.advance(1000);
    expect(status().lastError).to.equal('');
    expect(rig.latest()).to.deep.equal(['10.1.0.1:50051']);
  });
});

describe('an API server that sends garbage', () => {
  eachWithOneSlice();

  const garbage: Array<[string, string]> = [
    ['a web page', '<html><body>Login</body></html>\n'],
    ['half an event', '{"type":"ADDED","object":{"meta\n'],
    ['a number', '17\n'],
    ['null', 'null\n'],
    ['an event without a version', '{"type":"ADDED","object":{"metadata":{"name":"x"}}}\n'],
    ['an event of an unknown type', '{"type":"RENAMED","object":{"metadata":{"resourceVersion":"9"}}}\n'],
    ['an ERROR event without a status', '{"type":"ERROR"}\n'],
  ];
  for (const [what, text] of garbage)
    it(`keeps its endpoints when the server sends ${what}`, async () => {
      await rig.start();
      rig.api.sendLine(text.trimEnd());
      rig.api.fault = { kind: 'text', text };
      await rig.advance(10_000);
      expect(rig.published).to.have.length(1);
      expect(status().lastError).to.match(/^the API server (sent|answers)/);
      rig.api.fault = null;
      putSecond();
      await rig.advance(31_000, 500);
      expect(rig.latest()).to.deep.equal(two);
    });

  it('keeps its endpoints when a list is garbage', async () => {
    rig.api.knowsWatchLists = false;
    await rig.start();
    rig.api.compact();
    putSecond();
    rig.api.compact();
    rig.api.endWatches();
    rig.api.fault = {
      kind: 'text',
      text: '{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":[]}',
    };
    await rig.advance(8000);
    expect(rig.latest()).to.deep.equal(['10.1.0.1:50051', '10.1.0.2:50051']);
    expect(rig.published).to.have.length(2);
  });

  it('ends an event that never ends', async () => {
    await rig.start();
    const [watch] = rig.api.watches;
    const chunk = Buffer.alloc(1 << 20, 'x');
    for (let i = 0; i < 9; i++) if (watch.open) watch.receiver.data(chunk);
    expect(watch.open).to.equal(false);
    expect(status().lastError).to.equal('the API server sent an event that is too long');
  });

  it('keeps the last good state of a slice that becomes malformed, and uses it again once it is well', async () => {
    await rig.start();
    const object = { ...sliceObject('orders-a', []), addressType: 'nonsense' };
    rig.api.put(object);
    putSecond();
    await rig.advance(100);
    expect(rig.latest()).to.deep.equal(two);
    expect(status().lastError).to.equal(
      'the API server sent what Outrigger cannot use: slice orders-a has no known addressType',
    );
    // A new list is no reason to forget it.
    rig.api.fault = { kind: 'down' };
    rig.api.breakAll();
    rig.api.put(sliceObject('orders-b', [{ address: '10.1.0.3' }]));
    rig.api.compact();
    rig.api.fault = null;
    await rig.advance(8000);
    expect(rig.latest()).to.deep.equal(['10.1.0.1:50051', '10.1.0.3:50051']);
    rig.api.put(sliceObject('orders-a', [{ address: '10.1.0.7' }]));
    await rig.advance(8000);
    expect(rig.latest()).to.deep.equal(['10.1.0.3:50051', '10.1.0.7:50051']);
    expect(status().lastError).to.equal('');
  });

  it('keeps 20,000 endpoints of a service and says that there are more', async () => {
    const many = (n: number) =>
      Array.from({ length: 1000 }, (_, i) => ({ address: `10.${n}.${i >> 8}.${i & 255}` }));
    for (let n = 0; n < 25; n++) rig.api.put(sliceObject(`orders-many-${n}`, many(n)));
    await rig.start();
    expect(rig.latest()).to.have.length.within(19_000, 20_000);
    expect(status().lastError).to.match(/slice orders-many-\d+ is left out: Outrigger keeps 20000 endpoints/);
  }).timeout(20_000);

  it('times out on a server that does not answer', async () => {
    rig.api.fault = { kind: 'silent' };
    await rig.start();
    await rig.advance(15_100, 500);
    expect(status().lastError).to.equal('the API server cannot be used: no answer within 15 s');
  });
});
