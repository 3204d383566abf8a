import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { portSharers } from '../../src/listeners/port-sharers.ts';
import { freePorts } from '../support/free-ports.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { type Program, startProgram } from '../support/sidecar.ts';
import { startUdpClient, startUdpReplica } from '../support/udp-peers.ts';
import { until } from '../support/until.ts';

/** A start takes a second of CPU, and a machine may have ten others waiting for it. */
const startMsMax = 50_000;

describe('UDP: hand-over to a successor on the same port', function () {
  judgesRealTime(this, 'two programs start and end beside sessions of a few seconds');
  this.timeout(120_000);
  const deferred: Array<() => unknown> = [];
  afterEach(async () => {
    for (let takeDown = deferred.pop(); takeDown !== undefined; takeDown = deferred.pop()) await takeDown();
  });

  function start(file: string): Program {
    const running = startProgram(['run', '--config', file]);
    deferred.push(async () => {
      running.signal('SIGKILL');
      await running.exit;
    });
    return running;
  }

  it('sessions go on in the old process to their end, and new clients reach the new one', async function () {
    if (process.platform !== 'linux') this.skip();
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    deferred.push(() => rmSync(folder, { recursive: true }));
    const replica = await startUdpReplica('a');
    deferred.push(() => replica.kill());
    const port = await freePorts(2);
    const [listen, admin] = [`127.0.0.1:${port}`, `127.0.0.1:${port + 1}`];
    const file = join(folder, 'outrigger.yaml');
    writeFileSync(
      file,
      JSON.stringify({
        admin: { listen: admin },
        listeners: [{ name: 'in', listen, protocol: 'udp', cluster: 'echo' }],
        clusters: [{ name: 'echo', protocol: 'udp', endpoints: [{ address: replica.address }] }],
        drain: { delay: '0s', grace: '30s', goawayDelay: '0s', handover: '60s' },
      }),
    );
    const pidOf = async (): Promise<number> => {
      const reply = await fetch(`http://${admin}/server_info?format=json`).catch(() => null);
      const { pid, state } = ((await reply?.json()) ?? {}) as { pid?: number; state?: string };
      return state === 'ready' ? (pid ?? 0) : 0;
    };
    const serving = (running: Program) =>
      until(
        async () => (await pidOf()) === running.pid,
        () => running.stderr,
        startMsMax,
      );
    const old = start(file);
    await serving(old);
    const clients = await Promise.all(Array.from({ length: 8 }, () => startUdpClient(listen)));
    deferred.push(() => Promise.all(clients.map((client) => client.close())));
    for (const client of clients) expect(await client.ask('1')).to.equal('a 1');
    old.signal('SIGTERM');
    const fresh = start(file);
    await serving(fresh);
    // Its listening socket is closed: only the successor's is left.
    await until(
      () => portSharers({ kind: 'tcp', host: '127.0.0.1', port }, 'udp') === 1,
      () => old.stderr,
    );
    // The old process has a session for each of these clients, and the kernel gives it their datagrams.
    for (const client of clients) expect(await client.ask('2')).to.equal('a 2');
    const sessions = async (): Promise<string> => (await fetch(`http://${admin}/listeners`)).text();
    const active = (text: string): number => Number(/udp +0 +(\d+)/.exec(text)?.[1]);
    const before = await sessions();
    expect(active(before)).to.equal(0);
    const others = await Promise.all(Array.from({ length: 16 }, () => startUdpClient(listen)));
    deferred.push(() => Promise.all(others.map((client) => client.close())));
    for (const client of others) expect(await client.ask('3')).to.equal('a 3');
    expect(active(await sessions()) - active(before)).to.equal(16);
    expect(old.exited).to.equal(false);
    expect(old.stderr).not.to.contain('dropped');
  });
});
