import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Checks, exitForMissing, expectThat, startChecks, until } from '../checks.ts';
import { type ControlPlane, startCluster } from './cluster.ts';
import { clusterPrograms } from './programs.ts';
import { rolloutChecks } from './rollout.ts';
import { endpointSlice, namespace, putSlice, roleFor } from './slices.ts';
import { Mount, WatchedService } from './watched-service.ts';

/**
 * Kubernetes discovery against a real API server with etcd, with what pods have: a service account, its token, RBAC. Every fault is
 * one of the API server itself; those that it cannot be made to have are in test/unit/discovery/kubernetes/.
 */
const programs = clusterPrograms();
if ('missing' in programs) exitForMissing(programs.missing);

interface Stage extends Checks {
  readonly cluster: ControlPlane;
  readonly dir: string;
  readonly mount: Mount;
}

async function createAccount(cluster: ControlPlane, name: string): Promise<string> {
  await cluster.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } });
  return cluster.serviceAccountToken(namespace, name);
}

async function accessAndChanges({ check, cluster }: Stage, watched: WatchedService): Promise<void> {
  await check('RBAC denies access: the status has the commands that grant it, and they do', async () => {
    await watched.says(
      /403 Forbidden.*kubectl create role sidecar-outrigger -n shop .*--serviceaccount=shop:sidecar`$/,
    );
    for (const object of roleFor('sidecar')) await cluster.apply(object);
    await watched.has('the endpoint once access is granted', '10.1.0.1');
    expectThat(watched.error === '', `the status says ${watched.error}`);
  });
  await check('the server has watch lists, and one of them is all that discovery asks for', async () => {
    const last = watched.requests.at(-1) ?? '';
    expectThat(last.includes('sendInitialEvents=true'), `the last request was ${last}`);
  });
  await check('a scale-up is used within a second of the change', async () => {
    const times: number[] = [];
    for (const n of [2, 3, 4, 5, 6]) {
      const hosts = Array.from({ length: n }, (_, i) => `10.1.0.${i + 1}`);
      await putSlice(
        cluster,
        'orders',
        'a',
        hosts.map((address) => ({ address })),
      );
      const changedMs = performance.now();
      await watched.has(`${n} endpoints`, ...hosts);
      times.push(watched.publishedMs - changedMs);
    }
    const slowestMs = Math.max(...times);
    expectThat(slowestMs < 1000, `it took ${slowestMs.toFixed(0)} ms`);
    process.stdout.write(`          ${times.map((ms) => `${ms.toFixed(0)} ms`).join(', ')}\n`);
  });
  await check('a terminating endpoint leaves, and comes back when no other is left', async () => {
    await putSlice(cluster, 'orders', 'a', [
      { address: '10.1.0.1', state: 'terminating' },
      { address: '10.1.0.2' },
    ]);
    await watched.has('the ready endpoint', '10.1.0.2');
    await putSlice(cluster, 'orders', 'a', [
      { address: '10.1.0.1', state: 'terminating' },
      { address: '10.1.0.2', state: 'unready' },
    ]);
    await watched.has('the terminating endpoint', '10.1.0.1');
    await putSlice(cluster, 'orders', 'a', [{ address: '10.1.0.1' }]);
    await watched.has('the ready endpoint', '10.1.0.1');
  });
}

async function faults({ check, cluster, mount }: Stage, watched: WatchedService): Promise<void> {
  await check('a restart of the API server: the endpoints stay, and a change is seen after it', async () => {
    const requests = watched.requests.length;
    await cluster.stopApiServer('SIGKILL');
    await watched.says(/cannot be used: connection refused/);
    expectThat(watched.endpoints === 1, `${watched.endpoints} endpoints are left`);
    await cluster.startApiServer();
    await putSlice(cluster, 'orders', 'a', [{ address: '10.1.0.1' }, { address: '10.1.0.2' }]);
    await watched.has('the change', '10.1.0.1', '10.1.0.2');
    const lists = watched.requests.slice(requests).filter((path) => path.includes('sendInitialEvents'));
    expectThat(lists.length === 0, 'it listed again, though nothing had expired');
  });
  await check(
    'compaction: a watch from an expired version gets 410, and everything is listed again',
    async () => {
      watched.cutOff();
      await putSlice(cluster, 'orders', 'a', [{ address: '10.1.0.7' }]);
      await cluster.compact();
      await cluster.stopApiServer('SIGKILL');
      await cluster.startApiServer();
      const requests = watched.requests.length;
      watched.isCutOff = false;
      await watched.has('the change', '10.1.0.7');
      const paths = watched.requests.slice(requests);
      expectThat(
        paths.length >= 2 &&
          !paths[0].includes('sendInitialEvents') &&
          paths.at(-1)!.includes('sendInitialEvents'),
        `the requests were ${paths.join(' ')}`,
      );
    },
  );
  await check('a token that is no longer valid is replaced without a restart', async () => {
    const old = await createAccount(cluster, 'rotated');
    for (const object of roleFor('rotated')) await cluster.apply(object);
    mount.writeToken(old);
    watched.cutOff();
    watched.isCutOff = false;
    await watched.says(/^$/);
    // With its account the token is gone; only the API server still remembers, until it starts again.
    await cluster.remove({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'rotated', namespace },
    });
    await cluster.stopApiServer('SIGKILL');
    await cluster.startApiServer();
    await watched.says(/401 Unauthorized/);
    mount.writeToken(await cluster.serviceAccountToken(namespace, 'sidecar'));
    await putSlice(cluster, 'orders', 'a', [{ address: '10.1.0.8' }]);
    await watched.has('the change', '10.1.0.8');
  });
  await check('a new CA is read without a restart, and the old one does not vouch for it', async () => {
    await cluster.stopApiServer('SIGKILL');
    await cluster.startApiServer({ newCertificates: true });
    await watched.says(/certificate is not trusted/);
    mount.writeCa(cluster);
    await putSlice(cluster, 'orders', 'a', [{ address: '10.1.0.9' }]);
    await watched.has('the change', '10.1.0.9');
  });
}

async function manyEndpoints({ check, cluster, mount }: Stage): Promise<void> {
  const [slices, perSlice] = [24, 50];
  const service = 'large';
  const hosts = (n: number) =>
    Array.from({ length: perSlice }, (_, i) => ({ address: `10.2.${n}.${i + 1}` }));
  await Promise.all(Array.from({ length: slices }, (_, n) => putSlice(cluster, service, `s${n}`, hosts(n))));
  const rewrites: Array<[string, (path: string) => string]> = [
    ['by a watch list', (path) => path],
    ['in pages', (path) => path.replace('resourceVersionMatch=NotOlderThan', 'resourceVersionMatch=None')],
  ];
  for (const [how, rewrite] of rewrites)
    await check(`${slices * perSlice} endpoints in ${slices} slices ${how}`, async () => {
      const watched = new WatchedService(service, cluster, mount);
      watched.rewrite = rewrite;
      watched.start();
      try {
        await until('all of them', 30_000, async () => watched.endpoints === slices * perSlice);
        expectThat(watched.published === 1, `it published ${watched.published} lists`);
        const pages = watched.requests.filter((path) => path.includes('limit=')).length;
        expectThat(pages === (how === 'in pages' ? 2 : 0), `it asked for ${pages} pages`);
        await cluster.remove(endpointSlice(service, 's0', []));
        await until('one slice less', 10_000, async () => watched.endpoints === (slices - 1) * perSlice);
        await putSlice(cluster, service, 's0', hosts(0));
        await until('all of them again', 10_000, async () => watched.endpoints === slices * perSlice);
      } finally {
        watched.source.stop();
      }
    });
}

async function run(stage: Stage): Promise<void> {
  const { cluster, mount } = stage;
  await putSlice(cluster, 'orders', 'a', [{ address: '10.1.0.1' }]);
  const watched = new WatchedService('orders', cluster, mount);
  watched.start();
  try {
    await accessAndChanges(stage, watched);
    await faults(stage, watched);
  } finally {
    watched.source.stop();
  }
  await manyEndpoints(stage);
  await rolloutChecks(stage, cluster, stage.dir, await cluster.serviceAccountToken(namespace, 'sidecar'));
}

async function main(): Promise<number> {
  const checks = startChecks();
  const dir = mkdtempSync(join(tmpdir(), 'outrigger-kubernetes-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  let cluster: ControlPlane | null = null;
  try {
    cluster = await startCluster(programs as Exclude<typeof programs, { missing: string }>, dir);
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    const mount = new Mount(join(dir, 'mount'), cluster, await createAccount(cluster, 'sidecar'));
    await run({ ...checks, cluster, dir, mount });
  } catch (error) {
    checks.failed('the run', (error as Error).message);
  } finally {
    await cluster?.stop();
  }
  return checks.close();
}

process.exit(await main());
