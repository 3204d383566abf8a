import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { localhostCertificate, localhostKey } from '../unit/health/localhost-certificate.ts';
import { launchPeer, listening, type Running, serving, start } from './child-process.ts';
import { type Generated, generate } from './generate.ts';
import { treeCpuMicros } from './machine.ts';
import type { Peer } from './peers/peer.ts';
import { freePorts } from './ports.ts';
import type { Scenario } from './scenarios.ts';
import { sample } from './verify.ts';

/** The proxy has a core for itself; generator and replicas share the other one. */
export const proxyCore = 0;
export const otherCore = 1;
const replicaProgram = fileURLToPath(new URL('./replica.ts', import.meta.url));
const replicaCount = 3;
const callsMin = 30;
const callsMax = 2_000_000;
/**
 * Calls go to a peer for so long before they count: after the row before, a JIT compiles anew what is hot in this one, over
 * some 100,000 calls. A sidecar runs for weeks; what it costs is what it costs then.
 */
const warmSeconds = 2;
/** A rate that is taken over less is mostly that of connecting. */
const rateSecondsMin = 0.5;

export interface Run {
  readonly calls: number;
  readonly cpuMicrosPerCall: number;
  readonly callsPerSecond: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
}

/** A peer that serves, in front of replicas that all peers share. */
export interface Standing {
  readonly peer: Peer;
  readonly port: number;
  readonly program: Running;
}

export interface Replicas {
  readonly ports: number[];
  /** The same with TLS and client certificates. */
  readonly tlsPorts: number[];
  readonly cert: string;
  readonly key: string;
  readonly programs: readonly Running[];
}

/** `dir` gets the certificate that everyone uses. */
export async function startReplicas(dir: string): Promise<Replicas> {
  const [cert, key] = [`${dir}/cert.pem`, `${dir}/key.pem`];
  writeFileSync(cert, localhostCertificate);
  writeFileSync(key, localhostKey);
  const all = await freePorts(2 * replicaCount);
  const [ports, tlsPorts] = [all.slice(0, replicaCount), all.slice(replicaCount)];
  const command = [process.execPath, replicaProgram];
  const programs = [
    start([...command, ...ports.map(String)], otherCore),
    start([...command, '--cert', cert, '--key', key, ...tlsPorts.map(String)], otherCore),
  ];
  for (const port of ports) await listening(port, programs[0], 'the replica program');
  for (const port of tlsPorts) await listening(port, programs[1], 'the replica program with TLS');
  return { ports, tlsPorts, cert, key, programs };
}

/** Starts a peer on its core and makes sure, by a few calls, that it serves rightly. */
export async function startPeer(
  peer: Peer,
  replicas: Replicas,
  collector: number,
  dir: string,
): Promise<Standing> {
  const [listen, admin] = await freePorts(2);
  mkdirSync(dir, { recursive: true });
  const { cert, key, ports, tlsPorts } = replicas;
  const launch = peer.prepare(dir, {
    listen,
    admin,
    collector,
    replicas: peer.tls ? tlsPorts : ports,
    cert,
    key,
  });
  const program = launchPeer(launch, proxyCore);
  try {
    await serving(launch, listen, program, peer.name);
    await sample(listen, peer.tls === true);
  } catch (error) {
    await program.stop();
    throw error;
  }
  return { peer, port: listen, program };
}

/** One counted run of about `seconds`, once the peer is warm. */
export async function measure(
  scenario: Scenario,
  standing: Standing,
  replicas: Replicas,
  seconds: number,
  dir: string,
): Promise<Run> {
  const { port, program } = standing;
  const core = scenario.oneCore ? proxyCore : otherCore;
  for (const { pid } of replicas.programs) pin(pid, core);
  const tls = standing.peer.tls === true;
  const generateFor = (duringSeconds: number, rate: number): Promise<Generated> =>
    generate(scenario, port, tls, callsIn(duringSeconds, rate, scenario), core, dir);
  let warm = await generate(scenario, port, tls, scenario.firstCalls, core, dir);
  if (warm.seconds < warmSeconds) {
    const left = Math.max(warmSeconds - warm.seconds, rateSecondsMin);
    warm = await generateFor(left, rateOf(warm));
  }
  const before = treeCpuMicros(program.pid);
  const counted = await generateFor(seconds, rateOf(warm));
  const spent = treeCpuMicros(program.pid) - before;
  if (program.exited()) throw new Error(`${standing.peer.name} ended: ${program.stderr().trim()}`);
  return {
    calls: counted.calls,
    cpuMicrosPerCall: spent / counted.calls,
    callsPerSecond: rateOf(counted),
    ...(counted.p50Ms !== undefined && { p50Ms: counted.p50Ms, p99Ms: counted.p99Ms }),
  };
}

function rateOf({ calls, seconds }: Generated): number {
  return calls / seconds;
}

/** A multiple of what is in flight, so that every connection gets the same number. */
function callsIn(seconds: number, rate: number, { connections, inFlight }: Scenario): number {
  const together = connections * inFlight;
  return Math.ceil(Math.min(Math.max(rate * seconds, callsMin), callsMax) / together) * together;
}

/** All threads of a process to one core. */
function pin(pid: number, core: number): void {
  execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
}
