import { pluralize } from '../../core/pluralize.ts';
import type {
  ClusterExplanation,
  EndpointExplanation,
  ListenerExplanation,
  PolicyExplanation,
  RequestExplanation,
} from '../../explain/request.ts';
import { printable, textTable } from '../text-table.ts';
import { resourceLines, routeLines } from './call-text.ts';

/** Endpoints that the text shows of each cluster; JSON has more. */
const endpointsMax = 20;
/** Characters of the settings of a policy. */
const settingsCharsMax = 160;

/** What would become of a request, for a terminal. */
export function requestText({ request, listeners }: RequestExplanation): string {
  const kind = request.grpc ? ' (gRPC)' : '';
  const headers = request.headers.length === 0 ? '' : `, headers: ${request.headers.join(', ')}`;
  const head = `Request ${request.method} ${request.path}${kind}, authority ${request.authority || '-'}${headers}`;
  const lines = [head, ...listeners.flatMap(listenerLines), '', 'Nothing was sent.'];
  return `${lines.map(printable).join('\n')}\n`;
}

function listenerLines(explanation: ListenerExplanation): string[] {
  const { listener, route, steps, stepsLeftOut, policies, clusters, resources, outcome, refused, path } =
    explanation;
  const lines = ['', `Listener ${listener}: ${outcome}`];
  if (refused !== '') return lines;
  lines.push('', `  route   ${route || 'none matched'}`, `  path    ${path}`);
  lines.push(...routeLines(steps, stepsLeftOut));
  if (route === '') return [...lines, ...resourceLines(resources)];
  lines.push(
    '',
    policies.length === 0 ? 'No policy acts on it.' : 'Policies, in the order in which they act',
  );
  const width = Math.max(0, ...policies.map(({ policy }) => policy.length)) + 2;
  for (const one of policies) lines.push(`  ${one.policy.padEnd(width)}${settingsText(one)}`);
  return [...lines, ...clusters.flatMap(clusterLines), ...resourceLines(resources)];
}

function settingsText({ settings }: PolicyExplanation): string {
  const text = typeof settings === 'string' ? settings : JSON.stringify(settings);
  const plain = text.replaceAll(/"(\w+)":/g, '$1: ').replaceAll(',', ', ');
  return plain.length <= settingsCharsMax ? plain : `${plain.slice(0, settingsCharsMax - 1)}…`;
}

function clusterLines(cluster: ClusterExplanation): string[] {
  const { candidates, candidatesLeftOut } = cluster;
  const via = cluster.via === 'route' ? '' : ` (by ${cluster.via})`;
  const lines = [
    '',
    `Cluster ${cluster.cluster}${via}: ${cluster.protocol}, ${cluster.balancer}, ${cluster.discovery}`,
  ];
  if (candidates.length === 0) return [...lines, '  no endpoint is known'];
  const right = { align: 'right' } as const;
  const columns = [
    { title: 'ENDPOINT' },
    { title: 'ACTIVE', ...right },
    { title: 'WEIGHT', ...right },
    { title: 'STATE' },
  ];
  const shown = candidates.slice(0, endpointsMax);
  const table = textTable(columns, shown.map(endpointRow));
  lines.push(
    ...table
      .trimEnd()
      .split('\n')
      .map((line) => `  ${line}`),
  );
  const missing = candidates.length - shown.length + candidatesLeftOut;
  if (missing > 0) lines.push(`  … ${pluralize(missing, 'more endpoint')}`);
  return lines;
}

function endpointRow({ address, active, weight, usable, health, unusable }: EndpointExplanation): string[] {
  const state =
    usable === null ? 'not known without a running sidecar' : usable ? health : `not usable: ${unusable}`;
  return [address, active === null ? '-' : String(active), String(weight), state];
}
