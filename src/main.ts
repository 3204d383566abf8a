#!/usr/bin/env node

// SIGUSR1 opens Node's debugger on a port of loopback unless a listener takes the signal. So the listener comes first of
// all: this file has no static import, because those would be loaded before its first line. It is never removed.
process.on('SIGUSR1', () => {});

// Before everything that an older Node cannot load.
const { nodeProblem } = await import('./cli/node-version.ts');
const problem = nodeProblem(process.versions.node);
if (problem !== undefined) {
  process.stderr.write(`${problem}\n`);
  process.exit(1);
}

const { program } = await import('./cli/program.ts');
const { systemClock } = await import('./core/clock.ts');
/** How long the last lines of a log on standard output wait for their reader, milliseconds. */
const logWaitMsMax = 500;
process.exitCode = await program(process.argv.slice(2), process.env);
// What is still open now (a client's half-closed socket, a telemetry exporter) must not keep the process.
process.stdout.write('', () => process.exit());
// A pager may take the output of a command when it likes; the sidecar ends though the reader of its log stands still.
if (process.argv[2] === 'run') systemClock.after(logWaitMsMax, () => process.exit());
