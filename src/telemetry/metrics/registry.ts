import { boundedText } from '../../core/bounded-text.ts';
import type { TraceId } from '../../core/trace-id.ts';
import { labelText, prometheusName } from './names.ts';

/**
 * Metrics with instruments that are bound to their labels once, ahead of use: `add` and `record` are a few array
 * increments, with no lookup and no allocation. One registry serves Prometheus and OTLP alike.
 *
 * Names and labels are OpenTelemetry's (`rpc.server.call.duration`, unit `s`); `names.ts` gives Prometheus's form.
 */

/** Dotted names to values. Values may be anything; the exporters escape them. */
export type Labels = Readonly<Record<string, string>>;

export interface FamilyOptions {
  /** Dotted, OpenTelemetry style. */
  readonly name: string;
  readonly help: string;
  /** UCUM: `s`, `By`, `1` (a ratio), or an annotation such as `{call}` that names no unit. '' is none. */
  readonly unit: string;
  /** The Prometheus name without `_total`, where it is not the one that follows from name and unit. */
  readonly prometheus?: string;
  /** The Prometheus name of the family that takes its place: this one is shown for one more release, in Prometheus alone. */
  readonly replacedBy?: string;
  /** Of a gauge: its series may be added up, so OTLP sends it as a sum that is not monotonic (an UpDownCounter). */
  readonly isSum?: boolean;
}

/** Series of one family; what is beyond shares the series labelled `otel.metric.overflow="true"`. */
export const seriesPerFamilyMax = 5000;
/**
 * Characters that all series bound to labels take in a scrape together, at most; what is beyond shares the overflow
 * series of its family. A service with 200 methods, three statuses each, takes 10 MiB.
 */
export const scrapeCharsMax = 16 * 1024 * 1024;
/** Characters of a label's value; of a longer one the beginning is kept, in series that follow configuration or discovery. */
export const labelCharsMax = 512;
const overflowLabels: Labels = { 'otel.metric.overflow': 'true' };

/** One series of a counter or gauge. */
export class Value {
  readonly labels: Labels;
  readonly text: string;
  value = 0;

  constructor(labels: Labels) {
    this.labels = labels;
    this.text = labelText(labels);
  }
  add(amount: number): void {
    this.value += amount;
  }
  set(value: number): void {
    this.value = value;
  }
}

/** The last sampled call that fell into a bucket, so that a graph leads to a trace. */
export interface Exemplar {
  readonly traceId: TraceId;
  readonly value: number;
  readonly wallMs: number;
}

/** What is shown of a histogram, whoever counts it. */
export interface BucketCounts {
  /** Upper bounds, ascending; one more bucket for what is above the last. */
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  readonly sum: number;
  readonly count: number;
  readonly exemplars: ReadonlyArray<Exemplar | undefined> | null;
}

/** Counts in explicit buckets. A value belongs to the first bucket whose bound it does not exceed. */
export class HistogramData implements BucketCounts {
  /** Upper bounds, ascending; one more bucket for what is above the last. */
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;
  count = 0;
  /** By bucket; made with the first one. */
  exemplars: Array<Exemplar | undefined> | null = null;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  record(value: number): void {
    this.counts[this.bucketOf(value)]++;
    this.sum += value;
    this.count++;
  }

  recordExemplar(value: number, traceId: TraceId, wallMs: number): void {
    this.record(value);
    if (this.exemplars === null) this.exemplars = new Array(this.counts.length).fill(undefined);
    this.exemplars[this.bucketOf(value)] = { traceId, value, wallMs };
  }

  private bucketOf(value: number): number {
    const bounds = this.bounds;
    // From below: most calls are quick, and twenty compares at worst cost less than a binary search mispredicts.
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) bucket++;
    return bucket;
  }
}

/** One series of a histogram; two families may show the same data under their own names and labels. */
export class HistogramSeries {
  readonly labels: Labels;
  readonly text: string;
  readonly data: HistogramData;

  constructor(labels: Labels, data: HistogramData) {
    this.labels = labels;
    this.text = labelText(labels);
    this.data = data;
  }
}

/** One series of a histogram as exporters read it. */
export interface ShownHistogram {
  readonly labels: Labels;
  readonly text: string;
  readonly data: BucketCounts;
}

