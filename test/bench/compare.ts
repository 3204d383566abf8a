import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { startCollector } from './collector.ts';
import { startPeer, startReplicas } from './measure.ts';
import { measurePairs, ratioText } from './pairs.ts';
import { haproxy } from './peers/haproxy.ts';
import { nginx } from './peers/nginx.ts';
import { outriggerWith, type Settings } from './peers/outrigger.ts';
import type { Peer } from './peers/peer.ts';
import { type Scenario, scenarios } from './scenarios.ts';

/**
 * Two programs on the same work in short turns: `node test/bench/compare.ts --with nginx`, or with another tree of this
 * repository, `--with ../before`, or with other settings, `--with-setting telemetry.metrics.prometheus=false`. `--setting` is for
 * both. The mean of the ratios comes with its 95% interval; see `pairs.ts`.
 *
 * Exit codes: 0; 1 where a call went wrong; 2 where it cannot run.
 */
const usage =
  'node test/bench/compare.ts [--with (TREE | haproxy | nginx)] [--with-setting KEY=VALUE]... [--setting KEY=VALUE]... [--only NAME,NAME] [--pairs N] [--seconds S]';

const { values: options } = parseArgs({
  options: {
    with: { type: 'string' },
    'with-setting': { type: 'string', multiple: true, default: [] },
    setting: { type: 'string', multiple: true, default: [] },
    only: { type: 'string', default: 'c10 m10' },
    pairs: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '1' },
  },
});

const known: Readonly<Record<string, readonly Peer[]>> = { haproxy, nginx };
const pairs = Number(options.pairs);
const seconds = Number(options.seconds);
const settings = settingsOf(options.setting);
const otherSettings = settingsOf([...options.setting, ...options['with-setting']]);
const otherName = [options.with, ...options['with-setting']].filter((text) => text !== undefined).join(' ');

/** Values are YAML, as in a configuration. */
function settingsOf(texts: readonly string[]): Settings {
  return Object.fromEntries(
    texts.map((text) => {
      const [path, ...value] = text.split('=');
      return [path, parse(value.join('='))];
    }),
  );
}

function others(): readonly Peer[] {
  const { with: name } = options;
  if (name !== undefined && name in known) return known[name];
  const command = name === undefined ? undefined : [process.execPath, join(name, 'src/main.ts')];
  return outriggerWith({ settings: otherSettings, command });
}

function suits({ protocol, tls }: Peer, scenario: Scenario): boolean {
  return protocol === scenario.protocol && (tls ?? false) === (scenario.tls ?? false);
}

async function compare(dir: string): Promise<void> {
  const wanted = options.only.split(',').map((one) => one.trim());
  const replicas = await startReplicas(dir);
  const collector = await startCollector();
  const start = async (list: readonly Peer[], scenario: Scenario) => {
    const peer = list.find((one) => suits(one, scenario));
    if (peer === undefined) throw new Error(`${otherName} does not take part in ${scenario.name}`);
    return await startPeer(peer, replicas, collector.port, mkdtempSync(join(dir, 'peer-')));
  };
  try {
    for (const scenario of scenarios.filter((one) => wanted.includes(one.name))) {
      const a = await start(outriggerWith({ settings }), scenario);
      try {
        const b = await start(others(), scenario);
        try {
          const costs = await measurePairs(scenario, [a, b], replicas, { pairs, seconds, dir });
          process.stdout.write(
            `${scenario.name.padEnd(22)} ${costs.a.toFixed(2)} µs, ${otherName} ${costs.b.toFixed(2)} µs: ${ratioText(costs.ratio)}, ${pairs} pairs\n`,
          );
        } finally {
          await b.program.stop();
        }
      } finally {
        await a.program.stop();
      }
    }
  } finally {
    await Promise.all(replicas.programs.map((program) => program.stop()));
    collector.stop();
  }
}

if (otherName === '' || !(pairs > 0) || !(seconds > 0)) {
  process.stderr.write(`${usage}\n`);
  process.exit(2);
}
const dir = mkdtempSync(join(tmpdir(), 'outrigger-compare-'));
try {
  await compare(dir);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
