import { nearestName } from '../core/nearest.ts';
import type { Result } from '../core/result.ts';
import { isSecretKey } from '../core/secret-keys.ts';
import { parseDuration } from '../core/units.ts';
import type { HeaderCondition, TapFilter } from './filter.ts';
import { needsEnd } from './filter.ts';
import * as limits from './limits.ts';
import { parseStatus, type StatusCondition } from './status-condition.ts';

/** What a reader asks of a tap. */
export interface TapOptions {
  readonly filter: TapFilter;
  /** Fraction of the requests that match which are shown. */
  readonly sample: number;
  /** Calls that are shown each second. */
  readonly rate: number;
  /** Calls after which the tap ends; infinity for none. */
  readonly limit: number;
  readonly durationMs: number;
  /** Shows message bodies. */
  readonly messages: boolean;
  readonly messagesMax: number;
  readonly messageBytesMax: number;
  /** Shows calls when they start, and messages as they pass, and not only calls that are over. */
  readonly live: boolean;
  /** Names of headers and of keys in messages whose values are hidden, beside those that hold credentials. */
  readonly redact: readonly string[];
}

/** The parameters of `/tap`, which are the flags of `outrigger tap` as well. */
export const tapParameters = [
  'method',
  'status',
  'header',
  'endpoint',
  'cluster',
  'route',
  'listener',
  'client',
  'min-latency',
  'max-latency',
  'sample',
  'rate',
  'limit',
  'duration',
  'messages',
  'max-messages',
  'max-message-bytes',
  'live',
  'redact',
] as const;
export type TapParameter = (typeof tapParameters)[number];

/** Parses the query of `/tap`. The error names the parameter, its value and what to write. Never throws. */
export function parseTapOptions(query: URLSearchParams): Result<TapOptions> {
  const reader = new QueryReader(query);
  const filter: TapFilter = {
    methods: reader.list('method'),
    statuses: reader.each('status', parseStatus),
    headers: reader.each('header', parseHeader, false),
    endpoints: reader.list('endpoint'),
    clusters: reader.list('cluster'),
    routes: reader.list('route'),
    listeners: reader.list('listener'),
    clients: reader.list('client'),
    durationMinMs: reader.duration('min-latency', 0),
    durationMaxMs: reader.duration('max-latency', Number.POSITIVE_INFINITY),
  };
  const options: TapOptions = {
    filter,
    sample: reader.fraction('sample'),
    rate: reader.number('rate', limits.rateDefault, limits.rateMax),
    limit: reader.number('limit', Number.POSITIVE_INFINITY, limits.limitMax),
    durationMs: reader.duration('duration', limits.durationDefaultMs, limits.durationMaxMs),
    messages: reader.toggle('messages'),
    messagesMax: reader.number('max-messages', limits.messagesDefault, limits.messagesMax),
    messageBytesMax: reader.number('max-message-bytes', limits.messageBytesDefault, limits.messageBytesMax),
    live: reader.toggle('live'),
    redact: reader.list('redact'),
  };
  const error = reader.error ?? contradiction(options);
  return error === null ? { value: options } : { error };
}

function contradiction({ filter, live }: TapOptions): string | null {
  if (filter.durationMinMs > filter.durationMaxMs)
    return 'min-latency is longer than max-latency, so no call matches; swap them';
  if (live && needsEnd(filter))
    return 'live shows calls before they end, when status, latency, endpoint and cluster are not known; remove live or these filters';
  return null;
}

/** `name` or `name=value`. */
function parseHeader(text: string): Result<HeaderCondition> {
  const mark = text.indexOf('=');
  const name = (mark < 0 ? text : text.slice(0, mark)).trim().toLowerCase();
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name))
    return { error: 'is no header; write NAME or NAME=VALUE, such as x-user=42' };
  const value = mark < 0 ? null : text.slice(mark + 1);
  // Whoever may compare can find out a value character by character, although it is never shown.
  if (value !== null && isSecretKey(name))
    return { error: `compares credentials; write ${name} alone to match requests that have this header` };
  return { value: { name, value } };
}

/** Reads parameters, and keeps the first error. */
class QueryReader {
  error: string | null = null;
  private readonly query: URLSearchParams;

  constructor(query: URLSearchParams) {
    this.query = query;
    for (const name of query.keys()) {
      if ((tapParameters as readonly string[]).includes(name)) continue;
      const near = nearestName(name, tapParameters);
      this.fail(
        near === undefined
          ? `there is no parameter ${quoted(name)}; use ${tapParameters.join(', ')}`
          : `there is no parameter ${quoted(name)}; did you mean ${near}?`,
      );
    }
  }

  /** Every value of a parameter, which may be repeated; `commas` separate further ones. */
  list(name: TapParameter, commas = true): string[] {
    const texts = this.query.getAll(name).flatMap((text) => (commas ? text.split(',') : [text]));
    const values = texts.map((text) => text.trim());
    if (values.some((text) => text === ''))
      this.fail(`${name} has an empty value; write one or leave it out`);
    if (values.length > limits.patternsMax)
      this.fail(`${name} has ${values.length} values; write at most ${limits.patternsMax}`);
    const long = values.find((text) => text.length > limits.patternCharsMax);
    if (long !== undefined)
      this.fail(`${name} has a value of ${long.length} characters; write at most ${limits.patternCharsMax}`);
    return values;
  }

  each<T extends HeaderCondition | StatusCondition>(
    name: TapParameter,
    parse: (text: string) => Result<T>,
    commas = true,
  ): T[] {
    return this.list(name, commas).flatMap((text) => {
      const { value, error } = parse(text);
      if (error !== undefined) this.fail(`${name} ${quoted(text)} ${error}`);
      return value === undefined ? [] : [value];
    });
  }

  number(name: TapParameter, otherwise: number, max: number): number {
    const text = this.one(name);
    if (text === null) return otherwise;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
    if (value >= 1 && value <= max) return value;
    this.fail(`${name} ${quoted(text)} is not a whole number from 1 to ${max}`);
    return otherwise;
  }

  /** `0.1` or `10%`. */
  fraction(name: TapParameter): number {
    const text = this.one(name);
    if (text === null) return 1;
    const match = /^(\d{1,3}(?:\.\d{1,6})?)(%?)$/.exec(text);
    const value = match === null ? 0 : Number(match[1]) / (match[2] === '%' ? 100 : 1);
    if (value > 0 && value <= 1) return value;
    this.fail(
      `${name} ${quoted(text)} is not a fraction; write a number above 0, up to 1, or a percentage such as 5%`,
    );
    return 1;
  }

  duration(name: TapParameter, otherwise: number, max = Number.POSITIVE_INFINITY): number {
    const text = this.one(name);
    if (text === null) return otherwise;
    const { value, error } = parseDuration(text);
    if (error !== undefined) this.fail(`${name}: ${error}`);
    else if (value > max)
      this.fail(`${name} ${quoted(text)} is longer than ${max / 60_000} minutes, the maximum`);
    else if (value === 0 && name === 'duration') this.fail('duration "0s" ends the tap before it begins');
    return value ?? otherwise;
  }

  toggle(name: TapParameter): boolean {
    const text = this.one(name);
    if (text === null || text === 'false') return false;
    if (text !== 'true' && text !== '') this.fail(`${name} ${quoted(text)} is neither true nor false`);
    return true;
  }

  private one(name: TapParameter): string | null {
    const values = this.query.getAll(name);
    if (values.length > 1) this.fail(`${name} stands there ${values.length} times; write it once`);
    return values[0] ?? null;
  }

  private fail(error: string): void {
    this.error ??= error;
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
