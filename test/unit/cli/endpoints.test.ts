import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { ClusterSnapshot } from '../../../src/admin/deps.ts';
import { type AdminRig, startAdminRig } from '../../support/admin-rig.ts';
import { runCommand } from './support.ts';

describe('cli/endpoints', () => {
  let rig: AdminRig;
  before(async () => {
    rig = await startAdminRig();
  });
  after(() => rig.close());
  const ask = (admin: string | undefined, output: 'text' | 'json' = 'text', env = {}) =>
    runCommand(['endpoints', '-o', output, ...(admin === undefined ? [] : ['--admin', admin])], env);
  const shown = async (...flags: string[]) =>
    (await runCommand(['endpoints', '--admin', `127.0.0.1:${rig.port}`, ...flags])).out;
  const addresses = async (...flags: string[]) =>
    (JSON.parse(await shown(...flags, '-o', 'json')) as ClusterSnapshot[]).flatMap((cluster) =>
      cluster.endpoints.map(({ address }) => address),
    );

  it('shows the endpoints that match every filter, and no empty cluster', async () => {
    expect(await addresses('--cluster', 'greeter')).to.have.length(3);
    expect(await addresses('--state', 'ejected,draining')).to.deep.equal([
      '10.42.1.9:8443',
      '10.42.2.31:8443',
    ]);
    expect(await addresses('--state', 'unusable', '--cluster', 'ord*')).to.include('10.42.2.30:8443');
    expect(await addresses('--endpoint', '10.42.1.*')).to.deep.equal(['10.42.1.4:8443', '10.42.1.9:8443']);
    expect(await addresses('--endpoint', '10.42.1.4')).to.deep.equal(['10.42.1.4:8443']);
    expect(await shown('--state', 'ejected')).to.match(/^orders: /);
  });

  it('says so when no endpoint matches, with the names of the clusters', async () => {
    expect(await shown('--cluster', 'ordrs')).to.match(
      /^No endpoint matches the filters\. The sidecar has the clusters greeter, orders.* and \w+\.\n$/,
    );
  });

  it('sorts figures from the greatest, and names in their order', async () => {
    const totals = async (sort: string) =>
      (JSON.parse(await shown('--cluster', 'orders', '--sort', sort, '-o', 'json')) as ClusterSnapshot[])[0]
        .endpoints;
    const p99 = (await totals('p99')).map((e) => e.p99Ms ?? -1);
    expect(p99).to.deep.equal([...p99].sort((a, b) => b - a));
    expect((await totals('address')).map((e) => e.address).slice(-2)).to.deep.equal([
      '10.42.2.30:8443',
      '10.42.2.31:8443',
    ]);
  });

  it('prints what /clusters shows', async () => {
    const text = (await rig.get('/clusters')).body;
    expect(await ask(`127.0.0.1:${rig.port}`)).to.deep.equal({ code: 0, out: text, err: '' });
    expect((await ask(undefined, 'text', { OUTRIGGER_ADMIN: `127.0.0.1:${rig.port}` })).out).to.equal(text);
    const json = await ask(`127.0.0.1:${rig.port}`, 'json');
    expect(JSON.parse(json.out)).to.deep.equal(JSON.parse((await rig.get('/clusters?format=json')).body));
  });

  it('says that nothing listens there', async () => {
    const { code, out, err } = await ask('unix:/nowhere/admin.sock');
    expect([code, out]).to.deep.equal([3, '']);
    expect(err).to.equal(
      'nothing listens on unix:/nowhere/admin.sock; start the sidecar, or name its admin address with --admin\n',
    );
  });

  it('says that something else listens there', async () => {
    const other = createServer((_request, response) => response.end('[]')).listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { code, err } = await ask(`127.0.0.1:${(other.address() as AddressInfo).port}`);
    await new Promise((resolve) => other.close(resolve));
    expect(code).to.equal(3);
    expect(err).to.match(/ is not Outrigger's admin server; name the right address with --admin\n$/);
  });

  it('passes on what the admin server says', async () => {
    const { clusters } = rig.proxy;
    rig.proxy.clusters = () => {
      throw new Error('out of luck');
    };
    const { code, err } = await ask(`127.0.0.1:${rig.port}`);
    rig.proxy.clusters = clusters;
    expect(code).to.equal(1);
    expect(err).to.include(
      'answered /clusters with 500: The admin server failed to answer: Error: out of luck',
    );
  });

  it('takes an address that is none for a mistake in the command', async () => {
    expect(await ask('127.0.0.1')).to.deep.equal({
      code: 2,
      out: '',
      err: '--admin: "127.0.0.1" has no port; write host:port, such as 127.0.0.1:50051\n',
    });
  });
});
