import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type CaseResult, readH2spec, readHttpwg, type SuiteReport } from './reports.ts';
import type { ServerTarget } from './targets.ts';

/** One suite against one target. */
export interface SuiteRun {
  readonly suite: string;
  readonly target: string;
  readonly cases: readonly CaseResult[];
}

const h2specCases = 146;
export const h2specdCases = 57;
const httpwgCases = 107;
const suitePatienceMs = 300_000;
/**
 * How long h2specd waits for a frame, seconds. It gives a case three in all: one whose client says nothing must have failed by
 * then, and h2-client.ts must not have closed the connection meanwhile, which would count as an answer.
 */
const clientSeconds = 2;
/** How long httpwg waits for a frame, milliseconds: its own 250 are short on a busy machine. */
const frameTimeoutMs = 2000;

export async function runH2spec(path: string, target: ServerTarget): Promise<SuiteRun> {
  const tls = target.tls ? ['-t', '-k'] : [];
  const output = await outputOf(path, [
    '-S',
    ...tls,
    '-o',
    '4',
    '-h',
    '127.0.0.1',
    '-p',
    String(target.port),
  ]);
  return judged('h2spec', target.name, output, (text) => readH2spec('h2spec', text), h2specCases);
}

export async function runHttpwg(path: string, target: ServerTarget): Promise<SuiteRun> {
  const args = ['-a', `127.0.0.1:${target.port}`, '--frame-timeout', String(frameTimeoutMs)];
  // One after the other, so that what it says of a failure stands beneath its case.
  const output = await outputOf(path, [...args, '--connect-timeout', '2000'], {
    SEQUENTIAL: '1',
    RUST_LOG: 'error',
  });
  return judged('httpwg', target.name, output, (text) => readHttpwg('httpwg', text), httpwgCases);
}

/** Each case listens on a port of its own, the first on `fromPort`; `forward` is a sidecar that leads there. */
export async function runH2specd(path: string, fromPort: number, forward: number | null): Promise<SuiteRun> {
  const client = join(import.meta.dirname, 'h2-client.ts');
  const exec = [process.execPath, client, ...(forward === null ? [] : ['--through', forward])].join(' ');
  const output = await outputOf(path, [
    '-S',
    '-o',
    String(clientSeconds),
    '-h',
    '127.0.0.1',
    '-f',
    String(fromPort),
    '-e',
    exec,
  ]);
  const target = forward === null ? 'engine as a client' : 'upstream leg';
  return judged('h2specd', target, output, (text) => readH2spec('h2specd', text), h2specdCases);
}

function judged(
  suite: string,
  target: string,
  output: string | null,
  read: (text: string) => SuiteReport,
  expected: number,
): SuiteRun {
  const { cases, failures } = read(output ?? '');
  if (failures !== '') console.log(`${suite}, ${target}\n${failures}`);
  if (cases.length === expected) return { suite, target, cases };
  // A suite that stopped half-way has failed, whatever it had passed by then.
  const title = `the suite ran ${cases.length} of its ${expected} cases`;
  console.log(
    output === null ? `${title}: it did not end in time` : output.split('\n').slice(-20).join('\n'),
  );
  return { suite, target, cases: [...cases, { id: suite, title, passed: false }] };
}

/** Runs to the end and returns all it printed; null when it did not end in time. */
function outputOf(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const chunks: Buffer[] = [];
    const timer = setTimeout(() => child.kill('SIGKILL'), suitePatienceMs);
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('close', (_code, signal) => {
      clearTimeout(timer);
      resolve(signal === null ? Buffer.concat(chunks).toString('utf8') : null);
    });
  });
}
