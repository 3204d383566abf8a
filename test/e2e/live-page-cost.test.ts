import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { cpuMs } from '../attack/support/process-usage.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { type SidecarProgram, startSidecarProgram } from '../support/sidecar.ts';
import { rig } from './rig.ts';

const endpoints = 100;
/** Enough for every endpoint to have a latency and a share. */
const requests = 300;
/**
 * What an open page adds to the CPU time of the sidecar, percent of a core. Measured below 0.2 on a machine with fourteen busy processes
 * for two cores, where the sidecar without a page took 1.6, most of it for its probes of the endpoints.
 */
const percentMax = 1;
const measuredMs = 12_000;

const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

describe('the live page of a sidecar with 100 endpoints', function () {
  judgesRealTime(this, 'CPU time is measured, and a busy machine needs more of it for the same work');
  const { defer } = rig();

  async function startReplica(): Promise<string> {
    const server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    defer(() => {
      server.closeAllConnections();
      return new Promise((closed) => server.close(closed));
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function startBusy(): Promise<SidecarProgram> {
    const addresses = await Promise.all(Array.from({ length: endpoints }, startReplica));
    const sidecar = await startSidecarProgram({
      listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'web' }] }],
      clusters: [{ name: 'web', protocol: 'http1', endpoints: addresses.map((address) => ({ address })) }],
    });
    defer(async () => {
      sidecar.signal('SIGKILL');
      await sidecar.exit;
    });
    for (let i = 0; i < requests; i++) await (await fetch(`http://${sidecar.target}/`)).text();
    return sidecar;
  }

  /** Percent of a core. */
  async function percentOf(pid: number): Promise<number> {
    const [startedMs, before] = [performance.now(), cpuMs(pid)];
    await wait(measuredMs);
    return (100 * (cpuMs(pid) - before)) / (performance.now() - startedMs);
  }

  it(`adds less than ${percentMax}% of a core to the CPU time of the sidecar`, async function () {
    this.timeout(90_000);
    const sidecar = await startBusy();
    await wait(3_000);
    const without = await percentOf(sidecar.pid);
    let bytes = 0;
    const page = get(`${sidecar.adminUrl}/live/events`, (response) => {
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('error', () => {});
    }).on('error', () => {});
    defer(() => void page.destroy());
    await wait(2_000);
    const withPage = await percentOf(sidecar.pid);
    expect(bytes, 'bytes of the page').to.be.above(50_000);
    expect(withPage - without, `with a page ${withPage}%, without ${without}%`).to.be.below(percentMax);
  });
});
