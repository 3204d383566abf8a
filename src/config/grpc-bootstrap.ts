import { placeOfName } from '../schema/problem.ts';
import type { Environment } from './environment.ts';
import { literal } from './pushed.ts';
import type { SourceEntry, SourceNode } from './source.ts';

/** The variables of gRFC A27, the first of which wins, and the keys that they stand for. */
const variables = [
  ['GRPC_XDS_BOOTSTRAP', 'bootstrap'],
  ['GRPC_XDS_BOOTSTRAP_CONFIG', 'bootstrapConfig'],
] as const;
/** The keys and variables that name a control plane; the variables of gRPC count for nothing then. */
const ownKeys: readonly string[] = ['server', 'bootstrap', 'bootstrapConfig'];
const ownVariables = ['OUTRIGGER_XDS_SERVER', 'OUTRIGGER_XDS_BOOTSTRAP', 'OUTRIGGER_XDS_BOOTSTRAP_CONFIG'];

/**
 * The source of a configuration with the bootstrap file of the environment, where the file has a section `xds` that names no control
 * plane. Without the section nothing changes: a service beside the sidecar may have these variables for itself.
 */
export function withGrpcBootstrap(source: SourceNode, env: Environment): SourceNode {
  if (source.kind !== 'map' || ownVariables.some((name) => env[name])) return source;
  const [name, key] = variables.find(([variable]) => env[variable]) ?? [];
  if (name === undefined || key === undefined) return source;
  const place = placeOfName(name);
  const value: SourceNode = { kind: 'scalar', value: literal(env[name] as string), place };
  const added: SourceEntry = { key, keyPlace: place, value };
  const entries = source.entries.map((entry): SourceEntry => {
    if (entry.key !== 'xds') return entry;
    const { value: section } = entry;
    if (section.kind === 'list' || (section.kind === 'scalar' && section.value !== null)) return entry;
    const written = section.kind === 'map' ? section.entries : [];
    if (written.some((one) => ownKeys.includes(one.key))) return entry;
    return { ...entry, value: { kind: 'map', entries: [...written, added], place: section.place } };
  });
  return { ...source, entries };
}
