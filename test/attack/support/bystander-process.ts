import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Tally } from './bystander.ts';

export type Command =
  | { readonly do: 'begin'; readonly target: string; readonly control: string }
  | { readonly do: 'tally' }
  | { readonly do: 'stop' };

const main = fileURLToPath(new URL('./bystander-main.ts', import.meta.url));

/** A `Bystander` in a process of its own, so that it does not wait for the attackers, which are busy in that of the tests. */
export class BystanderProcess {
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  static async start(): Promise<BystanderProcess> {
    const child = fork(main, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    await answerOf(child);
    return new BystanderProcess(child);
  }

  async begin(target: string, control: string): Promise<void> {
    await this.tell({ do: 'begin', target, control });
  }

  /** See `Bystander.tally`. */
  async tally(): Promise<Tally> {
    return (await this.tell({ do: 'tally' })) as Tally;
  }

  /** Ends its calls; it may begin again. */
  async stop(): Promise<void> {
    await this.tell({ do: 'stop' });
  }

  async end(): Promise<void> {
    const exit = once(this.child, 'exit');
    this.child.disconnect();
    await exit;
  }

  private tell(command: Command): Promise<unknown> {
    this.child.send(command);
    return answerOf(this.child);
  }
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const stop = new AbortController();
  const { signal } = stop;
  const said = await Promise.race([once(child, 'message', { signal }), once(child, 'exit', { signal })]);
  stop.abort();
  const [message] = said as [{ answer: unknown } | number | null];
  if (message === null || typeof message === 'number') throw new Error('the honest client has ended');
  return message.answer;
}
