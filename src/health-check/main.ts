import { askReady } from './ask-ready.ts';
import { sidecarArguments } from './sidecar-arguments.ts';
import { targetOf } from './target.ts';

/**
 * The HEALTHCHECK of the container image: exits with 0 if the sidecar of this container is ready, else with 1 and the reason. A
 * program of its own and no command, because it runs every half minute: loading the commands takes four times as much CPU.
 */
const timeoutMs = 2_000;

async function check(): Promise<string | undefined> {
  const words = sidecarArguments();
  if (words === undefined) return 'no process runs "outrigger run"';
  const target = await targetOf(words, process.env);
  if (target.value === undefined) return target.error;
  const { isReady, text } = await askReady(target.value, timeoutMs);
  process.stdout.write(`${text}\n`);
  return isReady ? undefined : '';
}

const problem = await check();
if (problem) process.stdout.write(`${problem}\n`);
process.exitCode = problem === undefined ? 0 : 1;
