import { replayBytesPerCallMax } from '../../src/call/replay-buffer.ts';
import { BufferBudget } from '../../src/http2/buffer-budget.ts';
import type { Http2Connection } from '../../src/http2/connection.ts';
import { memoBlockBytesMax } from '../../src/http2/hpack/block-memo.ts';
import type { CallRecord } from '../../src/telemetry/call-record.ts';
import type { Cluster } from '../../src/upstream/cluster.ts';
import type { CallSpec } from './call-spec.ts';
import type { CallFacts, Ledger } from './ledger.ts';
import type { SimClock } from './sim-clock.ts';
import type { SimNetwork } from './sim-network.ts';
import type { SimSidecar } from './sim-sidecar.ts';
import type { SimSocket } from './sim-socket.ts';
import type { Trace } from './trace.ts';
import { WireSide, windowViolations } from './wire-monitor.ts';

/** Errors after which a call that no replica has begun may be tried elsewhere. */
const elsewhere = new Set([
  'connect_failed',
  'connect_timeout',
  'upstream_reset',
  'upstream_closed',
  'no_healthy_endpoint',
  'no_endpoint',
]);

/** What the encoder keeps to itself. */
interface EncoderInside {
  readonly table: { readonly length: number };
  readonly positions: ReadonlyMap<unknown, number>;
  readonly memo: { readonly slots: ReadonlyArray<{ readonly bytes: Uint8Array } | null> | null };
}

interface JudgeDeps {
  readonly ledger: Ledger;
  readonly network: SimNetwork;
  readonly trace: Trace;
  readonly calm: boolean;
  readonly hitsClients: boolean;
}

/** Holds a run to what must be so, while it goes on and at its end. */
export class Judge {
  /** The memory for replays is enough for all calls of the run. */
  replaysAll = true;
  /** What the sidecar's connections hold together; where it is short, who reads too little is reset. */
  memory = { budget: new BufferBudget(0), short: false };
  /** Calls that nothing excuses: made when all is well again. */
  readonly late = new Set<number>();
  private readonly deps: JudgeDeps;
  private readonly sides = new Map<SimSocket, { side: WireSide; connection: () => Http2Connection | null }>();
  /** How often each call of the sidecar was settled. */
  private readonly records = new Map<CallRecord, number>();
  private readonly clusterOf = new Map<CallRecord, Cluster>();
  /** Endpoints that a call had not tried and could have when it failed. */
  private readonly untried = new Map<number, string[]>();
  /** Refusals as the sidecar saw them, GOAWAY included. */
  private readonly refusals = new Map<number, number>();

  constructor(deps: JudgeDeps) {
    this.deps = deps;
  }

  get frames(): number {
    let frames = 0;
    for (const { side } of this.sides.values()) frames += side.frames;
    return frames;
  }

  watch(
    name: string,
    socket: SimSocket,
    role: 'client' | 'server',
    connection: () => Http2Connection | null,
  ): void {
    const violation = (text: string): void => this.deps.ledger.violation(text);
    this.sides.set(socket, { side: new WireSide(name, socket, role, connection, violation), connection });
    socket.prependListener('data', (piece: Buffer) => this.deps.trace.bytes(piece));
  }

  // While it goes on.

  /** A reload may put another cluster in the place of the one that the call is on. */
  recordBegan(record: CallRecord, cluster: Cluster): void {
    this.records.set(record, 0);
    this.clusterOf.set(record, cluster);
  }

  recordSettled(record: CallRecord, sidecar: SimSidecar): void {
    const { ledger, trace } = this.deps;
    const id = Number(record.path.split('/').at(-1));
    const attempts = record.attempts.map(({ endpoint, error }) => ` ${endpoint} ${error}`);
    trace.note(`call ${id} settled by ${record.endedBy} ${record.error};${attempts.join()}`);
    const times = (this.records.get(record) ?? 0) + 1;
    this.records.set(record, times);
    if (times > 1) ledger.violation(`call ${id} was settled ${times} times`);
    const facts = ledger.calls.get(id);
    if (facts === undefined) return ledger.violation(`call ${id} was settled, and nobody made it`);
    const tookMs = record.endedMs - record.startedMs;
    const { timeoutMs } = facts.spec;
    if (timeoutMs !== null && tookMs > timeoutMs + 0.001)
      ledger.violation(`call ${id} took ${tookMs} ms of the ${timeoutMs} it had`);
    const perTry = record.attempts.some(({ error }) => error === 'per_try_timeout');
    if (timeoutMs === null && record.error === 'deadline_exceeded' && !perTry)
      ledger.violation(`call ${id} ended by a deadline it did not have`);
    this.judgeAttempts(id, record, sidecar);
    const tried = new Set(record.attempts.map(({ endpoint }) => endpoint));
    const usable = this.clusterOf
      .get(record)!
      .all()
      .filter((endpoint) => endpoint.unusableBecause === '');
    this.untried.set(
      id,
      usable.map(({ address }) => address).filter((address) => !tried.has(address)),
    );
    this.refusals.set(id, record.attempts.filter(({ error }) => error === 'upstream_reset').length);
  }

