import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { systemDnsResolver } from '../../src/discovery/dns-resolver.ts';
import { startDnsProcess } from '../support/dns-process.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig, startProgram, startSidecar, startSidecarProgram } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const { OK, UNAVAILABLE } = status;
const hostOf = (url: string): string => url.replace('http://', '');

describe('outrigger drain', function () {
  judgesRealTime(this, 'programs have to start and drain in time');
  const { greeter, sidecar, client: grpcClient, defer } = rig();
  const drain = { delay: '0s', grace: '1500ms', goawayDelay: '0s' };

  it('reports once a second what it waits for, then how many calls were terminated and finished', async () => {
    // Replies that leave once the command has said what it waits for, however long its start takes.
    const held: ServerResponse[] = [];
    const replica = createServer((_request, response) => held.push(response)).listen(0, '127.0.0.1');
    await once(replica, 'listening');
    defer(() => replica.close());
    const { port } = replica.address() as AddressInfo;
    const proxy = await sidecar(
      greeterConfig(
        [{ address: `127.0.0.1:${port}` }],
        { protocol: 'http1', health: 'none' },
        { drain: { delay: '0s', grace: '60s', goawayDelay: '0s' } },
      ),
    );
    const requests = [fetch(`http://${proxy.target()}/x`), fetch(`http://${proxy.target()}/y`)];
    await until(
      () => held.length === 2,
      () => `${held.length} requests have come`,
    );
    const command = startProgram(['drain', '--admin', hostOf(proxy.adminUrl)]);
    await until(
      () => command.stdout !== '',
      () => command.stderr,
    );
    for (const response of held) response.end('done');
    expect(await command.exit).to.equal(0);
    for (const reply of await Promise.all(requests)) expect(await reply.text()).to.equal('done');
    expect(command.stdout).to.match(
      /^waiting for 2 requests: in 2\n(waiting for .*\n)*0 requests terminated, 2 finished\n$/,
    );
    const again = startProgram(['drain', '--admin', hostOf(proxy.adminUrl), '-o', 'json']);
    expect(await again.exit).to.equal(0);
    expect(JSON.parse(again.stdout)).to.deep.equal({ cut: 0, finished: 2, undelivered: 0 });
  });

  it('warns where --inbound has no listener to drain', async () => {
    const proxy = await sidecar(greeterConfig([await greeter()], {}, { drain }));
    const command = startProgram(['drain', '--inbound', '--admin', hostOf(proxy.adminUrl)]);
    expect(await command.exit).to.equal(0);
    expect(command.stderr).to.match(/^warning: no listener has direction: inbound, so no client is asked/);
  });

  it('ends with 1 when the grace terminated a call', async () => {
    const replica = await greeter();
    const proxy = await sidecar(greeterConfig([replica], {}, { drain }));
    const held = grpcClient(proxy.target()).unary({ options: { hold: true } });
    await until(
      () => replica.active === 1,
      () => 'the call has not begun',
    );
    const command = startProgram(['drain', '--admin', hostOf(proxy.adminUrl)]);
    expect(await command.exit).to.equal(1);
    expect(command.stdout).to.match(/\n1 request terminated, 0 finished\n$/);
    expect((await held).code).to.equal(UNAVAILABLE);
  });
});

