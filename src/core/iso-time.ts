/** Milliseconds since the Unix epoch as RFC 3339 in UTC: `2026-01-31T12:00:00.250Z`. */
export function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
