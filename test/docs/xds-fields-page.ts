import type { DescriptorPool } from '../../src/reflection/descriptor-pool.ts';
import { loadResourceDefinitions } from '../../src/xds/resources/codec.ts';
import { fieldSections } from '../../src/xds/translate/fields/all.ts';
import type { MessageFields, Treatment } from '../../src/xds/translate/message-fields.ts';
import { configName } from '../../src/xds/translate/names.ts';

const introduction = `# Fields of xDS resources

<!-- Made from src/xds/translate/fields/ by \`make docs\`; a test compares the two. Change the tables there instead. -->

Which fields of a resource Outrigger honours when a control plane sends it. The names are those of the xDS API v3, without \`envoy.\`
in front of a message.

- **Honoured**: the field has the effect that it has in Envoy or, for listeners without an address, in gRPC.
- **Without effect**: names, statistics, labels and tuning of Envoy. Requests go to the same place without it.
- **Ignored**: the field would have an effect in Envoy. Outrigger applies the resource and shows a warning.
- **Refused**: Outrigger refuses the resource, because to ignore the field would send requests to the wrong place or open what is to be
  closed. It answers with a NACK that has the path of the field, and keeps the last good version of the resource.

A resource is applied as a whole or not at all. A reference to a resource that has not arrived is no reason to refuse: requests for a
cluster that is not there get \`UNAVAILABLE\` or 503, and a listener opens when its routes and secrets are there. A cluster without
endpoints is the same as one that is not there.

Names that the configuration does not allow get a readable form with a hash: \`outbound|80||shop.example\` is
\`${configName('outbound|80||shop.example')}\`.

## Filter chains

An Outrigger listener has one certificate and one list of routes. Of several filter chains, the one for plaintext HTTP takes all
connections, and chains that only forward bytes beside it are left out with a warning. Several chains for HTTP are refused: send one
listener for each. The last filter is \`HttpConnectionManager\` or \`TcpProxy\`. Filters of Istio that measure have no effect; any other
filter refuses the listener, because it may be there to close something.

## HTTP filters

| filter | effect |
|---|---|
| \`router\` | required by Envoy; Outrigger always routes |
| \`fault\` | \`fault\` of the routes |
| \`local_ratelimit\` | \`rateLimit\` of the routes |
| \`cors\`, \`grpc_web\`, \`grpc_stats\`, \`compressor\`, \`tap\`, filters of Istio that measure, and similar ones | none, with a warning |
| any other, such as \`rbac\`, \`jwt_authn\` or \`ext_authz\` | refuses the listener, unless it is \`disabled\` or \`is_optional\` |

\`typed_per_filter_config\` of a route, a virtual host or a route configuration replaces the configuration of the filter with that name.

## Prefixes and authorities

A prefix of Envoy is any text: \`/api\` also takes \`/apiary\`. Outrigger matches it the same way. A domain without a port takes every port,
as in Envoy with \`ignore_port_in_host_matching\`.

## Where Envoy decides differently

\`test/real/xds-envoy\` sends random requests through Envoy 1.40 and through Outrigger, which have the same random route configurations from
one control plane, and accepts these differences alone:

| case | Envoy | Outrigger |
|---|---|---|
| \`https_redirect\` of \`http://shop.example:8080/\` | keeps the port: \`https://shop.example:8080/\` | \`https://shop.example/\`: a port for plaintext has no TLS. Set \`port_redirect\` for another one |
| \`location\` of a redirect that changes only the path | an absolute URL | the path, which leads to the same URL |
`;

const titles: ReadonlyArray<readonly [Treatment, string]> = [
  ['honoured', 'honoured'],
  ['without effect', 'without effect'],
  ['ignored', 'ignored, with a warning'],
];

/** docs/xds-fields.md */
export function xdsFieldsPage(): string {
  const { value: pool, error } = loadResourceDefinitions();
  if (error !== undefined) throw new Error(error);
  const sections = fieldSections.map(
    ({ title, messages }) => `\n## ${title}\n${messages.map((fields) => sectionOf(fields, pool)).join('')}`,
  );
  return introduction + sections.join('');
}

function sectionOf(fields: MessageFields, pool: DescriptorPool): string {
  const names = fieldNames(fields, pool);
  if (names.length === 0) return '';
  const rows = titles.flatMap(([treatment, title]) => {
    const these = names.filter((name) => (fields.treatments.get(name) ?? 'ignored') === treatment);
    return these.length === 0 ? [] : [`| ${title} | ${these.map((name) => `\`${name}\``).join(', ')} |`];
  });
  const refused = [...byReason(fields.refused)].map(
    ([reason, these]) => `${these.map((name) => `\`${name}\``).join(', ')} (${reason})`,
  );
  if (refused.length > 0) rows.push(`| refused | ${refused.join('; ')} |`);
  const remarks = Object.entries(fields.remarks).map(([name, remark]) => `- \`${name}\`: ${remark}`);
  const after = remarks.length === 0 ? '' : `\n${remarks.join('\n')}\n`;
  return `\n### \`${fields.message}\`\n\n| treatment | fields |\n|---|---|\n${rows.join('\n')}\n${after}`;
}

function byReason(refused: Readonly<Record<string, string>>): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, reason] of Object.entries(refused))
    groups.set(reason, [...(groups.get(reason) ?? []), name]);
  return groups;
}

/** The fields that the definition of a message has, in its order. */
export function fieldNames({ message }: MessageFields, pool: DescriptorPool): string[] {
  const type = pool.message(`envoy.${message}`);
  if (type === undefined) throw new Error(`${message} has no definition`);
  return [...type.byNumber.values()].map(({ name }) => name);
}
