import { readFileSync } from 'node:fs';
import { Client, type ClientOptions, credentials, type Metadata, status } from '@grpc/grpc-js';
import { durationText } from '../../admin/quantities.ts';
import { printable } from '../../admin/text-table.ts';
import type { Environment } from '../../config/environment.ts';
import { keepProcess, systemClock } from '../../core/clock.ts';
import { pluralize } from '../../core/pluralize.ts';
import { systemRandom } from '../../core/random.ts';
import type { Result } from '../../core/result.ts';
import type { Json } from '../../reflection/json.ts';
import { encodeRequests } from '../../replica-call/encode-requests.ts';
import { makeCall, type ReplyLimits } from '../../replica-call/make-call.ts';
import { markedClientOptions, markedMetadata } from '../../replica-call/mark.ts';
import { newTraceId, sampledTraceparent } from '../../replica-call/trace-context.ts';
import { type AskArguments, adminTarget } from '../admin-target.ts';
import { type CliIo, ExitCode } from '../io.ts';
import { reportFailure } from '../report-failure.ts';
import { packageVersion } from '../version.ts';
import { type DefinitionFlags, Definitions } from './definitions.ts';
import { findListener, pinTo } from './target.ts';

export interface CallArguments extends AskArguments, DefinitionFlags {
  /** `package.Service/Method`; undefined to list what there is. */
  readonly method: string | undefined;
  readonly messages: readonly Json[];
  readonly metadata: ReadonlyArray<readonly [string, string]>;
  readonly endpoint: string | undefined;
  readonly listener: string | undefined;
  /** Address of a listener, which the admin server is then not asked for. */
  readonly target: string | undefined;
  /** TLS of the listener; undefined for plain text. */
  readonly tls: { readonly ca: string; readonly cert?: string; readonly key?: string } | undefined;
  readonly authority: string | undefined;
  readonly timeoutMs: number;
}

/** People asked for the reply, and wait. */
const replyLimits: ReplyLimits = {
  messagesMax: 10_000,
  valuesMax: 1_000_000,
  // With -o json, all of it is in memory at the end.
  bytesMax: 64 * 1024 * 1024,
};

/**
 * Makes one gRPC call through the running sidecar, on the way of every other call, or lists services and methods. Returns 0
 * if the call ended with OK, 1 if not, 2 if the command line is wrong, 3 if no sidecar answers.
 */
export async function call(args: CallArguments, io: CliIo, env: Environment): Promise<number> {
  const admin = adminTarget(args, env);
  if (admin.error !== undefined) return usage(admin.error, io);
  const { target: given } = args;
  const found = given === undefined ? await findListener(admin.value, args.listener) : { value: given };
  if (found.error !== undefined) return reportFailure(found, io);
  const metadata = markedMetadata(packageVersion(), args.metadata);
  if (metadata.error !== undefined) return usage(`--header: ${metadata.error}`, io);
  if (args.endpoint !== undefined) {
    const pin = await pinTo(admin.value, args.endpoint);
    if (pin.error !== undefined) return reportFailure({ ...pin, error: `--endpoint: ${pin.error}` }, io);
    metadata.value.set(pin.value.header, pin.value.value);
  }
  const connected = connect(found.value, args);
  if (connected.error !== undefined) return usage(connected.error, io);
  const client = connected.value;
  const kept = keepProcess();
  try {
    const definitions = new Definitions(args, client, systemClock, metadata.value);
    if (args.method === undefined) return await list(definitions, args, io);
    return await callMethod(args.method, { args, client, definitions, metadata: metadata.value, io });
  } finally {
    client.close();
    kept.cancel();
  }
}

function usage(error: string, io: CliIo): number {
  io.stderr.write(`${error}\n`);
  return ExitCode.Usage;
}

function connect(target: string, { tls, authority }: CallArguments): Result<Client> {
  const options: ClientOptions = {
    ...markedClientOptions(packageVersion()),
    ...(authority === undefined ? {} : { 'grpc.default_authority': authority }),
    ...(authority === undefined || tls === undefined ? {} : { 'grpc.ssl_target_name_override': authority }),
  };
  try {
    const secured =
      tls === undefined
        ? credentials.createInsecure()
        : credentials.createSsl(
            readFileSync(tls.ca),
            tls.key === undefined ? null : readFileSync(tls.key),
            tls.cert === undefined ? null : readFileSync(tls.cert),
          );
    return { value: new Client(target, secured, options) };
  } catch (error) {
    return { error: `TLS: ${(error as Error).message}` };
  }
}

async function list(
  definitions: Definitions,
  { output, timeoutMs }: CallArguments,
  io: CliIo,
): Promise<number> {
  const endMs = systemClock.now() + timeoutMs;
  const services = await definitions.services();
  if (services.error !== undefined) return reportFailure(services, io);
  const methods: string[] = [];
  let late = 0;
  for (const name of services.value) {
    const isLate = systemClock.now() > endMs;
    if (isLate) late++;
    const service = isLate ? undefined : (await definitions.of(name)).value?.service(name);
    methods.push(
      ...(service === undefined ? [name] : [...service.methods.values()].map((method) => method.name)),
    );
  }
  if (late > 0)
    io.stderr.write(
      `the methods of ${pluralize(late, 'service')} are missing: the server did not describe them in time; raise --timeout\n`,
    );
  io.stdout.write(
    output === 'json'
      ? `${JSON.stringify(methods, null, 2)}\n`
      : methods.map((name) => `${printable(name)}\n`).join(''),
  );
  return ExitCode.Fine;
}

interface Prepared {
  readonly args: CallArguments;
  readonly client: Client;
  readonly definitions: Definitions;
  readonly metadata: Metadata;
  readonly io: CliIo;
}

async function callMethod(
  name: string,
  { args, client, definitions, metadata, io }: Prepared,
): Promise<number> {
  const pool = await definitions.of(name.split('/')[0]);
  if (pool.error !== undefined) return reportFailure(pool, io);
  const resolved = pool.value.method(name);
  if (resolved.error !== undefined) return usage(resolved.error, io);
  const requests = encodeRequests(pool.value, resolved.value, args.messages);
  if (requests.error !== undefined) return usage(`-d${requests.error}`, io);
  const traceId = newTraceId(systemRandom());
  metadata.set('traceparent', sampledTraceparent(traceId));
  const isJson = args.output === 'json';
  const messages: Json[] = [];
  const result = await makeCall({
    client,
    pool: pool.value,
    method: resolved.value,
    requests: requests.value,
    metadata,
    timeoutMs: args.timeoutMs,
    clock: systemClock,
    limits: replyLimits,
    onMessage(message) {
      if (isJson) messages.push(message);
      else io.stdout.write(`${JSON.stringify(message, null, 2)}\n`);
    },
  });
  const { code, details, durationMs } = result;
  const shown = status[code] ?? String(code);
  if (isJson) {
    const report = { status: shown, details, messages, trailers: result.trailers, durationMs, traceId };
    io.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  } else
    io.stderr.write(
      `${shown}${code === status.OK ? '' : `: ${printable(details)}`} (${durationText(durationMs)}, trace ${traceId})\n`,
    );
  return code === status.OK ? ExitCode.Fine : ExitCode.Failed;
}
