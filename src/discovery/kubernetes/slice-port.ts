import { listed, shown } from '../../schema/problem.ts';
import type { Slice, SlicePort } from './slice.ts';

/** Finds the port of a cluster in each slice of its service. */
export interface PortResolver {
  /** Ports of the endpoints of a slice that the cluster uses; as a rule one. */
  portsOf(slice: Slice): readonly number[];
  /** Why a slice has no such port, '' if every slice with endpoints has one. */
  readonly problem: string;
}

/** Ports that an error lists. */
const portsShownMax = 8;

/**
 * Resolves the ports of pods, by name or number. The number of a name may differ from slice to slice: while a rollout changes a port, pods of
 * both kinds run. A slice without ports leaves the number to whoever connects, as that of a headless service may.
 *
 * @param expected a name or number; undefined for the only port that the slices have
 */
export function portResolver(
  slices: readonly Slice[],
  expected: string | number | undefined,
  transport: string,
): PortResolver {
  const usable = (slice: Slice) => slice.ports.filter(({ protocol }) => protocol === transport);
  const filled = slices.filter(({ endpoints }) => endpoints.length > 0);
  const all = (filled.length > 0 ? filled : slices).flatMap(usable);
  const names = new Set(all.map(({ name }) => name));
  if (expected === undefined && names.size > 1)
    return nothing(`it has several ports (${portList(all)}); write discovery.kubernetes.port`);
  const matches = ({ name, port }: SlicePort) =>
    expected === undefined || name === expected || (port !== null && port === expected);
  const portsOf = (slice: Slice): number[] => {
    const ports = usable(slice);
    if (typeof expected === 'number' && (slice.ports.length === 0 || ports.some(({ port }) => port === null)))
      return [expected];
    return [...new Set(ports.filter(matches).flatMap(({ port }) => port ?? []))];
  };
  const without = filled.find((slice) => portsOf(slice).length === 0);
  return { portsOf, problem: without === undefined ? '' : noPort(without, expected, transport, all) };
}

function nothing(problem: string): PortResolver {
  return { portsOf: () => [], problem };
}

function noPort(
  slice: Slice,
  expected: string | number | undefined,
  transport: string,
  all: readonly SlicePort[],
): string {
  const where = `slice ${slice.name} has no ${transport} port`;
  if (all.length === 0)
    return `${where}; write the number in discovery.kubernetes.port if the pods listen on one`;
  if (expected === undefined) return `${where}; its service has ${portList(all)}`;
  const unnamed = typeof expected === 'string' && all.every(({ name }) => name === '');
  const fix = unnamed
    ? 'its port has no name: leave discovery.kubernetes.port out, or write the number'
    : 'slices have the ports of the pods (targetPort); write one of these names or numbers';
  return `${where} ${shown(expected)}; it has ${portList(all)}; ${fix}`;
}

function portList(ports: readonly SlicePort[]): string {
  const texts = ports.map(({ name, port }) =>
    name === '' ? `${port}` : `${name} (${port ?? 'any number'})`,
  );
  const different = [...new Set(texts)];
  const more = different.length > portsShownMax ? [`${different.length - portsShownMax} more`] : [];
  return listed([...different.slice(0, portsShownMax), ...more], 'and');
}
