import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureUdp, udpBenchMissing } from './measure.ts';

/** The UDP rows alone: `node test/bench/udp/main.ts [--rounds N] [--seconds S]`. Exit codes: 0; 2 where it cannot run. */
const { values: options } = parseArgs({
  options: { rounds: { type: 'string' }, seconds: { type: 'string' } },
});

const missing = udpBenchMissing();
if (missing !== '') {
  process.stdout.write(`${missing}\n`);
  process.exit(2);
}
const dir = mkdtempSync(join(tmpdir(), 'outrigger-bench-'));
try {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  await measureUdp(dir, Number(options.rounds ?? 5), Number(options.seconds ?? 3), say);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
process.exit(0);
