import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import type { ClientHttp2Session } from 'node:http2';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Scenario } from '../../balance-sim/scenario.ts';
import { launchPeer, type Running, serving } from '../child-process.ts';
import type { Launch } from '../peers/peer.ts';
import { freePorts } from '../ports.ts';
import { type Contender, prepareInbound, type SidecarPorts } from './contenders.ts';
import { connectAll, drive, type LiveRun } from './drive.ts';
import type { ReplicasReady, RunBegins } from './protocol.ts';

const replicasProgram = fileURLToPath(new URL('./replicas.ts', import.meta.url));
/** Time between the message to the replicas and the first call. */
const leadMs = 500;
/** Until every sidecar has read a new list of endpoints: it checks ten times a second and waits 100 ms for the file to settle. */
const discoveryMs = 1000;

/** The replicas, behind one inbound sidecar that reports the load of each. */
export class ReplicaGroup {
  /** Ports of the inbound listeners. */
  readonly ports: readonly number[];
  private readonly replicas: ChildProcess;
  private readonly inbound: Running;

  private constructor(ports: readonly number[], replicas: ChildProcess, inbound: Running) {
    this.ports = ports;
    this.replicas = replicas;
    this.inbound = inbound;
  }

  static async start(count: number, dir: string): Promise<ReplicaGroup> {
    const replicas = fork(replicasProgram, [String(count)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    // Ends with our end of the channel, however the bench ends.
    const [{ ports: targets }] = (await once(replicas, 'message')) as [ReplicasReady];
    const [admin, ...ports] = await freePorts(count + 1);
    const inbound = await startProgram(
      prepareInbound(mkdtempSync(join(dir, 'inbound-')), admin, ports, targets),
      ports[0],
      'the inbound sidecar',
    );
    return new ReplicaGroup(ports, replicas, inbound);
  }

  /** Replicas are idle from now on, and have the troubles of the run at its times. */
  async begin(run: RunBegins): Promise<void> {
    const ready = once(this.replicas, 'message');
    this.replicas.send(run);
    await ready;
  }

  async stop(): Promise<void> {
    await this.inbound.stop();
    const gone = once(this.replicas, 'exit');
    this.replicas.disconnect();
    await gone;
  }
}

interface Sidecar {
  readonly dir: string;
  readonly ports: SidecarPorts;
  readonly program: Running;
}

/** The outbound sidecars of one contender, all in front of the same replicas, each with one client. */
export class Fleet {
  readonly contender: Contender;
  private readonly sidecars: readonly Sidecar[];
  private readonly sessions: readonly ClientHttp2Session[];
  private readonly group: ReplicaGroup;

  private constructor(
    contender: Contender,
    group: ReplicaGroup,
    sidecars: readonly Sidecar[],
    sessions: readonly ClientHttp2Session[],
  ) {
    this.contender = contender;
    this.group = group;
    this.sidecars = sidecars;
    this.sessions = sessions;
  }

  static async start(contender: Contender, count: number, group: ReplicaGroup, dir: string): Promise<Fleet> {
    const all = await freePorts(2 * count);
    const sidecars: Sidecar[] = [];
    // One after the other: together they would start no sooner on two cores, and time out where the machine is busy.
    for (let i = 0; i < count; i++) {
      const own = mkdtempSync(join(dir, 'sidecar-'));
      const ports = { listen: all[2 * i], admin: all[2 * i + 1], replicas: group.ports };
      const program = await startProgram(contender.prepare(own, ports), ports.listen, contender.name);
      sidecars.push({ dir: own, ports, program });
    }
    const sessions = await connectAll(sidecars.map(({ ports }) => ports.listen));
    return new Fleet(contender, group, sidecars, sessions);
  }

  /** Runs a scenario with replicas that are idle at its start. */
  async run(scenario: Scenario, seed: number): Promise<LiveRun> {
    const { joins, workers, troubles } = scenario;
    const late = joins.map(({ replica }) => replica);
    const there = this.group.ports.map((_, i) => i).filter((i) => !late.includes(i));
    await this.discover(there);
    if (late.length > 0) await new Promise((resolve) => setTimeout(resolve, discoveryMs));
    const zeroMs = performance.timeOrigin + performance.now() + leadMs;
    await this.group.begin({ workers, troubles, zeroMs });
    const joining = joins.map(({ replica, atMs }) => this.join(there, replica, leadMs + atMs));
    const outcome = await drive(scenario, seed, this.sessions, zeroMs);
    await Promise.all(joining);
    return outcome;
  }

  async stop(): Promise<void> {
    for (const session of this.sessions) session.destroy();
    await Promise.all(this.sidecars.map(({ program }) => program.stop()));
  }

  private async join(there: number[], replica: number, afterMs: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    there.push(replica);
    await this.discover([...there]);
  }

  private async discover(replicas: readonly number[]): Promise<void> {
    await Promise.all(this.sidecars.map(({ dir, ports }) => this.contender.discover(dir, ports, replicas)));
  }
}

async function startProgram(launch: Launch, port: number, name: string): Promise<Running> {
  const program = launchPeer(launch, null);
  await serving(launch, port, program, name);
  return program;
}
