import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { hexOf, parseHexLines, storedInputs } from './corpus.ts';
import { BlockCoverage } from './coverage.ts';
import { Fuzzer } from './fuzzer.ts';
import { GrowthWatch } from './growth.ts';
import type { Figures, WorkerMessage, WorkerOrder } from './messages.ts';
import { minimise, problemOf } from './minimise.ts';
import { targets } from './registry.ts';
import type { FuzzTarget } from './target.ts';

/** One run that takes longer has too much work in it, however slow the machine. */
const runMsMax = 5000;
const progressMs = 5000;
const growthMs = 2000;
const minimiseTries = 4000;

function tell(message: WorkerMessage): void {
  process.send?.(message);
}

/** Runs a target until its time is up or a promise is broken. */
class Worker {
  private readonly order: WorkerOrder;
  private readonly target: FuzzTarget;
  private readonly coverage = new BlockCoverage(pathToFileURL(`${import.meta.dirname}/../../src/`).href);
  private readonly fuzzer: Fuzzer;
  private readonly growth = new GrowthWatch();
  private readonly beganMs = performance.now();
  private runs = 0;

  constructor(order: WorkerOrder, target: FuzzTarget) {
    this.order = order;
    this.target = target;
    this.fuzzer = new Fuzzer(target, order.seed, this.coverage);
  }

  async run(): Promise<void> {
    const untilMs = this.beganMs + this.order.seconds * 1000;
    let progressAtMs = this.beganMs + progressMs;
    let growthAtMs = this.beganMs + growthMs;
    const given = [...this.target.seeds(), ...storedInputs(this.order.target).map(({ bytes }) => bytes)];
    for (const input of given) this.fuzzer.keep(input);
    if (!this.runBatch(given)) return;
    this.coverage.keep(this.coverage.take());
    for (let nowMs = performance.now(); nowMs < untilMs; nowMs = performance.now()) {
      const batch = this.fuzzer.batch();
      if (!this.runBatch(batch)) return;
      this.fuzzer.learn(batch);
      tell({ kind: 'alive' });
      if (nowMs >= growthAtMs) {
        growthAtMs = nowMs + growthMs;
        const grown = await this.growth.sample(this.fuzzer.corpusBytes);
        if (grown !== null) return this.failed(grown, batch[batch.length - 1]);
      }
      if (nowMs >= progressAtMs) {
        progressAtMs = nowMs + progressMs;
        tell({ kind: 'progress', figures: this.figures() });
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    const distilled = this.order.distil ? this.distil() : [];
    tell({ kind: 'done', figures: this.figures(), distilled });
  }

  /** False where an input broke a promise. */
  private runBatch(batch: readonly Uint8Array[]): boolean {
    // Whoever watches finds the input here if this process is not able to tell any more.
    writeFileSync(this.order.batchFile, `${batch.map(hexOf).join('\n')}\n`);
    for (const input of batch) {
      const beganMs = performance.now();
      const problem = problemOf(this.target, input);
      this.runs++;
      if (problem !== null) {
        this.failed(problem, minimise(this.target, input, minimiseTries));
        return false;
      }
      if (performance.now() - beganMs > runMsMax && this.isSlow(input)) return false;
    }
    return true;
  }

  /** Runs it once more by the processor's time: the machine may have stood still. */
  private isSlow(input: Uint8Array): boolean {
    const before = process.cpuUsage();
    problemOf(this.target, input);
    const { user, system } = process.cpuUsage(before);
    const tookMs = Math.round((user + system) / 1000);
    if (tookMs <= runMsMax) return false;
    this.failed(`one run takes ${tookMs} ms of work`, input);
    return true;
  }

  private failed(problem: string, input: Uint8Array): void {
    const again = problemOf(this.target, input);
    tell({ kind: 'failed', problem: again ?? problem, hex: hexOf(input), figures: this.figures() });
  }

  /** The shortest inputs that reach all that the corpus does, each something that those before it do not. */
  private distil(): string[] {
    const inputs = [...this.fuzzer.corpus].sort((a, b) => a.length - b.length);
    const fresh = new BlockCoverage(pathToFileURL(`${import.meta.dirname}/../../src/`).href);
    fresh.take();
    const kept: string[] = [];
    for (const input of inputs) {
      this.target.run(input);
      const reached = fresh.take();
      if (!fresh.isNew(reached)) continue;
      fresh.keep(reached);
      kept.push(hexOf(input));
    }
    return kept;
  }

  private figures(): Figures {
    const seconds = (performance.now() - this.beganMs) / 1000;
    return {
      runs: this.runs,
      corpus: this.fuzzer.corpus.length,
      ...this.coverage.count,
      rssMib: Math.round(process.memoryUsage.rss() / 1024 / 1024),
      perSecond: Math.round(this.runs / Math.max(seconds, 0.001)),
    };
  }
}

/** Runs the inputs of a file one after the other, naming each before it begins. */
async function replay(target: FuzzTarget, file: string): Promise<void> {
  const inputs = parseHexLines(readFileSync(file, 'utf8'));
  const figures: Figures = {
    runs: inputs.length,
    corpus: 0,
    blocks: 0,
    blocksKnown: 0,
    rssMib: 0,
    perSecond: 0,
  };
  for (const [index, { bytes }] of inputs.entries()) {
    tell({ kind: 'next', index });
    await new Promise((resolve) => setImmediate(resolve));
    const problem = problemOf(target, bytes);
    if (problem === null) continue;
    const small = minimise(target, bytes, minimiseTries);
    tell({ kind: 'failed', problem: problemOf(target, small) ?? problem, hex: hexOf(small), figures });
    return;
  }
  tell({ kind: 'done', figures, distilled: [] });
}

const order = JSON.parse(process.argv[2]) as WorkerOrder;
const target = await targets[order.target].load();
if (order.replayFile === null) await new Worker(order, target).run();
else await replay(target, order.replayFile);
process.disconnect?.();
