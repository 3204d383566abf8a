import { expect } from 'chai';
import { formatAddress } from '../../../../src/core/address.ts';
import {
  chooseEndpoints,
  type EndpointQuery,
} from '../../../../src/discovery/kubernetes/choose-endpoints.ts';
import { parseSlice } from '../../../../src/discovery/kubernetes/slice.ts';
import { type FakeEndpoint, type FakePort, sliceObject } from './fake-api-server.ts';

const query: EndpointQuery = {
  port: 'grpc',
  transport: 'TCP',
  family: 'auto',
  localZone: '',
  hostname: 'orders.shop.svc',
};
const slice = (
  name: string,
  endpoints: readonly FakeEndpoint[],
  ports?: readonly FakePort[] | null,
  addressType?: string,
) => {
  const { value, error } = parseSlice(sliceObject(name, endpoints, ports, addressType));
  if (value === undefined) throw new Error(error);
  return value;
};
const choose = (slices: Array<ReturnType<typeof slice>>, changes: Partial<EndpointQuery> = {}) =>
  chooseEndpoints(slices, { ...query, ...changes });
const addresses = ({ endpoints }: ReturnType<typeof choose>) =>
  endpoints.map(({ address }) => formatAddress(address));

describe('conditions of endpoints', () => {
  it('count as ready where they are missing', () => {
    const chosen = choose([
      slice('a', [{ address: '10.0.0.1' }, { address: '10.0.0.2', ready: null, serving: null }]),
    ]);
    expect(addresses(chosen)).to.deep.equal(['10.0.0.1:50051', '10.0.0.2:50051']);
  });

  it('leave out an endpoint that is not ready, and one that terminates', () => {
    const chosen = choose([
      slice('a', [
        { address: '10.0.0.1', ready: true },
        { address: '10.0.0.2', ready: false },
        { address: '10.0.0.3', ready: false, serving: true, terminating: true },
        // As with publishNotReadyAddresses.
        { address: '10.0.0.4', ready: true, serving: true, terminating: true },
      ]),
    ]);
    expect(addresses(chosen)).to.deep.equal(['10.0.0.1:50051']);
    expect(chosen.problem).to.equal('');
  });

  it('let terminating endpoints that serve take calls when no other is left', () => {
    const chosen = choose([
      slice('a', [
        { address: '10.0.0.1', ready: false, serving: true, terminating: true },
        { address: '10.0.0.2', ready: false, serving: false, terminating: true },
        { address: '10.0.0.3', ready: false },
      ]),
    ]);
    expect(addresses(chosen)).to.deep.equal(['10.0.0.1:50051']);
  });

  it('take the better one of two slices for an endpoint that moves', () => {
    const chosen = choose([
      slice('a', [{ address: '10.0.0.1', ready: false }]),
      slice('b', [{ address: '10.0.0.1', ready: true }]),
    ]);
    expect(addresses(chosen)).to.deep.equal(['10.0.0.1:50051']);
  });

  it('say that there is nothing, as an answer', () => {
    expect(choose([slice('a', [{ address: '10.0.0.1', ready: false }])])).to.deep.equal({
      endpoints: [],
      problem: 'none of its 1 endpoint is ready',
      isAnswer: true,
    });
    expect(choose([slice('a', [])])).to.include({ problem: 'it has no endpoints', isAnswer: true });
    expect(choose([])).to.include({ isAnswer: false });
  });
});

