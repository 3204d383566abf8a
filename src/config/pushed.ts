import { type ConfigProblem, placeOfName } from '../schema/problem.ts';
import type { Raw } from '../schema/scalar-type.ts';
import type { Environment } from './environment.ts';
import type { SourceEntry, SourceNode } from './source.ts';

/** Listeners and clusters that a control plane sent, in the keys of a file. */
export interface PushedLists {
  readonly listeners: readonly Raw[];
  readonly clusters: readonly Raw[];
}

/** What stands for the file in places of what was pushed; the path follows. */
const pushedPlace = 'control plane: ';

/** The keys, and the variables, that turn the section `xds` on. */
const controlPlaneKeys = ['server', 'bootstrap', 'bootstrapConfig'];
const controlPlaneVariables = [
  'OUTRIGGER_XDS_SERVER',
  'OUTRIGGER_XDS_BOOTSTRAP',
  'OUTRIGGER_XDS_BOOTSTRAP_CONFIG',
];

/** Whether listeners and clusters may come from a control plane. */
export function hasControlPlane(source: SourceNode, env: Environment): boolean {
  if (controlPlaneVariables.some((name) => env[name])) return true;
  return entriesOf(source).some(
    ({ key, value }) => key === 'xds' && entriesOf(value).some((one) => controlPlaneKeys.includes(one.key)),
  );
}

function entriesOf(source: SourceNode): readonly SourceEntry[] {
  return source.kind === 'map' ? source.entries : [];
}

/** The source of a configuration with the pushed items at the end of its lists. */
export function withPushed(source: SourceNode, pushed: PushedLists | undefined): SourceNode {
  if (pushed === undefined || source.kind !== 'map') return source;
  const lists = { listeners: pushed.listeners, clusters: pushed.clusters };
  const entries: SourceEntry[] = source.entries.filter(({ key }) => !(key in lists));
  for (const [key, items] of Object.entries(lists)) {
    const written = source.entries.find((entry) => entry.key === key);
    const own = written?.value.kind === 'list' ? written.value.items : [];
    // A value that is no list is a mistake, which the reader explains.
    if (written !== undefined && written.value.kind !== 'list') entries.push(written);
    else {
      const nodes = items.map((item, i) => nodeOf(item, `${key}[${i}]`));
      const place = written?.value.place ?? source.place;
      const value: SourceNode = { kind: 'list', items: [...own, ...nodes], place };
      entries.push({ key, keyPlace: written?.keyPlace ?? source.place, value });
    }
  }
  return { ...source, entries };
}

/** The path in the pushed lists that a problem is about; undefined where it is about something else. */
export function pushedPathOf({ file }: ConfigProblem): string | undefined {
  return file.startsWith(pushedPlace) ? file.slice(pushedPlace.length) : undefined;
}

/** Text without references to variables. Those are for files: a control plane must not read variables of this process. */
export function literal(text: string): string {
  return text.replaceAll('${', () => '$${');
}

function nodeOf(raw: Raw, path: string): SourceNode {
  const place = placeOfName(`${pushedPlace}${path}`);
  if (Array.isArray(raw))
    return { kind: 'list', items: raw.map((item: Raw, i) => nodeOf(item, `${path}[${i}]`)), place };
  if (typeof raw === 'object' && raw !== null) {
    const entries = Object.entries(raw).map(([key, value]) => ({
      key,
      keyPlace: place,
      value: nodeOf(value, `${path}.${key}`),
    }));
    return { kind: 'map', entries, place };
  }
  return {
    kind: 'scalar',
    value: typeof raw === 'string' ? literal(raw) : (raw as number | boolean | null),
    place,
  };
}
