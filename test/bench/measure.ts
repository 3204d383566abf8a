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
import { sampleHttp1 } from './verify-http1.ts';

/** The proxy has a core for itself; generator and replicas share the other one. */
export const proxyCore = 0;
export const otherCore = 1;
const replicaProgram = fileURLToPath(new URL('./replica.ts', import.meta.url));
const http1ReplicaProgram = fileURLToPath(new URL('./replica-http1.ts', import.meta.url));
const replicaCount = 3;
const callsMin = 30;
const callsMax = 2_000_000;
/**
 * Calls go to a peer for so long before they count: after the row before, a JIT compiles anew what is hot in this one, over
 * some 100,000 calls. A sidecar runs for weeks; what it costs is what it costs then.
 */
const warmSeconds = 2;
/** Before the first run of a row, once: so many calls, or so long where they are few a second. */
const warmCalls = 100_000;
const warmSecondsMax = 15;
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
  /** Of its admin API, if it has one. */
  readonly admin: number;
  readonly program: Running;
}

export interface Replicas {
  /** For gRPC. */
  readonly ports: number[];
  /** The same with TLS and client certificates. */
  readonly tlsPorts: number[];
  /** For HTTP/1.1, also through TCP. */
  readonly http1Ports: number[];
  readonly http1TlsPorts: number[];
  readonly cert: string;
  readonly key: string;
  readonly programs: readonly Running[];
}

/** `dir` gets the certificate that everyone uses. */
export async function startReplicas(dir: string): Promise<Replicas> {
  const [cert, key] = [`${dir}/cert.pem`, `${dir}/key.pem`];
  writeFileSync(cert, localhostCertificate);
  writeFileSync(key, localhostKey);
  const all = await freePorts(4 * replicaCount);
  const [ports, tlsPorts, http1Ports, http1TlsPorts] = [0, 1, 2, 3].map((i) =>
    all.slice(i * replicaCount, (i + 1) * replicaCount),
  );
  const withTls = ['--cert', cert, '--key', key];
  const startOn = async (program: string, options: readonly string[], on: readonly number[]) => {
    const running = start([process.execPath, program, ...options, ...on.map(String)], otherCore);
    for (const port of on) await listening(port, running, 'the replica program');
    return running;
  };
  const programs = await Promise.all([
    startOn(replicaProgram, [], ports),
    startOn(replicaProgram, withTls, tlsPorts),
    startOn(http1ReplicaProgram, [], http1Ports),
    startOn(http1ReplicaProgram, withTls, http1TlsPorts),
  ]);
  return { ports, tlsPorts, http1Ports, http1TlsPorts, cert, key, programs };
}

function portsFor(replicas: Replicas, { protocol, tls }: Peer): readonly number[] {
  if (protocol === 'grpc') return tls ? replicas.tlsPorts : replicas.ports;
  return tls ? replicas.http1TlsPorts : replicas.http1Ports;
}

/** A few requests by a real client to a peer in front of the bench's replicas. Rejects with what is wrong. */
export function sampleOf({ protocol, tls }: Peer, port: number): Promise<void> {
  return protocol === 'grpc' ? sample(port, tls === true) : sampleHttp1(port, tls === true);
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
  const { cert, key } = replicas;
  const launch = peer.prepare(dir, {
    listen,
    admin,
    collector,
    replicas: portsFor(replicas, peer),
    cert,
    key,
  });
  const program = launchPeer(launch, proxyCore);
  try {
    await serving(launch, listen, program, peer.name);
    await sampleOf(peer, listen);
  } catch (error) {
    await program.stop();
    throw error;
  }
  return { peer, port: listen, admin, program };
}

/** Has a peer do a row's work until a JIT has compiled what is hot in it: 15% of the CPU at h1 c1 went into that after two seconds. */
export async function warmUp(
  scenario: Scenario,
  standing: Standing,
  replicas: Replicas,
  dir: string,
): Promise<void> {
  const { calls, seconds } = await firstCalls(scenario, standing, replicas, dir);
  const rate = calls / seconds;
  const left = Math.min((warmCalls - calls) / rate, warmSecondsMax - seconds);
  if (left <= 0) return;
  await generate(scenario, standing.port, callsIn(left, rate, scenario), coreFor(scenario), dir);
}

/** To a peer on the same core as its replicas, or on another. */
function firstCalls(
  scenario: Scenario,
  standing: Standing,
  replicas: Replicas,
  dir: string,
): Promise<Generated> {
  const core = coreFor(scenario);
  for (const { pid } of replicas.programs) pin(pid, core);
  return generate(scenario, standing.port, scenario.firstCalls, core, dir);
}

function coreFor({ oneCore }: Scenario): number {
  return oneCore ? proxyCore : otherCore;
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
  const generateFor = (duringSeconds: number, rate: number): Promise<Generated> =>
    generate(scenario, port, callsIn(duringSeconds, rate, scenario), coreFor(scenario), dir);
  let warm = await firstCalls(scenario, standing, replicas, dir);
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

/** Short runs of one scenario against one peer, all of the same number of calls. */
export class SliceMeter {
  private calls = 0;
  private readonly scenario: Scenario;
  private readonly standing: Standing;
  private readonly replicas: Replicas;
  private readonly dir: string;

  constructor(scenario: Scenario, standing: Standing, replicas: Replicas, dir: string) {
    this.scenario = scenario;
    this.standing = standing;
    this.replicas = replicas;
    this.dir = dir;
  }

  /** Warms the peer as `measure` does; a slice is about `seconds` of what it then does. */
  async warm(seconds: number): Promise<void> {
    const { scenario, standing, replicas, dir } = this;
    await warmUp(scenario, standing, replicas, dir);
    const { callsPerSecond } = await measure(scenario, standing, replicas, warmSeconds, dir);
    this.calls = callsIn(seconds, callsPerSecond, scenario);
  }

  /** CPU microseconds per call. */
  async slice(): Promise<number> {
    const { scenario, standing, dir, calls } = this;
    const before = treeCpuMicros(standing.program.pid);
    const counted = await generate(scenario, standing.port, calls, coreFor(scenario), dir);
    return (treeCpuMicros(standing.program.pid) - before) / counted.calls;
  }
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