interface FamilyBase {
  readonly name: string;
  /** Prometheus alone shows it: OTLP has the family that took its place. */
  readonly prometheusOnly: boolean;
  readonly isSum: boolean;
  readonly prometheus: string;
  readonly help: string;
  readonly unit: string;
}

export interface ValueFamily extends FamilyBase {
  readonly kind: 'counter' | 'gauge';
  /** The series of these labels, made on first use. Labels are copied by reference: do not change them. */
  bind(labels: Labels): Value;
  /** Every series now; an observed family rebuilds them. */
  series(): readonly Value[];
}

export interface HistogramFamily extends FamilyBase {
  readonly kind: 'histogram';
  readonly bounds: readonly number[];
  bind(labels: Labels): HistogramSeries;
  /** Shows data that another family counts. */
  show(labels: Labels, data: HistogramData): void;
  series(): readonly HistogramSeries[];
}

/** A histogram whose series are asked for when they are read. */
export interface ObservedHistogramFamily extends FamilyBase {
  readonly kind: 'histogram';
  series(): readonly ShownHistogram[];
}

export type Family = ValueFamily | HistogramFamily | ObservedHistogramFamily;

/** What an observed family hands its values to. */
export type Emit = (labels: Labels, value: number) => void;

export interface Registry {
  counter(options: FamilyOptions): ValueFamily;
  gauge(options: FamilyOptions): ValueFamily;
  histogram(options: FamilyOptions & { readonly bounds: readonly number[] }): HistogramFamily;
  /** A family whose values are asked for when they are read; a callback that throws gives no values. */
  observe(kind: 'counter' | 'gauge', options: FamilyOptions, callback: (emit: Emit) => void): void;
  /** The same of a histogram; `data` is read at once. */
  observeHistogram(
    options: FamilyOptions,
    callback: (emit: (labels: Labels, data: BucketCounts) => void) => void,
  ): void;
  /** Runs `callback` once before every collection, for families that share one snapshot. It may throw. */
  beforeCollect(callback: () => void): void;
  /** Everything that has a series, in the order of declaration. */
  collect(): readonly Family[];
}

/** Declaring one Prometheus name twice is a bug, and throws. */
export function createRegistry(): Registry {
  const families: Family[] = [];
  const names = new Set<string>();
  const room: ScrapeRoom = { chars: scrapeCharsMax };
  const hooks: Array<() => void> = [];

  const declare = <F extends Family>(family: F): F => {
    if (names.has(family.prometheus)) throw new Error(`metric ${family.prometheus} is declared twice`);
    names.add(family.prometheus);
    families.push(family);
    return family;
  };
  return {
    counter: (options) => declare(valueFamily('counter', options, room)),
    gauge: (options) => declare(valueFamily('gauge', options, room)),
    histogram: (options) => declare(histogramFamily(options, room)),
    observe: (kind, options, callback) => void declare(observedFamily(kind, options, callback)),
    observeHistogram: (options, callback) => void declare(observedHistogram(options, callback)),
    beforeCollect: (callback) => void hooks.push(callback),
    collect() {
      for (const hook of hooks) {
        try {
          hook();
        } catch {
          // What cannot be asked now is left out of this collection; the rest is still worth having.
        }
      }
      return families;
    },
  };
}

function baseOf(kind: Family['kind'], options: FamilyOptions): FamilyBase {
  const { name, unit, replacedBy, isSum = false } = options;
  const help = replacedBy === undefined ? options.help : `Deprecated: use ${replacedBy}. ${options.help}`;
  const prometheus = options.prometheus ?? prometheusName(kind, name, unit);
  return { name, help, unit, prometheus, prometheusOnly: replacedBy !== undefined, isSum };
}

/** What is left of `scrapeCharsMax`, for all families together. */
interface ScrapeRoom {
  chars: number;
}

function valueFamily(kind: 'counter' | 'gauge', options: FamilyOptions, room: ScrapeRoom): ValueFamily {
  const base = baseOf(kind, options);
  const bound = boundSeries((labels) => new Value(labels), 1, base.prometheus, room);
  return { kind, ...base, bind: bound.bind, series: bound.series };
}

