import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPrograms } from './alone/programs.ts';
import { measureSmallContainer, smallContainerMissing } from './alone/small-container.ts';
import { startCollector } from './collector.ts';
import { startReplicas } from './measure.ts';

/**
 * A sidecar in the limits of a small container, beside HAProxy: `node test/bench/small-container.ts [FLAG OF NODE]...`. Linux, as root
 * where control groups can be written. The row of `make bench`, alone.
 */
const missing = smallContainerMissing();
if (missing !== '') {
  process.stdout.write(`skipped: ${missing}\n`);
  process.exit(0);
}
const dir = mkdtempSync(join(tmpdir(), 'outrigger-small-'));
const replicas = await startReplicas(dir);
const collector = await startCollector();
try {
  const { built } = buildPrograms(dir);
  const command = [process.execPath, ...process.argv.slice(2), built];
  for (const { what, measured, goal, met } of await measureSmallContainer(
    command,
    replicas,
    collector.port,
    dir,
  )) {
    const judged = goal === undefined ? '' : `, goal ${goal}: ${met ? 'met' : 'not met'}`;
    process.stdout.write(`${what}: ${measured}${judged}\n`);
  }
} finally {
  await Promise.all(replicas.programs.map((program) => program.stop()));
  collector.stop();
  rmSync(dir, { recursive: true });
}