describe('a drain with a delay, by command and by signal', function () {
  this.timeout(20_000);
  const { greeter, sidecar, client: grpcClient, defer } = rig();
  const readyStatus = async ({ adminUrl }: { adminUrl: string }): Promise<number> =>
    (await fetch(`${adminUrl}/ready`)).status;

  it('outrigger drain shows the delay, and outrigger undrain ends it; both say how it went', async () => {
    const replica = await greeter();
    const proxy = await sidecar(greeterConfig([replica], {}, { drain: { delay: '15s' } }));
    defer(() => proxy.app.lifecycle.endGrace());
    const admin = hostOf(proxy.adminUrl);
    const drain = startProgram(['drain', '--admin', admin]);
    await until(
      () => /another 1\d\.\d s, then the listeners close/.test(drain.stdout),
      () => drain.stdout + drain.stderr,
    );
    const undrain = startProgram(['undrain', '--admin', admin]);
    expect([await undrain.exit, undrain.stdout]).to.deep.equal([
      0,
      'the drain was cancelled: /ready answers 200 again, and connections stay open\n',
    ]);
    expect([await drain.exit, drain.stderr]).to.deep.equal([
      1,
      'the drain was cancelled (undrain): the sidecar serves as before\n',
    ]);
  });

  it('SIGTERM takes the same way: readiness first, clients served, exit code 0; undrain cannot stop it', async () => {
    const replica = await greeter();
    const drain = { delay: '1s', grace: '5s', goawayDelay: '50ms' };
    const running = await startSidecarProgram(greeterConfig([replica], {}, { drain }));
    defer(async () => {
      running.signal('SIGKILL');
      await running.exit;
    });
    await until(
      async () => (await readyStatus(running)) === 200,
      () => running.stderr,
    );
    running.signal('SIGTERM');
    await running.said(/draining/);
    expect(await readyStatus(running)).to.equal(503);
    expect((await fetch(`${running.adminUrl}/undrain`, { method: 'POST' })).status).to.equal(409);
    const undrain = startProgram(['undrain', '--admin', hostOf(running.adminUrl)]);
    expect(await undrain.exit).to.equal(1);
    expect((await grpcClient(running.target).sayHello('x')).code).to.equal(OK);
    expect(await running.exit).to.equal(0);
    expect(running.stderr).to.match(/closing the listeners/);
  });

  it('a drain while it still starts: no listener is bound after it', async () => {
    const [admin, listen] = await freeAddresses(2);
    const dns = await startDnsProcess();
    defer(() => dns.close());
    // Until its cluster has answered, one that may take over does not bind.
    const starting = startSidecar(
      {
        admin: { listen: admin },
        listeners: [{ name: 'in', listen, routes: [{ name: 'all', cluster: 'orders' }] }],
        clusters: [{ name: 'orders', discovery: { dns: { host: 'orders.test', port: 80 } } }],
        drain: { delay: '0s', grace: '1s', goawayDelay: '0s', handover: '100ms' },
      },
      { newDnsResolver: () => systemDnsResolver([dns.address]) },
    );
    const url = `http://${admin}`;
    await until(
      async () => (await fetch(`${url}/drain`, { method: 'POST' }).catch(() => null))?.status === 200,
      () => 'the admin server does not answer',
    );
    const proxy = await starting;
    defer(() => proxy.stop());
    expect(proxy.app.lifecycle.isClosing).to.equal(true);
    const late = connect(Number(listen.split(':')[1]), '127.0.0.1');
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).to.equal('ECONNREFUSED');
  });
});

describe('outrigger ready', function () {
  judgesRealTime(this, 'programs have to start in time');
  const { greeter, sidecar, defer } = rig();

  it('says so and ends with 0, or says why not and ends with 1', async () => {
    const replica = await greeter();
    const proxy = await sidecar(greeterConfig([replica]));
    const admin = hostOf(proxy.adminUrl);
    const fine = startProgram(['ready', '--admin', admin]);
    expect([await fine.exit, fine.stdout]).to.deep.equal([0, 'ready\n']);
    await fetch(`${proxy.adminUrl}/healthcheck/fail`, { method: 'POST' });
    const not = startProgram(['ready', '--admin', admin]);
    expect([await not.exit, not.stderr]).to.deep.equal([
      1,
      'not ready: made to fail by POST /healthcheck/fail\n',
    ]);
  });

  it('--wait waits for a process that is yet to start', async () => {
    const replica = await greeter();
    const [admin, listen] = await freeAddresses(2);
    const waiting = startProgram(['ready', '--wait', '--timeout', '15s', '--admin', admin]);
    const running = startProgram(['run', '--admin', admin, '--from', listen, '--to', replica.address]);
    defer(async () => {
      running.signal('SIGKILL');
      await running.exit;
    });
    expect([await waiting.exit, waiting.stdout]).to.deep.equal([0, 'ready\n']);
  });

  it('--wait ends with 3 and the reason when no sidecar answers in its time', async () => {
    const [admin] = await freeAddresses(1);
    const waiting = startProgram(['ready', '--wait', '--timeout', '300ms', '--admin', admin]);
    expect(await waiting.exit).to.equal(3);
    expect(waiting.stderr).to.equal(
      `not ready after 0.3 s: nothing listens on ${admin}; start the sidecar, or name its admin address with --admin\n`,
    );
  });
});
