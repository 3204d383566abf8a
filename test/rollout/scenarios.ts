import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemDnsResolver } from '../../src/discovery/dns-resolver.ts';
import { freePorts } from '../bench/ports.ts';
import { ReplicaProcess } from '../fault/replica-process.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { startProgram, startSidecar } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { Load, type LoadSettings } from './load.ts';
import { type RolloutPeer, startPeer } from './peers.ts';
import { brokenConfig, reloadConfig } from './reload-configs.ts';
import { judge, type Kill, type Outcome } from './report.ts';
import { type FailedCall, RolloutSidecar } from './sidecar.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls before and behind what happens. */
const settleMs = 1000;
/** What a killed replica was given to finish; a stream takes half a second. */
const killGraceMs = 150;
/** From one replica to the next, as an orchestrator waits for readiness. */
const betweenMs = 1500;

type Ending = 'GOAWAY' | 'kill';

async function inFolder<T>(run: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'outrigger-rollout-'));
  try {
    return await run(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function startReplicas(count: number): Promise<ReplicaProcess[]> {
  const replicas = (await freeAddresses(count)).map((address, i) => new ReplicaProcess(address, `r${i}`));
  await Promise.all(replicas.map((replica) => replica.start()));
  return replicas;
}
const endpointsOf = (replicas: readonly ReplicaProcess[]): object[] =>
  replicas.map(({ address }) => ({ address }));

async function restartAll(replicas: readonly ReplicaProcess[], ending: Ending): Promise<Kill[]> {
  const kills: Kill[] = [];
  for (const replica of replicas) {
    const killed = await replica.stopWithin(ending === 'kill' ? killGraceMs : 10_000);
    if (killed !== null) kills.push({ address: replica.address, wallMs: killed });
    await pause(200);
    await replica.start();
    await pause(betweenMs);
  }
  return kills;
}

/** (a) Each replica ends and comes back at its address, one after the other. */
export function rollingRestart(settings: LoadSettings, ending: Ending): Promise<Outcome> {
  return inFolder(async (dir) => {
    const replicas = await startReplicas(3);
    const sidecar = await RolloutSidecar.in(dir);
    sidecar.configure({ clusters: [{ name: 'greeter', endpoints: endpointsOf(replicas) }] });
    await sidecar.start();
    const load = await Load.start(sidecar.listen, settings);
    await pause(settleMs);
    const kills = await restartAll(replicas, ending);
    await pause(settleMs);
    const result = await load.stop();
    await sidecar.stop();
    await Promise.all(replicas.map((replica) => replica.kill()));
    return judge(`(a) rolling restart, ${ending}: Outrigger`, result, sidecar.failedCalls(), kills);
  });
}

/** The same through another proxy, which keeps no records: what was cut by a kill is counted as its own clients saw it. */
export function rollingRestartOf(
  peer: RolloutPeer,
  settings: LoadSettings,
  ending: Ending,
): Promise<Outcome> {
  return inFolder(async (dir) => {
    const replicas = await startReplicas(3);
    const [port] = await freePorts(1);
    const addresses = replicas.map(({ address }) => address);
    const stop = await startPeer(peer.prepare(dir, port, addresses), port);
    const load = await Load.start(`127.0.0.1:${port}`, settings);
    await pause(settleMs);
    await restartAll(replicas, ending);
    await pause(settleMs);
    const result = await load.stop();
    await stop();
    await Promise.all(replicas.map((replica) => replica.kill()));
    return judge(`(a) rolling restart, ${ending}: ${peer.name}`, result, [], []);
  });
}

/** Three others take the place of three, and these end; twice. */
async function replaceAll(
  first: readonly ReplicaProcess[],
  publish: (replicas: readonly ReplicaProcess[]) => void,
  knownAfterMs: number,
): Promise<readonly ReplicaProcess[]> {
  let replicas = first;
  for (let round = 0; round < 2; round++) {
    const next = await startReplicas(3);
    publish(next);
    await pause(knownAfterMs);
    await Promise.all(replicas.map((replica) => replica.stopWithin(10_000)));
    replicas = next;
    await pause(settleMs);
  }
  return replicas;
}

/** (b) Other replicas at other addresses, told by SRV records with a TTL of a second. */
export async function replacedByDns(settings: LoadSettings): Promise<Outcome> {
  const dns = await startDnsServer();
  const publish = (replicas: readonly ReplicaProcess[]): void => {
    dns.set('replica.test', ['127.0.0.1'], 1);
    const ports = replicas.map(({ address }) => Number(address.split(':')[1]));
    const services = ports.map((port) => ({ host: 'replica.test', port, weight: 1, priority: 0 }));
    dns.setService('greeter.test', services, 1);
  };
  const first = await startReplicas(3);
  publish(first);
  const discovery = { dns: { host: 'greeter.test', type: 'srv' } };
  const failed: FailedCall[] = [];
  const sidecar = await startSidecar(
    {
      listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'greeter' }] }],
      clusters: [{ name: 'greeter', discovery }],
      drain: { delay: '0s', grace: '10s' },
    },
    { newDnsResolver: () => systemDnsResolver([dns.address]) },
  );
  await until(
    () => sidecar.app.notReadyBecause().length === 0,
    () => sidecar.app.notReadyBecause().join('; '),
    10_000,
  );
  const load = await Load.start(sidecar.target(), settings);
  await pause(settleMs);
  const last = await replaceAll(first, publish, 3000);
  const result = await load.stop();
  await sidecar.stop();
  await dns.close();
  await Promise.all(last.map((replica) => replica.kill()));
  return judge('(b) replaced through DNS', result, failed, []);
}

