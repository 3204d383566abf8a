import type { Raw } from '../schema/scalar-type.ts';
import type { Scalar, Section, Shape } from '../schema/shape.ts';
import { settings, sourceVariables } from './settings.ts';
import { table } from './table.ts';

const head = `# Configuration

<!-- Made from src/config/table.ts by \`outrigger schema -o markdown\`; a test compares the two. Change the table instead. -->

\`outrigger run --config outrigger.yaml\` reads YAML or JSON. \`outrigger validate --config outrigger.yaml\` checks a file
without starting the proxy, and reports every error with its place and a fix. An unknown key is an error. Outrigger applies
a configuration as a whole or not at all.

- **Precedence**, highest first: flag, environment variable, file, default.
- **Durations** are a number and a unit: \`250ms\`, \`1.5s\`, \`2m\`, \`1h\`. **Sizes** likewise: \`512B\`, \`64KiB\`, \`1MiB\`, \`1GiB\`.
- **Addresses** are \`host:port\`, \`[::1]:port\` or \`unix:/path\`.
- **File paths** (certificates, logs) are relative to the working directory.
- **Environment variables**: Outrigger replaces \`\${NAME}\` in a value with the variable \`NAME\`, and \`\${NAME:-default}\` with
  the default if the variable is unset or empty. Write \`$\${NAME}\` for the literal text \`\${NAME}\`. An unset variable without
  a default is an error. Outrigger replaces variables after it has parsed the YAML, so a variable supplies a value, never a
  key or a mapping. The key determines the type of the value, and quotes make no difference (\`weight: \${WEIGHT}\`). A
  variable can supply a list of endpoints (\`endpoints: \${REPLICAS}\` with \`REPLICAS=10.0.0.1:50051,10.0.0.2:50051\`). One
  value can be at most 64 KiB long after replacement, and all of them together 1 MiB. Error messages hide the value of a
  variable whose name contains \`PASSWORD\`, \`SECRET\`, \`TOKEN\` or \`CREDENTIAL\`, or ends in \`PASS\`, \`AUTH\` or \`KEY\`. Outrigger
  does not replace variables in endpoints files, in flags or in environment variables.
- Anchors and aliases (\`&a\`, \`*a\`) work; merge keys (\`<<\`) do not. A file can be at most 1 MiB long.
- \`outrigger schema > outrigger.schema.json\` writes a JSON Schema. Put
  \`# yaml-language-server: $schema=outrigger.schema.json\` on the first line of a file to get completion and validation in
  your editor.

## A minimal configuration

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

\`--to\` takes a list of endpoints, separated by commas, and can be repeated. Write the options \`weight=\`, \`zone=\` and
\`priority=\` after the address that they apply to. The list needs no quotes in a shell, except that zsh requires them around
the brackets of an IPv6 address (\`'[::1]:50051'\`). \`OUTRIGGER_TO\` takes the same list, separated by commas or spaces, and
so does \`endpoints\` of a cluster or an endpoints file: \`endpoints: 127.0.0.1:50051, 127.0.0.1:50052,weight=2\`. The older
form \`'127.0.0.1:50052;weight=2'\` works too; quote it, because the shell ends the command at \`;\`.
\`--to dns:///orders:50051\` discovers the endpoints by DNS; it must then be the only target.
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
  return `${list} ${item}`;
}

function ifAbsent(section: Section): string {
  if (section.required) return ' Required.';
  if (section.presence === 'filled') return '';
  return section.otherwise === undefined ? ' Not set by default.' : ` Default: ${section.otherwise}.`;
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
  const whose = secret === true ? 'Secret' : 'Secret if the name is `authorization`, `cookie` or similar';
  return `${doc} ${whose}: errors, logs and \`/config_dump\` hide it.`;
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
    'Every setting outside the lists has an environment variable, and some have a flag. An empty variable counts as unset.',
    'Outrigger logs a warning for an unknown `OUTRIGGER_…` variable. If a variable of the OpenTelemetry specification',
    '(`OTEL_…`) has an invalid value, Outrigger logs a warning and ignores it, as the specification requires.\n',
    '| setting | variable | flag |',
    '|---|---|---|',
    `| configuration file | \`${sourceVariables.config}\` | \`--config\` |`,
    `| address to listen on, without a file | \`${sourceVariables.from}\` | \`--from\` |`,
    `| endpoints, without a file | \`${sourceVariables.to}\`, separated by commas or spaces | \`--to\` |`,
    ...rows,
    '',
  ].join('\n');
}
