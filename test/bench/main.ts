import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureAlone } from './alone/all.ts';
import { bounds, comparisons } from './bounds.ts';
import { startCollector } from './collector.ts';
import { commitName, describeMachine, isInstalled } from './machine.ts';
import {
  measure,
  type Replicas,
  type Run,
  type Standing,
  sampleOf,
  startPeer,
  startReplicas,
  warmUp,
} from './measure.ts';
import { byteRelay } from './peers/byte-relay.ts';
import { caddy } from './peers/caddy.ts';
import { envoy, installEnvoy } from './peers/envoy.ts';
import { haproxy } from './peers/haproxy.ts';
import { nginx } from './peers/nginx.ts';
import { outrigger, outriggerSampled } from './peers/outrigger.ts';
import { contract, type Peer } from './peers/peer.ts';
import {
  type Alone,
  boundedRatio,
  makeRow,
  peersText,
  type Report,
  type Row,
  renderMarkdown,
  subject,
} from './report.ts';
import { latestReport, writeReport } from './results.ts';
import { type Scenario, scenarios } from './scenarios.ts';
import { verifyPeer } from './verify.ts';
import { verifyHttp1Peer } from './verify-http1.ts';

/**
 * What a call costs in CPU, beside other proxies on the same work: `node test/bench/main.ts`, or `make bench`.
 *
 * Exit codes: 0; 1 where a call went wrong or, with `--smoke`, a ratio is out of bounds; 2 where it cannot run.
 */
const usage = `node test/bench/main.ts [--smoke] [--peers a,b] [--only NAME,NAME | --only alone] [--rounds N] [--seconds S] [--no-write]`;

const allPeers: readonly Peer[] = [
  ...outrigger,
  ...nginx,
  ...haproxy,
  caddy,
  envoy,
  byteRelay,
  outriggerSampled,
];
/** What CI judges: enough to see a lost order of magnitude. */
const smoke = { rounds: 3, seconds: 1 };

/** Of the medians: on shared cores one run in three is off by a tenth, and of three runs that may be two. */
const roundsDefault = 5;

const { values: options } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    peers: { type: 'string' },
    only: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    'no-write': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const problems: string[] = [];
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const wrong = (text: string): void => {
  problems.push(text);
  say(`  wrong: ${text}`);
};

/** Those with these names; where none has, for rows, those whose names begin so. */
function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  names: string | undefined,
): readonly T[] {
  if (names === undefined) return all;
  const wanted = names
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  const known = new Set(all.map(({ name }) => name.toLowerCase()));
  return all.filter(({ name }) =>
    wanted.some((one) => (known.has(one) ? name.toLowerCase() === one : name.toLowerCase().startsWith(one))),
  );
}

/** Does a peer take part in a row? In the smoke test those alone that a bound compares. */
function takesPart(peer: Peer, scenario: Scenario): boolean {
  if (peer.protocol !== scenario.protocol || (peer.tls ?? false) !== (scenario.tls ?? false)) return false;
  if (!options.smoke) return peer.only?.includes(scenario.name) !== false;
  const compared = bounds.filter(
    ({ smokeMax, scenario: of }) => smokeMax !== undefined && of === scenario.name,
  );
  const beside = comparisons.some(
    ({ smokeMax, scenario: at, of }) => smokeMax !== undefined && at === scenario.name && of === peer.name,
  );
  if (peer.only !== undefined) return beside;
  return [subject, ...compared.flatMap((bound) => bound.peer)].includes(peer.name);
}

function peersFor(list: readonly Scenario[]): Peer[] {
  const needed = allPeers.filter((peer) => list.some((scenario) => takesPart(peer, scenario)));
  const wanted = chosen(needed, options.peers);
  if (wanted.includes(envoy)) installEnvoy();
  return wanted.filter((peer) => {
    const missing = peer.missing();
    if (missing === '') return true;
    say(`without ${peer.name}: ${missing}`);
    // Nobody reads a CI log for what it left out.
    if (process.env.CI === 'true' || peer.name === subject) problems.push(missing);
    return false;
  });
}

async function inTurn(
  list: readonly Scenario[],
  standing: readonly Standing[],
  replicas: Replicas,
  rounds: number,
  seconds: number,
  dir: string,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const scenario of list) {
    const taking = standing.filter(({ peer }) => takesPart(peer, scenario));
    const runs = new Map<string, Run[]>(taking.map(({ peer }) => [peer.name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const one of taking) {
        try {
          if (round === 0 && !options.smoke) await warmUp(scenario, one, replicas, dir);
          runs.get(one.peer.name)?.push(await measure(scenario, one, replicas, seconds, dir));
        } catch (error) {
          wrong(`${one.peer.name}, ${scenario.name}: ${(error as Error).message}`);
        }
      }
    }
    const beside = taking.filter(({ peer }) => peer.only !== undefined).map(({ peer }) => peer.name);
    const row = makeRow(scenario, runs, beside);
    rows.push(row);
    const costs = Object.entries({ ...row.peers, ...row.beside }).map(
      ([name, cell]) => `${name} ${cell.cpuMicrosPerCall.toFixed(2)}`,
    );
    say(`${scenario.name}: ${costs.join(', ')} µs`);
  }
  return rows;
}