/** (b) The same, told by a file that is replaced. */
export function replacedByFile(settings: LoadSettings): Promise<Outcome> {
  return inFolder(async (dir) => {
    const list = `${dir}/endpoints.json`;
    const publish = (replicas: readonly ReplicaProcess[]): void => {
      writeFileSync(`${list}.new`, JSON.stringify({ endpoints: endpointsOf(replicas) }));
      renameSync(`${list}.new`, list);
    };
    const first = await startReplicas(3);
    publish(first);
    const sidecar = await RolloutSidecar.in(dir);
    const discovery = { file: { path: list, interval: '100ms' } };
    sidecar.configure({ clusters: [{ name: 'greeter', discovery }] });
    await sidecar.start();
    const load = await Load.start(sidecar.listen, settings);
    await pause(settleMs);
    const last = await replaceAll(first, publish, 1000);
    const result = await load.stop();
    await sidecar.stop();
    await Promise.all(last.map((replica) => replica.kill()));
    return judge('(b) replaced through a file', result, sidecar.failedCalls(), []);
  });
}

/** (c) A hundred reloads that change weights, routes, listeners, balancers and probes, and twenty of a broken file. */
export function reloads(settings: LoadSettings, count = 100, broken = 20): Promise<Outcome> {
  return inFolder(async (dir) => {
    const replicas = await startReplicas(3);
    const sidecar = await RolloutSidecar.in(dir);
    const configure = (i: number): void =>
      sidecar.configure(
        reloadConfig(
          i,
          sidecar,
          replicas.map(({ address }) => address),
        ),
      );
    configure(0);
    await sidecar.start();
    const load = await Load.start(sidecar.listen, settings);
    await pause(settleMs);
    const wrong: string[] = [];
    for (let i = 1; i <= count; i++) {
      configure(i);
      if (!(await byCommand(sidecar))) wrong.push(`reload ${i} was refused: ${sidecar.said.slice(-500)}`);
      if (i % (count / broken) === 0) {
        sidecar.write(brokenConfig(i));
        if (await byCommand(sidecar)) wrong.push(`reload ${i} of a broken file was accepted`);
      }
      await pause(50);
    }
    await pause(settleMs);
    const info = (await sidecar.ask('/server_info?format=json')) as {
      config: { reloads: number; refused: number };
    };
    const { reloads: accepted, refused } = info.config;
    if (accepted !== count || refused !== broken) wrong.push(`${accepted} accepted, ${refused} refused`);
    const result = await load.stop();
    await sidecar.stop();
    await Promise.all(replicas.map((replica) => replica.kill()));
    const name = `(c) ${accepted} reloads, ${refused} refused`;
    const outcome = judge(name, result, sidecar.failedCalls(), []);
    return { ...outcome, failed: outcome.failed + wrong.length, examples: [...wrong, ...outcome.examples] };
  });
}

async function byCommand(sidecar: RolloutSidecar): Promise<boolean> {
  return (await startProgram(['reload', '--admin', sidecar.admin]).exit) === 0;
}

/** (d) SIGTERM with calls in flight, and a successor on the same port; five times. */
export function handOvers(settings: LoadSettings, count = 5): Promise<Outcome> {
  return inFolder(async (dir) => {
    const replicas = await startReplicas(3);
    const sidecar = await RolloutSidecar.in(dir);
    const drain = { grace: '10s', goawayDelay: '1s', handover: '60s' };
    sidecar.configure({ clusters: [{ name: 'greeter', endpoints: endpointsOf(replicas) }], drain });
    await sidecar.start();
    const load = await Load.start(sidecar.listen, settings);
    await pause(settleMs);
    const codes: number[] = [];
    for (let i = 0; i < count; i++) {
      codes.push(await sidecar.handOver());
      await pause(settleMs);
    }
    const result = await load.stop();
    await sidecar.stop();
    await Promise.all(replicas.map((replica) => replica.kill()));
    const outcome = judge(`(d) ${count} hand-overs on one port`, result, sidecar.failedCalls(), []);
    const wrong = codes.filter((code) => code !== 0).map((code) => `a sidecar ended with ${code}`);
    return { ...outcome, failed: outcome.failed + wrong.length, examples: [...wrong, ...outcome.examples] };
  });
}
