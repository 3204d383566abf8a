import type { EndpointSpec } from '../core/endpoint-spec.ts';
import type { Result } from '../core/result.ts';
import { type ConfigProblem, formatProblem } from '../schema/problem.ts';
import type { Raw } from '../schema/scalar-type.ts';
import { list, section } from '../schema/shape.ts';
import { type Draft, typedOf } from '../schema/typed.ts';
import { type ReadFile, readFileBounded, textOf } from './config-file.ts';
import { readEndpointList } from './endpoint-list.ts';
import { readSource } from './reader.ts';
import { configFileBytesMax, parseSource } from './source.ts';
import { endpointShape } from './table/endpoint.ts';

/** What `discovery.file` reads: `endpoints:` as in a cluster. */
const endpointFile = section(
  { doc: 'A file of endpoints.', example: '{ endpoints: [{ address: 127.0.0.1:50051 }] }' },
  {
    endpoints: list(
      { noun: 'endpoint', itemsMin: 1, doc: 'The endpoints.', fromText: readEndpointList },
      endpointShape,
    ),
  },
);

/** Problems of one file that are reported; the others are counted. */
const problemsShownMax = 3;

/** The endpoints of a file (YAML or JSON), or what is wrong with it and where. Never throws. */
export function readEndpointFile(
  path: string,
  readFile: ReadFile = readFileBounded,
): Result<readonly EndpointSpec[]> {
  const bytes = readFile(path, configFileBytesMax);
  if (bytes.value === undefined) return { error: `${path} ${bytes.error}` };
  const text = textOf(bytes.value);
  if (text.value === undefined) return { error: `${path} ${text.error}` };
  if (/^\s*$/.test(text.value))
    return { error: `${path} is empty; write endpoints: [{ address: host:port }]` };
  const source = parseSource(path, text.value);
  if (source.value === undefined || source.problems.length > 0) return { error: said(source.problems) };
  const reading = readSource(endpointFile, source.value);
  if (reading.problems.length > 0) return { error: said(reading.problems) };
  const { endpoints = [] } = typedOf(endpointFile, reading.raw as Raw) as Draft<{
    readonly endpoints: readonly EndpointSpec[];
  }>;
  // As a cluster's own, which get theirs when layers are merged.
  return {
    value: endpoints.map(({ address, weight = 1, zone = '', priority = 0 }) => ({
      address: address as EndpointSpec['address'],
      weight,
      zone,
      priority,
    })),
  };
}

function said(problems: readonly ConfigProblem[]): string {
  const shown = problems.slice(0, problemsShownMax).map(formatProblem).join('; ');
  const more = problems.length - problemsShownMax;
  return more > 0 ? `${shown}; and ${more} more` : shown;
}
