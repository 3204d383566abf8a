import { headerName } from '../schema/names.ts';
import { oneOrMore } from '../schema/one-or-more.ts';
import { shown } from '../schema/problem.ts';
import { type ScalarType, text, toggle, wrongKind } from '../schema/scalar-type.ts';
import { key, list, optionalSection, section } from '../schema/shape.ts';
import { parseRange } from './address-range.ts';

const methodToken = text({
  label: 'HTTP method',
  charsMax: 32,
  pattern: /^[A-Z][A-Z-]*$/,
  write: 'a method in capitals, such as GET or POST',
});
const absolutePath = text({
  label: 'path',
  charsMax: 4096,
  pattern: /^\/[^?#\s]*$/,
  write: 'a path that begins with "/" and has no query',
});
const authority = text({
  label: 'authority',
  charsMax: 260,
  pattern: /^(\*|(\*\.)?[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?)$/,
  write: 'a host name, host:port, *.suffix or *',
});
const grpcName = text({
  label: 'gRPC name',
  charsMax: 512,
  pattern: /^[A-Za-z_][A-Za-z0-9_.]*$/,
  write: 'a name as in the .proto file, such as helloworld.Greeter or SayHello',
});
const regex = text({ label: 'regular expression' });

/** Paths, methods or ranges that one match may list. */
const itemsMax = 100;

const addressRange: ScalarType<string> = {
  label: 'address range',
  unit: '',
  jsonSchema: { type: 'string', pattern: String.raw`^[0-9A-Fa-f:.]+(/\d{1,3})?$` },
  fromText: (value) => value,
  toRaw: (value) => value,
  parse: (raw) => {
    if (typeof raw !== 'string') return wrongKind(raw, 'a range such as 10.0.0.0/8 or fd00::/8');
    const { error } = parseRange(raw);
    return error === undefined ? { value: raw } : { error: `${shown(raw)} ${error}` };
  },
};

const cookieName = text({
  label: 'cookie name',
  charsMax: 256,
  pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/,
  write: 'the name of a cookie, such as session',
});

const valueMatch = (what: string, nameKey: ReturnType<typeof requiredName>, example: string) =>
  section(
    {
      doc: `What one ${what} must hold. One of \`exact\`, \`prefix\`, \`regex\` and \`present\`; without any, it must be there.`,
      example,
    },
    {
      name: nameKey,
      exact: key(text({ emptyAllowed: true }), { doc: 'The whole value.', secret: 'byName' }),
      prefix: key(text(), { doc: 'How the value begins.', secret: 'byName' }),
      regex: key(regex, { doc: 'A regular expression for the whole value.', secret: 'byName' }),
      present: key(toggle, { doc: `Whether the ${what} is there at all.` }),
      invert: key(toggle, { default: false, doc: 'Inverts the match.' }),
    },
  );

function requiredName(type: ScalarType<string>, doc: string) {
  return key(type, { required: true, doc });
}

const headerMatch = valueMatch(
  'header',
  requiredName(headerName, 'Name of the header; letter case counts for nothing.'),
  '{ name: x-user-id, exact: "7" }',
);
const cookieMatch = valueMatch(
  'cookie',
  requiredName(cookieName, 'Name of the cookie; letter case counts.'),
  '{ name: canary, exact: "1" }',
);
const queryMatch = valueMatch(
  'parameter',
  requiredName(
    text({ label: 'parameter name', charsMax: 256 }),
    'Name of the parameter, decoded; letter case counts.',
  ),
  '{ name: version, exact: "2" }',
);

/** What a request must be like for a route to take it. */
export const match = section(
  {
    doc: 'What a call must be like. Every condition that is written must hold; without any, every call matches.',
    example: '{ path: /helloworld.Greeter/SayHello }',
  },
  {
    authority: key(authority, {
      doc: '`:authority` or `Host`: `greeter`, `greeter:8080`, `*.example.com` or `*`. The port counts only if one is written.',
    }),
    path: key(absolutePath, {
      doc: 'The whole path, without the query, in the form that `requestTarget` gives it. For gRPC `/package.Service/Method`.',
    }),
    pathPrefix: key(oneOrMore(absolutePath, itemsMax), {
      doc: 'How the path begins, in whole segments: `/api` holds for `/api/x`, not for `/apiary`. Of a list, one must hold.',
    }),
    pathRegex: key(regex, {
      doc: 'A regular expression for the whole path. No look-around and no back-references, so that it runs in linear time.',
    }),
    grpc: optionalSection(
      { doc: 'A gRPC call, by content type; empty for any.', example: '{ service: helloworld.Greeter }' },
      {
        service: key(grpcName, { doc: 'Service with its package: `helloworld.Greeter`.' }),
        method: key(grpcName, { doc: 'Method: `SayHello`.' }),
      },
    ),
    method: key(oneOrMore(methodToken, itemsMax), { doc: 'HTTP method. Of a list, one must hold.' }),
    source: key(oneOrMore(addressRange, itemsMax), {
      doc: 'Address of the client, of the connection itself: an IP address or a range (CIDR), such as `10.0.0.0/8` or `fd00::/8`. Of a list, one must hold. A client on a Unix socket has none.',
    }),
    headers: list({ noun: 'header', doc: 'Headers, all of which must hold.' }, headerMatch),
    cookies: list({ noun: 'cookie', doc: 'Cookies, all of which must hold.' }, cookieMatch),
    query: list(
      { noun: 'parameter', doc: 'Parameters of the query, decoded, all of which must hold.' },
      queryMatch,
    ),
  },
);
