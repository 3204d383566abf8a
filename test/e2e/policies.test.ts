import http from 'node:http';
import { expect } from 'chai';
import { policyNames } from '../../src/balancing/list.ts';
import type { GreeterClient } from '../support/greeter-client.ts';
import type { Greeter } from '../support/greeter-server.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

/** What each policy must be told besides its name. */
const told: Record<string, object> = {
  ring_hash: { hash: [{ header: 'x-user' }] },
  maglev: { hash: [{ header: 'x-user' }], boundedLoad: {} },
  sticky_cookie: { sticky: { metadata: 'x-session' } },
};

/** The replica that a call of this metadata reaches. */
async function reached(
  client: GreeterClient,
  replicas: readonly Greeter[],
  metadata: ReadonlyArray<readonly [string, string]> = [],
): Promise<Greeter> {
  const before = replicas.map(({ calls }) => calls);
  const { code, details } = await client.sayHello('x', { metadata });
  expect(code, details).to.equal(0);
  return replicas.find((replica, i) => replica.calls > before[i]) as Greeter;
}

describe('policies, end to end', () => {
  const { greeter, sidecar, client } = rig();
  const replicas = (count: number) =>
    Promise.all(Array.from({ length: count }, (_, i) => greeter({ name: `r${i}` })));

  for (const policy of policyNames) {
    it(`${policy} carries calls`, async () => {
      const some = await replicas(3);
      const proxy = await sidecar(greeterConfig(some, { balancer: { policy, ...told[policy] } }));
      const caller = client(proxy.target());
      const results = await Promise.all(Array.from({ length: 60 }, () => caller.sayHello('x')));
      expect(results.filter(({ code }) => code !== 0)).to.deep.equal([]);
      // Without a key, with 60 calls at once: each has some, but for ip_hash, whose key is this one client.
      const used = some.filter(({ calls }) => calls > 0).length;
      expect(used, `seed ${proxy.seed}`).to.equal(policy === 'ip_hash' ? 1 : 3);
    });
  }

  it('maglev keeps a user on one replica until that is drained, and gives it back', async () => {
    const some = await replicas(4);
    const balancer = { policy: 'maglev', hash: [{ header: 'X-User' }] };
    const proxy = await sidecar(greeterConfig(some, { balancer }));
    const caller = client(proxy.target());
    const of = (user: string) => reached(caller, some, [['x-user', user]]);
    const own = await of('ada');
    for (let i = 0; i < 10; i++) expect(await of('ada')).to.equal(own);
    const others = new Set<Greeter>();
    for (let i = 0; i < 40; i++) others.add(await of(`user-${i}`));
    expect(others.size).to.equal(4);
    await fetch(`${proxy.adminUrl}/endpoints/${own.address}/drain`, { method: 'POST' });
    const next = await of('ada');
    expect(next).not.to.equal(own);
    expect(await of('ada')).to.equal(next);
    await fetch(`${proxy.adminUrl}/endpoints/${own.address}/enable`, { method: 'POST' });
    expect(await of('ada')).to.equal(own);
  });

  it('a gRPC session stays where its metadata says, and is bound again when that is gone', async () => {
    const some = await replicas(3);
    const balancer = { policy: 'sticky_cookie', sticky: { metadata: 'x-session' } };
    const proxy = await sidecar(greeterConfig(some, { balancer }));
    const caller = client(proxy.target());
    const { metadata } = await caller.sayHello('x');
    const [token] = metadata.get('x-session') as string[];
    const own = some.find(({ calls }) => calls === 1) as Greeter;
    for (let i = 0; i < 10; i++) expect(await reached(caller, some, [['x-session', token]])).to.equal(own);
    const again = await caller.sayHello('x', { metadata: [['x-session', token]] });
    expect(again.metadata.get('x-session')).to.deep.equal([]);
    await own.kill();
    const anew = await caller.sayHello('x', { metadata: [['x-session', token]] });
    expect(anew.code, anew.details).to.equal(0);
    expect(anew.metadata.get('x-session')).to.have.length(1);
    expect(anew.metadata.get('x-session')).not.to.deep.equal([token]);
  });

  it('a draining endpoint finishes its calls, shows as draining, and loses its idle connections', async () => {
    const [a, b] = await replicas(2);
    const proxy = await sidecar(greeterConfig([a, b], { health: { tcp: {}, interval: '1h' } }));
    const caller = client(proxy.target());
    for (const replica of [a, b]) replica.delayMs = 300;
    const calls = [caller.sayHello('x'), caller.sayHello('x')];
    await until(
      () => a.active === 1 && b.active === 1,
      () => `${a.active} and ${b.active} calls`,
    );
    await fetch(`${proxy.adminUrl}/endpoints/${a.address}/drain`, { method: 'POST' });
    const clusters = (await (await fetch(`${proxy.adminUrl}/clusters?format=json`)).json()) as Array<{
      endpoints: Array<{ address: string; draining: boolean; unusableReason: string; active: number }>;
    }>;
    const [shown] = clusters[0].endpoints;
    expect(shown).to.include({ draining: true, unusableReason: 'drained by hand', active: 1 });
    expect((await Promise.all(calls)).map(({ code }) => code)).to.deep.equal([0, 0]);
    await until(
      () => a.openConnections === 0,
      () => `${a.openConnections} connections`,
    );
    b.delayMs = 0;
    for (let i = 0; i < 5; i++) expect(await reached(caller, [a, b])).to.equal(b);
  });
});

describe('sticky_cookie over HTTP/1.1', () => {
  const { sidecar, defer } = rig();

  async function server(name: string): Promise<{ address: string }> {
    const one = http.createServer((_request, response) => response.end(name));
    await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
    defer(() => {
      one.closeAllConnections();
      return new Promise((resolve) => one.close(resolve));
    });
    return { address: `127.0.0.1:${(one.address() as { port: number }).port}` };
  }

  it('binds a browser by a cookie', async () => {
    const servers = await Promise.all(['a', 'b', 'c'].map(server));
    const sticky = { cookie: { name: 'session', ttl: '1h' } };
    const balancer = { policy: 'sticky_cookie', sticky };
    const proxy = await sidecar(greeterConfig(servers, { protocol: 'http1', balancer }));
    const get = async (cookie: string) => {
      const reply = await fetch(`http://${proxy.target()}/`, { headers: cookie === '' ? {} : { cookie } });
      return { body: await reply.text(), cookies: reply.headers.getSetCookie() };
    };
    const first = await get('');
    expect(first.cookies).to.have.length(1);
    expect(first.cookies[0]).to.match(/^session=[\w-]{22}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/);
    const cookie = `theme=dark; ${first.cookies[0].split(';')[0]}`;
    for (let i = 0; i < 10; i++) expect(await get(cookie)).to.deep.equal({ body: first.body, cookies: [] });
    expect((await get('session=forged')).cookies).to.have.length(1);
  });
});
