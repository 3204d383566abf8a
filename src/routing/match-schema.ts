import { headerName } from '../schema/names.ts';
import { text, toggle } from '../schema/scalar-type.ts';
import { key, list, optionalSection, section } from '../schema/shape.ts';

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

const headerMatch = section(
  {
    doc: 'What one header must hold. One of `exact`, `prefix`, `regex` and `present`; without any, it must be there.',
    example: '{ name: x-user-id, exact: "7" }',
  },
  {
    name: key(headerName, { required: true, doc: 'Name of the header; letter case counts for nothing.' }),
    exact: key(text({ emptyAllowed: true }), { doc: 'The whole value.', secret: 'byName' }),
    prefix: key(text(), { doc: 'How the value begins.', secret: 'byName' }),
    regex: key(regex, { doc: 'A regular expression for the whole value.', secret: 'byName' }),
    present: key(toggle, { doc: 'Whether the header is there at all.' }),
    invert: key(toggle, { default: false, doc: 'Inverts the match.' }),
  },
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
    pathPrefix: key(absolutePath, {
      doc: 'How the path begins, in whole segments: `/api` holds for `/api/x`, not for `/apiary`.',
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
    method: key(methodToken, { doc: 'HTTP method.' }),
    headers: list({ noun: 'header', doc: 'Headers, all of which must hold.' }, headerMatch),
  },
);
