import { readFileSync } from 'node:fs';
import { type CliIo, ExitCode, type OutputFormat } from './io.ts';

/** The version of the package that this file is part of, as sources or built. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return (manifest as { version: string }).version;
}

/** Prints the version of Outrigger and of what it runs on. */
export async function version(args: { readonly output: OutputFormat }, io: CliIo): Promise<number> {
  const facts = {
    version: packageVersion(),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
  };
  const line = `outrigger ${facts.version} (node ${facts.node}, ${facts.platform})`;
  io.stdout.write(`${args.output === 'json' ? JSON.stringify(facts, null, 2) : line}\n`);
  return ExitCode.Fine;
}
