import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startGreeter } from '../../support/greeter-server.ts';
import { freeAddresses, type SidecarProcess, startConfigured } from '../../support/sidecar-process.ts';
import { expectThat, until } from '../checks.ts';
import { putSlice } from './slices.ts';
import { type Manifest, namespace, outrigger, type Stage, succeeded } from './stage.ts';

/** What a kubelet takes from the objects that the API server stores for a release. */
interface StoredPod {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  /** Paths of the probes. */
  readonly probes: Readonly<Record<'startup' | 'readiness' | 'liveness', string>>;
  readonly preStop: readonly string[];
  readonly config: string;
  readonly account: string;
}

const patienceMs = 20_000;

/**
 * The sidecar of an installed release, as a kubelet would run it: the stored arguments, environment, configuration and service
 * account, on this machine. Addresses are replaced by free ones of loopback, and a real gRPC server is the container of the service.
 */
export async function podChecks(stage: Stage, release: string): Promise<void> {
  const { check, cluster } = stage;
  const pod = await storedPod(stage, release);
  const [outbound, inbound, probes, admin] = await freeAddresses(4);
  const service = await startGreeter({ name: release });
  // No endpoint: the tests connect to nothing but loopback, which a slice must not contain.
  await putSlice(cluster, 'orders', 'a', []);
  const replacements = {
    '127.0.0.1:15001': outbound,
    '0.0.0.0:15006': inbound,
    '0.0.0.0:15020': probes,
    '127.0.0.1:50051': service.address,
  };
  const adapted = (text: string) =>
    Object.entries(replacements).reduce((all, [from, to]) => all.replaceAll(from, to), text);
  const folder = join(stage.dir, 'etc');
  mkdirSync(folder);
  const file = join(folder, 'outrigger.yaml');
  writeFileSync(file, adapted(pod.config));
  const token = await cluster.serviceAccountToken(namespace, pod.account);
  const env = {
    ...Object.fromEntries(pod.env.map(({ name, value }) => [name, adapted(value)])),
    KUBECONFIG: cluster.writeKubeconfig(token, namespace),
  };
  let sidecar: SidecarProcess | null = null;
  const statusOf = async (path: string, init?: RequestInit) => {
    const reply = await fetch(`http://${probes}${path}`, init);
    await reply.text();
    return reply.status;
  };
  try {
    await check('its sidecar starts, and answers the probes of the pod', async () => {
      const args = pod.args.join(' ');
      expectThat(args === 'run --config /etc/outrigger/outrigger.yaml --watch', args);
      sidecar = await startConfigured(file, inbound, env, admin);
      for (const path of Object.values(pod.probes))
        await until(`${path} answers 200`, patienceMs, async () => (await statusOf(path)) === 200);
    });
    await check('the Role of the release is all that its configuration requires', async () => {
      const reply = await fetch(`http://${admin}/clusters`);
      const text = await reply.text();
      expectThat(/it has no endpoints/.test(text) && !/403|denies/.test(text), text);
    });
    await check('Prometheus reads metrics there, and nobody ends the sidecar or reads the page', async () => {
      expectThat((await statusOf('/metrics')) === 200, 'no metrics');
      for (const [path, method] of [
        ['/quitquitquit', 'POST'],
        ['/drain', 'POST'],
        ['/', 'GET'],
        ['/config_dump', 'GET'],
      ])
        expectThat((await statusOf(path, { method })) === 404, `${method} ${path} is not refused`);
      expectThat((await statusOf(pod.probes.liveness)) === 200, 'the sidecar has ended');
    });
    await check('its preStop hook takes the pod out of the Service', async () => {
      const [program, ...args] = pod.preStop;
      expectThat(program === 'outrigger', program);
      succeeded(outrigger(...args, '--admin', admin));
      expectThat((await statusOf(pod.probes.readiness)) === 503, 'the pod is still ready');
      expectThat((await statusOf(pod.probes.liveness)) === 200, 'the sidecar has ended');
    });
  } finally {
    await (sidecar as SidecarProcess | null)?.stop();
    await service.kill();
  }
}

async function storedPod({ cluster }: Stage, release: string): Promise<StoredPod> {
  const read = async (path: string): Promise<Manifest> => (await cluster.call('GET', path)).body;
  const { spec } = (await read(`/apis/apps/v1/namespaces/${namespace}/deployments/${release}`)).spec.template;
  const [container] = spec.initContainers;
  const { data } = await read(
    `/api/v1/namespaces/${namespace}/configmaps/${spec.volumes[0].configMap.name as string}`,
  );
  const pathOf = (probe: string): string => container[`${probe}Probe`].httpGet.path;
  return {
    args: container.args,
    env: container.env,
    probes: {
      startup: pathOf('startup'),
      readiness: pathOf('readiness'),
      liveness: pathOf('liveness'),
    },
    preStop: container.lifecycle.preStop.exec.command,
    config: data['outrigger.yaml'],
    account: spec.serviceAccountName,
  };
}
