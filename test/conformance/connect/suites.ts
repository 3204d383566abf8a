import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Servers that run at the same time: the suite gives each of them a few seconds to start, whatever else starts. */
const serversMax = 2;

/** One way to run connectconformance: what is tested is `program`, as the server or as the client of the suite's own one. */
export interface Suite {
  readonly program: 'referenceserver' | 'referenceclient' | 'grpcserver' | 'grpcclient';
  readonly mode: 'server' | 'client';
  /** The features that the program has. */
  readonly features: string;
  /** Cases that fail without any proxy, one pattern a line; null for none. */
  readonly knownFailing: string | null;
}

export const suites: readonly Suite[] = [
  { program: 'referenceserver', mode: 'server', features: here('all.yaml'), knownFailing: null },
  { program: 'referenceclient', mode: 'client', features: here('all.yaml'), knownFailing: null },
  {
    program: 'grpcserver',
    mode: 'server',
    features: here('grpc.yaml'),
    knownFailing: here('grpc-go-server.txt'),
  },
  {
    program: 'grpcclient',
    mode: 'client',
    features: here('grpc.yaml'),
    knownFailing: here('grpc-go-client.txt'),
  },
];

export interface SuiteRun {
  readonly passed: number;
  readonly failed: number;
  /** Failed as known. */
  readonly excused: number;
  /** What the suite printed. */
  readonly output: string;
}

/**
 * Runs a suite with the programs in `folder`; through the sidecars at an address, or directly. `cases` are patterns of those to run;
 * without one, all.
 */
export async function runSuite(
  suite: Suite,
  folder: string,
  sidecars: string | null,
  cases: readonly string[] = [],
): Promise<SuiteRun> {
  const { program, mode, features, knownFailing } = suite;
  const tested = [`${folder}/${program}`];
  const between = sidecars === null ? [] : [process.execPath, here(`${mode}-behind-sidecar.ts`)];
  const args = [
    ...['--mode', mode, '--conf', features, '--max-servers', String(serversMax)],
    ...(knownFailing === null ? [] : ['--known-failing', `@${knownFailing}`]),
    ...cases.flatMap((pattern) => ['--run', pattern]),
    ...['--', ...between, ...tested],
  ];
  const child = spawn(`${folder}/connectconformance`, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...(sidecars !== null && { SIDECARS: sidecars }) },
  });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  let output = '';
  const keep = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  await once(child, 'close');
  process.removeListener('exit', endWithUs);
  return readOutput(output);
}

/** Reads what connectconformance printed at its end. Without that, one case counts as failed. */
export function readOutput(output: string): SuiteRun {
  const counts = /^(\d+) passed, (\d+) failed/m.exec(output);
  const number = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? 0);
  const notRun = number(/^Another (\d+) could not be run/m);
  return {
    passed: counts === null ? 0 : Number(counts[1]),
    failed: counts === null ? 1 : Number(counts[2]) + notRun,
    excused: number(/Another (\d+) failed as expected/),
    output,
  };
}

/** The names of the cases that failed, with what was wrong. */
export function failuresOf({ output }: SuiteRun): string[] {
  return output.split(/^(?=FAILED: |\d+ passed, )/m).filter((part) => part.startsWith('FAILED: '));
}