describe('ports of slices', () => {
  const one = [{ address: '10.0.0.1' }];

  it('are found by name, by number, or as the only one', () => {
    const ports = [
      { name: 'grpc', port: 50_051 },
      { name: 'web', port: 8080 },
    ];
    expect(addresses(choose([slice('a', one, ports)]))).to.deep.equal(['10.0.0.1:50051']);
    expect(addresses(choose([slice('a', one, ports)], { port: 8080 }))).to.deep.equal(['10.0.0.1:8080']);
    const unnamed = slice('a', one, [{ name: '', port: 9000 }]);
    expect(addresses(choose([unnamed], { port: undefined }))).to.deep.equal(['10.0.0.1:9000']);
    expect(addresses(choose([unnamed], { port: 9000 }))).to.deep.equal(['10.0.0.1:9000']);
  });

  it('are those of the protocol of the cluster', () => {
    const ports = [
      { name: 'dns-tcp', port: 53 },
      { name: 'dns', port: 5353, protocol: 'UDP' },
    ];
    const chosen = choose([slice('a', one, ports)], { port: undefined, transport: 'UDP' });
    expect(addresses(chosen)).to.deep.equal(['10.0.0.1:5353']);
  });

  it('may have another number in each slice, as during a rollout', () => {
    const chosen = choose([
      slice('a', one, [{ name: 'grpc', port: 50_051 }]),
      slice('b', [{ address: '10.0.0.2' }], [{ name: 'grpc', port: 50_052 }]),
    ]);
    expect(addresses(chosen)).to.deep.equal(['10.0.0.1:50051', '10.0.0.2:50052']);
  });

  it('may be missing for a number: a headless service need not list it', () => {
    expect(addresses(choose([slice('a', one, [])], { port: 7000 }))).to.deep.equal(['10.0.0.1:7000']);
    expect(addresses(choose([slice('a', one, null)], { port: 7000 }))).to.deep.equal(['10.0.0.1:7000']);
    const open = slice('a', one, [{ name: 'grpc', port: null }]);
    expect(addresses(choose([open], { port: 7000 }))).to.deep.equal(['10.0.0.1:7000']);
    expect(choose([slice('a', one, [])])).to.deep.include({
      endpoints: [],
      problem:
        'slice a has no TCP port; write the number in discovery.kubernetes.port if the pods listen on one',
    });
  });

  it('are listed where the configuration chooses none of several', () => {
    const ports = [
      { name: 'grpc', port: 50_051 },
      { name: 'web', port: 8080 },
    ];
    expect(choose([slice('a', one, ports)], { port: undefined })).to.deep.equal({
      endpoints: [],
      problem: 'it has several ports (grpc (50051) and web (8080)); write discovery.kubernetes.port',
      isAnswer: false,
    });
  });

  it('are explained where none matches, and the slices that have one are used', () => {
    const chosen = choose([
      slice('a', one),
      slice('b', [{ address: '10.0.0.2' }], [{ name: 'web', port: 8080 }]),
    ]);
    expect(addresses(chosen)).to.deep.equal(['10.0.0.1:50051']);
    expect(chosen).to.include({
      isAnswer: true,
      problem:
        'slice b has no TCP port "grpc"; it has grpc (50051) and web (8080); slices have the ports of the pods (targetPort); write one of these names or numbers',
    });
    expect(choose([slice('a', one, [{ name: '', port: 9000 }])]).problem).to.match(/its port has no name/);
    // The number of the Service, and not of its pods.
    expect(choose([slice('a', one)], { port: 80 }).problem).to.match(/no TCP port 80; it has grpc \(50051\)/);
  });

  it('of slices without endpoints are no problem', () => {
    const chosen = choose([slice('a', one), slice('b', [], [{ name: 'web', port: 8080 }])]);
    expect(chosen.problem).to.equal('');
  });
});

describe('families of slices', () => {
  const v4 = slice('a', [{ address: '10.0.0.1' }]);
  const v6 = slice('b', [{ address: 'FD00::1' }], undefined, 'IPv6');

  it('are one of a dual-stack service: IPv4, or what the configuration says', () => {
    expect(addresses(choose([v6, v4]))).to.deep.equal(['10.0.0.1:50051']);
    expect(addresses(choose([v6, v4], { family: 'ipv6' }))).to.deep.equal(['[fd00::1]:50051']);
    expect(addresses(choose([v6]))).to.deep.equal(['[fd00::1]:50051']);
  });

  it('prefer a family with ready endpoints to one that only terminates', () => {
    const leaving = slice('a', [{ address: '10.0.0.1', ready: false, serving: true, terminating: true }]);
    expect(addresses(choose([v6, leaving]))).to.deep.equal(['[fd00::1]:50051']);
  });

  it('are explained where there are none of them', () => {
    expect(choose([v4], { family: 'ipv6' }).problem).to.match(/^it has no IPv6 endpoints; check/);
    const names = slice('c', [{ address: 'db.example.com' }], undefined, 'FQDN');
    expect(choose([names]).problem).to.match(/host names \(addressType FQDN\).*use discovery.dns/);
  });
});

