import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/**
 * Stands in for grpcurl where the commands of the guide are run: it makes one unary call, with the flags that the guide uses and
 * no others. Exit code 1 and the status on standard error where the call fails, 2 for other flags.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  // grpcurl takes long flags with one dash.
  args: process.argv.slice(2).map((argument) => argument.replace(/^-(?=[a-z-]{2})/, '--')),
  options: {
    plaintext: { type: 'boolean' },
    cacert: { type: 'string' },
    cert: { type: 'string' },
    key: { type: 'string' },
    proto: { type: 'string' },
    'import-path': { type: 'string', multiple: true },
    d: { type: 'string', short: 'd' },
    H: { type: 'string', short: 'H', multiple: true },
  },
});

const [address, name] = positionals;
const [service, method] = name.split('/');
const proto = loadSync(values.proto!, { includeDirs: values['import-path'] ?? ['.'], keepCase: true });
const definition = (proto[service] as grpc.ServiceDefinition)[method];
const credentials = values.plaintext
  ? grpc.credentials.createInsecure()
  : grpc.credentials.createSsl(...[values.cacert, values.key, values.cert].map(read));
const client = new grpc.Client(address, credentials);
const metadata = new grpc.Metadata();
for (const header of values.H ?? []) {
  const [key, value] = header.split(/:\s*/);
  metadata.add(key, value);
}
client.makeUnaryRequest(
  definition.path,
  definition.requestSerialize,
  definition.responseDeserialize,
  JSON.parse(values.d ?? '{}'),
  metadata,
  { deadline: Date.now() + 10_000 },
  (error, reply) => {
    client.close();
    if (error === null) process.stdout.write(`${JSON.stringify(reply)}\n`);
    else process.stderr.write(`ERROR:\n  Code: ${grpc.status[error.code]}\n  Message: ${error.details}\n`);
    process.exitCode = error === null ? 0 : 1;
  },
);

function read(path: string | undefined): Buffer | null {
  return path === undefined ? null : readFileSync(path);
}
