#!/usr/bin/env node

// SIGUSR1 opens Node's debugger on a port of loopback unless a listener takes the signal. So the listener comes first of
// all: this file has no static import, because those would be loaded before its first line. It is never removed.
process.on('SIGUSR1', () => {});

const { program } = await import('./cli/program.ts');
process.exitCode = await program(process.argv.slice(2), process.env);
// What is still open now (a client's half-closed socket, a telemetry exporter) must not keep the process.
process.stdout.write('', () => process.exit());
