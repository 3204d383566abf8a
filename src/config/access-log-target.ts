import { shown } from '../schema/problem.ts';
import { type ScalarType, wrongKind } from '../schema/scalar-type.ts';

/** Where access log lines go. */
export type AccessLogTarget =
  | { readonly kind: 'none' | 'stdout' | 'stderr' }
  | { readonly kind: 'file'; readonly path: string };

const write = 'none, stdout, stderr or file:PATH';

/** By their path they cannot be opened where they are sockets, as under systemd. */
const standardStreams = new Map<string, 'stdout' | 'stderr'>([
  ['/dev/stdout', 'stdout'],
  ['/dev/stderr', 'stderr'],
]);

/** `none`, `stdout`, `stderr` or `file:PATH`. */
export const accessLogTarget: ScalarType<AccessLogTarget> = {
  label: '`none`, `stdout`, `stderr`, `file:PATH`',
  unit: '',
  jsonSchema: { type: 'string', pattern: '^(none|stdout|stderr|file:.+)$' },
  fromText: (text) => text,
  toRaw: (value) => (value.kind === 'file' ? `file:${value.path}` : value.kind),
  parse: (raw) => {
    if (typeof raw !== 'string') return wrongKind(raw, write);
    if (raw === 'none' || raw === 'stdout' || raw === 'stderr') return { value: { kind: raw } };
    if (!raw.startsWith('file:')) return { error: `${shown(raw)} is not known; write ${write}` };
    const stream = standardStreams.get(raw.slice(5));
    if (stream !== undefined) return { value: { kind: stream } };
    return raw.length > 5
      ? { value: { kind: 'file', path: raw.slice(5) } }
      : { error: `${shown(raw)} has no path; write file:PATH` };
  },
};
