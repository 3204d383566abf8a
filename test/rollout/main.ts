import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startChecks } from '../real/checks.ts';
import { makeStubs, pythonWithGrpc } from '../real/python-grpc.ts';
import { rolloutPeers, versionOf } from './peers.ts';
import { type Outcome, outcomeTable } from './report.ts';
import {
  handOvers,
  reloads,
  replacedByDns,
  replacedByFile,
  rollingRestart,
  rollingRestartOf,
} from './scenarios.ts';

/**
 * Rollouts under load, from clients in two languages: not one call may fail, but those that a killed replica had begun. Beside
 * us, in the same run, other proxies in the rolling restart. `--rate` calls a second, `--only a,d`, `--no-peers`.
 */
const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    only: { type: 'string', default: 'a,b,c,d' },
    'no-peers': { type: 'boolean', default: false },
  },
});
const only = new Set(values.only.split(','));
const rate = Number(values.rate);

const stubDir = mkdtempSync(join(tmpdir(), 'outrigger-rollout-stubs-'));
process.once('exit', () => rmSync(stubDir, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const python = pythonWithGrpc();
makeStubs(python, stubDir);
const settings = { rate, python, stubDir };

const checks = startChecks();
const outcomes: Outcome[] = [];

async function ours(run: () => Promise<Outcome>): Promise<void> {
  const outcome = await run();
  outcomes.push(outcome);
  const { name, calls, streams, perSecond, failed, unsaveable, byClient, late, examples } = outcome;
  const behind = late === 0 ? '' : `, ${late} not begun because too many were in flight`;
  const told = `${calls} calls and ${streams} streams (${byClient}${behind}), ${perSecond} a second of ${rate} asked for`;
  const cut = unsaveable === 0 ? '' : `; ${unsaveable} had been begun by a replica when it was killed`;
  if (failed === unsaveable) checks.passed(`${name}: ${told}, none lost${cut}`);
  else checks.failed(name, `${told}; ${failed} failed${cut}\n    ${examples.join('\n    ')}`);
}

/** What others lose is told, not judged. */
async function theirs(run: () => Promise<Outcome>): Promise<void> {
  const outcome = await run();
  outcomes.push(outcome);
  process.stdout.write(
    `  beside  ${outcome.name}: ${outcome.failed} of ${outcome.calls + outcome.streams} failed\n`,
  );
}

if (only.has('a')) {
  for (const ending of ['GOAWAY', 'kill'] as const) {
    await ours(() => rollingRestart(settings, ending));
    for (const peer of values['no-peers'] ? [] : rolloutPeers) {
      if (peer.missing() === '') await theirs(() => rollingRestartOf(peer, settings, ending));
      else process.stdout.write(`  skipped ${peer.missing()}\n`);
    }
  }
}
if (only.has('b')) {
  await ours(() => replacedByDns(settings));
  await ours(() => replacedByFile(settings));
}
if (only.has('c')) await ours(() => reloads(settings));
if (only.has('d')) await ours(() => handOvers(settings));

process.stdout.write(`\n${outcomeTable(outcomes)}\n`);
if (!values['no-peers'])
  process.stdout.write(
    '\nThe others keep no record of what a killed replica had begun: their `lost` includes such calls.\n',
  );
process.stdout.write(
  `\nWith ${rolloutPeers
    .filter((peer) => peer.missing() === '')
    .map(versionOf)
    .join(' and ')}.\n\n`,
);
process.exit(checks.close());
