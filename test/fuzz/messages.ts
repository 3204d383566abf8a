import type { TargetName } from './registry.ts';

/** What the process that starts a worker tells it, as its one argument, in JSON. */
export interface WorkerOrder {
  readonly target: TargetName;
  readonly seed: number;
  readonly seconds: number;
  /** Where the inputs of the batch at hand are written, for the case that it is never finished. */
  readonly batchFile: string;
  /** A file of inputs to run one by one instead. */
  readonly replayFile: string | null;
  /** Print what is worth keeping as a corpus, at the end. */
  readonly distil: boolean;
}

export interface Figures {
  readonly runs: number;
  readonly corpus: number;
  readonly blocks: number;
  readonly blocksKnown: number;
  readonly rssMib: number;
  readonly perSecond: number;
}

/** What a worker tells. Silence means that it hangs. */
export type WorkerMessage =
  | { readonly kind: 'alive' }
  | { readonly kind: 'progress'; readonly figures: Figures }
  /** In a replay: this input is next. */
  | { readonly kind: 'next'; readonly index: number }
  | { readonly kind: 'done'; readonly figures: Figures; readonly distilled: readonly string[] }
  | { readonly kind: 'failed'; readonly problem: string; readonly hex: string; readonly figures: Figures };
