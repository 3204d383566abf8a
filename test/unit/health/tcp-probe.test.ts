import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type ListenOptions, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock, VirtualClock } from '../../../src/core/clock.ts';
import { tcpProbe } from '../../../src/health/tcp-probe.ts';

describe('tcpProbe', () => {
  let server: Server;
  let connections: number;
  const start = (options: ListenOptions) =>
    new Promise<void>((resolve) => {
      connections = 0;
      server = createServer((socket) => {
        connections++;
        socket.on('error', () => {});
        socket.resume();
      }).listen(options, resolve);
    });
  const local = () =>
    ({ kind: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port }) as const;
  const stop = () => new Promise((resolve) => server.close(resolve));

  it('is healthy when the connection is accepted, and closes it', async () => {
    await start({ port: 0, host: '127.0.0.1' });
    const probe = tcpProbe(local(), systemClock);
    const healthy = { verdict: 'healthy', reason: 'accepts connections' };
    expect(await probe.check(1000)).to.deep.equal(healthy);
    expect(await probe.check(1000)).to.deep.equal(healthy);
    await stop(); // only ends once both connections are closed
    expect(connections).to.equal(2);
  });

  it('says so when nothing listens', async () => {
    await start({ port: 0, host: '127.0.0.1' });
    const address = local();
    await stop();
    const result = await tcpProbe(address, systemClock).check(1000);
    expect(result).to.deep.equal({ verdict: 'failed', reason: 'connection refused' });
  });

  it('probes a Unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
    const path = join(folder, 'a.sock');
    const probe = tcpProbe({ kind: 'unix', path }, systemClock);
    expect(await probe.check(1000)).to.deep.equal({ verdict: 'failed', reason: 'no such socket' });
    await start({ path });
    expect((await probe.check(1000)).verdict).to.equal('healthy');
    await stop();
    rmSync(folder, { recursive: true });
  });

  it('gives up at the timeout, and when closed', async () => {
    await start({ port: 0, host: '127.0.0.1' });
    const clock = new VirtualClock();
    const probe = tcpProbe(local(), clock);
    const late = probe.check(1000);
    clock.advance(1000); // before the connection had a turn of the event loop to be made
    expect(await late).to.deep.equal({ verdict: 'failed', reason: 'no answer within 1000 ms' });
    const closed = probe.check(1000);
    probe.close();
    expect((await closed).verdict).to.equal('failed');
    expect(clock.pending).to.equal(0);
    await stop();
  });
});
