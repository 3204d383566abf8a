import { parseArgs } from 'node:util';
import { type RunResult, simulate } from './simulation.ts';

/** `node test/sim/main.ts --seed n [--seeds k]`: runs k seeds from n on; exit code 1 where something did not hold. */

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    /** Prints all that happened, also where all is well. */
    trace: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
const count = Number(values.seeds);
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1) {
  console.error('usage: node test/sim/main.ts --seed N [--seeds K] [--trace]');
  process.exit(2);
}

const startedMs = performance.now();
const totals = { failed: 0, calls: 0, steps: 0, frames: 0 };
const counts = new Map<string, number>();
for (let seed = first; seed < first + count; seed++) {
  const result = simulate(seed, values.trace ? 1_000_000 : 60);
  totals.calls += result.calls;
  totals.steps += result.steps;
  totals.frames += result.frames;
  for (const [outcome, times] of result.counts) counts.set(outcome, (counts.get(outcome) ?? 0) + times);
  if (values.trace || result.violations.length > 0) tell(result);
  if (result.violations.length > 0) totals.failed++;
  if ((seed - first + 1) % 500 === 0) console.log(`${seed - first + 1} seeds, ${totals.failed} failed`);
}
const seconds = (performance.now() - startedMs) / 1000;
const outcomes = [...counts].toSorted((a, b) => b[1] - a[1]).map(([outcome, times]) => `${outcome} ${times}`);
console.log(`${count} seeds from ${first} in ${seconds.toFixed(1)} s: ${totals.failed} failed`);
console.log(`${totals.calls} calls, ${totals.frames} frames, ${totals.steps} events; ${outcomes.join(', ')}`);
process.exitCode = totals.failed > 0 ? 1 : 0;

function tell({ seed, hash, violations, trace }: RunResult): void {
  console.log(`seed ${seed} (trace ${hash}):`);
  for (const violation of violations) console.log(`  ${violation}`);
  console.log(`  the last that happened:\n    ${trace.join('\n    ')}`);
}
