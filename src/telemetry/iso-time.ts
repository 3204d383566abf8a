const dayMs = 86_400_000;

let lastSecond = Number.NaN;
let lastText = '';

/**
 * Milliseconds since the Unix epoch as RFC 3339 in UTC, `2026-01-31T12:00:00.250Z`. The text of a second is kept,
 * since the lines of a log mostly share it.
 */
export function isoTime(wallMs: number): string {
  const ms = Math.floor(wallMs);
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastText = isoSecond(second);
  }
  return `${lastText}.${digits(ms - second * 1000, 3)}Z`;
}

/** Days to a civil date after Howard Hinnant: years that begin in March put the leap day at their end. */
function isoSecond(second: number): string {
  const days = Math.floor((second * 1000) / dayMs);
  const ofDay = second - days * 86_400;
  const sinceEra = days + 719_468; // from 0000-03-01
  const era = Math.floor(sinceEra / 146_097);
  const dayOfEra = sinceEra - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const date = `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
  return `${date}T${digits(Math.floor(ofDay / 3600), 2)}:${digits(Math.floor(ofDay / 60) % 60, 2)}:${digits(ofDay % 60, 2)}`;
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
