import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureAlone } from './alone/all.ts';
import { bounds } from './bounds.ts';
import { startCollector } from './collector.ts';
import { commitName, describeMachine, isInstalled } from './machine.ts';
import { measure, type Replicas, type Run, type Standing, startPeer, startReplicas } from './measure.ts';
import { byteRelay } from './peers/byte-relay.ts';
import { caddy } from './peers/caddy.ts';
import { envoy, installEnvoy } from './peers/envoy.ts';
import { haproxy, haproxyTls } from './peers/haproxy.ts';
import { nginx } from './peers/nginx.ts';
import { outrigger, outriggerSampled, outriggerTls } from './peers/outrigger.ts';
import { contract, type Peer } from './peers/peer.ts';
import { type Alone, makeRow, type Report, type Row, renderMarkdown } from './report.ts';
import { latestReport, writeReport } from './results.ts';
import { type Scenario, scenarios } from './scenarios.ts';
import { sample, verifyPeer } from './verify.ts';

/**
 * What a call costs in CPU, beside other proxies on the same work: `node test/bench/main.ts`, or `make bench`.
 *
 * Exit codes: 0; 1 where a call went wrong or, with `--smoke`, a ratio is out of bounds; 2 where it cannot run.
 */
const usage = `node test/bench/main.ts [--smoke] [--peers a,b] [--only NAME,NAME | --only alone] [--rounds N] [--seconds S] [--no-write]`;

const variants = [byteRelay, outriggerSampled, outriggerTls, haproxyTls];
const allPeers: readonly Peer[] = [outrigger, nginx, haproxy, caddy, envoy, ...variants];
/** What CI judges: enough to see a lost order of magnitude. */
const smoke = { peers: ['Outrigger', 'HAProxy'], rounds: 3, seconds: 1 };

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

function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  names: string | undefined,
): readonly T[] {
  if (names === undefined) return all;
  const wanted = names
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  return all.filter(({ name }) => wanted.includes(name.toLowerCase()));
}

function peersHere(): Peer[] {
  const wanted = chosen(allPeers, options.peers ?? (options.smoke ? smoke.peers.join(',') : undefined));
  if (wanted.includes(envoy)) installEnvoy();
  return wanted.filter((peer) => {
    const missing = peer.missing();
    if (missing === '') return true;
    say(`without ${peer.name}: ${missing}`);
    // Nobody reads a CI log for what it left out.
    if (process.env.CI === 'true' || peer === outrigger) problems.push(missing);
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
    const runs = new Map<string, Run[]>(standing.map(({ peer }) => [peer.name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const one of standing) {
        if (one.peer.only?.includes(scenario.name) === false) continue;
        try {
          runs.get(one.peer.name)?.push(await measure(scenario, one, replicas, seconds, dir));
        } catch (error) {
          wrong(`${one.peer.name}, ${scenario.name}: ${(error as Error).message}`);
        }
      }
    }
    const beside = standing.filter(({ peer }) => peer.only !== undefined).map(({ peer }) => peer.name);
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
  const peers = peersHere();
  for (const peer of peers) {
    try {
      const peerDir = mkdtempSync(join(dir, 'peer-'));
      if (peer.only === undefined) await verifyPeer(peer, peerDir, collector.port);
      standing.push(await startPeer(peer, replicas, collector.port, peerDir));
    } catch (error) {
      wrong(`${peer.name}: ${(error as Error).message}`);
    }
  }
  const rows = await inTurn(list, standing, replicas, rounds, seconds, dir);
  for (const { peer, port } of standing)
    await sample(port, peer.tls === true).catch((error: Error) =>
      wrong(`${peer.name}, afterwards: ${error.message}`),
    );
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
  for (const { scenario, peer, smokeMax } of bounds) {
    if (smokeMax === undefined) continue;
    const ratio = rows.find((row) => row.scenario === scenario)?.ratios[peer];
    if (ratio === undefined) wrong(`${scenario}: no ratio to ${peer}`);
    else if (ratio > smokeMax) wrong(`${scenario}: ${ratio.toFixed(2)} × ${peer}, above ${smokeMax}`);
    else passed++;
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
