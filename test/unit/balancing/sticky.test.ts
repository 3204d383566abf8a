import { expect } from 'chai';
import { affinityOf, buildBalancer } from '../../../src/balancing/build.ts';
import type { Balancer, Candidate } from '../../../src/balancing/candidate.ts';
import { type BalancerSettings, defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { type StickySettings, sessionToken } from '../../../src/balancing/sticky.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { balancerContract } from '../../contract/balancer.ts';
import { candidate } from './simulation.ts';

const cookie = { name: 'session', path: '/', sameSite: 'lax', secure: false } as const;
const settingsOf = (sticky: StickySettings): BalancerSettings => ({
  ...defaultBalancerSettings,
  policy: 'sticky_cookie',
  sticky: { secret: '0123456789abcdef', ...sticky },
});
const request = (...fields: ReadonlyArray<readonly [string, string]>) =>
  HeaderBlock.of([':method', 'GET'], [':path', '/'], ...fields);
const reply = HeaderBlock.of([':status', '200'], ['content-type', 'text/plain']);

balancerContract({
  name: 'sticky_cookie, with metadata keys',
  build: (endpoints, random) => buildBalancer(endpoints, settingsOf({ metadata: 'x-session' }), random),
  keyed: true,
  shareError: () => 0.001,
});

/** A client that keeps what the reply gives it, in front of a cluster whose usable endpoints the test says. */
function client(settings: BalancerSettings) {
  const affinity = affinityOf(settings)!;
  let kept: Array<readonly [string, string]> = [];
  return {
    keep(fields: Array<readonly [string, string]>) {
      kept = fields;
    },
    /** The endpoint of a call, and what its reply says beside what the endpoint said. */
    call(usable: readonly Candidate[], seed = 1): { endpoint: Candidate; added: string[] } {
      const key = affinity.keyOf(request(...kept), '10.0.0.9');
      const endpoint = buildBalancer(usable, settings, new SeededRandom(seed)).pick(
        0,
        null,
        key,
      ) as Candidate;
      const { allFields } = affinity.bind(reply, key, endpoint);
      const added = allFields.filter((field) => !reply.fields.includes(field));
      for (const { name, value } of added) {
        if (name === 'set-cookie') kept = [['cookie', `other=1; ${value.split(';')[0]}`]];
        else kept = [[name, value]];
      }
      return { endpoint, added: added.map(({ name, value }) => `${name}: ${value}`) };
    },
  };
}

describe('sticky_cookie', () => {
  const endpoints = ['a', 'b', 'c', 'd'].map((name) => candidate(`10.0.0.1:${name}`));

  it('binds a new session by a cookie, and stays from then on without a word', () => {
    const browser = client(settingsOf({ cookie }));
    const first = browser.call(endpoints);
    expect(first.added).to.have.length(1);
    expect(first.added[0]).to.match(/^set-cookie: session=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/);
    for (let seed = 0; seed < 20; seed++) {
      first.endpoint.active = 100; // however busy it is
      expect(browser.call(endpoints, seed)).to.deep.equal({ endpoint: first.endpoint, added: [] });
    }
    first.endpoint.active = 0;
  });

  it('binds again when the endpoint is gone, and back is not forth', () => {
    const browser = client(settingsOf({ cookie }));
    const first = browser.call(endpoints).endpoint;
    const rest = endpoints.filter((endpoint) => endpoint !== first);
    const second = browser.call(rest);
    expect(second.added).to.have.length(1);
    expect(second.endpoint).not.to.equal(first);
    for (let seed = 0; seed < 20; seed++)
      expect(browser.call(endpoints, seed).endpoint).to.equal(second.endpoint);
  });

  it('takes no token but its own: a forged, foreign or truncated one binds nothing', () => {
    const settings = settingsOf({ cookie });
    const token = sessionToken(settings.sticky!, endpoints[2].address);
    const foreign = sessionToken({ secret: 'another secret of 16' }, endpoints[2].address);
    for (const forged of [
      endpoints[2].address,
      foreign,
      token.slice(1),
      `${token}A`,
      token.toLowerCase(),
      '',
    ]) {
      const browser = client(settings);
      const given = new Set<Candidate>();
      for (let seed = 0; seed < 40; seed++) {
        browser.keep([['cookie', `session=${forged}`]]);
        const { endpoint, added } = browser.call(endpoints, seed);
        expect(added, forged).to.have.length(1);
        given.add(endpoint);
      }
      expect(given.size, forged).to.equal(4);
    }
    const browser = client(settings);
    browser.keep([['cookie', `session=${token}`]]);
    expect(browser.call(endpoints)).to.deep.equal({ endpoint: endpoints[2], added: [] });
  });

  it('writes the options of the cookie', () => {
    const options = { name: 's', path: '/app', ttlMs: 90_500, sameSite: 'none', secure: true } as const;
    expect(client(settingsOf({ cookie: options })).call(endpoints).added[0]).to.match(
      /^set-cookie: s=[\w-]+; Path=\/app; Max-Age=91; HttpOnly; SameSite=None; Secure$/,
    );
  });

  it('makes its own secret where none is given, the same for the whole process', () => {
    const browser = client(settingsOf({ cookie, secret: undefined }));
    const { endpoint } = browser.call(endpoints);
    for (let seed = 0; seed < 20; seed++) expect(browser.call(endpoints, seed).endpoint).to.equal(endpoint);
    expect(sessionToken({}, 'a')).not.to.equal(sessionToken({ secret: '0123456789abcdef' }, 'a'));
  });

  it('binds a gRPC client by metadata that it sends back', () => {
    const grpc = client(settingsOf({ metadata: 'X-Session' }));
    const { endpoint, added } = grpc.call(endpoints);
    expect(added[0]).to.match(/^x-session: [\w-]{22}$/);
    for (let seed = 0; seed < 20; seed++)
      expect(grpc.call(endpoints, seed)).to.deep.equal({ endpoint, added: [] });
  });

  it('binds a gRPC client that names its session itself by the hash of the name', () => {
    const given = new Set<Candidate>();
    for (const name of ['ada', 'bob', 'cleo', 'dan', 'eve', 'fay', 'gus', 'hal']) {
      const grpc = client(settingsOf({ metadata: 'x-session' }));
      const call = (seed: number) => {
        grpc.keep([['x-session', name]]);
        return grpc.call(endpoints, seed).endpoint;
      };
      given.add(call(1));
      for (let seed = 2; seed < 6; seed++) expect(call(seed)).to.equal(call(1));
    }
    expect(given.size).to.be.above(1);
  });

  it('gives new sessions to the least loaded', () => {
    for (const endpoint of endpoints) endpoint.active = 3;
    endpoints[1].active = 1;
    for (let seed = 0; seed < 20; seed++)
      expect(client(settingsOf({ cookie })).call(endpoints, seed).endpoint).to.equal(endpoints[1]);
    for (const endpoint of endpoints) endpoint.active = 0;
  });

  it('gives new sessions of gRPC clients to the least loaded too', () => {
    for (const endpoint of endpoints) endpoint.active = 3;
    endpoints[2].active = 1;
    for (let seed = 0; seed < 20; seed++)
      expect(client(settingsOf({ metadata: 'x-session' })).call(endpoints, seed).endpoint).to.equal(
        endpoints[2],
      );
    for (const endpoint of endpoints) endpoint.active = 0;
  });

  it('goes by the cookie where a client sends both, and by the metadata where it sends that alone', () => {
    const { keyOf } = affinityOf(settingsOf({ cookie, metadata: 'x-session' }))!;
    expect(keyOf(request(['cookie', 'session=a'], ['x-session', 'b']), '')).to.equal('a');
    expect(keyOf(request(['x-session', 'b']), '')).to.equal('b');
    expect(keyOf(request(), '')).to.equal('');
    expect(affinityOf(settingsOf({ cookie }))!.keyOf(request(), '10.0.0.1')).to.equal('');
  });

  it('leaves an endpoint that was used', () => {
    const settings = settingsOf({ cookie });
    const balancer = buildBalancer(endpoints, settings, new SeededRandom(1));
    const token = sessionToken(settings.sticky!, endpoints[0].address);
    expect(balancer.pick(0, null, token)).to.equal(endpoints[0]);
    for (let i = 0; i < 20; i++)
      expect(balancer.pick(0, new Set([endpoints[0]]), token)).not.to.equal(endpoints[0]);
  });

  it('adds to a head that stands on a base', () => {
    const affinity = affinityOf(settingsOf({ cookie }))!;
    const onBase = new HeaderBlock(reply.fields.slice(1), new HeaderBlock(reply.fields.slice(0, 1)));
    const bound = affinity.bind(onBase, '', endpoints[0]);
    expect(bound.status).to.equal(200);
    expect(bound.allFields.map(({ name }) => name)).to.deep.equal([':status', 'content-type', 'set-cookie']);
  });

  it('says why in plain words', () => {
    const settings = settingsOf({ cookie });
    const balancer = buildBalancer(endpoints, settings, new SeededRandom(1));
    const token = sessionToken(settings.sticky!, endpoints[0].address);
    const [a] = endpoints;
    const why = (one: Balancer<Candidate>, key: string, excluded: Set<Candidate> | null = null) =>
      String(one.explain(one.pick(0, excluded, key) as Candidate, 0, key));
    const least = /\S+ had the fewest requests in flight per weight/.source;
    expect(why(balancer, token)).to.equal(
      `the session of the request is bound to ${a.address} (${a.active} in flight)`,
    );
    expect(why(balancer, token, new Set([a]))).to.match(
      new RegExp(`^an earlier attempt has used the endpoint of its session; ${least}`),
    );
    expect(why(balancer, 'gone')).to.match(
      new RegExp(`^the endpoint of its session is gone or unusable; ${least}`),
    );
    expect(why(balancer, '')).to.match(new RegExp(`^a new session; ${least}`));
    const named = buildBalancer(endpoints, settingsOf({ metadata: 'x-session' }), new SeededRandom(1));
    expect(why(named, 'ada')).to.match(
      /^the key of the request \(header x-session\) has the hash [0-9a-f]{8}, which the maglev table gives to \S+$/,
    );
    expect(why(named, '')).to.match(new RegExp(`^a new session; ${least}`));
    const bound = sessionToken(settings.sticky!, a.address);
    expect(why(named, bound, new Set([a]))).to.match(
      new RegExp(`^an earlier attempt has used the endpoint of its session; ${least}`),
    );
    const ranked = [candidate('first'), candidate('second', 1, 1)];
    expect(why(buildBalancer(ranked, settings, new SeededRandom(1)), '')).to.match(
      /^a new session; priority 0 \(100% of the requests\), 1 endpoint; first was the only choice/,
    );
  });
});