function histogramFamily(
  options: FamilyOptions & { readonly bounds: readonly number[] },
  room: ScrapeRoom,
): HistogramFamily {
  const { bounds } = options;
  const base = baseOf('histogram', options);
  const make = (labels: Labels): HistogramSeries => new HistogramSeries(labels, new HistogramData(bounds));
  // A line for each bucket, the infinite one, the sum and the count.
  const bound = boundSeries(make, bounds.length + 3, base.prometheus, room);
  return {
    kind: 'histogram',
    ...base,
    bounds,
    bind: bound.bind,
    show: (labels, data) => bound.put(new HistogramSeries(labels, data)),
    series: bound.series,
  };
}

function observedFamily(
  kind: 'counter' | 'gauge',
  options: FamilyOptions,
  callback: (emit: Emit) => void,
): ValueFamily {
  return {
    kind,
    ...baseOf(kind, options),
    bind() {
      throw new Error(`metric ${options.name} is observed; it has nothing to bind`);
    },
    series() {
      const byText = new Map<string, Value>();
      try {
        callback((labels, value) => {
          const asked = new Value(boundedLabels(labels));
          // The last place is kept for what overflows: a sum is right for counts, and says nothing of states.
          const full = byText.size >= seriesPerFamilyMax - 1 && !byText.has(asked.text);
          if (full && kind === 'gauge') return;
          const series = full ? new Value(overflowLabels) : asked;
          const alike = byText.get(series.text);
          // Else only labels that were truncated or escaped can be alike; no scrape may hold the same series twice.
          if (alike !== undefined) return alike.add(value);
          series.value = value;
          byText.set(series.text, series);
        });
      } catch {
        return [];
      }
      return [...byText.values()];
    },
  };
}

function observedHistogram(
  options: FamilyOptions,
  callback: (emit: (labels: Labels, data: BucketCounts) => void) => void,
): ObservedHistogramFamily {
  return {
    kind: 'histogram',
    ...baseOf('histogram', options),
    series() {
      const byText = new Map<string, ShownHistogram>();
      try {
        callback((asked, data) => {
          const labels = boundedLabels(asked);
          const text = labelText(labels);
          if (byText.size < seriesPerFamilyMax && !byText.has(text)) byText.set(text, { labels, text, data });
        });
      } catch {
        return [];
      }
      return [...byText.values()];
    },
  };
}

/** Characters of a line beside the family's name and the labels: a suffix, a bound, a number. */
const lineCharsMax = 64;

function boundSeries<S extends { readonly text: string }>(
  make: (labels: Labels) => S,
  lines: number,
  name: string,
  room: ScrapeRoom,
) {
  const byText = new Map<string, S>();
  let list: readonly S[] | null = null;
  const hasRoom = (text: string): boolean =>
    byText.size < seriesPerFamilyMax && lines * (name.length + text.length + lineCharsMax) <= room.chars;
  const keep = (series: S): void => {
    byText.set(series.text, series);
    room.chars -= lines * (name.length + series.text.length + lineCharsMax);
    list = null;
  };
  const put = (series: S): void => {
    if (hasRoom(series.text) && !byText.has(series.text)) keep(series);
  };
  const bind = (asked: Labels): S => {
    const labels = boundedLabels(asked);
    const text = labelText(labels);
    const known = byText.get(text);
    if (known) return known;
    // The last place is kept for what overflows.
    const full = byText.size >= seriesPerFamilyMax - 1 || !hasRoom(text);
    if (full && labels !== overflowLabels) return bind(overflowLabels);
    const series = make(labels);
    keep(series);
    return series;
  };
  const series = (): readonly S[] => {
    list ??= [...byText.values()];
    return list;
  };
  return { put, bind, series };
}

/** The same labels where none is too long, as nearly always. */
function boundedLabels(labels: Labels): Labels {
  for (const name in labels) if (labels[name].length > labelCharsMax) return withBoundedValues(labels);
  return labels;
}

function withBoundedValues(labels: Labels): Labels {
  const entries = Object.entries(labels);
  return Object.fromEntries(entries.map(([name, value]) => [name, boundedText(value, labelCharsMax)]));
}