describe('zones and topology hints of endpoints', () => {
  const hinted = (own: string, zone: string, ...hints: string[]) => ({ address: own, zone, hints });
  const localityOf = ({ endpoints }: ReturnType<typeof choose>) =>
    endpoints.map(({ zone, priority }) => `${zone}/${priority}`);

  it('give each endpoint its zone', () => {
    const chosen = choose([slice('a', [{ address: '10.0.0.1', zone: 'a' }, { address: '10.0.0.2' }])]);
    expect(localityOf(chosen)).to.deep.equal(['a/0', '/0']);
  });

  it('put the endpoints that are hinted for the local zone first, whatever zone they are in', () => {
    const slices = [
      slice('s', [
        hinted('10.0.0.1', 'a', 'a'),
        hinted('10.0.0.2', 'b', 'a', 'b'),
        hinted('10.0.0.3', 'c', 'c'),
      ]),
    ];
    expect(localityOf(choose(slices, { localZone: 'a' }))).to.deep.equal(['a/0', 'a/0', 'c/1']);
    // The zone is not known, or ignored: hints count for nothing.
    expect(localityOf(choose(slices))).to.deep.equal(['a/0', 'b/0', 'c/0']);
  });

  it('count for nothing where they leave out an endpoint or the local zone', () => {
    const partly = [slice('s', [hinted('10.0.0.1', 'a', 'a'), { address: '10.0.0.2', zone: 'b' }])];
    expect(localityOf(choose(partly, { localZone: 'a' }))).to.deep.equal(['a/0', 'b/0']);
    const elsewhere = [slice('s', [hinted('10.0.0.1', 'a', 'a'), hinted('10.0.0.2', 'b', 'b')])];
    expect(localityOf(choose(elsewhere, { localZone: 'd' }))).to.deep.equal(['a/0', 'b/0']);
  });
});

describe('an EndpointSlice that is malformed', () => {
  const good = sliceObject('a', [{ address: '10.0.0.1' }]);
  const cases: Array<[string, unknown, RegExp]> = [
    ['no object', 'text', /without a name/],
    ['null', null, /without a name/],
    ['no name', { ...good, metadata: {} }, /without a name/],
    ['an unknown address type', { ...good, addressType: 'MAC' }, /slice a has no known addressType/],
    ['ports that are no list', { ...good, ports: {} }, /slice a has no list of at most 100 ports/],
    ['a port out of range', { ...good, ports: [{ port: 70_000 }] }, /slice a: ports\[0\]/],
    [
      'too many endpoints',
      { ...good, endpoints: Array(1001).fill(good.endpoints[0]) },
      /at most 1000 endpoints/,
    ],
    [
      'an endpoint without address',
      { ...good, endpoints: [{ addresses: [] }] },
      /endpoints\[0\] has no IPv4 address/,
    ],
    [
      'an address of another family',
      { ...good, endpoints: [{ addresses: ['::1'] }] },
      /endpoints\[0\] has no IPv4/,
    ],
  ];
  for (const [what, value, error] of cases)
    it(`is refused: ${what}`, () => {
      expect(parseSlice(value).error).to.match(error);
    });

  it('may have null for empty lists', () => {
    expect(parseSlice({ ...good, ports: null, endpoints: null }).value).to.deep.include({
      ports: [],
      endpoints: [],
    });
  });
});