  /** Attempts by policy keep to what the policy says, and every attempt is over when its call is. */
  private judgeAttempts(id: number, record: CallRecord, { attemptPolicy }: SimSidecar): void {
    const { ledger } = this.deps;
    const byPolicy = record.attempts.filter(({ kind }) => kind === 'retry' || kind === 'hedge').length;
    if (byPolicy > (attemptPolicy?.attemptsMax ?? 1) - 1)
      ledger.violation(`call ${id} was tried ${byPolicy} times more by its policy`);
    for (const { number, startedMs, endedMs } of record.attempts)
      if (endedMs < startedMs || endedMs > record.endedMs)
        ledger.violation(`attempt ${number} of call ${id} is not over with it`);
    const running = record.attempts.filter(
      (one, i) => i > 0 && one.startedMs < record.attempts[i - 1].endedMs,
    ).length;
    if (running > 0 && attemptPolicy?.kind !== 'hedge')
      ledger.violation(`call ${id} had attempts side by side, and its route does not hedge`);
  }

  /** A client was told of an error that Outrigger made. */
  errorSeen(facts: CallFacts, code: string, sentence: string): void {
    const { ledger, calm } = this.deps;
    const { id, request } = facts.spec;
    const excused = this.excuses(facts.spec, code);
    if ((calm || this.late.has(id)) && !excused)
      ledger.violation(`call ${id} failed on a calm day: ${sentence}`);
    if (!sentence.includes('did not process')) return;
    if (facts.taken > 0)
      ledger.violation(`call ${id} was begun, and its client told that it was not: ${sentence}`);
    const untried = this.untried.get(id) ?? [];
    const replayable = this.replaysAll && request.bytes.length <= replayBytesPerCallMax;
    const refused = Math.max(facts.refused, this.refusals.get(id) ?? 0) >= 2;
    if (elsewhere.has(code) && untried.length > 0 && replayable && !refused)
      ledger.violation(`call ${id} failed (${sentence}), and ${untried.join(', ')} was not tried`);
  }

  // At its end.

  /** All calls are over, everything has arrived, and all that lives is idle. */
  settled(sidecar: SimSidecar): void {
    const { ledger, network } = this.deps;
    for (const facts of ledger.calls.values()) this.judgeCall(facts, sidecar);
    for (const [record, times] of this.records)
      if (times !== 1) ledger.violation(`the call ${record.path} was settled ${times} times`);
    if (sidecar.calls.active !== 0) ledger.violation(`${sidecar.calls.active} calls count as in flight`);
    if (sidecar.scheduler.active !== 0)
      ledger.violation(`the scheduler counts ${sidecar.scheduler.active} calls in flight`);
    for (const cluster of sidecar.clusters) this.judgeCluster(cluster);
    const { budget } = sidecar.attemptPolicy ?? {};
    if ((budget?.calls ?? 0) + (budget?.retries ?? 0) !== 0)
      ledger.violation(
        `${budget?.retries} of ${budget?.calls} calls of the route count as retries in flight`,
      );
    if (sidecar.poolTotals.pending !== 0)
      ledger.violation(`${sidecar.poolTotals.pending} calls count as waiting for a connection`);
    this.judgeReplays(sidecar);
    const held = this.memory.budget.bytes;
    if (held !== 0) ledger.violation(`${held} bytes count as held for those who do not read`);
    for (const { name, client, server } of network.alive()) {
      const ends = [client, server].map((socket) => this.sides.get(socket)?.connection());
      const [one, other] = ends;
      if (!one || !other || one.over || other.over) continue;
      for (const end of [one, other])
        if (end.active > 0) ledger.violation(`${name}: ${end.active} streams left at the ${end.role}`);
      for (const end of [one, other]) this.judgeMemos(name, end);
      for (const text of windowViolations(`${name} up`, one, other)) ledger.violation(text);
      for (const text of windowViolations(`${name} down`, other, one)) ledger.violation(text);
    }
  }

