import { GrpcStatus } from '../../src/core/grpc-status.ts';
import { type ErrorOrigin, type ReplyErrorCode, replyErrors } from '../../src/core/reply-error.ts';
import { errorHelp } from './error-causes.ts';

const head = `# Errors

<!-- Generated from src/core/reply-error.ts and test/docs/error-causes.ts: node test/docs/main.ts --pages. -->

If Outrigger itself answers a request with an error, the reply has the code of the error in the header \`x-outrigger-error\`,
and a message that ends with the code and the id of the call:

\`\`\`text
UNAVAILABLE: cluster greeter has no usable endpoint: 127.0.0.1:50051 unhealthy: connection refused; the upstream did not process the call; /clusters shows why each endpoint is unusable [no_healthy_endpoint] (call 7f3a-1c09d2e4)
\`\`\`

The message says what happened, whether the upstream may have processed the call, and what to check. gRPC clients find it in the
status message, HTTP clients in the body. An error without this header comes from the endpoint.

\`outrigger explain 7f3a-1c09d2e4\` shows what Outrigger decided about this call, and why; the header \`x-outrigger-call\` has the id too.
See [Find out why a call went to an endpoint](admin.md#find-out-why-a-call-went-to-an-endpoint).
`;

const parties: Readonly<Record<ErrorOrigin, string>> = {
  client: 'client',
  upstream: 'endpoint',
  outrigger: 'configuration or limits of Outrigger',
};

const names = new Map(Object.entries(GrpcStatus).map(([name, code]) => [code as number, name]));

/** Returns docs/errors.md: every code with its statuses, causes and fixes. */
export function errorsPage(): string {
  const codes = Object.keys(replyErrors) as ReplyErrorCode[];
  const rows = codes.map((code) => {
    const { grpcStatus, httpStatus, origin } = replyErrors[code];
    return `| [\`${code}\`](#${code}) | ${names.get(grpcStatus)} | ${httpStatus} | ${parties[origin]} |`;
  });
  return [
    head,
    '| code | gRPC status | HTTP status | usual cause |',
    '|---|---|---|---|',
    ...rows,
    '',
    ...codes.flatMap(section),
  ].join('\n');
}

function section(code: ReplyErrorCode): string[] {
  const { grpcStatus, httpStatus } = replyErrors[code];
  const { causes, fixes } = errorHelp[code];
  const list = (items: readonly string[]): string[] => items.map((item) => `- ${item}`);
  return [
    `## \`${code}\``,
    '',
    `gRPC status ${names.get(grpcStatus)}, HTTP status ${httpStatus}.`,
    '',
    '**Cause**',
    '',
    ...list(causes),
    '',
    '**Fix**',
    '',
    ...list(fixes),
    '',
  ];
}
