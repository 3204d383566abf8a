import type { Mutant } from './instrument.ts';
import type { RunResult, Start } from './messages.ts';
import type { Batch, Plan } from './plan.ts';
import { type Lost, WorkerHandle } from './worker-handle.ts';

export type Status = 'killed' | 'timed out' | 'survived' | 'not reached';

export interface Verdict {
  readonly status: Status;
  /** The test that failed, or how many passed. */
  readonly by: string;
}

/** What a test gets at least, however quick it is with no mutant awake: the machine may be busy. */
const testMsMin = 2000;
const testFactor = 8;
const batchMsExtra = 5000;
/** A process that ran this many mutants is replaced, so that what they left in memory stays small. */
const mutantsPerWorkerMax = 400;

/**
 * Judges mutants one after the other. Most runs share a process; a test that failed there is run again with the mutant
 * asleep, and where it still fails the process is replaced and the mutant judged anew. What survives is judged once more in
 * a process of its own, awake from the start: state of modules from before can neither hide it nor save it.
 */
export class Judge {
  private worker: WorkerHandle | null = null;
  private mutantsRun = 0;
  private readonly start: Omit<Start, 'active' | 'judgesLeaks'>;
  private readonly plan: Plan;

  constructor(start: Omit<Start, 'active' | 'judgesLeaks'>, plan: Plan) {
    this.start = start;
    this.plan = plan;
  }

  async judge(mutant: Mutant): Promise<Verdict> {
    const batches = this.plan.batchesOf(mutant.number, mutant.file);
    const byLoading = this.plan.isReachedByLoading(mutant.number);
    if (batches.length === 0 && !byLoading) return { status: 'not reached', by: 'no test' };
    const shared = byLoading ? null : await this.judgeShared(mutant, batches);
    return shared ?? (await this.judgeAlone(mutant, byLoading ? this.plan.allBatches(mutant.file) : batches));
  }

  /** Ends the shared process. */
  async end(): Promise<void> {
    await this.worker?.end();
    this.worker = null;
  }

  private async sharedWorker(): Promise<WorkerHandle> {
    if (this.mutantsRun >= mutantsPerWorkerMax) await this.end();
    if (this.worker === null) {
      this.worker = await WorkerHandle.start({ ...this.start, active: 0, judgesLeaks: false });
      this.mutantsRun = 0;
    }
    return this.worker;
  }

  /** Null where nothing was proved. */
  private async judgeShared(mutant: Mutant, batches: readonly Batch[]): Promise<Verdict | null> {
    const worker = await this.sharedWorker();
    this.mutantsRun += 1;
    for (const batch of batches) {
      const result = await runBatch(worker, mutant.number, batch);
      if (typeof result === 'string') {
        await this.end();
        return lostVerdict(result, batch);
      }
      if (result.failed === null) continue;
      if (isTimeout(result)) {
        await this.end();
        return { status: 'timed out', by: result.failed };
      }
      const again = await runBatch(worker, 0, batch);
      if (typeof again !== 'string' && again.failed === null) return { status: 'killed', by: result.failed };
      await this.end();
      return null;
    }
    return null;
  }

  private async judgeAlone(mutant: Mutant, batches: readonly Batch[]): Promise<Verdict> {
    const worker = await WorkerHandle.start({ ...this.start, active: mutant.number, judgesLeaks: true });
    let passed = 0;
    try {
      for (const batch of byFile(batches)) {
        const result = await runBatch(worker, mutant.number, batch);
        if (typeof result === 'string') return lostVerdict(result, batch);
        if (result.failed !== null)
          return { status: isTimeout(result) ? 'timed out' : 'killed', by: result.failed };
        passed += result.passed;
      }
      return { status: 'survived', by: `${passed} tests pass` };
    } finally {
      await worker.end();
    }
  }
}

function lostVerdict(lost: Lost, batch: Batch): Verdict {
  return { status: lost === 'timed out' ? lost : 'killed', by: `${batch.file} (${lost})` };
}

function isTimeout(result: RunResult): boolean {
  return result.error?.includes('Timeout of') ?? false;
}

function runBatch(worker: WorkerHandle, active: number, batch: Batch): Promise<RunResult | Lost> {
  const timeoutMs = testMsMin + Math.ceil(batch.testMs * testFactor);
  const limitMs = timeoutMs + batchMsExtra + batch.ms * testFactor;
  return worker.run({ file: batch.file, active, titles: batch.titles, timeoutMs }, limitMs);
}

/** One batch per file: what a file's suites leave behind is judged after the first run of them only. */
function byFile(batches: readonly Batch[]): Batch[] {
  const files = new Map<string, Batch>();
  for (const batch of batches) {
    const known = files.get(batch.file);
    const titles =
      known?.titles === null || batch.titles === null ? null : [...(known?.titles ?? []), ...batch.titles];
    files.set(batch.file, {
      file: batch.file,
      titles,
      ms: (known?.ms ?? 0) + batch.ms,
      testMs: Math.max(known?.testMs ?? 0, batch.testMs),
    });
  }
  return [...files.values()];
}
