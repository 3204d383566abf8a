import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { ConfigShape } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { startReloadable } from './reloadable.ts';
import { rig } from './rig.ts';

interface Address {
  readonly address: string;
}

/** One listener whose only route splits requests between `stable` and `canary`. */
function splitConfig(
  stable: Address,
  canary: Address,
  canaryPercent: number,
  { sticky, protocol = 'http2' }: { readonly sticky?: object; readonly protocol?: string } = {},
): ConfigShape {
  const clusters = [
    { cluster: 'stable', weight: 100 - canaryPercent },
    { cluster: 'canary', weight: canaryPercent },
  ];
  const split = sticky === undefined ? { clusters } : { clusters, sticky };
  const cluster = (name: string, { address }: Address) => ({ name, protocol, endpoints: [{ address }] });
  return {
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', split }] }],
    clusters: [cluster('stable', stable), cluster('canary', canary)],
  };
}

describe('split, end to end', () => {
  const { greeter, sidecar, client, defer } = rig();

  it('divides gRPC calls by weight, and a reload that changes the weights moves them live', async () => {
    const [stable, canary] = [await greeter({ name: 'stable' }), await greeter({ name: 'canary' })];
    const { proxy, reload } = await startReloadable(sidecar, splitConfig(stable, canary, 0));
    const caller = client(proxy.target());
    const hello = async (calls: number) => {
      const before = [stable.calls, canary.calls];
      const results = await Promise.all(Array.from({ length: calls }, () => caller.sayHello('x')));
      expect(results.filter(({ code }) => code !== 0)).to.deep.equal([]);
      return [stable.calls - before[0], canary.calls - before[1]];
    };
    expect(await hello(20)).to.deep.equal([20, 0]);
    // A call that is in flight while the weights change ends where it began.
    stable.delayMs = 200;
    const slow = caller.sayHello('slow');
    await until(
      () => stable.active === 1,
      () => 'the call has not arrived',
    );
    const outcome = await reload(splitConfig(stable, canary, 50));
    expect(outcome.ok && outcome.changes).to.deep.equal(['changed listener in']);
    expect((await slow).code).to.equal(0);
    stable.delayMs = 0;
    const [, toCanary] = await hello(200);
    // Six standard deviations of 200 draws.
    expect(toCanary, `seed ${proxy.seed}`).to.be.closeTo(100, 43);
    expect((await reload(splitConfig(stable, canary, 100))).ok).to.equal(true);
    expect(await hello(20)).to.deep.equal([0, 20]);
    const metrics = await (await fetch(`${proxy.adminUrl}/metrics`)).text();
    const labels = (cluster: string) =>
      `{outrigger_listener="in",outrigger_route="all",outrigger_cluster="${cluster}"}`;
    expect(metrics).to.include(`outrigger_split_requests_total${labels('canary')} ${toCanary + 20}\n`);
    expect(metrics).to.include(`outrigger_split_weight${labels('canary')} 100\n`);
    expect(metrics).to.include(`outrigger_split_weight${labels('stable')} 0\n`);
  });

  it('shows the share of each cluster on /routes and in the data of the page, from 0 after a reload', async () => {
    const [stable, canary] = [await greeter({ name: 'stable' }), await greeter({ name: 'canary' })];
    const { proxy, reload } = await startReloadable(sidecar, splitConfig(stable, canary, 5));
    const caller = client(proxy.target());
    const get = async (path: string) => (await fetch(`${proxy.adminUrl}${path}`)).text();
    await Promise.all(Array.from({ length: 200 }, () => caller.sayHello('x')));
    const fact = (name: string, { calls }: { calls: number }, percent: number) => ({
      policy: 'split',
      name,
      text: `${calls / 2}% of requests (${calls}), ${percent}% by weight`,
    });
    const facts = [fact('stable', stable, 95), fact('canary', canary, 5)];
    expect(stable.calls + canary.calls).to.equal(200);
    // Six standard deviations of 200 draws.
    expect(canary.calls, `seed ${proxy.seed}`).to.be.closeTo(10, 19);
    const route = { listener: 'in', route: 'all', cluster: '', replacedBy: 'split' };
    const [shown] = JSON.parse(await get('/routes?format=json'));
    expect(shown).to.deep.include({ ...route, match: '', facts });
    const setting = shown.policies.find((one: { policy: string }) => one.policy === 'split');
    expect(setting.text).to.include('cluster: stable, weight: 95');
    expect(await get('/routes')).to.match(/^in +all +\(split\) +split: stable \d+(\.5)?% of requests \(/m);
    expect(JSON.parse(await get('/live.json')).routes).to.deep.equal([{ ...shown, factsLeftOut: 0 }]);
    await reload(splitConfig(stable, canary, 50));
    expect(await get('/routes')).to.include('stable no request yet, 50% by weight; canary no request yet');
  });

  it('keeps the side of a client when the weights change a little, and shows why in /explain', async () => {
    const [stable, canary] = [await greeter({ name: 'stable' }), await greeter({ name: 'canary' })];
    const sticky = { header: 'x-user' };
    const { proxy, reload } = await startReloadable(sidecar, splitConfig(stable, canary, 20, { sticky }));
    const caller = client(proxy.target());
    const sidesOf = () =>
      Promise.all(
        Array.from({ length: 100 }, async (_, i) => {
          const { replies } = await caller.sayHello('x', { metadata: [['x-user', `user-${i}`]] });
          return replies[0].replica;
        }),
      );
    const before = await sidesOf();
    expect(new Set(before)).to.deep.equal(new Set(['stable', 'canary']));
    expect(await sidesOf()).to.deep.equal(before);
    await reload(splitConfig(stable, canary, 30, { sticky }));
    const after = await sidesOf();
    const moved = before.map((side, i) => [side, after[i]]).filter(([from, to]) => from !== to);
    expect(moved.length).to.be.within(1, 30);
    expect(moved.every(([from]) => from === 'stable')).to.equal(true);
    const { id } = proxy.calls().at(-1)!;
    const page = await (await fetch(`${proxy.adminUrl}/explain/${id}`)).text();
    expect(page).to.match(/chose cluster (stable|canary) by the key of the client \(weight \d+ of 100\)/);
  });

  it('divides HTTP/1.1 requests and WebSockets by a cookie', async () => {
    const server = async (name: string): Promise<Address> => {
      const one = http.createServer((_request, response) => response.end(name));
      one.on('upgrade', (_request, socket) => {
        socket.end(
          `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-side: ${name}\r\n\r\n`,
        );
      });
      await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
      defer(() => {
        one.closeAllConnections();
        return new Promise((resolve) => one.close(resolve));
      });
      return { address: `127.0.0.1:${(one.address() as AddressInfo).port}` };
    };
    const [stable, canary] = [await server('stable'), await server('canary')];
    const sticky = { cookie: 'session' };
    const proxy = await sidecar(splitConfig(stable, canary, 50, { sticky, protocol: 'http1' }));
    const get = async (session: string) =>
      (await fetch(`http://${proxy.target()}/`, { headers: { cookie: `session=${session}` } })).text();
    const upgrade = (session: string) =>
      new Promise<unknown>((resolve, reject) => {
        const [host, port] = proxy.target().split(':');
        const headers = {
          connection: 'upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'MDEyMzQ1Njc4OWFiY2RlZg==',
          cookie: `session=${session}`,
        };
        const request = http.request({ host, port, headers });
        request.on('upgrade', ({ headers: reply }, socket) => {
          socket.destroy();
          resolve(reply['x-side']);
        });
        request.on('error', reject);
        request.end();
      });
    const sessions = Array.from({ length: 20 }, (_, i) => `s${i}`);
    const sides: string[] = [];
    for (const session of sessions) sides.push(await get(session));
    expect(new Set(sides)).to.deep.equal(new Set(['stable', 'canary']));
    for (const [i, session] of sessions.entries()) expect(await upgrade(session)).to.equal(sides[i]);
  });
});