  private judgeCluster(cluster: Cluster): void {
    const { ledger } = this.deps;
    if (cluster.active !== 0) ledger.violation(`a cluster counts ${cluster.active} calls in flight`);
    if (cluster.retries !== 0) ledger.violation(`a cluster counts ${cluster.retries} retries in flight`);
    for (const { address, active } of cluster.all())
      if (active !== 0) ledger.violation(`${address} counts ${active} calls in flight`);
  }

  private judgeReplays(sidecar: SimSidecar): void {
    const { left } = sidecar.replayBudget as unknown as { left: number };
    if (left !== sidecar.replayBytesMax)
      this.deps.ledger.violation(`the replay budget has ${left} bytes of ${sidecar.replayBytesMax}`);
  }

  /** What an idle connection remembers of header blocks is bounded. */
  private judgeMemos(name: string, connection: Http2Connection): void {
    const { ledger } = this.deps;
    const { table, positions, memo } = connection.writer.encoder as unknown as EncoderInside;
    if (positions.size !== table.length)
      ledger.violation(`${name}: the encoder knows ${positions.size} positions of ${table.length} entries`);
    const kept = (memo.slots ?? []).filter((slot) => slot !== null);
    const longest = Math.max(0, ...kept.map(({ bytes }) => bytes.length));
    if (kept.length > 128 || longest > memoBlockBytesMax)
      ledger.violation(`${name}: the encoder keeps ${kept.length} blocks of up to ${longest} bytes`);
  }

  /** Long after the last fault every replica is in use again. */
  recovered(sidecar: SimSidecar): void {
    for (const { address, unusableBecause } of sidecar.cluster.all())
      if (unusableBecause !== '')
        this.deps.ledger.violation(`${address} is still out of use: ${unusableBecause}`);
  }

  /** Is it an error of any day? */
  private excuses(spec: CallSpec, code: string): boolean {
    // Where the run has little memory for replays, large bodies that meet may exceed it.
    if (code === 'overloaded') return !this.replaysAll;
    // A client that takes its time to say all uses up what the route gives an attempt for the head of its reply.
    return code === 'deadline_exceeded' && spec.timeoutMs === null;
  }

  private judgeCall(facts: CallFacts, { attemptPolicy }: SimSidecar): void {
    const { ledger, calm, hitsClients } = this.deps;
    const { spec, outcome, taken } = facts;
    if (outcome === null) ledger.violation(`call ${spec.id} hangs`);
    const attemptsMax = attemptPolicy?.attemptsMax ?? 1;
    if (taken > attemptsMax)
      ledger.violation(`call ${spec.id} was begun by ${taken} replicas, of ${attemptsMax} at the most`);
    const excused = this.excuses(spec, facts.error) || this.memory.short;
    if ((calm || this.late.has(spec.id)) && outcome !== 'whole' && !excused)
      ledger.violation(`call ${spec.id} ended as ${outcome} on a calm day`);
    if (outcome === 'lost' && !hitsClients)
      ledger.violation(
        `call ${spec.id} was lost with its connection to the sidecar, which nothing happened to`,
      );
    if (outcome === 'reset' && spec.grpc && !this.memory.short)
      ledger.violation(`call ${spec.id} got a reset instead of a status`);
  }

  /** Everything was closed, and time went on. */
  closed(sidecar: SimSidecar, clock: SimClock): void {
    const { ledger, network } = this.deps;
    if (clock.timers !== 0) ledger.violation(`${clock.timers} timers are left`);
    const open = network.links.filter(({ client, server }) => !client.destroyed || !server.destroyed);
    if (open.length > 0) ledger.violation(`${open.length} connections are left, ${open[0].name} first`);
    this.judgeReplays(sidecar);
    if (sidecar.slots.held !== 0) ledger.violation(`${sidecar.slots.held} connection slots are held`);
    if (sidecar.poolTotals.connections !== 0)
      ledger.violation(`${sidecar.poolTotals.connections} connections to replicas count as open`);
  }
}
