import type { Raw } from '../schema/scalar-type.ts';
import type { Scalar, Section, Shape } from '../schema/shape.ts';
import { settings, sourceVariables } from './settings.ts';
import { table } from './table.ts';

const head = `# Configuration

<!-- Made from src/config/table.ts by \`outrigger schema -o markdown\`; a test compares the two. Change the table instead. -->

\`outrigger run --config outrigger.yaml\` reads YAML or JSON. \`outrigger validate --config outrigger.yaml\` checks a file
without running it and shows everything that is wrong, each with its place and what to write instead. An unknown key is
an error. Nothing is ever half-applied.

- **Precedence**: flag, environment, file, default.
- **Durations** are a number and a unit: \`250ms\`, \`1.5s\`, \`2m\`, \`1h\`. **Sizes** likewise: \`512B\`, \`64KiB\`, \`1MiB\`, \`1GiB\`.
- **Addresses** are \`host:port\`, \`[::1]:port\` or \`unix:/path\`.
- **Files** (certificates, logs) are found from the working directory.
- **Environment variables**: \`\${NAME}\` in a value stands for the variable, \`\${NAME:-default}\` for the default where the
  variable is not set or empty, and \`$\${NAME}\` for the text \`\${NAME}\`. A variable that is not set is an error. Variables
  are filled in after the YAML is parsed, so a variable gives a value and never a key or a mapping; the value is converted
  as the key requires, and quotes make no difference (\`weight: \${WEIGHT}\`). A list of endpoints may be a variable
  (\`endpoints: \${REPLICAS}\` with \`REPLICAS=10.0.0.1:50051,10.0.0.2:50051\`). A value has at most 64 KiB once it is filled
  in, all of them together 1 MiB. Errors do not show what a variable holds whose name has \`PASSWORD\`, \`SECRET\`, \`TOKEN\` or
  \`CREDENTIAL\` in it or ends in \`PASS\`, \`AUTH\` or \`KEY\`. Endpoints files and the values of flags and variables are taken as they are.
- Anchors and aliases (\`&a\`, \`*a\`) work; merge keys (\`<<\`) do not. A file has at most 1 MiB.
- \`outrigger schema > outrigger.schema.json\` writes a JSON Schema. With
  \`# yaml-language-server: $schema=outrigger.schema.json\` in the first line of a file, an editor completes and checks it.

## A small one

\`\`\`yaml
listeners:
  - name: outbound
    listen: 127.0.0.1:15001
    routes:
      - { name: all, cluster: greeter }
clusters:
  - name: greeter
    endpoints:
      - { address: 127.0.0.1:50051 }
      - { address: 127.0.0.1:50052, weight: 2 }
\`\`\`

The same without a file:

\`\`\`sh
outrigger run --from 127.0.0.1:15001 --to 127.0.0.1:50051,127.0.0.1:50052,weight=2
\`\`\`

\`--to\` takes a list of endpoints, separated by commas, and may be repeated. The options \`weight=\`, \`zone=\` and \`priority=\`
follow the address that they are for. No shell requires quotes for this; only zsh does for the brackets of an IPv6
address (\`'[::1]:50051'\`). \`OUTRIGGER_TO\` takes the same list, separated by commas or spaces, and so does \`endpoints\`
of a cluster or an endpoints file: \`endpoints: 127.0.0.1:50051, 127.0.0.1:50052,weight=2\`. The older form
\`'127.0.0.1:50052;weight=2'\` works too; quote it, since a shell ends the command at \`;\`.
\`--to dns:///orders:50051\`, alone, finds the replicas by DNS.
`;

/** The reference page, docs/configuration.md, in Markdown. */
export function referencePage(of: Section = table): string {
  return `${[head, ...sectionPages(of, '', 2), variablesPage()].join('\n')}`;
}

