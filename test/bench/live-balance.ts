import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { shortestQueue } from '../balance-sim/baselines.ts';
import { run } from '../balance-sim/run.ts';
import { arrivalsPerMs, lasting, type Scenario, scenario } from '../balance-sim/scenario.ts';
import { constant } from '../balance-sim/service-time.ts';
import { summarise } from '../balance-sim/summary.ts';
import { type Case, cases, fullSize, type Size, smokeSize } from './live/cases.ts';
import { type Contender, contenders } from './live/contenders.ts';
import { Fleet, ReplicaGroup } from './live/fleet.ts';
import { figuresOf, type Outcome, renderCases } from './live/table.ts';
import { commitName, describeMachine } from './machine.ts';

/**
 * Balancing by real sidecars: 20 of them in front of 10 replicas, with their own counts, with load reports, and HAProxy, all on the
 * same calls in turns, and beside each figure what the simulator gives for the very same calls. `node test/bench/live-balance.ts`,
 * or `make live-balance`. Work is slept, so two cores are enough; with `--smoke` it is 3 sidecars for a few seconds.
 *
 * Exit codes: 0; 1 where a call went wrong; 2 where it cannot run.
 */
const usage = `node test/bench/live-balance.ts [--smoke] [--turns N] [--seed N] [--seconds S] [--only CASE,CASE] [--no-write]`;

const resultsDir = fileURLToPath(new URL('./results/', import.meta.url));
const turnsMax = 20;
const secondsMax = 300;
/** A generator that is later measures the machine, not the balancing; p99. */
const lateMsMax = 10;
const overheadWorkMs = 1;
const overheadSeconds = 3;
/** Until the code of a fleet is compiled: before, a call costs several times as much. */
const warmUpSeconds = { full: 15, smoke: 1 };

