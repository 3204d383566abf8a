import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseArguments } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import type { RequestExplanation } from '../../src/explain/request.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { rig } from './rig.ts';

/** Runs `outrigger explain` with these arguments in this process. */
async function explain(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const parsed = parseArguments(['explain', ...argv]);
  if (parsed.error !== undefined) return { code: 2, out: '', err: parsed.error };
  const [out, err]: [string[], string[]] = [[], []];
  const io = {
    stdout: { write: (text: string) => void out.push(text) },
    stderr: { write: (text: string) => void err.push(text) },
  };
  const { command, args } = parsed.value;
  const context = { io, env: {}, onWarning: () => () => {}, commands } as unknown as Parameters<
    typeof command.run
  >[1];
  const code = await command.run(args, context);
  return { code, out: out.join(''), err: err.join('') };
}

describe('outrigger explain', function () {
  this.timeout(20_000);
  const { greeter, sidecar, client: grpcClient, defer } = rig();
  const bare = { health: 'none', outlier: 'none' };
  const routes = [
    { name: 'vip', match: { headers: [{ name: 'x-token', exact: 's3cret' }] }, cluster: 'greeter' },
    {
      name: 'shop',
      match: { pathPrefix: '/shop' },
      split: { clusters: [{ cluster: 'greeter', weight: 1 }] },
    },
    { name: 'gone', match: { path: '/gone' }, respond: { status: 410, body: 'gone' } },
    {
      name: 'greeter',
      match: { grpc: { service: 'helloworld.Greeter' } },
      cluster: 'greeter',
      timeout: '2s',
      retry: { on: ['unavailable'], attempts: 2 },
    },
  ];

  async function running() {
    const replicas = [await greeter(), await greeter()];
    const listeners = [{ name: 'in', listen: '127.0.0.1:0', routes }];
    const proxy = await sidecar({ ...greeterConfig(replicas, bare), listeners });
    const admin = new URL(proxy.adminUrl).host;
    const request = async (...argv: string[]) => {
      const { code, out, err } = await explain('--admin', admin, '-o', 'json', '--request', ...argv);
      expect([code, err]).to.deep.equal([0, '']);
      return (JSON.parse(out) as RequestExplanation).listeners[0];
    };
    return { proxy, replicas, admin, request };
  }

  it('shows where a request would go, with the endpoints as they stand, and sends nothing', async () => {
    const { proxy, replicas, request } = await running();
    await fetch(`${proxy.adminUrl}/endpoints/${replicas[1].address}/drain`, { method: 'POST' });
    const found = await request('helloworld.Greeter/SayHello');
    expect([found.listener, found.route, found.path]).to.deep.equal([
      'in',
      'greeter',
      '/helloworld.Greeter/SayHello',
    ]);
    expect(found.steps.map(({ route, matched }) => `${route} ${matched}`)).to.deep.equal([
      'vip false',
      'shop false',
      'gone false',
      'greeter true',
    ]);
    expect(found.policies.map(({ policy }) => policy)).to.deep.equal(['timeout', 'retry']);
    expect(found.policies[0].settings).to.equal('2s');
    const [cluster] = found.clusters;
    expect(cluster).to.include({ cluster: 'greeter', via: 'route', balancer: 'least_request' });
    expect(cluster.candidates.map(({ address, usable, active }) => [address, usable, active])).to.deep.equal([
      [replicas[0].address, true, 0],
      [replicas[1].address, false, 0],
    ]);
    expect(cluster.candidates[1].unusable).to.equal('drained by hand');
    expect(replicas.map(({ calls }) => calls)).to.deep.equal([0, 0]);
    expect(proxy.calls()).to.deep.equal([]);
  });

  it('follows headers, policies that answer or choose a cluster, and requests that no route takes or the listener refuses', async () => {
    const { request } = await running();
    const vip = await request('GET /x', '-H', 'x-token: s3cret');
    expect(vip.route).to.equal('vip');
    expect(JSON.stringify(vip)).not.to.include('s3cret');
    const split = await request('GET /shop/1');
    expect([split.route, split.clusters[0].via]).to.deep.equal(['shop', 'split']);
    const gone = await request('/gone');
    expect([gone.clusters, gone.outcome]).to.deep.equal([
      [],
      'The policy respond answers the request, so no endpoint gets it.',
    ]);
    const nowhere = await request('/nowhere');
    expect([nowhere.route, nowhere.outcome]).to.deep.equal([
      '',
      'No route matches: Outrigger answers HTTP 404 (no_route).',
    ]);
    const refused = await request('GET /a%zz');
    expect(refused.refused).not.to.equal('');
    expect(refused.steps).to.deep.equal([]);
  });

  it('agrees with what the sidecar does with the same request', async () => {
    const { proxy, request } = await running();
    for (const [path, headers] of [
      ['/shop/x', {}],
      ['/shopping', {}],
      ['/gone?x', {}],
      ['/a', { 'x-token': 's3cret' }],
      ['/a/../gone', {}],
    ] as const) {
      await fetch(`http://${proxy.target()}${path}`, { headers }).catch(() => {});
      const flags = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
      const found = await request(`GET ${path}`, ...flags);
      expect(found.route, path).to.equal(proxy.calls().at(-1)!.route);
    }
  });

  it('answers from a file, without a sidecar, and shows what is wrong with one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    defer(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'outrigger.yaml');
    const clusters = [{ name: 'greeter', endpoints: ['127.0.0.1:1', { address: '127.0.0.1:2', weight: 3 }] }];
    writeFileSync(
      file,
      JSON.stringify({ listeners: [{ name: 'in', listen: '127.0.0.1:0', routes }], clusters }),
    );
    const { code, out } = await explain('--request', 'helloworld.Greeter/SayHello', '-c', file);
    expect(code).to.equal(0);
    expect(out).to.include('  greeter  matches: it is a call of the gRPC service helloworld.Greeter\n');
    expect(out).to.include('  vip      no match: no header x-token is •••\n');
    expect(out).to.match(/127\.0\.0\.1:2 +- +3 {2}not known without a running sidecar\n/);
    expect(out).to.match(/\nNothing was sent\.\n$/);
    const other = await explain('--request', '/x', '-c', file, '--listener', 'out');
    expect([other.code, other.err]).to.deep.equal([
      2,
      '--listener: no listener "out" routes requests; write one of in\n',
    ]);
    writeFileSync(file, 'listeners: 5');
    const wrong = await explain('--request', '/x', '-c', file);
    expect([wrong.code, wrong.err.includes('is not valid, so it routes nothing')]).to.deep.equal([2, true]);
  });

  it('explains a call by id, and says with an exit code what is missing', async () => {
    const { proxy, admin } = await running();
    await grpcClient(proxy.target()).sayHello('x');
    const { id } = proxy.calls()[0];
    const call = await explain(String(id), '--admin', admin);
    expect([call.code, call.err]).to.deep.equal([0, '']);
    expect(call.out).to.match(new RegExp(`^Call ${id}: helloworld.Greeter/SayHello ended OK after `));
    expect(JSON.parse((await explain(String(id), '--admin', admin, '-o', 'json')).out)).to.include({ id });
    const unknown = await explain(String(id + 1), '--admin', admin);
    expect([unknown.code, unknown.out]).to.deep.equal([1, '']);
    expect(unknown.err).to.match(/^There is no call \d+; the newest call is \d+\.\n$/);
    await proxy.stop();
    expect((await explain(String(id), '--admin', admin)).code).to.equal(3);
    for (const argv of [
      [],
      ['abc'],
      ['1', '--request', '/x'],
      ['1', '-H', 'a: b'],
      ['1', '-c', 'f'],
      ['--request', 'a b c'],
      ['--request', '/x', '-H', 'nothing'],
    ]) {
      const { code, err } = await explain(...argv);
      expect([code, err.length > 20], argv.join(' ')).to.deep.equal([2, true]);
    }
  });
});
