import type { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../core/clock.ts';
import { startLimitedThread } from '../core/limited-thread.ts';
import type { DecodedMessage, DecodeJob } from './decoder.ts';
import { decoderHeapMiB, decoderLoadTimeoutMs, decoderStartsMax, decodeTimeoutMs } from './limits.ts';
import type { DialogueStep } from './reflection-dialogue.ts';

/** What the thread is sent: see the methods of `Decoder`. Exactly one of them is set. */
export interface DecoderRequest {
  readonly id: number;
  readonly load?: { readonly name: string; readonly set: Uint8Array };
  readonly drop?: string;
  readonly reflect?: { readonly name: string; readonly service: string };
  readonly reflected?: { readonly name: string; readonly answer: Uint8Array };
  readonly decode?: DecodeJob;
}

export interface DecoderAnswer {
  readonly id: number;
  /** Of `load`: why it failed, or ''. */
  readonly error?: string;
  /** Of `decode`. */
  readonly decoded?: readonly DecodedMessage[];
  /** Of `reflect` and `reflected`. */
  readonly step?: DialogueStep;
}

interface Waiting {
  /** How long the thread may take once it has answered what it was asked before. */
  readonly limitMs: number;
  /** Null where the thread did not answer; `reason` is why, as words after "the decoder". */
  readonly done: (answer: DecoderAnswer | null, reason: string) => void;
}

/** Both as sources and after `npm run build`. */
const entry = new URL(`./decoder-main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/**
 * The thread that decodes messages. Descriptors and messages are untrusted, and large ones take long: in a thread of its own, with
 * limits on memory and time, they delay no call. A thread that breaks a limit is ended, and the next request starts another one.
 */
export class DecoderThread {
  private readonly clock: Clock;
  private worker: Worker | null = null;
  /** In the order in which the thread answers them. */
  private readonly waiting = new Map<number, Waiting>();
  /** Of the first one that waits; null where none does. */
  private timer: Timer | null = null;
  private lastId = 0;
  private starts = 0;
  /** Counts threads that have ended: what was loaded into one of them is unknown to the next. */
  generation = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Loads descriptors; gives why that failed, or ''. Never rejects. */
  load(name: string, set: Uint8Array): Promise<string> {
    return new Promise((resolve) =>
      this.ask({ load: { name, set } }, (answer, reason) =>
        resolve(answer === null ? `the decoder ${reason}` : (answer.error ?? '')),
      ),
    );
  }

  /** Decodes messages; one for each of the job. Never rejects. */
  decode(job: DecodeJob): Promise<readonly DecodedMessage[]> {
    return new Promise((resolve) =>
      this.ask({ decode: job }, (answer, reason) =>
        resolve(
          answer?.decoded ?? job.messages.map(() => ({ problem: `was not decoded: the decoder ${reason}` })),
        ),
      ),
    );
  }

  /** Begins to load a service by reflection, and goes on with an answer. Never rejects. */
  reflect(name: string, service: string): Promise<DialogueStep> {
    return this.step({ reflect: { name, service } });
  }

  reflected(name: string, answer: Uint8Array): Promise<DialogueStep> {
    return this.step({ reflected: { name, answer } });
  }

  private step(request: Omit<DecoderRequest, 'id'>): Promise<DialogueStep> {
    return new Promise((resolve) =>
      this.ask(request, (answer, reason) => resolve(answer?.step ?? { error: `the decoder ${reason}` })),
    );
  }

  drop(name: string): void {
    this.worker?.postMessage({ id: 0, drop: name } satisfies DecoderRequest);
  }

  /** Ends the thread; the next request starts another one. */
  close(): void {
    this.starts = 0;
    this.end('was stopped');
  }

  private ask(request: Omit<DecoderRequest, 'id'>, done: Waiting['done']): void {
    const isStart = this.worker === null;
    const worker = this.running();
    if (worker === null) return done(null, `failed ${decoderStartsMax} times; start the tap again`);
    const id = ++this.lastId;
    const limitMs = isStart || request.load !== undefined ? decoderLoadTimeoutMs : decodeTimeoutMs;
    this.waiting.set(id, { limitMs, done });
    if (this.waiting.size === 1) this.watchFirst();
    worker.postMessage({ id, ...request } satisfies DecoderRequest);
  }

  /** Those behind the first one wait for their turn, which is no fault of theirs. */
  private watchFirst(): void {
    this.timer?.cancel();
    const first = this.waiting.values().next();
    this.timer =
      first.done === true
        ? null
        : this.clock.after(first.value.limitMs, () => this.end(`took longer than ${first.value.limitMs} ms`));
  }

  private running(): Worker | null {
    if (this.worker !== null) return this.worker;
    if (this.starts === decoderStartsMax) return null;
    this.starts++;
    const worker = startLimitedThread<DecoderAnswer>(entry, decoderHeapMiB, {
      answered: (answer) => this.answered(answer),
      failed: (reason) => {
        if (this.worker === worker) this.end(reason);
      },
    });
    this.worker = worker;
    return worker;
  }

  private answered(answer: DecoderAnswer): void {
    const waiting = this.waiting.get(answer.id);
    if (waiting === undefined) return;
    this.waiting.delete(answer.id);
    this.watchFirst();
    waiting.done(answer, '');
  }

  private end(reason: string): void {
    const { worker } = this;
    this.worker = null;
    this.generation++;
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    this.watchFirst();
    for (const { done } of waiting) done(null, reason);
    void worker?.terminate();
  }
}
