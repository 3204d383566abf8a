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
      doc: `Each item is a condition on one ${what}: set one of \`exact\`, \`prefix\`, \`regex\` and \`present\`. If none is set, the ${what} must be present.`,
      example,
    },
    {
      name: nameKey,
      exact: key(text({ emptyAllowed: true }), { doc: 'The value equals this text.', secret: 'byName' }),
      prefix: key(text(), { doc: 'The value begins with this text.', secret: 'byName' }),
      regex: key(regex, { doc: 'The whole value matches this regular expression.', secret: 'byName' }),
      present: key(toggle, { doc: `\`true\`: the ${what} is present. \`false\`: it is absent.` }),
      invert: key(toggle, { default: false, doc: 'Inverts the match.' }),
    },
  );

function requiredName(type: ScalarType<string>, doc: string) {
  return key(type, { required: true, doc });
}

const headerMatch = valueMatch(
  'header',
  requiredName(headerName, 'Name of the header, case-insensitive.'),
  '{ name: x-user-id, exact: "7" }',
);
const cookieMatch = valueMatch(
  'cookie',
  requiredName(cookieName, 'Name of the cookie, case-sensitive.'),
  '{ name: canary, exact: "1" }',
);
const queryMatch = valueMatch(
  'parameter',
  requiredName(
    text({ label: 'parameter name', charsMax: 256 }),
    'Name of the parameter, decoded, case-sensitive.',
  ),
  '{ name: version, exact: "2" }',
);

/** What a request must be like for a route to take it. */
export const match = section(
  {
    doc: 'Conditions of the route. A request must meet all of them; without conditions, the route matches every request.',
    example: '{ path: /helloworld.Greeter/SayHello }',
  },
  {
    authority: key(authority, {
      doc: '`:authority` or `Host` of the request: `greeter`, `greeter:8080`, `*.example.com` or `*`. Without a port, any port matches.',
    }),
    path: key(absolutePath, {
      doc: 'The whole path without the query, after normalization by `requestTarget`. For gRPC: `/package.Service/Method`.',
    }),
    pathPrefix: key(oneOrMore(absolutePath, itemsMax), {
      doc: 'Prefix of the path, in whole segments: `/api` matches `/api/x`, but not `/apiary`. In a list, one must match.',
    }),
    pathRegex: key(regex, {
      doc: 'Regular expression that must match the whole path. It cannot use look-around or back-references, so that it runs in linear time.',
    }),
    grpc: optionalSection(
      {
        doc: 'Matches gRPC calls only, by content type. An empty mapping matches every gRPC call.',
        example: '{ service: helloworld.Greeter }',
      },
      {
        service: key(grpcName, { doc: 'Service with its package, such as `helloworld.Greeter`.' }),
        method: key(grpcName, { doc: 'Method, such as `SayHello`.' }),
      },
    ),
    method: key(oneOrMore(methodToken, itemsMax), { doc: 'HTTP method. In a list, one must match.' }),
    source: key(oneOrMore(addressRange, itemsMax), {
      doc: 'Source address of the connection: an IP address or a range (CIDR), such as `10.0.0.0/8` or `fd00::/8`. In a list, one must match. A client on a Unix socket has no address and never matches.',
    }),
    headers: list({ noun: 'header', doc: 'Conditions on headers; all must match.' }, headerMatch),
    cookies: list({ noun: 'cookie', doc: 'Conditions on cookies; all must match.' }, cookieMatch),
    query: list(
      { noun: 'parameter', doc: 'Conditions on query parameters, after decoding; all must match.' },
      queryMatch,
    ),
  },
);
