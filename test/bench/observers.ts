import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientRequest, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Collector, startCollector } from './collector.ts';
import { type Replicas, type Standing, startPeer, startReplicas } from './measure.ts';
import { measurePairs, ratioText } from './pairs.ts';
import { outriggerWith, type Settings } from './peers/outrigger.ts';
import { scenarios } from './scenarios.ts';

/**
 * What each observer costs a call: `node test/bench/observers.ts`. Of two sidecars on the same work, one has the observer and one does
 * not; they run in turns, see `pairs.ts`.
 *
 * Exit codes: 0; 1 where a call went wrong.
 */
const usage = 'node test/bench/observers.ts [--only NAME,NAME] [--scenario NAME] [--pairs N] [--seconds S]';

interface Observer {
  readonly name: string;
  /** Settings of the sidecar with the observer, and of the one without. */
  readonly on?: Settings;
  readonly off?: Settings;
  /** A module that takes the observer out, where no setting does. */
  readonly without?: string;
  /** A path of the admin API that a reader holds open on the sidecar with the observer. */
  readonly reader?: string;
}

const observers: readonly Observer[] = [
  { name: 'metrics', off: { 'telemetry.metrics.prometheus': false } },
  { name: 'recent calls', without: './without-recent-calls.ts' },
  // The rest of a trace: its context is read and sent on.
  { name: 'traces, 1% sampled', off: { 'telemetry.traces.ratio': 0 } },
  { name: 'traces, all sampled', on: { 'telemetry.traces.ratio': 1 } },
  { name: 'live page, open', reader: '/live/events' },
  { name: 'tap, allowed', off: { 'admin.tap.show': 'none' } },
  { name: 'tap, one reader', reader: '/tap' },
  { name: 'tap, a reader whose filter no call matches at its start', reader: '/tap?route=none' },
  { name: 'tap, a reader whose filter no call matches at its end', reader: '/tap?status=aborted' },
  { name: 'access log', on: { 'telemetry.accessLog.to': 'stdout' } },
];

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    scenario: { type: 'string', default: 'c10 m10' },
    pairs: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});

const wanted = options.only?.split(',').map((name) => name.trim());
const pairs = Number(options.pairs);
const seconds = Number(options.seconds);
const entry = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** A reader of the admin API that takes all it gets. */
function openReader(port: number, path: string): ClientRequest {
  return get({ host: '127.0.0.1', port, path }, (response) => {
    if (response.statusCode !== 200) throw new Error(`${path} answers ${response.statusCode}`);
    response.resume();
    // It ends with its request.
    response.on('error', () => {});
  }).on('error', () => {});
}

async function startOne(
  settings: Settings,
  modules: readonly string[],
  replicas: Replicas,
  collector: Collector,
  dir: string,
): Promise<Standing> {
  const imports = modules.flatMap((module) => ['--import', new URL(module, import.meta.url).href]);
  const [peer] = outriggerWith({ settings, command: [process.execPath, ...imports, entry] });
  return await startPeer(peer, replicas, collector.port, mkdtempSync(join(dir, 'peer-')));
}

async function row(observer: Observer, replicas: Replicas, collector: Collector, dir: string): Promise<void> {
  const scenario = scenarios.find(({ name }) => name === options.scenario);
  if (scenario === undefined) throw new Error(`there is no scenario "${options.scenario}"`);
  const { name, on = {}, off = {}, without, reader } = observer;
  const standing: Standing[] = [];
  let request: ClientRequest | null = null;
  try {
    standing.push(await startOne(on, [], replicas, collector, dir));
    standing.push(await startOne(off, without === undefined ? [] : [without], replicas, collector, dir));
    if (reader !== undefined) request = openReader(standing[0].admin, reader);
    const [one, other] = standing;
    const { a, b, ratio } = await measurePairs(scenario, [one, other], replicas, { pairs, seconds, dir });
    process.stdout.write(
      `| ${name} | ${ratioText(ratio)} | ${(b * (ratio.mean - 1)).toFixed(2)} µs of ${a.toFixed(2)} µs |\n`,
    );
  } finally {
    request?.destroy();
    await Promise.all(standing.map(({ program }) => program.stop()));
  }
}

if (options.help || !(pairs > 0) || !(seconds > 0)) {
  process.stderr.write(`${usage}\n`);
  process.exit(options.help ? 0 : 2);
}
const dir = mkdtempSync(join(tmpdir(), 'outrigger-observers-'));
const replicas = await startReplicas(dir);
const collector = await startCollector();
try {
  process.stdout.write(`| ${options.scenario} | with / without (95%) | cost of a call |\n|---|---|---|\n`);
  for (const observer of observers)
    if (wanted === undefined || wanted.includes(observer.name)) await row(observer, replicas, collector, dir);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  await Promise.all(replicas.programs.map((program) => program.stop()));
  collector.stop();
  rmSync(dir, { recursive: true, force: true });
}
