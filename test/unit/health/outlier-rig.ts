import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import type { Logger } from '../../../src/core/logger.ts';
import {
  defaultOutlierSettings,
  type OutlierDetector,
  type OutlierEndpoint,
  type OutlierSettings,
  outlierDetector,
} from '../../../src/health/outlier.ts';

/** A detector with endpoints `e0`, `e1`, … on virtual time. */
export class OutlierRig {
  readonly clock = new VirtualClock();
  readonly endpoints: OutlierEndpoint[] = [];
  readonly lines: string[] = [];
  /** `usable` of the endpoint at each change. */
  readonly changes: string[] = [];
  private readonly detector: OutlierDetector;

  constructor(count: number, settings: Partial<OutlierSettings> = {}) {
    const line = (message: string) => void this.lines.push(message);
    const logger: Logger = { debug: line, info: line, warn: line, error: line };
    this.detector = outlierDetector({
      clock: this.clock,
      logger,
      settings: { ...defaultOutlierSettings, ...settings },
    });
    for (let i = 0; i < count; i++) {
      const changed = () => void this.changes.push(`e${i} ${this.endpoints[i].usable}`);
      this.endpoints.push(this.detector.add(`e${i}`, changed));
    }
  }

  get states(): string[] {
    return this.endpoints.map(({ state }) => state);
  }

  stop(): void {
    this.detector.stop();
    expect(this.clock.pending, 'timers left').to.equal(0);
  }
}

export function fail(endpoint: OutlierEndpoint, times = 5): void {
  for (let i = 0; i < times; i++) endpoint.failed();
}
