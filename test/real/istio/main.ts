import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGreeter } from '../../support/greeter-server.ts';
import { type Checks, exitForMissing, startChecks } from '../checks.ts';
import { type ControlPlane, startCluster } from '../kubernetes/cluster.ts';
import { clusterPrograms } from '../kubernetes/programs.ts';
import { Pilot, pilotProgram } from './pilot.ts';
import { checkSlices } from './slices.ts';
import { type Flavour, openStage } from './stage.ts';
import { checkTraffic } from './traffic.ts';

/** Sidecars with Istio's control plane, as the mesh has them and as gRPC without a proxy has them. */

async function checkFlavour(
  checks: Checks,
  flavour: Flavour,
  pilot: Pilot,
  cluster: ControlPlane,
  dir: string,
): Promise<void> {
  const [a, b, c, d] = await Promise.all(['a', 'b', 'c', 'd'].map((name) => startGreeter({ name })));
  const stage = await openStage(flavour, pilot, { a, b, c, d }, dir);
  try {
    await checkSlices(checks, stage, cluster);
    await checkTraffic(checks, stage);
  } finally {
    stage.client.close();
    await stage.sidecar.stop();
    await Promise.all([a, b, c, d].map((greeter) => greeter.kill()));
  }
}

async function main(): Promise<number> {
  const kubernetes = clusterPrograms();
  if ('missing' in kubernetes) exitForMissing(kubernetes.missing);
  const program = pilotProgram();
  if ('missing' in program) exitForMissing(program.missing);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  process.setMaxListeners(50); // one for each process, which ends with this one
  const checks = startChecks();
  const dir = mkdtempSync(join(tmpdir(), 'outrigger-istio-'));
  const cluster = await startCluster(kubernetes, join(dir, 'kubernetes'));
  const pilot = await Pilot.create(program.path, cluster.writeKubeconfig(cluster.adminToken), dir);
  try {
    await pilot.start();
    for (const flavour of ['sidecar', 'proxyless'] as const)
      await checkFlavour(checks, flavour, pilot, cluster, dir).catch((error: Error) =>
        checks.failed(`the ${flavour}`, error.message),
      );
  } finally {
    await pilot.kill();
    await cluster.stop();
    rmSync(dir, { recursive: true });
  }
  return checks.close();
}

process.exit(await main());
