import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { hexOf, parseHexLines } from './corpus.ts';
import type { Figures, WorkerMessage, WorkerOrder } from './messages.ts';

/**
 * A worker tells something after every batch; one that computes for so long in silence hangs. It is the processor's time
 * where that can be had: a busy machine lets a worker stand still for minutes.
 */
const silenceMsMax = 60_000;
/** The same for one input alone. */
const replaySilenceMsMax = 20_000;
/** By the clock, however little it computed. */
const silenceWallFactor = 15;
const watchMs = 2000;
const heapMibMax = 768;
const workerFile = resolve(import.meta.dirname, 'worker.ts');

export interface WorkerResult {
  readonly failure: { readonly problem: string; readonly hex: string } | null;
}

interface Ending {
  readonly last: WorkerMessage | null;
  /** The input that was announced last, in a replay. */
  readonly index: number;
  /** Why there is no last word: silence, or the way the process ended. */
  readonly reason: string;
}

/** Fuzzes one target in a process of its own, and finds the input even where that process cannot name it any more. */
export async function runWorker(order: WorkerOrder): Promise<WorkerResult> {
  const ending = await watch(order, order.replayFile === null ? silenceMsMax : replaySilenceMsMax);
  const { last } = ending;
  if (last?.kind === 'done') {
    for (const hex of last.distilled) process.stdout.write(`${hex}\n`);
    return { failure: null };
  }
  if (last?.kind === 'failed') return { failure: { problem: last.problem, hex: last.hex } };
  const file = order.replayFile ?? order.batchFile;
  if (!existsSync(file)) return { failure: { problem: ending.reason, hex: '-' } };
  if (order.replayFile === null) {
    process.stdout.write(`${order.target}: ${ending.reason}; looking for the input\n`);
    const again = await watch({ ...order, replayFile: file }, replaySilenceMsMax);
    return { failure: failureOf(again, ending.reason, file) };
  }
  return { failure: failureOf(ending, ending.reason, file) };
}

function failureOf(ending: Ending, reason: string, file: string): { problem: string; hex: string } {
  const { last, index } = ending;
  if (last?.kind === 'failed') return { problem: last.problem, hex: last.hex };
  const inputs = parseHexLines(readFileSync(file, 'utf8'));
  if (last?.kind === 'done')
    return {
      problem: `${reason}; no input of the batch does it alone`,
      hex: inputs.map(({ bytes }) => hexOf(bytes)).join('\n'),
    };
  return { problem: reason, hex: hexOf(inputs[index]?.bytes ?? new Uint8Array(0)) };
}

function watch(order: WorkerOrder, silenceMs: number): Promise<Ending> {
  const child = spawn(
    process.execPath,
    ['--expose-gc', `--max-old-space-size=${heapMibMax}`, workerFile, JSON.stringify(order)],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  let last: WorkerMessage | null = null;
  let index = 0;
  let reason = '';
  return new Promise((done) => {
    let heardMs = performance.now();
    let heardCpuMs = 0;
    const timer = setInterval(() => {
      const wallMs = performance.now() - heardMs;
      const cpuMs = (cpuMsOf(child.pid) ?? heardCpuMs + wallMs) - heardCpuMs;
      if (cpuMs < silenceMs && wallMs < silenceMs * silenceWallFactor) return;
      reason = `a run hangs: nothing was heard for ${Math.round(wallMs / 1000)} s, ${Math.round(cpuMs / 1000)} s of work`;
      child.kill('SIGKILL');
    }, watchMs);
    child.on('message', (message: WorkerMessage) => {
      heardMs = performance.now();
      heardCpuMs = cpuMsOf(child.pid) ?? 0;
      if (message.kind === 'next') index = message.index;
      else if (message.kind !== 'alive') last = message;
      if (message.kind === 'progress') print(order.target, message.figures, '');
      if (message.kind === 'done') print(order.target, message.figures, ', no failure');
    });
    child.on('close', (code, signal) => {
      clearInterval(timer);
      if (last?.kind === 'progress') last = null;
      done({ last, index, reason: reason || `the process ended with ${signal ?? `exit code ${code}`}` });
    });
  });
}

/** Processor time of a process so far, where the system has /proc; otherwise undefined. */
function cpuMsOf(pid: number | undefined): number | undefined {
  try {
    // The name, in brackets, may hold spaces; user and system time are the 12th and 13th word after it, in hundredths.
    const words = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(words[11]) + Number(words[12])) * 10;
  } catch {
    return undefined;
  }
}

function print(target: string, figures: Figures, more: string): void {
  const { runs, perSecond, corpus, blocks, blocksKnown, rssMib } = figures;
  process.stdout.write(
    `${target.padEnd(13)} ${runs} runs (${perSecond}/s), corpus ${corpus}, blocks ${blocks} of ${blocksKnown}, RSS ${rssMib} MiB${more}\n`,
  );
}
