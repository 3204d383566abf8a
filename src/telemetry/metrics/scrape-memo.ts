import type { Clock } from '../../core/clock.ts';
import { type PrometheusText, prefersOpenMetrics, prometheusText } from './prometheus-text.ts';
import type { Registry } from './registry.ts';

/** Shorter texts take a few milliseconds to make, and are made for each scrape. */
const largeChars = 1024 * 1024;
/** A large text is made at most once in this time for each `largeChars` it has, milliseconds: a few percent of one core. */
const msPerLarge = 100;

interface Kept {
  readonly text: PrometheusText;
  readonly untilMs: number;
}

/** The text of scrapes. However many readers ask, and however often, a large one costs a bounded part of the time. */
export class ScrapeMemo {
  private readonly registry: Registry;
  private readonly clock: Clock;
  /** The text format and OpenMetrics. */
  private readonly kept: [Kept | null, Kept | null] = [null, null];

  constructor(registry: Registry, clock: Clock) {
    this.registry = registry;
    this.clock = clock;
  }

  text(accept: string | undefined): PrometheusText {
    const at = prefersOpenMetrics(accept) ? 1 : 0;
    const nowMs = this.clock.now();
    const kept = this.kept[at];
    if (kept !== null && nowMs < kept.untilMs) return kept.text;
    const text = prometheusText(this.registry, accept);
    const large = Math.floor(text.body.length / largeChars);
    this.kept[at] = large === 0 ? null : { text, untilMs: nowMs + large * msPerLarge };
    return text;
  }
}
