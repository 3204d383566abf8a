import { Worker } from 'node:worker_threads';
import { boundedText } from './bounded-text.ts';

export interface ThreadEvents<Answer> {
  answered(answer: Answer): void;
  /** The thread has ended; the reason is a verb phrase: `needed more than 96 MiB of memory`. May be called again. */
  failed(reason: string): void;
}

/** Characters of the error of a thread that are shown. */
const errorCharsMax = 200;
/** Of new objects, MiB. */
const youngHeapMiB = 16;

/**
 * Starts a thread for work on untrusted input: with a limit on its memory, without the environment of this process, and without
 * keeping the process alive.
 */
export function startLimitedThread<Answer>(
  entry: URL,
  heapMiB: number,
  { answered, failed }: ThreadEvents<Answer>,
): Worker {
  const worker = new Worker(entry, {
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: youngHeapMiB },
  });
  worker.unref();
  worker.on('message', answered);
  worker.on('error', (error: NodeJS.ErrnoException) =>
    failed(
      error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? `needed more than ${heapMiB} MiB of memory`
        : `failed: ${boundedText(error.message, errorCharsMax)}`,
    ),
  );
  worker.on('exit', () => failed('ended'));
  return worker;
}
