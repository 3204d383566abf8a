import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCollector } from './collector.ts';
import { type Replicas, SliceMeter, type Standing, startPeer, startReplicas } from './measure.ts';
import { haproxy } from './peers/haproxy.ts';
import { nginx } from './peers/nginx.ts';
import { outrigger, outriggerFrom } from './peers/outrigger.ts';
import type { Peer } from './peers/peer.ts';
import { type Scenario, scenarios } from './scenarios.ts';

/**
 * Two programs on the same work in short turns: `node test/bench/compare.ts --with nginx`, or with another tree of this
 * repository, `--with ../before`. On a shared machine the same program costs up to half as much again from one minute to the next;
 * turns of a second, in the order A B B A, have that in common, and the mean of their ratios comes with its 95% interval.
 *
 * Exit codes: 0; 1 where a call went wrong; 2 where it cannot run.
 */
const usage =
  'node test/bench/compare.ts --with (TREE | haproxy | nginx) [--only NAME,NAME] [--pairs N] [--seconds S]';

const { values: options } = parseArgs({
  options: {
    with: { type: 'string' },
    only: { type: 'string', default: 'c10 m10' },
    pairs: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '1' },
  },
});

const known: Readonly<Record<string, readonly Peer[]>> = { haproxy, nginx };
const pairs = Number(options.pairs);
const seconds = Number(options.seconds);

function others(name: string): readonly Peer[] {
  return known[name] ?? outriggerFrom(join(name, 'src/main.ts'));
}

function suits({ protocol, tls }: Peer, scenario: Scenario): boolean {
  return protocol === scenario.protocol && (tls ?? false) === (scenario.tls ?? false);
}

/** The mean of some ratios (of their logarithms, so that a/b and b/a agree) with the 95% interval around it. */
function meanRatio(ratios: readonly number[]): { mean: number; low: number; high: number } {
  const logs = ratios.map(Math.log);
  const mean = logs.reduce((sum, one) => sum + one, 0) / logs.length;
  const variance = logs.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, logs.length - 1);
  const reach = 1.96 * Math.sqrt(variance / logs.length);
  return { mean: Math.exp(mean), low: Math.exp(mean - reach), high: Math.exp(mean + reach) };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function row(scenario: Scenario, [a, b]: readonly Standing[], replicas: Replicas, dir: string) {
  const meterA = new SliceMeter(scenario, a, replicas, dir);
  const meterB = new SliceMeter(scenario, b, replicas, dir);
  await meterA.warm(seconds);
  await meterB.warm(seconds);
  const costs: Array<readonly [number, number]> = [];
  for (let i = 0; i < pairs; i++) {
    if (i % 2 === 0) {
      const first = await meterA.slice();
      costs.push([first, await meterB.slice()]);
    } else {
      const first = await meterB.slice();
      costs.push([await meterA.slice(), first]);
    }
  }
  const { mean, low, high } = meanRatio(costs.map(([one, other]) => one / other));
  const cost = (of: 0 | 1): string => median(costs.map((pair) => pair[of])).toFixed(2);
  process.stdout.write(
    `${scenario.name.padEnd(22)} ${cost(0)} µs, ${options.with} ${cost(1)} µs: ${mean.toFixed(3)} × (${low.toFixed(3)} to ${high.toFixed(3)}), ${pairs} pairs\n`,
  );
}

async function compare(dir: string, name: string): Promise<void> {
  const wanted = options.only.split(',').map((one) => one.trim());
  const replicas = await startReplicas(dir);
  const collector = await startCollector();
  try {
    for (const scenario of scenarios.filter((one) => wanted.includes(one.name))) {
      const peers = [outrigger, others(name)].map((list) => list.find((peer) => suits(peer, scenario)));
      const standing: Standing[] = [];
      try {
        for (const peer of peers) {
          if (peer === undefined) throw new Error(`${name} does not take part in ${scenario.name}`);
          standing.push(await startPeer(peer, replicas, collector.port, mkdtempSync(join(dir, 'peer-'))));
        }
        await row(scenario, standing, replicas, dir);
      } finally {
        await Promise.all(standing.map(({ program }) => program.stop()));
      }
    }
  } finally {
    await Promise.all(replicas.programs.map((program) => program.stop()));
    collector.stop();
  }
}

if (options.with === undefined || !(pairs > 0) || !(seconds > 0)) {
  process.stderr.write(`${usage}\n`);
  process.exit(2);
}
const dir = mkdtempSync(join(tmpdir(), 'outrigger-compare-'));
try {
  await compare(dir, options.with);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
