import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import type { Greeter } from '../support/greeter-server.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { freeAddresses, type SidecarProcess, startConfigured } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** Long enough for the change of an endpoint list to be everywhere, as `drain.delay` is meant to be. */
const drainDelayMs = 1500;
const endpointsKnownAfterMs = 700;
/** The preStop hook of the service, as docs/tasks/kubernetes.md has it. */
const serviceSleepMs = 10_000;
const callsMin = 200;

/** A service with its sidecar, as the kubelet starts and ends a pod with a native sidecar. */
interface Pod {
  /** Where others call the service: the inbound listener. */
  readonly address: string;
  /** The probe address, which the kubelet asks. */
  readonly probes: string;
  readonly sidecar: SidecarProcess;
  readonly service: Greeter;
}

/** A Service with a cluster IP: a new connection goes to any pod in the list, as kube-proxy does it. */
async function startService(pods: () => readonly Pod[]) {
  const sockets = new Set<Socket>();
  let next = 0;
  const server = createServer((client) => {
    const chosen = pods()[next++ % pods().length];
    const upstream = connect(Number(chosen.address.split(':')[1]), '127.0.0.1');
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ]) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => sockets.delete(one));
      one.pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Asks as the kubelet does. */
const isReady = async (probes: string, path = '/ready?usable=inbound'): Promise<boolean> => {
  const reply = await fetch(`http://${probes}${path}`).catch(() => null);
  await reply?.text();
  return reply?.status === 200;
};

async function exitOf(command: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, command, { stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? -1;
}

describe('a pod with a native sidecar, in the order of the kubelet', function () {
  judgesRealTime(this, 'a drain has to keep up with the end of a pod');
  this.timeout(120_000);
  const { greeter, client: grpcClient, defer } = rig();
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** The sidecar first, until its startup probe succeeds; then the service. */
  async function startPod(): Promise<Pod> {
    const [inbound, service, probes, admin] = await freeAddresses(4);
    const file = join(folder, `${inbound}.yaml`);
    writeFileSync(
      file,
      [
        `listeners: [{ name: in, listen: "${inbound}", direction: inbound, routes: [{ name: all, cluster: local }] }]`,
        `clusters: [{ name: local, endpoints: [{ address: "${service}" }] }]`,
        `drain: { delay: ${drainDelayMs}ms, grace: 5s, goawayDelay: 200ms }`,
      ].join('\n'),
    );
    const sidecar = await startConfigured(file, inbound, { OUTRIGGER_ADMIN_PROBES: probes }, admin);
    defer(() => sidecar.stop());
    expect(await isReady(probes, '/ready'), 'startup probe').to.equal(true);
    expect(await isReady(probes), 'readiness before the service').to.equal(false);
    const replica = await greeter({ port: Number(service.split(':')[1]) });
    await until(
      () => isReady(probes),
      () => 'the pod is not ready',
    );
    return { address: inbound, probes, sidecar, service: replica };
  }

  /** Ends a pod: all preStop hooks at once, then SIGTERM to the service, and when it has gone to the sidecar. */
  async function endPod(pod: Pod, leaveList: () => void): Promise<{ hook: number; sidecar: number }> {
    const removed = setTimeout(leaveList, endpointsKnownAfterMs);
    const sleeps = new Promise((resolve) => setTimeout(resolve, serviceSleepMs));
    const admin = pod.sidecar.adminUrl.replace('http://', '');
    const [hook] = await Promise.all([exitOf([main, 'drain', '--inbound', '--admin', admin]), sleeps]);
    clearTimeout(removed);
    await pod.service.stop();
    return { hook, sidecar: await pod.sidecar.stop() };
  }

  it('loses no call of clients with long-lived connections, through a cluster IP', async () => {
    const pods: Pod[] = [await startPod(), await startPod()];
    const service = await startService(() => pods);
    defer(() => service.close());
    const clients = Array.from({ length: 4 }, () => grpcClient(service.address));
    const failures: string[] = [];
    let calls = 0;
    let stop = false;
    const load = clients.map(async (client) => {
      while (!stop) {
        const { code, details } = await client.sayHello('x', { deadlineMs: 20_000 });
        calls++;
        if (code !== status.OK) failures.push(`${status[code]} ${details}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    await until(
      () => pods.every(({ service: { calls: served } }) => served > 10),
      () => 'a pod gets no calls',
    );
    const [ending] = pods;
    const ended = await endPod(ending, () => pods.shift());
    await until(
      () => calls > callsMin,
      () => `${calls} calls`,
    );
    // And a new pod takes its place.
    const third = await startPod();
    pods.push(third);
    const served = third.service.calls;
    const more = grpcClient(third.address);
    expect((await more.sayHello('new pod')).code).to.equal(status.OK);
    expect(third.service.calls).to.be.greaterThan(served);
    stop = true;
    await Promise.all(load);
    expect(failures, `of ${calls} calls`).to.deep.equal([]);
    expect(ended).to.deep.equal({ hook: 0, sidecar: 0 });
  });

  it('is out of its Service from the beginning of its end, and answers the probes of liveness to the last', async () => {
    const pod = await startPod();
    const admin = pod.sidecar.adminUrl.replace('http://', '');
    expect(await exitOf([main, 'drain', '--inbound', '--admin', admin])).to.equal(0);
    const reply = await fetch(`http://${pod.probes}/ready`);
    expect([reply.status, await reply.text()]).to.deep.equal([
      503,
      'not ready: draining the inbound listeners\n',
    ]);
    expect((await fetch(`http://${pod.probes}/live`)).status).to.equal(200);
    const again = await fetch(`${pod.sidecar.adminUrl}/drain?direction=inbound`, {
      method: 'POST',
      headers: { accept: 'application/json' },
    });
    expect(await again.json()).to.deep.equal({
      draining: true,
      inboundDrain: 'announced',
      listeners: ['in'],
    });
    const late = await grpcClient(pod.address).sayHello('late');
    expect(late.code).to.equal(status.OK);
    expect(await exitOf([main, 'undrain', '--admin', admin])).to.equal(0);
    expect(await isReady(pod.probes)).to.equal(true);
    expect(await pod.sidecar.stop()).to.equal(0);
  });
});
