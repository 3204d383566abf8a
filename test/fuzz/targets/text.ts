import { formatAddress, parseAddress } from '../../../src/core/address.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../src/core/units.ts';
import { splitAuthority } from '../../../src/routing/authority.ts';
import { bytesOf, check, type FuzzTarget } from '../target.ts';

function run(input: Uint8Array): void {
  const wire = Buffer.from(input);
  // As it comes on the wire, and as a configuration file has it.
  for (const text of [wire.toString('latin1'), wire.toString('utf8')]) {
    address(text);
    duration(text);
    size(text);
    authority(text);
  }
  if (wire.length >= 6) quantities(wire.readUIntBE(0, 6));
}

function address(text: string): void {
  const { value, error } = parseAddress(text);
  check((value === undefined) !== (error === undefined), 'an address or an error');
  if (value === undefined) return check(error !== '', 'an error says something');
  if (value.kind === 'tcp') {
    check(Number.isInteger(value.port) && value.port >= 0 && value.port <= 65_535, `port ${value.port}`);
    check(value.host !== '', 'a host is not empty');
  } else check(value.path !== '', 'a path is not empty');
  const again = parseAddress(formatAddress(value)).value;
  check(
    JSON.stringify(again) === JSON.stringify(value),
    `${JSON.stringify(text)} is written back differently`,
  );
}

function duration(text: string): void {
  const { value, error } = parseDuration(text);
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)$/.exec(text);
  check((value === undefined) !== (error === undefined), 'a duration or an error');
  if (value === undefined) {
    const tooLong = match !== null && Number(match[1]) > 1e9;
    return check(match === null || text.length > 32 || tooLong, `${text} is refused: ${error}`);
  }
  check(match !== null, `${JSON.stringify(text)} is taken for a duration`);
  const wanted =
    Number(match[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] as 'ms' | 's' | 'm' | 'h'];
  check(Math.abs(value - wanted) <= 1e-6 + wanted * 1e-12, `${text} is ${wanted} ms, not ${value}`);
}

function size(text: string): void {
  const { value, error } = parseSize(text);
  const match = /^([0-9]+(?:\.[0-9]+)?)(B|KiB|MiB|GiB)$/.exec(text);
  check((value === undefined) !== (error === undefined), 'a size or an error');
  if (value === undefined) return;
  check(match !== null, `${JSON.stringify(text)} is taken for a size`);
  check(Number.isSafeInteger(value) && value >= 0, `${text} is ${value} bytes`);
  check(parseSize(formatSize(value)).value === value, `${value} bytes are written ${formatSize(value)}`);
}

/** What we write ourselves we read. */
function quantities(number: number): void {
  const bytes = formatSize(number);
  check(parseSize(bytes).value === number, `${number} bytes are written ${bytes}`);
  // Milliseconds to the microsecond, up to some years.
  const ms = (number % 1e14) / 1000;
  const text = formatDuration(ms);
  const read = parseDuration(text).value;
  check(read !== undefined && Math.abs(read - ms) <= 1e-6 + ms * 1e-12, `${ms} ms are written ${text}`);
}

function authority(text: string): void {
  const { host, port } = splitAuthority(text);
  const lower = text.toLowerCase();
  check(host === host.toLowerCase(), `${JSON.stringify(text)} keeps its letter case`);
  // Encodings, a dot at the end of the host and zeros before the port are not compared.
  if (/%[0-9a-f]{2}|\.$|\.:|:0/.test(lower)) return;
  check(host === lower || `${host}:${port}` === lower, `${JSON.stringify(text)} is split into other text`);
}

export const text: FuzzTarget = {
  about: 'addresses, durations, sizes and authorities are read by their grammar and written back the same',
  inputBytesMax: 64,
  recordBytes: 1,
  headBytes: 0,
  dictionary: [
    '127.0.0.1',
    '[::1]',
    ':',
    ':65535',
    'unix:/',
    'ms',
    's',
    'm',
    'h',
    'B',
    'KiB',
    'GiB',
    '.5',
    '%eth0',
  ].map(bytesOf),
  seeds: () =>
    [
      '127.0.0.1:50051',
      '[::1]:0',
      'unix:/run/a.sock',
      'unix:',
      'host:',
      ':1',
      '[]:1',
      '[a]:65536',
      '::1:80',
      '250ms',
      '1.5s',
      '2m',
      '1h',
      '0.0000001ms',
      '9007199254740993ms',
      '64KiB',
      '1.5MiB',
      '0B',
      '5',
      '1kb',
      'Greeter:8080',
      '[fe80::1%25eth0]:443',
      '*.example.com',
      '\u00e9.example',
    ].map((seed) => Buffer.from(seed, 'utf8')),
  run,
};
