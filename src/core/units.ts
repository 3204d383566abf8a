import type { Result } from './result.ts';

/**
 * Durations and sizes as people write them: a number and a unit, `1.5s`, `64KiB`. A bare number is refused, for
 * nobody can tell whether `timeout: 5` meant seconds or milliseconds.
 */

/** Longer texts are refused unread. */
const textCharsMax = 32;

const msByUnit: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const bytesByUnit: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

const durationExamples = 'write a number and a unit, such as 250ms, 1.5s, 2m or 1h';
const sizeExamples = 'write a number and a unit, such as 512B, 64KiB or 1MiB';

/** Milliseconds of `250ms`, `1.5s`, `2m` or `1h`; to the nanosecond, never negative. Never throws. */
export function parseDuration(text: string): Result<number> {
  const [amount, unit] = split(text);
  if (amount === undefined) return { error: `${quote(text)} is not a duration; ${durationExamples}` };
  if (unit === '') return { error: `${quote(text)} has no unit; write ${amount}s or ${amount}ms` };
  const scale = lookUp(msByUnit, unit);
  if (scale === undefined) return { error: `${quote(text)} is not a duration; ${durationExamples}` };
  // Rounded to the nanosecond, or 1.1s would be 1100.0000000000002 ms.
  const value = Math.round(Number(amount) * scale * 1e6) / 1e6;
  return Number.isSafeInteger(Math.ceil(value)) ? { value } : { error: `${quote(text)} is too long` };
}

/** The shortest usual text that `parseDuration` reads back as the same milliseconds. */
export function formatDuration(ms: number): string {
  for (const unit of ['h', 'm', 's']) {
    if (ms >= msByUnit[unit] && ms % msByUnit[unit] === 0) return `${ms / msByUnit[unit]}${unit}`;
  }
  return Number.isInteger(ms) && ms > 1000 ? `${ms / 1000}s` : ms === 0 ? '0s' : `${plain(ms)}ms`;
}

/** Bytes of `512B`, `64KiB`, `1.5MiB` or `1GiB`; always whole, never negative. Never throws. */
export function parseSize(text: string): Result<number> {
  const [amount, unit] = split(text);
  if (amount === undefined) return { error: `${quote(text)} is not a size; ${sizeExamples}` };
  if (unit === '')
    return { error: `${quote(text)} has no unit; write ${amount}B, ${amount}KiB or ${amount}MiB` };
  const scale = lookUp(bytesByUnit, unit);
  if (scale === undefined) {
    const binary = /^([kmg])(i|i?b)?$/i.exec(unit);
    const fix = binary === null ? sizeExamples : `write ${amount}${binary[1].toUpperCase()}iB`;
    return { error: `${quote(text)} is not a size; ${fix}` };
  }
  const value = Number(amount) * scale;
  if (!Number.isInteger(value)) return { error: `${quote(text)} is not a whole number of bytes` };
  return Number.isSafeInteger(value) ? { value } : { error: `${quote(text)} is too large` };
}

/** The shortest usual text that `parseSize` reads back as the same bytes. */
export function formatSize(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    if (bytes >= bytesByUnit[unit] && bytes % bytesByUnit[unit] === 0)
      return `${bytes / bytesByUnit[unit]}${unit}`;
  }
  return `${bytes}B`;
}

/** The number and what follows it; the number is undefined where the text does not begin with one. */
function split(text: string): [amount: string | undefined, unit: string] {
  const match = text.length <= textCharsMax ? /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(text) : null;
  return match === null ? [undefined, ''] : [match[1], match[2]];
}

function lookUp(table: Readonly<Record<string, number>>, unit: string): number | undefined {
  return Object.hasOwn(table, unit) ? table[unit] : undefined;
}

/** Without an exponent, which `split` does not read. */
function plain(value: number): string {
  return value.toFixed(6).replace(/\.?0+$/, '');
}

function quote(text: string): string {
  return JSON.stringify(text.length > textCharsMax ? `${text.slice(0, textCharsMax)}…` : text);
}
