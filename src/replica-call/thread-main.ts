import { parentPort } from 'node:worker_threads';
import { runJob } from './jobs.ts';
import type { ThreadAnswer, ThreadRequest } from './replica-calls.ts';

// The entry of the thread that makes the calls of operators.

const port = parentPort!;

port.on('message', ({ id, job }: ThreadRequest) => {
  void runJob(job).then((result) => port.postMessage({ id, result } satisfies ThreadAnswer));
});
