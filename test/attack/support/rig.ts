import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { greeterConfig, type SidecarProgram, startSidecarProgram } from '../../support/sidecar.ts';
import { until } from '../../support/until.ts';
import { BystanderProcess } from './bystander-process.ts';
import { RssWatch } from './process-usage.ts';
import { connectPeer, type PeerOptions, type RawPeer } from './raw-peer.ts';

/** Below this, in milliseconds, a p99 says more about the machine than about the attack. */
const p99FloorMs = 20;
const p99FactorMax = 5;
/** And this many times the p99 of calls that do not go through the sidecar: other work may come in between. */
const controlFactorMax = 3;
const quietMs = 600;
/** Latency is judged by the best of so many trials; everything else in each of them. */
const trialsMax = 3;

export interface AttackRig {
  readonly target: string;
  /** `host:port` of a listener by name; the first is called `in`. */
  targetOf(listener: string): string;
  readonly program: SidecarProgram;
  /** Of the honest replicas. */
  readonly replicas: readonly string[];
  /** Connects; closed after the test. */
  peer(options?: PeerOptions): Promise<RawPeer>;
  /** Runs at the end of the test. */
  defer(takeDown: () => unknown): void;
  /**
   * Runs an attack with an honest client beside it, and checks that none of its calls failed, that its p99 stayed within
   * 5 times that of the quiet while before (or near that of calls beside the sidecar, where the machine is busy), and
   * that the sidecar never held more than `rssMaxMiB`.
   */
  withBystander(rssMaxMiB: number, attack: () => Promise<void>, judgeP99?: boolean): Promise<void>;
  /** Resolves when hardly more than the bystander's calls are in flight to the replicas: what attackers began was ended. */
  untilIdleUpstream(): Promise<void>;
}

export interface RigOptions {
  /** Laid over the listener, the cluster and the whole. */
  readonly listener?: Record<string, unknown>;
  readonly limits?: Record<string, unknown>;
  readonly cluster?: Record<string, unknown>;
  readonly more?: Record<string, unknown>;
  /** Listeners beside the first. */
  readonly listeners?: ReadonlyArray<Record<string, unknown>>;
  /** Clusters beside that of the replicas, whose addresses are given. */
  readonly clusters?: (replicas: readonly string[]) => Promise<Array<Record<string, unknown>>>;
}

/** One sidecar in front of two replicas for a whole `describe`; to be called within it. */
export function attackRig(options: RigOptions = {}): AttackRig {
  let replicas: ReplicaProcess | null = null;
  let program: SidecarProgram | null = null;
  let bystander: BystanderProcess | null = null;
  const deferred: Array<() => unknown> = [];

  before(async function (this: Mocha.Context) {
    // Each takes a few seconds; the rest is for machines that have other work.
    this.test?.parent?.timeout(30_000);
    // The last one is the control: in the process of the others, behind no sidecar.
    replicas = await startReplicas('a', 'b', 'control');
    bystander = await BystanderProcess.start();
    const endpoints = replicas.addresses.slice(0, 2).map((address) => ({ address }));
    const shape = greeterConfig(endpoints, options.cluster, { drain: { grace: '0s', goawayDelay: '0s' } });
    const listener = { ...shape.listeners![0], limits: options.limits ?? {}, ...options.listener };
    const clusters = [...shape.clusters!, ...((await options.clusters?.(replicas.addresses)) ?? [])];
    program = await startSidecarProgram({
      ...shape,
      clusters,
      listeners: [listener, ...(options.listeners ?? [])],
      ...options.more,
    });
    await untilReady(program);
  });
  afterEach(async () => {
    for (let takeDown = deferred.pop(); takeDown !== undefined; takeDown = deferred.pop()) await takeDown();
    expect(program?.exited, `the sidecar ended:\n${program?.stderr.slice(-2000)}`).to.equal(false);
  });
  after(async () => {
    program?.signal('SIGKILL');
    await program?.exit;
    await bystander?.end();
    await replicas?.stop();
  });

  const rig: AttackRig = {
    get target() {
      return program!.target;
    },
    targetOf(listener) {
      const pattern = new RegExp(`listening listener=${listener} address=(\\S+)`);
      return pattern.exec(program!.stderr)![1];
    },
    get program() {
      return program!;
    },
    get replicas() {
      return replicas!.addresses.slice(0, 2);
    },
    async peer(peerOptions) {
      const peer = await connectPeer(program!.target, peerOptions);
      deferred.push(() => peer.destroy());
      return peer;
    },
    defer: (takeDown) => void deferred.push(takeDown),
    withBystander: (rssMaxMiB, attack, judgeP99) =>
      withBystander(
        { program: program!, bystander: bystander!, control: replicas!.addresses[2] },
        rssMaxMiB,
        attack,
        judgeP99,
      ),
    async untilIdleUpstream() {
      let active = 0;
      await until(
        async () => {
          active = await activeUpstream(program!);
          return active <= 5;
        },
        () => `${active} calls are in flight to the replicas`,
        8000,
      );
    },
  };
  return rig;
}