async function bench(dir: string): Promise<void> {
  const rounds = Number(options.rounds ?? (options.smoke ? smoke.rounds : roundsDefault));
  const seconds = Number(options.seconds ?? (options.smoke ? smoke.seconds : 3));
  const judged = new Set(
    bounds.filter(({ smokeMax }) => smokeMax !== undefined).map(({ scenario }) => scenario),
  );
  const list = chosen(scenarios, options.only).filter(({ name }) => !options.smoke || judged.has(name));
  const replicas = await startReplicas(dir);
  const collector = await startCollector();
  const standing: Standing[] = [];
  const peers = peersFor(list);
  for (const peer of peers) {
    try {
      const peerDir = mkdtempSync(join(dir, 'peer-'));
      if (peer.only === undefined && !peer.tls) {
        const verify = peer.protocol === 'grpc' ? verifyPeer : verifyHttp1Peer;
        await verify(peer, peerDir, collector.port);
      }
      standing.push(await startPeer(peer, replicas, collector.port, peerDir));
    } catch (error) {
      wrong(`${peer.name} for ${peer.protocol}: ${(error as Error).message}`);
    }
  }
  const rows = await inTurn(list, standing, replicas, rounds, seconds, dir);
  for (const { peer, port } of standing)
    await sampleOf(peer, port).catch((error: Error) => wrong(`${peer.name}, afterwards: ${error.message}`));
  const alone: Alone[] = [];
  if (!options.smoke && [undefined, 'alone'].includes(options.only)) {
    await measureAlone(replicas, collector.port, dir, say).then(
      (measured) => alone.push(...measured),
      (error: Error) => wrong(`alone: ${error.message}`),
    );
  }
  await Promise.all([
    ...standing.map(({ program }) => program.stop()),
    ...replicas.programs.map((program) => program.stop()),
  ]);
  collector.stop();
  report(rows, alone, peers, rounds, seconds);
}

function report(
  rows: Row[],
  alone: Alone[],
  peers: readonly Peer[],
  rounds: number,
  secondsPerRun: number,
): void {
  const made: Report = {
    date: new Date().toISOString().slice(0, 16),
    commit: commitName(),
    contract,
    machine: describeMachine(),
    versions: Object.fromEntries(
      peers.filter(({ only }) => only === undefined).map((peer) => [peer.name, peer.version()]),
    ),
    rounds,
    secondsPerRun,
    rows,
    alone,
  };
  const markdown = renderMarkdown(made, latestReport());
  say(`\n${markdown}`);
  const whole = !options.smoke && options.only === undefined && options.peers === undefined;
  if (whole && !options['no-write'] && problems.length === 0)
    say(`written: ${writeReport(made, markdown)}.{json,md}`);
  if (options.smoke) judge(rows);
}

/** Each bound is a check of its own, so that CI counts them. */
function judge(rows: readonly Row[]): void {
  let passed = 0;
  for (const bound of bounds) {
    const { scenario, smokeMax } = bound;
    if (smokeMax === undefined) continue;
    if (options.only !== undefined && !rows.some((row) => row.scenario === scenario)) continue;
    const ratio = boundedRatio(rows, bound);
    const peer = peersText(bound);
    if (ratio === undefined) wrong(`${scenario}: no ratio to ${peer}`);
    else if (ratio > smokeMax) wrong(`${scenario}: ${ratio.toFixed(2)} × ${peer}, above ${smokeMax}`);
    else passed++;
  }
  for (const { what, scenario, of, to, smokeMax } of comparisons) {
    const row = rows.find((one) => one.scenario === scenario);
    if (smokeMax === undefined || (options.only !== undefined && row === undefined)) continue;
    const [cost, base] = [of, to].map((name) => ({ ...row?.peers, ...row?.beside })[name]?.cpuMicrosPerCall);
    const ratio = (cost ?? Number.NaN) / (base ?? Number.NaN);
    if (ratio <= smokeMax) passed++;
    else wrong(`${what}, ${scenario}: ${ratio.toFixed(2)} × ${to}, above ${smokeMax}`);
  }
  say(`\n${passed} passed, ${problems.length} failed`);
}

async function main(): Promise<number> {
  if (options.help) {
    say(usage);
    return 0;
  }
  for (const tool of ['h2load', 'taskset']) {
    if (isInstalled(tool)) continue;
    say(`${tool} is not installed (Debian packages nghttp2-client and util-linux)`);
    return 2;
  }
  const dir = mkdtempSync(join(tmpdir(), 'outrigger-bench-'));
  // The exit handler of child-process.ts ends whatever still runs.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      rmSync(dir, { recursive: true, force: true });
      process.exit(130);
    });
  try {
    await bench(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return problems.length === 0 ? 0 : 1;
}

process.exit(await main());
