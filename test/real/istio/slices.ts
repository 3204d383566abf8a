import { freeAddresses } from '../../support/sidecar-process.ts';
import { type Checks, until } from '../checks.ts';
import type { ControlPlane } from '../kubernetes/cluster.ts';
import { namespace, putSlice } from '../kubernetes/slices.ts';
import { admin, patienceMs, type Stage } from './stage.ts';

/** A Service of Kubernetes and its EndpointSlices: the API server tells Istio, which tells the sidecar. */
export async function checkSlices({ check }: Checks, stage: Stage, cluster: ControlPlane): Promise<void> {
  if (stage.flavour === 'proxyless') return;
  const [address] = await freeAddresses(1);
  const port = Number(address.split(':')[1]);
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'orders', namespace },
    spec: { ports: [{ name: 'grpc', port }] },
  });
  const endpoints = async (count: number): Promise<number> => {
    const hosts = Array.from({ length: count }, (_, i) => `10.1.0.${i + 1}`);
    const startMs = performance.now();
    await putSlice(
      cluster,
      'orders',
      'a',
      hosts.map((host) => ({ address: host })),
    );
    await until(`${count} endpoints`, patienceMs, async () => {
      const clusters = await admin(stage, '/clusters');
      return (
        hosts.every((host) => clusters.includes(`${host}:50051`)) &&
        !clusters.includes(`10.1.0.${count + 1}:`)
      );
    });
    return Math.round(performance.now() - startMs);
  };
  await check(`${stage.flavour}: EndpointSlices of a Service arrive, and grow and shrink`, async () => {
    await endpoints(1);
    const times = [await endpoints(3), await endpoints(8), await endpoints(2)];
    process.stdout.write(`          used ${times.join(', ')} ms after the slice changed\n`);
  });
}
