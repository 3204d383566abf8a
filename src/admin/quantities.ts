/** Quantities as people read them. The page's `format.js` says them the same way. */

/** A duration in milliseconds: `0.42 ms`, `12.3 ms`, `340 ms`, `1.24 s`, `2 m 5 s`. `-` where there is none. */
export function durationText(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return '-';
  if (ms < 9.995) return `${ms.toFixed(2)} ms`;
  if (ms < 99.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 59_995) return `${(ms / 1000).toFixed(2)} s`;
  return spanText(ms);
}

/** A long span in its two largest units: `45 s`, `2 m 5 s`, `3 h 20 m`, `12 d 4 h`. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} m`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Per second: three digits that matter, `0.5`, `12.3`, `1234`. */
export function rateText(perSecond: number): string {
  if (!Number.isFinite(perSecond) || perSecond <= 0) return '0';
  return perSecond < 99.95 ? perSecond.toFixed(1) : perSecond.toFixed(0);
}

/** A part of one as percent: `49.8%`; `-` where there is none. */
export function percentText(part: number | null): string {
  if (part === null || !Number.isFinite(part)) return '-';
  if (part > 0 && part < 0.0005) return '<0.1%';
  return `${(part * 100).toFixed(1)}%`;
}

/** Bytes with a binary unit: `512 B`, `1.5 KiB`, `90.2 MiB`. */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${Math.max(0, Math.round(bytes))} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}
