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
 * Judges mutants one after the other. Runs share a process; a test that failed there is run again with the mutant asleep,
 * and where it still fails the process is replaced and the mutant judged in one of its own. So is a mutant that is asked
 * for while sources are loaded: it has to be awake from the start.
 */
export class Judge {
  private worker: WorkerHandle | null = null;
  private mutantsRun = 0;
  private readonly start: Omit<Start, 'active' | 'judgesLeaks'>;
  private readonly plan: Plan;
  private readonly confirms: boolean;

  /** `confirms`: every survivor is judged in a process of its own too. */
  constructor(start: Omit<Start, 'active' | 'judgesLeaks'>, plan: Plan, confirms: boolean) {
    this.start = start;
    this.plan = plan;
    this.confirms = confirms;
  }

  async judge(mutant: Mutant): Promise<Verdict> {
    const batches = this.plan.batchesOf(mutant.number, mutant.file);
    const alone = this.plan.batchesAlone(mutant.number, mutant.file);
    const isConstant = this.plan.isConstant(mutant.number);
    let verdict: Verdict | null = null;
    if (batches.length > 0) verdict = await this.judgeShared(mutant, batches);
    if (verdict !== null && (verdict.status !== 'survived' || !(isConstant || this.confirms))) return verdict;
    const all = isConstant ? alone : [...batches, ...alone];
    return all.length === 0 ? { status: 'not reached', by: 'no test' } : this.judgeAlone(mutant, all);
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

  /** Null where the process could not tell. */
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
    return { status: 'survived', by: 'all tests that reach it pass' };
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