const { values: options } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    turns: { type: 'string' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string' },
    only: { type: 'string' },
    'no-write': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const size: Size = options.smoke ? smokeSize : fullSize;
const seconds = Number(options.seconds ?? size.seconds);
const turns = Number(options.turns ?? (options.smoke ? 1 : 4));
const firstSeed = Number(options.seed);
const all = cases({ ...size, seconds });
const names = options.only?.split(',') ?? all.map(({ name }) => name);
const chosen = all.filter(({ name }) => names.includes(name));

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

function isUsable(): boolean {
  const isWithin = (value: number, max: number) => Number.isSafeInteger(value) && value >= 1 && value <= max;
  return (
    isWithin(turns, turnsMax) &&
    isWithin(seconds, secondsMax) &&
    isWithin(firstSeed, 1e6) &&
    chosen.length === names.length
  );
}

/** At the rate of the first case, what a call takes beyond its work, median, milliseconds. */
async function overheadOf(fleet: Fleet, seed: number, lastsSeconds: number): Promise<number> {
  const { sidecars, replicas, workers } = chosen[0].scenario;
  const load = (arrivalsPerMs(chosen[0].scenario) * overheadWorkMs) / (replicas * workers);
  const brief = { sidecars, replicas, workers, load, service: constant(overheadWorkMs) };
  const outcome = await fleet.run(lasting(lastsSeconds * 1000, scenario(brief)), seed);
  return summarise(outcome).p50Ms - overheadWorkMs;
}

/** Milliseconds of all cores together since the start of the machine: not idle, and all. */
function coreTimes(): { readonly busy: number; readonly all: number } {
  const times = cpus().map(({ times: { user, nice, sys, idle, irq } }) => [user + nice + sys + irq, idle]);
  const busy = times.reduce((sum, [one]) => sum + one, 0);
  return { busy, all: busy + times.reduce((sum, [, idle]) => sum + idle, 0) };
}

async function measureCase(fleet: Fleet, of: Case, turn: number, networkMs: number): Promise<Outcome> {
  const seed = firstSeed + turn;
  const before = coreTimes();
  const live = await fleet.run(of.scenario, seed);
  const after = coreTimes();
  const late = live.lateMs.toSorted();
  const simulated = run({ ...of.scenario, networkMs }, fleet.contender.simulated, seed);
  const outcome = {
    contender: fleet.contender.name,
    of,
    turn,
    live: figuresOf(live),
    simulated: figuresOf(simulated),
    lateMs: late[Math.floor(late.length * 0.99)],
    busyShare: (after.busy - before.busy) / (after.all - before.all),
  };
  const p99 = `p99 ${outcome.live.p99Ms.toFixed(0)} ms, simulated ${outcome.simulated.p99Ms.toFixed(0)}`;
  say(
    `${of.name}, turn ${turn + 1}, ${outcome.contender}: ${p99}, cores ${(outcome.busyShare * 100).toFixed(0)}% busy`,
  );
  return outcome;
}

/** Fleets start anew in each turn, and stand side by side in it; each case is measured with one after the other. */
async function runTurn(taking: readonly Contender[], turn: number, dir: string): Promise<readonly Outcome[]> {
  const group = await ReplicaGroup.start(size.replicas, dir);
  const fleets: Fleet[] = [];
  for (const contender of taking) fleets.push(await Fleet.start(contender, size.sidecars, group, dir));
  const networkMs = new Map<Fleet, number>();
  for (const fleet of fleets)
    await overheadOf(fleet, firstSeed + turn, options.smoke ? warmUpSeconds.smoke : warmUpSeconds.full);
  for (const fleet of fleets) {
    const overheadMs = await overheadOf(fleet, firstSeed + turn, overheadSeconds);
    networkMs.set(fleet, overheadMs / 2);
    say(`${fleet.contender.name}: a call takes ${overheadMs.toFixed(1)} ms beyond its work`);
  }
  const outcomes: Outcome[] = [];
  // Who is first in a case changes with the turn.
  for (const one of chosen)
    for (let i = 0; i < fleets.length; i++) {
      const fleet = fleets[(i + turn) % fleets.length];
      outcomes.push(await measureCase(fleet, one, turn, networkMs.get(fleet)!));
    }
  await Promise.all(fleets.map((fleet) => fleet.stop()));
  await group.stop();
  return outcomes;
}

/** The limit, simulated: every sidecar knows of every call. */
function shortestQueueText(one: Scenario, turnsDone: number): string {
  const p99s = Array.from(
    { length: turnsDone },
    (_, turn) => summarise(run(one, shortestQueue, firstSeed + turn)).p99Ms,
  );
  return (p99s.reduce((sum, p99) => sum + p99, 0) / turnsDone).toFixed(0);
}

function latenessText(outcomes: readonly Outcome[]): string {
  const late = outcomes.filter(({ lateMs }) => lateMs > lateMsMax).length;
  if (late === 0) return `No run had calls that left more than ${lateMsMax} ms late.`;
  return `**The machine was too busy in ${late} of ${outcomes.length} runs**: calls left more than ${lateMsMax} ms late, so do not rely on their rows.`;
}

function render(outcomes: readonly Outcome[], taking: readonly Contender[], turnsDone: number): string {
  const { cpu, cores, memoryGiB, system, node } = describeMachine();
  const order = taking.map(({ name }) => name);
  const sorted = outcomes.toSorted(
    (a, b) => order.indexOf(a.contender) - order.indexOf(b.contender) || a.turn - b.turn,
  );
  const limits = chosen.map(({ name, scenario: one }) => `${name} ${shortestQueueText(one, turnsDone)}`);
  return `# Balancing by ${size.sidecars} sidecars, live, ${new Date().toISOString().slice(0, 16)}, commit ${commitName() || 'unknown'}

\`node test/bench/live-balance.ts --turns ${turnsDone} --seconds ${seconds} --seed ${firstSeed}\`: ${size.sidecars} sidecar processes in front of ${size.replicas} replicas
with ${chosen[0].scenario.workers} workers each, exponential work with mean ${size.meanWorkMs} ms, which is slept; one inbound Outrigger with a listener for each replica, in front of
all contenders. Seed ${firstSeed} and the following, one for each turn: all contenders, and the simulator, get the same calls. Health checks, outlier
detection and traces are off everywhere. In brackets: the lowest and the highest of ${turnsDone} turns. Latency counts from the time at which a call
should have left the generator; \`late ms\` is how late calls left, p99; \`cores busy\` includes all that ran on the machine.
${latenessText(outcomes)}
The network of the simulator is half of what a call took beyond its work, each way.
${cores} × ${cpu}, ${memoryGiB} GiB, ${system}, Node ${node}.

${renderCases(sorted)}

With perfect knowledge (JSQ, simulated, without network other than 0.1 ms each way), p99 in ms: ${limits.join(', ')}.
`;
}

async function main(): Promise<number> {
  if (options.help || !isUsable()) {
    say(
      `${usage}\ncases: ${all.map(({ name }) => name).join(', ')}; 1 to ${turnsMax} turns, 1 to ${secondsMax} seconds`,
    );
    return options.help ? 0 : 2;
  }
  const taking = contenders.filter((one) => {
    const missing = one.missing();
    if (missing !== '') say(`without ${one.name}: ${missing}`);
    return missing === '';
  });
  const dir = mkdtempSync(join(tmpdir(), 'outrigger-live-'));
  // The exit handler of child-process.ts ends whatever still runs.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const outcomes: Outcome[] = [];
  const isWhole = !options.smoke && !options['no-write'] && names.length === all.length;
  const file = `${resultsDir}${new Date().toISOString().slice(0, 10)}-live-balance.md`;
  for (let turn = 0; turn < turns; turn++) {
    outcomes.push(...(await runTurn(taking, turn, dir)));
    // After each turn, so that an end before the last one leaves what there is.
    if (isWhole) writeFileSync(file, render(outcomes, taking, turn + 1));
  }
  say(`\n${render(outcomes, taking, turns)}`);
  if (isWhole) say(`written: ${file}`);
  if (options.smoke) say(`${outcomes.length} passed, 0 failed`);
  return 0;
}

process.exit(
  await main().catch((error: Error) => {
    say(`failed: ${error.message}`);
    return 1;
  }),
);
