import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { connectGreeter } from '../../support/greeter-client.ts';
import { type Greeter, startGreeter } from '../../support/greeter-server.ts';
import { freeAddresses, type SidecarProcess, startConfigured } from '../../support/sidecar-process.ts';
import { type Checks, expectThat, until } from '../checks.ts';
import type { ControlPlane } from './cluster.ts';
import { startRewritingProxy } from './rewriting-proxy.ts';
import { namespace, type PodEndpoint, putSlice } from './slices.ts';

const pods = 6;
const callsInFlight = 16;
const callDelayMs = 20;
const service = 'greeter';
/** To a new pod, before an old one goes. */
const callsPerPod = 50;

interface Load {
  readonly calls: number;
  readonly failed: readonly string[];
  stop(): Promise<void>;
}

function keepCalling(address: string): Load {
  const client = connectGreeter(address);
  const failed: string[] = [];
  let calls = 0;
  let isOn = true;
  const workers = Array.from({ length: callsInFlight }, async () => {
    while (isOn) {
      const { code, details } = await client.sayHello('x');
      calls++;
      if (code !== status.OK) failed.push(`${code} ${details}`);
    }
  });
  return {
    get calls() {
      return calls;
    },
    failed,
    async stop() {
      isOn = false;
      await Promise.all(workers);
      client.close();
    },
  };
}

/** The pods of a Deployment, which listen on 127.99.x.y and are 10.99.x.y to Kubernetes. */
class Pods {
  private readonly cluster: ControlPlane;
  private readonly port: number;
  private readonly running = new Map<string, { server: Greeter; state: PodEndpoint['state'] }>();

  constructor(cluster: ControlPlane, port: number) {
    this.cluster = cluster;
    this.port = port;
  }

  async startPod(id: string): Promise<void> {
    const server = await startGreeter({
      host: `127.99.${id}`,
      port: this.port,
      delayMs: callDelayMs,
      name: id,
    });
    this.running.set(id, { server, state: 'unready' });
    await this.write();
  }

  setState(id: string, state: PodEndpoint['state']): Promise<void> {
    this.running.get(id)!.state = state;
    return this.write();
  }

  /** As the kubelet and the controllers do: SIGTERM and the change of the slice at the same moment, in any order. */
  async terminatePod(id: string): Promise<void> {
    const { server } = this.running.get(id)!;
    await Promise.all([this.setState(id, 'terminating'), server.stop()]);
    this.running.delete(id);
    await this.write();
  }

  callsOf(id: string): number {
    return this.running.get(id)?.server.calls ?? 0;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.running.values()].map(({ server }) => server.kill()));
  }

  private async write(): Promise<void> {
    const endpoints = [...this.running].map(([id, { state }]) => ({ address: `10.99.${id}`, state }));
    await putSlice(this.cluster, service, 'rollout', endpoints, this.port);
  }
}

function writeConfig(dir: string, apiUrl: string, listener: string): string {
  const kubeconfig = join(dir, 'proxied.json');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: apiUrl } }],
      contexts: [{ name: 'c', context: { cluster: 'c', namespace } }],
      'current-context': 'c',
    }),
  );
  const config = join(dir, 'rollout.yaml');
  writeFileSync(
    config,
    `listeners: [{ name: in, listen: "${listener}", routes: [{ name: all, cluster: greeter }] }]
clusters: [{ name: greeter, discovery: { kubernetes: { service: ${service}, port: grpc, kubeconfig: ${kubeconfig} } } }]
drain: { delay: 0s }
`,
  );
  return config;
}

/** Replaces every pod of a service, one after the other, while calls come in, and expects that none fails. */
export async function rolloutChecks(
  checks: Checks,
  cluster: ControlPlane,
  dir: string,
  token: string,
): Promise<void> {
  const proxy = await startRewritingProxy(cluster, token);
  const [listener, anyPort] = await freeAddresses(2);
  const deployment = new Pods(cluster, Number(anyPort.split(':')[1]));
  const ids = (generation: number) => Array.from({ length: pods }, (_, i) => `${generation}.${i + 1}`);
  let sidecar: SidecarProcess | null = null;
  let load: Load | null = null;
  try {
    for (const id of ids(1)) {
      await deployment.startPod(id);
      await deployment.setState(id, 'ready');
    }
    sidecar = await startConfigured(writeConfig(dir, proxy.url, listener), listener);
    const running = keepCalling(listener);
    load = running;
    await checks.check('a new pod gets calls within a second of the change of its slice', async () => {
      await until('calls', 10_000, async () => running.calls > 100);
      await deployment.startPod('1.99');
      await deployment.setState('1.99', 'ready');
      const readyMs = performance.now();
      while (deployment.callsOf('1.99') === 0 && performance.now() - readyMs < 10_000)
        await new Promise((resolve) => setTimeout(resolve, 5));
      const tookMs = performance.now() - readyMs;
      expectThat(tookMs < 1000, `it took ${tookMs.toFixed(0)} ms`);
      process.stdout.write(
        `          ${tookMs.toFixed(0)} ms, with the connection and the first health check\n`,
      );
      await deployment.terminatePod('1.99');
    });
    await checks.check(`a rollout of ${pods} pods under load loses no call`, async () => {
      for (const [i, id] of ids(2).entries()) {
        await deployment.startPod(id);
        await deployment.setState(id, 'ready');
        await until(`calls to pod ${id}`, 20_000, async () => deployment.callsOf(id) >= callsPerPod);
        await deployment.terminatePod(ids(1)[i]);
      }
      await running.stop();
      const { calls, failed } = running;
      expectThat(
        failed.length === 0,
        `${failed.length} of ${calls} calls failed: ${[...new Set(failed)].join('; ')}`,
      );
      process.stdout.write(`          ${calls} calls\n`);
    });
  } finally {
    await load?.stop();
    await sidecar?.stop();
    await deployment.stop();
    proxy.close();
  }
}
