/** The call of the out-of-band service (`xds.service.orca.v3`), by which a server reports its load at an interval (gRFC A51). */
export const reportStreamPath = '/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics';

/** Tags of `OrcaLoadReportRequest.report_interval`, a `google.protobuf.Duration`, and of its two fields. */
const intervalTag = (1 << 3) | 2;
const secondsTag = (1 << 3) | 0;
const nanosTag = (2 << 3) | 0;

/** Returns an `OrcaLoadReportRequest` that asks for a report every `periodMs`. Servers may have a minimum: 30 seconds in Go and Java. */
export function encodeReportRequest(periodMs: number): Buffer {
  const seconds = Math.floor(periodMs / 1000);
  const nanos = Math.round((periodMs - seconds * 1000) * 1e6);
  const duration = [secondsTag, ...varint(seconds), nanosTag, ...varint(nanos)];
  return Buffer.of(intervalTag, duration.length, ...duration);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80);
  return [...bytes, left];
}