/** A heading, a table of the keys, then a page for each section below. */
function sectionPages(section: Section, path: string, depth: number): string[] {
  const entries = Object.entries(section.keys);
  const own = entries.filter(([, shape]) => shape.kind === 'scalar') as [string, Scalar][];
  const below = entries.filter(([, shape]) => shape.kind !== 'scalar');
  const pages: string[] = [];
  if (path !== '')
    pages.push(`${'#'.repeat(Math.min(depth, 4))} \`${path}\`\n\n${section.doc}${ifAbsent(section)}\n`);
  if (own.length > 0) pages.push(keyTable(own));
  for (const [key, shape] of below)
    pages.push(...childPages(shape, path === '' ? key : `${path}.${key}`, depth));
  return pages;
}

function childPages(shape: Shape, path: string, depth: number): string[] {
  const next = path.includes('.') || path.includes('[') ? depth + 1 : depth;
  if (shape.kind === 'list')
    return sectionPages({ ...shape.item, doc: listDoc(shape.doc, shape.item.doc) }, `${path}[]`, next);
  return shape.kind === 'section' ? sectionPages(shape, path, next) : [];
}

function listDoc(list: string, item: string): string {
  return `${list} Each: ${item.charAt(0).toLowerCase()}${item.slice(1)}`;
}

function ifAbsent(section: Section): string {
  if (section.required) return ' Must be written.';
  if (section.presence === 'filled') return '';
  return section.otherwise === undefined ? ' Off unless written.' : ` Unless written: ${section.otherwise}.`;
}

function keyTable(keys: readonly [string, Scalar][]): string {
  const rows = keys.map(
    ([key, shape]) =>
      `| \`${key}\` | ${cell(shape.type.label)} | ${cell(defaultOf(shape))} | ${cell(docOf(shape))} |`,
  );
  return ['| key | value | default | meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}

function docOf({ doc, secret }: Scalar): string {
  if (secret === false) return doc;
  const whose =
    secret === true ? 'A secret' : 'A secret where `name` is `authorization`, `cookie` or the like';
  return `${doc} ${whose}: errors, logs and \`/config_dump\` do not show it.`;
}

function defaultOf(shape: Scalar): string {
  if (shape.required) return '**required**';
  if (shape.default !== undefined) return code(shape.default);
  return shape.otherwise ?? '';
}

function code(raw: Raw): string {
  if (raw === '') return '`""`';
  if (typeof raw === 'object' && raw !== null && !Array.isArray(raw)) return `\`${JSON.stringify(raw)}\``;
  return `\`${Array.isArray(raw) ? `[${raw.map(itemCode).join(', ')}]` : String(raw)}\``;
}

/** As YAML requires it: a plain text that begins with `*` would be an alias. */
function itemCode(raw: Raw): string {
  return typeof raw === 'string' && raw.startsWith('*') ? `"${raw}"` : String(raw);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function variablesPage(): string {
  const rows = settings.map(({ path, shape, variable }) => {
    const flag = shape.flag === undefined ? '' : `\`--${shape.flag}\``;
    const standard = shape.standardVariable === undefined ? '' : `, else \`${shape.standardVariable}\``;
    return `| \`${path}\` | \`${variable}\`${standard} | ${flag} |`;
  });
  return [
    '## Flags and variables\n',
    'Every setting outside the lists has a variable, some a flag. An empty variable counts as unset. An unknown',
    '`OUTRIGGER_…` is warned of. A wrong value in a variable of the OpenTelemetry specification (`OTEL_…`) is warned of and',
    'ignored, as that specification asks.\n',
    '| setting | variable | flag |',
    '|---|---|---|',
    `| the file | \`${sourceVariables.config}\` | \`--config\` |`,
    `| where to listen, without a file | \`${sourceVariables.from}\` | \`--from\` |`,
    `| the replicas, without a file | \`${sourceVariables.to}\`, separated by commas or spaces | \`--to\` |`,
    ...rows,
    '',
  ].join('\n');
}
