import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { judgesRealTime } from '../support/real-time.ts';
import { startProgram } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const { OK } = status;

describe('reload of the program', function () {
  judgesRealTime(this, 'programs have to start and reload in time');
  const { greeter, client, defer } = rig();

  async function program(flags: string[] = []) {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    defer(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'outrigger.yaml');
    const replica = await greeter();
    const [listen, admin] = await freeAddresses(2);
    const write = (policy: string): void => {
      const shape = {
        admin: { listen: admin },
        listeners: [{ name: 'in', listen, routes: [{ name: 'all', cluster: 'greeter' }] }],
        clusters: [{ name: 'greeter', endpoints: [{ address: replica.address }], balancer: { policy } }],
        reload: { interval: '50ms' },
      };
      writeFileSync(`${file}.new`, JSON.stringify(shape));
      renameSync(`${file}.new`, file);
    };
    write('random');
    const running = startProgram(['run', '--config', file, ...flags]);
    defer(async () => {
      running.signal('SIGKILL');
      await running.exit;
    });
    await until(
      () =>
        fetch(`http://${admin}/ready`).then(
          ({ status }) => status === 200,
          () => false,
        ),
      () => running.stderr,
    );
    return { running, admin, listen, write };
  }

  it('by `outrigger reload`: 0 when it is applied, 1 with every reason when it is not', async () => {
    const { admin, listen, write } = await program();
    write('round_robin');
    const fine = startProgram(['reload', '--admin', admin]);
    expect([await fine.exit, fine.stdout]).to.deep.equal([
      0,
      'version 2 is active: changed cluster greeter\n',
    ]);
    write('rondom');
    const broken = startProgram(['reload', '--admin', admin]);
    expect([await broken.exit, broken.stdout]).to.deep.equal([1, '']);
    expect(broken.stderr).to.match(/outrigger.yaml:1:\d+ clusters\[0\].balancer.policy: "rondom".*random/);
    expect(broken.stderr).to.match(/reload refused: version 2 of the configuration stays active\n$/);
    const json = startProgram(['reload', '--admin', admin, '-o', 'json']);
    expect(await json.exit).to.equal(1);
    expect(JSON.parse(json.stdout)).to.deep.include({ ok: false, version: 2 });
    expect((await client(listen).sayHello('x')).code).to.equal(OK);
    const dump = await fetch(`http://${admin}/config_dump`);
    expect(await dump.text()).to.match(/^# version 2 since .*, 1 reload, 2 refused\n/);
    expect(dump.headers.get('x-outrigger-config-version')).to.equal('2');
  });

  it('by SIGHUP', async () => {
    const { running, write } = await program();
    write('round_robin');
    running.signal('SIGHUP');
    await running.said(/reloaded: changed cluster greeter why=SIGHUP version=2/);
  });

  it('by itself, with --watch, when the file was replaced', async () => {
    const { running, write } = await program(['--watch']);
    write('round_robin');
    await running.said(/reloaded: changed cluster greeter why="a file has changed" version=2/);
    write('rondom');
    await running.said(/reload refused/);
  });
});