interface Watched {
  readonly program: SidecarProgram;
  readonly bystander: BystanderProcess;
  /** `host:port` of the server that is not behind the sidecar. */
  readonly control: string;
}

async function withBystander(
  who: Watched,
  rssMaxMiB: number,
  attack: () => Promise<void>,
  judgeP99 = true,
): Promise<void> {
  for (let trial = 1; ; trial++) {
    const { failures, peakMiB, slow, facts } = await watched(who, attack);
    if (process.env.ATTACK_FACTS) console.log(`        ${facts}`);
    expect(failures, facts).to.deep.equal([]);
    expect(peakMiB, facts).to.be.at.most(rssMaxMiB);
    if (!slow || !judgeP99) return;
    expect(trial, facts).to.be.lessThan(trialsMax);
  }
}

/** An attack with a quiet while before it, and how the honest client fared. */
async function watched({ program, bystander, control }: Watched, attack: () => Promise<void>) {
  await bystander.begin(program.target, control);
  try {
    await sleep(200); // connecting, and what is compiled on the first calls
    await bystander.tally();
    await sleep(quietMs);
    const quiet = await bystander.tally();
    const watch = new RssWatch(program.pid);
    await attack().finally(() => watch.stop());
    const loud = await bystander.tally();
    const { peakMiB } = watch;
    const p99MaxMs = Math.max(p99FloorMs, p99FactorMax * quiet.p99Ms, controlFactorMax * loud.controlP99Ms);
    return {
      failures: [...quiet.failures, ...loud.failures],
      peakMiB,
      slow: loud.p99Ms > p99MaxMs,
      facts: `p99 quiet ${quiet.p99Ms.toFixed(1)} ms, under attack ${loud.p99Ms.toFixed(1)} ms of ${loud.calls} calls, beside ${loud.controlP99Ms.toFixed(1)} ms; RSS ${peakMiB.toFixed(0)} MiB`,
    };
  } finally {
    await bystander.stop();
  }
}

export async function untilReady(program: SidecarProgram): Promise<void> {
  let said = '';
  await until(
    async () => {
      const reply = await fetch(`${program.adminUrl}/ready`);
      said = await reply.text();
      return reply.ok;
    },
    () => said,
    8000,
  );
}

async function activeUpstream(program: SidecarProgram): Promise<number> {
  const reply = await fetch(`${program.adminUrl}/clusters?format=json`);
  const clusters = (await reply.json()) as Array<{ endpoints: Array<{ active: number }> }>;
  return clusters.flatMap(({ endpoints }) => endpoints).reduce((sum, { active }) => sum + active, 0);
}

interface ReplicaProcess {
  readonly addresses: readonly string[];
  stop(): Promise<void>;
}

async function startReplicas(...names: string[]): Promise<ReplicaProcess> {
  const entry = fileURLToPath(new URL('replicas.ts', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [entry, ...names], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string];
  return {
    addresses: JSON.parse(line) as string[],
    stop: async () => {
      child.stdin!.end();
      await exited;
    },
  };
}
