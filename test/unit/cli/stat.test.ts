import { expect } from 'chai';
import { statReportText } from '../../../src/cli/stat.ts';
import { type AdminRig, startAdminRig } from '../../support/admin-rig.ts';
import { runCommand } from './support.ts';

describe('cli/stat', () => {
  let rig: AdminRig;
  before(async () => {
    rig = await startAdminRig();
  });
  after(() => rig.close());
  const ask = async (output: 'text' | 'json') => {
    const io = await runCommand(['stat', '--admin', `127.0.0.1:${rig.port}`, '-o', output]);
    return { io, code: io.code };
  };

  it('prints the state, all calls and each cluster', async () => {
    const { io, code } = await ask('text');
    expect([code, io.err]).to.deep.equal([0, '']);
    expect(io.out).to.match(
      /^shop-sidecar: Outrigger 0\.1\.0, ready, up \d+ h \d+ m\n\n *CALLS +PER S +ERRORS/,
    );
    expect(io.out).to.match(/\nCLUSTER +USABLE +ATTEMPTS +PER S +ERRORS +OTHER +IN FLIGHT\ngreeter +3 of 3 /);
    expect(io.out).to.match(/\n\ngreeter: [a-z][^\n]+\norders: [^\n]+\n/);
  });

  it('says why a sidecar is not ready', async () => {
    rig.proxy.healthcheckFail(true);
    const { io } = await ask('text');
    rig.proxy.healthcheckFail(false);
    expect(io.out).to.match(/, starting \(failed by hand \(POST \/healthcheck\/fail\)\), up /);
  });

  it('says that a ready sidecar is degraded, and why', async () => {
    rig.proxy.degradedReasons = ['cluster orders: 0 of 7 endpoints are usable'];
    const { io } = await ask('text');
    rig.proxy.degradedReasons = [];
    expect(io.out).to.match(/, ready, but degraded \(cluster orders: 0 of 7 endpoints are usable\), up /);
  });

  it('says which address to name where it asks the one for probes', async () => {
    const probes = await startAdminRig(undefined, { probes: { kind: 'tcp', host: '127.0.0.1', port: 0 } });
    try {
      const { probesAddress } = probes.admin;
      const admin = `127.0.0.1:${probesAddress?.kind === 'tcp' ? probesAddress.port : 0}`;
      const io = await runCommand(['stat', '--admin', admin]);
      expect(io.code).to.equal(1);
      expect(io.err).to.match(
        /^127\.0\.0\.1:\d+ serves no \/\w+; name the address of admin\.listen with --admin: admin\.probes serves/,
      );
    } finally {
      await probes.close();
    }
  });

  it('says once that a sidecar is draining', async () => {
    const report = JSON.parse((await ask('json')).io.out);
    const text = statReportText({
      ...report,
      server: { ...report.server, state: 'draining' },
      readiness: { ready: false, reasons: ['draining: the listeners are closed'] },
    });
    expect(text).to.include(', draining (the listeners are closed), up ');
  });

  it('prints no verdict on the balance for a sidecar that reports none', async () => {
    const report = JSON.parse((await ask('json')).io.out);
    for (const cluster of report.clusters) delete cluster.balance;
    expect(statReportText(report)).to.match(/IN FLIGHT\n(\w+ [^\n]+\n)+$/);
  });

  it('prints JSON for programs', async () => {
    const { io, code } = await ask('json');
    expect(code).to.equal(0);
    const report = JSON.parse(io.out);
    expect(report).to.have.keys('server', 'readiness', 'totals', 'clusters');
    expect(report.clusters[1]).to.include({ name: 'orders', endpoints: 7, usable: 3 });
    expect(report.clusters[1].balance).to.include.keys('verdict', 'text', 'retryAmplification');
  });
});
