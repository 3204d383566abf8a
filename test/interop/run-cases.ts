import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { CaseName } from './case-list.ts';
import type { CaseRun, Client, Command } from './peers.ts';

/** Null where the case passed, else what the client says. */
export type Verdict = string | null;

/** For one case; the longest takes a few seconds on a busy machine, and gRPC-Java's failed ones wait 5 s for statistics. */
const casePatienceMs = 60_000;
const serverPatienceMs = 30_000;
const whyCharsMax = 300;
const errorsKeptChars = 4000;

const environment: NodeJS.ProcessEnv = { ...process.env, no_proxy: '127.0.0.1', no_grpc_proxy: '127.0.0.1' };
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function start([program, ...args]: Command) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment });
  running.add(child);
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-errorsKeptChars);
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', ({ message }) => resolve(message));
    child.once('close', (code, signal) => resolve(`ended with ${code ?? signal}`));
  }).finally(() => running.delete(child));
  return { child, ended, errors: () => errors };
}

/** Runs cases with one client against one port; the answer has a verdict for each of them. */
export async function runCases(
  client: Client,
  port: number,
  concurrent: number,
  cases: readonly CaseName[],
): Promise<Map<CaseName, Verdict>> {
  const verdicts = new Map<CaseName, Verdict>();
  let left = cases;
  while (left.length > 0) {
    for (const run of client.commands(port, concurrent, left)) {
      if (run.byExitCode) verdicts.set(run.cases[0], await runOne(run.command));
      else await runTogether(run, verdicts);
    }
    // A case that ended or hung its process has its verdict; those after it go on in a new one.
    left = left.filter((name) => !verdicts.has(name));
  }
  return verdicts;
}

/** Runs a program whose exit code says all. */
export async function runOne(command: Command): Promise<Verdict> {
  const { child, ended, errors } = start(command);
  child.stdout.resume();
  const timer = setTimeout(() => child.kill('SIGKILL'), casePatienceMs);
  const how = await ended;
  clearTimeout(timer);
  return how === 'ended with 0' ? null : brief(lastLine(errors()) || how);
}

async function runTogether({ command, cases }: CaseRun, verdicts: Map<CaseName, Verdict>): Promise<void> {
  const { child, ended, errors } = start(command);
  let late = false;
  const hurry = () => {
    late = true;
    child.kill('SIGKILL');
  };
  let timer = setTimeout(hurry, casePatienceMs);
  for await (const line of createInterface({ input: child.stdout })) {
    const [mark, name, verdict, why] = line.split('\t');
    if (mark !== 'RESULT') continue;
    verdicts.set(name as CaseName, verdict === 'ok' ? null : brief(why ?? verdict));
    clearTimeout(timer);
    timer = setTimeout(hurry, casePatienceMs);
  }
  const how = await ended;
  clearTimeout(timer);
  const unanswered = cases.find((name) => !verdicts.has(name));
  if (unanswered === undefined) return;
  const why = late ? `no verdict after ${casePatienceMs} ms` : `the client ${how}: ${lastLine(errors())}`;
  verdicts.set(unanswered, brief(why));
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

function brief(text: string): string {
  return text.length > whyCharsMax ? `${text.slice(0, whyCharsMax)}…` : text;
}

export interface RunningServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Resolves once the server takes connections. */
export async function startServer(command: Command, port: number): Promise<RunningServer> {
  const { child, ended, errors } = start(command);
  child.stdout.resume();
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  let over: string | null = null;
  void ended.then((how) => {
    over = how;
  });
  const untilMs = Date.now() + serverPatienceMs;
  while (!(await isListening(port))) {
    if (over !== null || Date.now() > untilMs) {
      await stop();
      throw new Error(`${command[0]} does not listen (${over ?? 'still running'}): ${lastLine(errors())}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { port, stop };
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const connected = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return connected;
}
