import { readFileBounded } from '../../config/config-file.ts';
import type { Environment } from '../../config/environment.ts';
import { loadWithParts } from '../../config/load-parts.ts';
import { configFileBytesMax } from '../../config/source.ts';
import { admin } from '../../config/table/admin.ts';
import { type Address, formatAddress, reachableHost } from '../../core/address.ts';
import { systemClock } from '../../core/clock.ts';
import { pluralize } from '../../core/pluralize.ts';
import type { Result } from '../../core/result.ts';
import { checkSafeRegex } from '../../routing/safe-regex.ts';
import { type CliIo, ExitCode } from '../io.ts';
import { problemLines } from '../validate.ts';
import { packageVersion } from '../version.ts';
import { editManifests, type ManifestAction } from './manifests.ts';

const adminDefault = admin.keys.listen.default;

/** Of the manifests that are read. */
export const manifestBytesMax = 64 << 20;

export interface InjectArguments {
  /** File with the manifests; undefined for standard input. */
  readonly file: string | undefined;
  readonly action:
    | { readonly remove: true }
    | {
        readonly remove: false;
        readonly image: string;
        readonly configMap: string;
        /** IP address on which the sidecar answers probes. */
        readonly host: string;
        /** File with the configuration that the ConfigMap is to hold. */
        readonly config: string | undefined;
      };
}

/** Adds the sidecar to manifests, or removes it. Returns 0, or 2 if the manifests or the configuration are wrong; then it writes no manifest. */
export async function inject(args: InjectArguments, io: CliIo, env: Environment): Promise<number> {
  const subject = args.file ?? 'standard input';
  const fail = (problem: string): number => {
    io.stderr.write(`${problem}\n`);
    return ExitCode.Usage;
  };
  const action = await actionOf(args, env);
  if (action.error !== undefined) return fail(action.error);
  const text = args.file === undefined ? await readInput() : readText(args.file, manifestBytesMax);
  if (text.error !== undefined) return fail(text.error);
  const edited = editManifests(text.value, action.value);
  if (edited.error !== undefined) return fail(`${subject}: ${edited.error}`);
  const { edits } = edited.value;
  io.stdout.write(edited.value.text);
  for (const { text: line, warnings } of edits) {
    io.stderr.write(`${line}\n`);
    for (const warning of warnings) io.stderr.write(`warning: ${warning}\n`);
  }
  if (edits.length === 0)
    io.stderr.write(
      `${subject}: nothing to change: no Deployment or other workload with a pod template in it\n`,
    );
  return ExitCode.Fine;
}

async function actionOf({ action }: InjectArguments, env: Environment): Promise<Result<ManifestAction>> {
  if (action.remove) return { value: action };
  const { image, configMap, host } = action;
  const spec = { image, configMap, host, version: packageVersion() };
  if (action.config === undefined) return { value: { remove: false, spec, content: undefined } };
  // The admin address of a sidecar on this machine is not that of the pod.
  const { OUTRIGGER_ADMIN: _, ...others } = env;
  const loaded = await loadWithParts({
    flags: { config: action.config },
    env: others,
    checkRegex: checkSafeRegex,
    clock: systemClock,
  });
  if (loaded.config === undefined) {
    const lines = problemLines(loaded.problems, loaded.warnings);
    return { error: `${lines}${action.config} has ${pluralize(loaded.problems.length, 'problem')}` };
  }
  const content = readText(action.config, configFileBytesMax);
  if (content.error !== undefined) return content;
  const discoversServices = loaded.config.clusters.some(
    ({ discovery }) => discovery?.kubernetes !== undefined,
  );
  const { admin: adminConfig, drain } = loaded.config;
  const drainSeconds = Math.ceil((drain.delayMs + drain.graceMs) / 1000);
  const more = { admin: adminOfHook(adminConfig.listen), drainSeconds, discoversServices };
  return { value: { remove: false, spec: { ...spec, ...more }, content: content.value } };
}

/** Returns the admin address as the `preStop` hook reaches it; undefined if that is where commands ask anyway. */
function adminOfHook(listen: Address): string | undefined {
  const address = listen.kind === 'tcp' ? { ...listen, host: reachableHost(listen.host) } : listen;
  const text = formatAddress(address);
  return text === adminDefault ? undefined : text;
}

function readText(file: string, bytesMax: number): Result<string> {
  const read = readFileBounded(file, bytesMax);
  return read.error === undefined
    ? { value: read.value.toString('utf8') }
    : { error: `${file} ${read.error}` };
}

async function readInput(): Promise<Result<string>> {
  if (process.stdin.isTTY)
    return { error: 'no manifests: write a file as the argument, or pipe manifests into standard input' };
  // Not by the path /dev/stdin: a socket, as of a program that starts this one, cannot be opened.
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > manifestBytesMax)
      return { error: `standard input is larger than ${manifestBytesMax} bytes; split it` };
    chunks.push(chunk);
  }
  return { value: Buffer.concat(chunks).toString('utf8') };
}
