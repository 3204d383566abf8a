import { formatGrpcTimeout, parseGrpcTimeout } from '../../../src/core/grpc-timeout.ts';
import { bytesOf, check, type FuzzTarget } from '../target.ts';

/** Nanoseconds of each unit: whole numbers, so that the reference has no rounding of its own. */
const unitNs: Readonly<Record<string, bigint>> = {
  H: 3_600_000_000_000n,
  M: 60_000_000_000n,
  S: 1_000_000_000n,
  m: 1_000_000n,
  u: 1000n,
  n: 1n,
};

function referenceNs(text: string): bigint | undefined {
  const match = /^([0-9]{1,8})([HMSmun])$/.exec(text);
  // JavaScript's $ is the end, unless the flag m says otherwise.
  return match === null ? undefined : BigInt(match[1]) * unitNs[match[2]];
}

function near(ms: number, ns: bigint): boolean {
  const wanted = Number(ns) / 1e6;
  return Math.abs(ms - wanted) <= wanted * 1e-12;
}

function run(input: Uint8Array): void {
  const text = Buffer.from(input).toString('latin1');
  const ms = parseGrpcTimeout(text);
  const wanted = referenceNs(text);
  check((ms === undefined) === (wanted === undefined), `${JSON.stringify(text)} gives ${ms}`);
  if (ms !== undefined && wanted !== undefined) {
    check(near(ms, wanted), `${text} is ${wanted} ns, not ${ms} ms`);
    forwarded(ms);
  }
  if (input.length >= 8) forwarded(Buffer.from(input).readDoubleBE(0));
  if (input.length >= 4) forwarded(Buffer.from(input).readUInt32BE(0) / 7);
}

/** What is forwarded is well-formed, and never more time than there is, nor much less. */
function forwarded(ms: number): void {
  const text = formatGrpcTimeout(ms);
  const ns = referenceNs(text);
  check(ns !== undefined, `${ms} ms is written ${JSON.stringify(text)}`);
  const read = parseGrpcTimeout(text);
  check(read !== undefined, `${text} is read back`);
  if (!(ms > 0)) return check(read === 0, `${ms} ms is no time`);
  check(read <= ms * (1 + 1e-12), `${ms} ms became ${text}, which is more`);
  const longest = 99_999_999 * 3_600_000;
  const lost = Math.min(ms, longest) - read;
  const unit = ms < 99_999 ? 0.001 : ms <= 99_999_999 ? 1 : ms <= 99_999_999_000 ? 1000 : 3_600_000;
  check(lost <= unit * (1 + 1e-9) + ms * 1e-12, `${ms} ms became ${text}, which loses ${lost} ms`);
}

export const grpcTimeout: FuzzTarget = {
  about: 'grpc-timeout is read as the grammar has it, and never forwarded as more than is left',
  inputBytesMax: 24,
  recordBytes: 1,
  headBytes: 0,
  dictionary: ['H', 'M', 'S', 'm', 'u', 'n', '99999999', '0'].map(bytesOf),
  seeds: () => [
    ...[
      '1S',
      '0n',
      '99999999H',
      '100000000n',
      '1',
      'S',
      '-1S',
      '1 S',
      '1S\n',
      '\u00b2S',
      '1.5S',
      '00000001u',
    ].map(bytesOf),
    Buffer.from('40f869f000000000', 'hex'),
    Buffer.from('7ff8000000000000', 'hex'),
    Buffer.from('7ff0000000000000', 'hex'),
    Buffer.from('42374876e7ff0000', 'hex'),
  ],
  run,
};
