import { expect } from 'chai';
import { parseArguments } from '../../../src/cli/arguments.ts';
import { type AdminRig, startAdminRig } from '../../support/admin-rig.ts';
import { runCommand } from './support.ts';

describe('cli/ready', () => {
  let rig: AdminRig;
  beforeEach(async () => {
    rig = await startAdminRig();
  });
  afterEach(() => rig.close());
  const run = (line: string) =>
    runCommand([
      'ready',
      ...line.split(' ').filter((word) => word !== ''),
      '--admin',
      `127.0.0.1:${rig.port}`,
    ]);
  const breakCluster = (name: string) => {
    const usability = rig.proxy.clusterUsability.bind(rig.proxy);
    const reason = `cluster ${name}: 0 of 2 endpoints are usable (10.0.0.1:1 unhealthy: no answer)`;
    rig.proxy.clusterUsability = () =>
      usability().map((one) => (one.name === name ? { ...one, usable: 0, reason } : one));
    rig.proxy.degradedReasons = [reason];
    return reason;
  };

  it('a degraded sidecar is ready, and the reason is shown', async () => {
    const reason = breakCluster('orders');
    expect(await run('')).to.deep.equal({ code: 0, out: `ready, but degraded: ${reason}\n`, err: '' });
    const json = await run('-o json');
    expect(JSON.parse(json.out)).to.deep.equal({
      ready: true,
      reasons: [],
      degraded: true,
      degradedReasons: [reason],
      state: 'ready',
    });
  });

  it('--usable asks for a usable endpoint of each cluster that a listener uses', async () => {
    expect(await run('--usable')).to.include({ code: 0, out: 'ready\n' });
    const reason = breakCluster('orders');
    expect(await run('--usable')).to.deep.equal({ code: 1, out: '', err: `not ready: ${reason}\n` });
    const json = await run('--usable -o json');
    expect([json.code, JSON.parse(json.out).missing]).to.deep.equal([1, [reason]]);
  });

  it('--usable CLUSTER asks for those alone', async () => {
    const reason = breakCluster('orders');
    expect(await run('--usable greeter images')).to.include({ code: 0 });
    expect(await run('--usable greeter orders')).to.include({ code: 1, err: `not ready: ${reason}\n` });
  });

  it('a cluster that no listener uses counts only where it is named', async () => {
    const usability = rig.proxy.clusterUsability.bind(rig.proxy);
    rig.proxy.clusterUsability = () =>
      usability().map((one) =>
        one.name === 'images' ? { ...one, routed: false, usable: 0, reason: 'cluster images: none' } : one,
      );
    expect(await run('--usable')).to.include({ code: 0 });
    expect(await run('--usable images')).to.include({ code: 1, err: 'not ready: cluster images: none\n' });
  });

  it('--wait --usable waits until the cluster is usable', async () => {
    const usability = rig.proxy.clusterUsability.bind(rig.proxy);
    breakCluster('orders');
    const broken = rig.proxy.clusterUsability;
    let looks = 0;
    rig.proxy.clusterUsability = () => {
      // Readiness is asked for before.
      if (++looks >= 2) rig.proxy.degradedReasons = [];
      return looks < 3 ? broken() : usability();
    };
    expect(await run('--wait --usable orders')).to.deep.equal({ code: 0, out: 'ready\n', err: '' });
    expect(looks).to.equal(3);
  });

  it('--wait --usable ends with 1 and names what is missing when its time is over', async () => {
    const reason = breakCluster('orders');
    expect(await run('--wait --timeout 200ms --usable greeter orders')).to.deep.equal({
      code: 1,
      out: '',
      err: `not ready after 0.2 s: ${reason}\n`,
    });
  });

  it('a name that is no cluster ends the wait at once, with the nearest name', async () => {
    expect(await run('--wait --usable ordres')).to.deep.equal({
      code: 2,
      out: '',
      err: '--usable: the sidecar has no cluster "ordres"; did you mean orders?\n',
    });
    expect((await run('--wait --usable zebra')).err).to.equal(
      '--usable: the sidecar has no cluster "zebra"; write greeter, orders or images\n',
    );
  });

  it('names of clusters need --usable', () => {
    expect(parseArguments(['ready', '--wait', 'orders']).error).to.equal(
      'the cluster "orders" requires --usable; write outrigger ready --usable orders',
    );
  });
});
