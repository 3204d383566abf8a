import { resolve } from 'node:path';
import { exitForMissing } from '../checks.ts';
import { startCluster } from './cluster.ts';
import { clusterPrograms } from './programs.ts';

/** Starts a control plane for a shell: `node test/real/kubernetes/up.ts DIR` prints how to reach it, Ctrl-C stops it. */
const [dir] = process.argv.slice(2);
if (dir === undefined) {
  process.stderr.write('usage: node test/real/kubernetes/up.ts DIR\n');
  process.exit(2);
}
const programs = clusterPrograms();
if ('missing' in programs) exitForMissing(programs.missing);
const cluster = await startCluster(programs, resolve(dir));
process.stdout.write(
  `export KUBECONFIG=${cluster.writeKubeconfig(cluster.adminToken)}\n# ${cluster.url}, CA ${cluster.caFile}, token ${cluster.adminToken}\n`,
);
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void cluster.stop().then(() => process.exit(0)));
