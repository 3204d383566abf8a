import { grpcStatusNames } from '../core/grpc-status.ts';
import { nearestName } from '../core/nearest.ts';
import type { Result } from '../core/result.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import { callGrpcStatus, callTally } from '../telemetry/call-status.ts';

/** Whether a call that is over ended with a status. */
export type StatusCondition = (record: CallRecord) => boolean;

const words: ReadonlyMap<string, StatusCondition> = new Map([
  ['ok', (record: CallRecord) => callTally(record) === 'ok'],
  ['error', (record: CallRecord) => callTally(record) === 'error'],
  ['client-error', (record: CallRecord) => callTally(record) === 'other'],
]);

const examples =
  'write ok, error, client-error, a gRPC status such as UNAVAILABLE or 14, or an HTTP status such as 503 or 5xx';

/** Parses one status of the filter: a word, a gRPC status by name or number, an HTTP status, or a class of them. */
export function parseStatus(text: string): Result<StatusCondition> {
  const known = words.get(text.toLowerCase());
  if (known !== undefined) return { value: known };
  const code = (grpcStatusNames as readonly string[]).indexOf(text.toUpperCase().replaceAll('-', '_'));
  if (code >= 0) return { value: grpcStatus(code) };
  const group = /^([1-5])xx$/i.exec(text);
  if (group !== null) {
    const hundreds = Number(group[1]);
    return { value: (record) => !record.grpc && Math.floor(record.httpStatus / 100) === hundreds };
  }
  if (/^\d{1,3}$/.test(text)) {
    const number = Number(text);
    if (number < grpcStatusNames.length) return { value: grpcStatus(number) };
    if (number >= 100 && number <= 599)
      return { value: (record) => record.httpStatus === number && (!record.grpc || number >= 400) };
  }
  const near = nearestName(text, [...words.keys(), ...grpcStatusNames]);
  return { error: `is no status; ${near === undefined ? examples : `did you mean ${near}?`}` };
}

function grpcStatus(code: number): StatusCondition {
  return (record) => record.grpc && callGrpcStatus(record) === code;
}
