import { VirtualClock } from '../../../src/core/clock.ts';
import type { Logger } from '../../../src/core/logger.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import {
  defaultHealthSettings,
  type HealthSettings,
  type HealthState,
  startHealthChecker,
} from '../../../src/health/checker.ts';
import type { Probe, ProbeResult } from '../../../src/health/probe.ts';

export const good: ProbeResult = { verdict: 'healthy', reason: 'SERVING' };
export const saidNo: ProbeResult = { verdict: 'unhealthy_now', reason: 'NOT_SERVING' };
export const lost: ProbeResult = { verdict: 'failed', reason: 'connection refused' };
export const noService: ProbeResult = { verdict: 'unimplemented', reason: 'no health service' };

/** Answers as told, and remembers when it was asked. */
class ScriptedProbe implements Probe {
  answer: ProbeResult | 'never' | Error = good;
  readonly askedMs: number[] = [];
  closed = 0;
  tell: (result: ProbeResult) => void = () => {};
  private readonly clock: VirtualClock;
  /** What settles each probe that was not answered at once, in their order. */
  private readonly pending: Array<(result: ProbeResult) => void> = [];

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }
  check(): Promise<ProbeResult> {
    this.askedMs.push(this.clock.now());
    if (this.answer instanceof Error) return Promise.reject(this.answer);
    if (this.answer !== 'never') return Promise.resolve(this.answer);
    return new Promise((resolve) => {
      this.pending.push(resolve);
    });
  }
  listen(tell: (result: ProbeResult) => void): void {
    this.tell = tell;
  }
  /** Answers the latest probe that waits for it, or the one of that index. */
  answerLate(result: ProbeResult, index = -1): void {
    this.pending.at(index)?.(result);
  }
  close(): void {
    this.closed++;
  }
}

export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

export function setUp(
  changes: Partial<HealthSettings> = {},
  first: ScriptedProbe['answer'] = good,
  hadTraffic?: () => boolean,
  callsSucceeded?: () => boolean,
) {
  const clock = new VirtualClock();
  const probe = new ScriptedProbe(clock);
  probe.answer = first;
  const lines: string[] = [];
  const line = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  const logger: Logger = {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  };
  const states: HealthState[] = [];
  /** What a test does when the checker reports a state. */
  const heard = { state: (_state: HealthState): void => {} };
  const checker = startHealthChecker({
    endpoint: '10.0.0.1:80',
    probe,
    clock,
    logger,
    random: new SeededRandom(1),
    settings: { ...defaultHealthSettings, jitter: 0, ...changes },
    hadTraffic,
    callsSucceeded,
    onChange: (state) => {
      states.push(state);
      heard.state(state);
    },
  });
  /** Virtual time in small steps, with the promises settled after each. */
  const advance = async (ms: number, stepMs = 100) => {
    await turn();
    for (let left = ms; left > 0; left -= stepMs) {
      clock.advance(Math.min(left, stepMs));
      await turn();
    }
  };
  /** Answers so from now on, and waits for one answer. */
  const next = async (answer: ScriptedProbe['answer']) => {
    probe.answer = answer;
    const before = probe.askedMs.length;
    while (probe.askedMs.length === before) await advance(100);
  };
  return { clock, probe, lines, states, heard, checker, advance, next };
}
