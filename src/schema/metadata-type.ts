import { shown } from './problem.ts';
import { type Raw, type ScalarType, wrongKind } from './scalar-type.ts';

/** Names and values that a request carries; names in lower case. */
export type Metadata = Readonly<Record<string, string>>;

const entriesMax = 32;
const nameCharsMax = 128;
const valueCharsMax = 8192;
const example = '{ authorization: "Bearer …" }';

export interface MetadataOptions {
  readonly label: 'metadata' | 'headers';
  /** Names that Outrigger or the protocol sets, in lower case, with what to write instead where there is something. */
  readonly reserved: Readonly<Record<string, string>>;
  /** gRPC: names that end in `-bin` have values in base64, and names that begin with `grpc-` are the protocol's. */
  readonly grpc: boolean;
}

/**
 * A mapping of names to values. The values may be credentials: no error shows one, and the admin API masks all of them. A name is
 * a token (RFC 9110 section 5.6.2) and a value is printable ASCII, so that neither can begin a header of its own.
 */
export function metadata(options: MetadataOptions): ScalarType<Metadata> {
  return {
    label: `mapping of ${options.label === 'metadata' ? 'metadata' : 'header'} names to text`,
    unit: '',
    jsonSchema: {
      type: 'object',
      maxProperties: entriesMax,
      additionalProperties: { type: 'string', maxLength: valueCharsMax },
    },
    fromText: (text) => text,
    toRaw: (value) => value,
    parse: (raw) => {
      if (raw === null || typeof raw !== 'object' || Array.isArray(raw))
        return typeof raw === 'string'
          ? { error: `is text; write a mapping, such as ${example}` }
          : wrongKind(raw, `a mapping, such as ${example}`);
      const entries = Object.entries(raw as { readonly [name: string]: Raw });
      if (entries.length > entriesMax)
        return { error: `has ${entries.length} entries; write at most ${entriesMax}` };
      const value: Record<string, string> = Object.create(null);
      for (const [written, text] of entries) {
        const name = written.toLowerCase();
        const error =
          name in value
            ? twice(written)
            : (wrongName(name, written, options) ?? wrongValue(name, text, options));
        if (error !== undefined) return { error };
        value[name] = text as string;
      }
      return { value };
    },
  };
}

function twice(written: string): string {
  return `${shown(written)} is written twice, since names do not differ by case; write it once`;
}

function wrongName(
  name: string,
  written: string,
  { label, reserved, grpc }: MetadataOptions,
): string | undefined {
  if (name.startsWith(':')) return `${shown(written)} is a pseudo-header, which Outrigger sets; leave it out`;
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || name.length > nameCharsMax)
    return `${shown(written)} is not a name for ${label}; write letters, digits, "-", "_" and "."`;
  if (grpc && name.startsWith('grpc-'))
    return `${shown(written)} begins with "grpc-", which the gRPC protocol reserves; write another name or leave it out`;
  if (!Object.hasOwn(reserved, name)) return undefined;
  const instead = reserved[name];
  return `${shown(written)} is set by Outrigger; ${instead === '' ? 'leave it out' : `write ${instead}`}`;
}

/** Says what is wrong without the value: it may be a credential. */
function wrongValue(name: string, text: Raw, { grpc }: MetadataOptions): string | undefined {
  if (typeof text !== 'string') return `the value of ${shown(name)} is not text; write it in quotes`;
  if (text.length > valueCharsMax)
    return `the value of ${shown(name)} has ${text.length} characters; write at most ${valueCharsMax}`;
  if (grpc && name.endsWith('-bin')) {
    const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/.test(text);
    return base64
      ? undefined
      : `the value of ${shown(name)} is not base64, as names that end in "-bin" require; write base64`;
  }
  if (/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) || text === '') return undefined;
  return `the value of ${shown(name)} has characters that cannot be sent; write printable ASCII without spaces at its ends`;
}

const connectionNames = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'];
const framing = ['content-length', 'te', 'trailer', 'expect', 'http2-settings'];
const reservedNames = (names: readonly string[], more: Readonly<Record<string, string>>) => ({
  ...Object.fromEntries(names.map((name) => [name, ''])),
  ...more,
});

export const grpcMetadata = metadata({
  label: 'metadata',
  grpc: true,
  reserved: reservedNames([...connectionNames, ...framing, 'content-type'], {
    host: 'authority, beside metadata',
  }),
});

export const httpHeaders = metadata({
  label: 'headers',
  grpc: false,
  reserved: reservedNames([...connectionNames, ...framing], { host: 'host, beside headers' }),
});

/** Headers of a reply that Outrigger gives itself. */
export const replyHeaders = metadata({
  label: 'headers',
  grpc: false,
  reserved: reservedNames([...connectionNames, ...framing], {
    'content-type': 'contentType, beside headers',
    'grpc-status': 'grpcStatus, beside headers',
    'grpc-message': 'grpcMessage, beside headers',
  }),
});
