/**
 * Mixed honest load through a real sidecar whose replicas end and come back every few seconds, by a graceful stop and by kill
 * -9 in turns: `make soak`, 30 minutes; `make soak MINUTES=2`.
 *
 *   node test/soak/main.ts [--minutes N] [--rate CALLS-PER-SECOND] [--every SECONDS] [--seed N]
 *
 * At the end what the sidecar holds is compared with what it held after a first, quiet round of the same load, and each
 * failed call is looked up in the sidecar's own records. Prints a table and `N passed, N failed`; exit code 1 where one
 * failed.
 */
import { randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCollector } from '../bench/collector.ts';
import { treeCpuMicros } from '../bench/machine.ts';
import { median } from '../bench/report.ts';
import { type SidecarProgram, startSidecarProgram } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { Checks } from './checks.ts';
import { type Failure, Load } from './load.ts';
import { Replicas } from './replicas.ts';
import {
  canSpare,
  type Figures,
  figuresOf,
  least,
  rssMiB,
  soakConfig,
  totalsOf,
  unusable,
} from './sidecar.ts';
import { judgeFailures } from './verdict.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '80' },
    every: { type: 'string', default: '7' },
    seed: { type: 'string' },
  },
});
const runMs = Number(values.minutes) * 60_000;
const rate = Number(values.rate);
const everyMs = Number(values.every) * 1000;
const seed = Number(values.seed ?? randomInt(2 ** 31));
/** A round without restarts, before and after: what is held after the first is the baseline. */
const roundMs = Math.min(60_000, Math.max(10_000, runMs / 8));
const sampleMs = 2000;
/** As long as an idle HTTP/1.1 connection to an endpoint is kept, and some. */
const settleMs = 75_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Stage {
  readonly sidecar: SidecarProgram;
  readonly listen: readonly [http: string, tcp: string];
  readonly replicas: Replicas;
}

/** One stretch of load; with `restarts` the replicas end and come back meanwhile. */
async function round(stage: Stage, ms: number, restarts: boolean, rss: number[]): Promise<Load> {
  const load = new Load(...stage.listen, rate, seed + rss.length);
  const endMs = performance.now() + ms;
  const sampler = setInterval(() => rss.push(rssMiB(stage.sidecar.pid)), sampleMs);
  try {
    while (restarts && performance.now() + everyMs < endMs) {
      const next = pause(everyMs);
      // One that was killed under load may be ejected for a while yet; calls that have nobody else cannot be saved.
      const spare = () => canSpare(stage.sidecar.adminUrl, stage.replicas.nextAddresses);
      await until(spare, () => 'there is nobody left to call', 60_000);
      await stage.replicas.restartNext();
      await next;
    }
    await pause(Math.max(0, endMs - performance.now()));
  } finally {
    clearInterval(sampler);
    await load.stop();
  }
  return load;
}

const figures = (stage: Stage): Promise<Figures> => figuresOf(stage.sidecar.adminUrl, stage.sidecar.pid);

/** The least of a few readings: probes, and this question itself, come and go. */
async function atRest(stage: Stage): Promise<Figures> {
  const readings: Figures[] = [];
  for (let i = 0; i < 4; i++) {
    await pause(sampleMs / 2 + i * 70);
    readings.push(await figures(stage));
  }
  return least(readings);
}

/** As `atRest`, once more and more, until it is back at the baseline or the time for idle connections is over. */
async function backAt(stage: Stage, baseline: Figures): Promise<Figures> {
  const endMs = performance.now() + settleMs;
  for (;;) {
    const now = await atRest(stage);
    const back = now.descriptors <= baseline.descriptors && now.timers <= baseline.timers;
    if ((back && now.activeCalls === 0) || performance.now() > endMs) return now;
  }
}

async function soak(stage: Stage, accessLog: string, checks: Checks): Promise<void> {
  const rss: number[] = [];
  const failures: Failure[] = [];
  await round(stage, roundMs, false, []).then((load) => failures.push(...load.failures));
  await pause(3000);
  const baseline = await atRest(stage);
  const cpuBefore = { all: treeCpuMicros(process.pid), sidecar: treeCpuMicros(stage.sidecar.pid) };
  const beganMs = performance.now();
  process.stderr.write('the first round is over; now the replicas restart\n');
  const load = await round(stage, runMs, true, rss);
  process.stderr.write('the restarts are over; a last round, then rest\n');
  const tookMicros = (performance.now() - beganMs) * 1000;
  const share = (after: number, before: number) => `${(((after - before) / tookMicros) * 100).toFixed(0)} %`;
  const sidecarCpu = share(treeCpuMicros(stage.sidecar.pid), cpuBefore.sidecar);
  failures.push(...load.failures);
  await round(stage, roundMs, false, []).then((last) => failures.push(...last.failures));
  const end = await backAt(stage, baseline);

  console.log(
    `${load.total} calls in ${(tookMicros / 6e7).toFixed(1)} minutes (${[...load.made].map(([kind, count]) => `${kind} ${count}`).join(', ')}); ` +
      `${stage.replicas.gracefulStops.length} graceful stops, ${stage.replicas.kills.length} kills; the sidecar took ${sidecarCpu} of a core; seed ${seed}`,
  );
  const verdicts = judgeFailures(
    failures,
    existsSync(accessLog) ? readFileSync(accessLog, 'utf8') : '',
    stage.replicas,
  );
  const saveable = verdicts.filter(({ because }) => because === '');
  for (const { failure, record } of saveable)
    console.log(
      `  ${failure.kind} at ${new Date(failure.fromMs).toISOString()}: ${failure.wrong} (${record})`,
    );
  const lost = new Map<string, number>();
  for (const { because } of verdicts) if (because !== '') lost.set(because, (lost.get(because) ?? 0) + 1);
  for (const [because, count] of lost) console.log(`  ${count} lost: ${because}`);
  checks.that('calls that failed and could have been saved', saveable.length, (count) => count === 0, '0');
  checks.that('calls left out because 500 ran', load.leftOut, (count) => count === 0, '0');
  const totals = await totalsOf(stage.sidecar.adminUrl);
  const idle = [...totals].filter(([, total]) => total < load.total / 1000).map(([address]) => address);
  checks.that('endpoints that got next to no calls', idle.length, (count) => count === 0, '0');
  checks.held(
    baseline,
    end,
    rss.map((_value, index) => median(rss.slice(Math.max(0, index - 4), index + 5))),
  );
}

async function main(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-soak-'));
  const accessLog = join(folder, 'access.log');
  const checks = new Checks();
  const collector = await startCollector();
  const replicas = await Replicas.start(3);
  const [http, tcp] = await freeAddresses(2);
  const sidecar = await startSidecarProgram(soakConfig(replicas, collector.port, [http, tcp], accessLog));
  try {
    await until(
      async () => (await unusable(sidecar.adminUrl)).length === 0,
      () => 'the replicas are not all usable',
      10_000,
    );
    await soak({ sidecar, listen: [http, tcp], replicas }, accessLog, checks);
    sidecar.signal('SIGTERM');
    checks.that('exit code after SIGTERM', await sidecar.exit, (code) => code === 0, '0');
    const errors = sidecar.stderr.split('\n').filter((line) => / error /.test(line));
    checks.that('errors in its log', errors.length, (count) => count === 0, '0');
    for (const line of errors.slice(0, 10)) console.log(line);
  } finally {
    sidecar.signal('SIGKILL');
    await replicas.end();
    collector.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return checks.print();
}

process.exit((await main()) ? 0 : 1);
