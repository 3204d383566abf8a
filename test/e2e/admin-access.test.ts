import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { formatAddress } from '../../src/core/address.ts';
import { greeterConfig, startProgram, startSidecarProgram } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const token = 'f00dfeedf00dfeedf00dfeedf00dfeed';

describe('the admin address of a sidecar', function () {
  this.timeout(20_000);
  const { greeter, sidecar, defer } = rig();

  it('asks other machines for the token, shows it nowhere, and serves probes beside', async () => {
    const replica = await greeter();
    const admin = { listen: '127.0.0.1:0', probes: '127.0.0.1:0', token, allowedHosts: ['orders.svc'] };
    const proxy = await sidecar(greeterConfig([replica], {}, { admin }), { isLocalPeer: () => false });
    const ask = (path: string, init: RequestInit = {}) => fetch(`${proxy.adminUrl}${path}`, init);
    const headers = { authorization: `Bearer ${token}` };
    expect((await ask('/ready')).status).to.equal(200);
    expect((await ask('/clusters')).status).to.equal(401);
    expect((await ask('/drain', { method: 'POST' })).status).to.equal(401);
    for (const format of ['text', 'json']) {
      const dump = await (await ask(`/config_dump?format=${format}`, { headers })).text();
      expect(dump).to.include('orders.svc').and.not.include(token);
    }
    expect(proxy.log.join('')).to.not.include(token);
    const probes = `http://${formatAddress(proxy.app.admin.probesAddress!)}`;
    expect((await fetch(`${probes}/ready`)).status).to.equal(200);
    expect(await (await fetch(`${probes}/metrics`)).text()).to.match(/^outrigger_ready 1$/m);
    expect((await fetch(`${probes}/config_dump`, { headers })).status).to.equal(404);
    expect((await fetch(`${probes}/quitquitquit`, { method: 'POST', headers })).status).to.equal(404);
  });

  it('reads its token file again on reload, and a changed token in the file is not shown', async () => {
    const replica = await greeter();
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    defer(() => rmSync(folder, { recursive: true }));
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, token);
    const shape = greeterConfig([replica], {}, { admin: { listen: '127.0.0.1:0', tokenFile } });
    const program = await startSidecarProgram(shape);
    defer(async () => {
      program.signal('SIGKILL');
      await program.exit;
    });
    // A proxy's header makes a request of this machine one of another.
    const ask = async (value: string): Promise<number> => {
      const headers = { via: '1.1 test', authorization: `Bearer ${value}` };
      return (await fetch(`${program.adminUrl}/clusters`, { headers })).status;
    };
    expect([await ask(token), await ask('cafecafecafecafe')]).to.deep.equal([200, 401]);
    writeFileSync(tokenFile, 'cafecafecafecafe\n');
    const reload = startProgram(['reload', '--admin', program.adminUrl.replace('http://', '')]);
    expect(await reload.exit, reload.stderr).to.equal(0);
    expect([await ask(token), await ask('cafecafecafecafe')]).to.deep.equal([401, 200]);
    expect(program.stderr).to.not.include(token);
  });

  it('a sidecar that probes cannot be bound for does not start', async () => {
    const [admin, taken] = await freeAddresses(2);
    const args = (probes: string) => ['run', '--admin', admin, '--from', probes, '--to', '127.0.0.1:1'];
    const program = startProgram(args('127.0.0.1:0'), { OUTRIGGER_ADMIN_PROBES: taken });
    defer(async () => {
      program.signal('SIGKILL');
      await program.exit;
    });
    await program.said(/admin probes address=/);
    await until(
      async () => (await fetch(`http://${taken}/live`)).status === 200,
      () => program.stderr,
    );
    const [other] = await freeAddresses(1);
    const second = startProgram(['run', '--admin', other, '--from', '127.0.0.1:0', '--to', '127.0.0.1:1'], {
      OUTRIGGER_ADMIN_PROBES: taken,
    });
    expect(await second.exit).to.equal(1);
    expect(second.stderr).to.match(/cannot start.*admin\.probes.*the address is in use/);
  });
});
