/** Quantities as people read them: the same words as the text pages (`quantities.ts`), a test compares them. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** A duration as figure and unit, so that the page can set them apart. */
export function durationParts(ms) {
  if (ms === null || !Number.isFinite(ms)) return ['-', ''];
  if (ms < 9.995) return [ms.toFixed(2), 'ms'];
  if (ms < 99.95) return [ms.toFixed(1), 'ms'];
  if (ms < 999.5) return [ms.toFixed(0), 'ms'];
  if (ms < 59_995) return [(ms / 1000).toFixed(2), 's'];
  return [span(ms), ''];
}

export function duration(ms) {
  return durationParts(ms).join(' ').trim();
}

/** A long span in its two largest units. */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} m`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Per second. */
export function rate(perSecond) {
  if (!Number.isFinite(perSecond) || perSecond <= 0) return '0';
  return perSecond < 99.95 ? perSecond.toFixed(1) : whole.format(perSecond);
}

export function percent(part) {
  if (part === null || !Number.isFinite(part)) return '-';
  if (part > 0 && part < 0.0005) return '<0.1%';
  return `${(part * 100).toFixed(1)}%`;
}

export function count(n) {
  return whole.format(n);
}

/** A weight to two places at most. */
export function weight(value) {
  return String(Math.round(value * 100) / 100);
}

export function plural(n, one, many) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** How long ago, in its largest unit alone: a list of them changes seldom. */
export function ago(ms) {
  if (ms < 10_000) return 'just now';
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} d ago`;
}

/** Bytes with a binary unit, as `bytesText` of the text pages. */
export function bytes(n) {
  if (n < 1024) return `${Math.round(n)} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = n / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

/** A day and time of the sidecar's wall clock, in UTC: `2026-11-22 18:30`. */
export function dayTime(wallMs) {
  return new Date(wallMs).toISOString().slice(0, 16).replace('T', ' ');
}
