import { type Document, isMap, LineCounter, parseAllDocuments, stringify, type YAMLMap } from 'yaml';
import { syntaxProblems } from '../../config/syntax-errors.ts';
import type { Result } from '../../core/result.ts';
import { addSidecar, type Edit, isOwnConfigMap, removeSidecar } from './edit.ts';
import { configMapObject, type SidecarSpec } from './sidecar.ts';
import { listItems, manifestsIn, workloadOf } from './workload.ts';

/** What to do with the workloads of a text. */
export type ManifestAction =
  | { readonly remove: true }
  | {
      readonly remove: false;
      readonly spec: SidecarSpec;
      /** Content of the ConfigMap to add; undefined where it exists already. */
      readonly content: string | undefined;
    };

/** What `editManifests` made of a text. */
export interface Manifests {
  readonly text: string;
  /** One for each workload. */
  readonly edits: readonly Edit[];
}

/** A text with more documents is refused; no rendered chart has thousands. */
export const documentsMax = 10_000;

/**
 * Adds the sidecar to each workload in a text of manifests, or removes it. Documents without a workload stay as they were
 * written; of the others, comments and the order of keys stay. JSON stays JSON. Never throws.
 */
export function editManifests(text: string, action: ManifestAction): Result<Manifests> {
  const parsed = parse(text);
  if (parsed.error !== undefined) return parsed;
  const documents = parsed.value;
  const edits: Edit[] = [];
  const changed = new Set<Document>();
  const namespaces = new Set<string | undefined>();
  for (const document of documents) {
    for (const manifest of manifestsIn(document.contents)) {
      const found = workloadOf(manifest);
      if (found.error !== undefined) return found;
      if (found.value === undefined) continue;
      const edit: Result<Edit> = action.remove
        ? { value: removeSidecar(found.value) }
        : addSidecar(document, found.value, action.spec);
      if (edit.error !== undefined) return edit;
      edits.push(edit.value);
      if (!edit.value.changed) continue;
      changed.add(document);
      namespaces.add(found.value.namespace);
    }
  }
  const dropped =
    action.remove || action.content !== undefined ? dropConfigMaps(documents) : new Set<Document>();
  const added =
    action.remove || action.content === undefined
      ? []
      : [...namespaces].map((namespace) => configMapObject(action.spec, action.content ?? '', namespace));
  const output = isJson(text)
    ? jsonText(
        documents.filter((document) => !dropped.has(document)),
        added,
      )
    : yamlText({ text, documents, changed, dropped, added });
  return { value: { text: output, edits } };
}

function parse(text: string): Result<Document[]> {
  const lines = new LineCounter();
  let documents: Document[];
  try {
    const found = parseAllDocuments(text, { lineCounter: lines, keepSourceTokens: false });
    documents = Array.isArray(found) ? [...found] : [];
  } catch {
    return { error: 'the manifests are nested too deeply; use fewer levels' };
  }
  if (documents.length > documentsMax)
    return { error: `the input has more than ${documentsMax} documents; split it` };
  const errors = documents.flatMap(({ errors: own }) => own);
  const first = errors.length === 0 ? undefined : syntaxProblems(text, errors).problems[0];
  if (first === undefined) return { value: documents };
  const { line, col } = lines.linePos(first.offset);
  return { error: `line ${line}, column ${col}: ${first.message}` };
}

/** Takes the ConfigMaps of an earlier `inject` out of Lists; returns the documents that are such a ConfigMap. */
function dropConfigMaps(documents: readonly Document[]): Set<Document> {
  const dropped = new Set<Document>();
  for (const document of documents) {
    if (!isMap(document.contents)) continue;
    const items = listItems(document.contents as YAMLMap);
    if (items !== undefined)
      items.items = items.items.filter((item) => !isMap(item) || !isOwnConfigMap(item as YAMLMap));
    else if (isOwnConfigMap(document.contents as YAMLMap)) dropped.add(document);
  }
  return dropped;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function jsonText(documents: readonly Document[], added: readonly object[]): string {
  const manifests = documents.map((document) => document.toJS() as { items?: unknown });
  const [first] = manifests;
  if (manifests.length === 1 && added.length === 0) return formatJson(first);
  // A JSON text is one document: a List already, or one that becomes a List.
  if (manifests.length === 1 && Array.isArray(first.items))
    return formatJson({ ...first, items: [...added, ...(first.items as unknown[])] });
  return formatJson({ apiVersion: 'v1', kind: 'List', items: [...added, ...manifests] });
}

function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 4)}\n`;
}

interface YamlParts {
  readonly text: string;
  readonly documents: readonly Document[];
  readonly changed: ReadonlySet<Document>;
  readonly dropped: ReadonlySet<Document>;
  readonly added: readonly object[];
}

function yamlText({ text, documents, changed, dropped, added }: YamlParts): string {
  // As a literal block, whatever the text: people read the configuration there.
  const parts = added.map((object) => stringify(object, { lineWidth: 0, blockQuote: 'literal' }));
  let from = 0;
  for (const document of documents) {
    const to = document.range?.[2] ?? from;
    const source = text.slice(from, to);
    from = to;
    if (dropped.has(document)) continue;
    const part = changed.has(document) ? written(document, source) : source;
    if (parts.length === 0) parts.push(dropped.size === 0 ? part : part.replace(/^---\n/, ''));
    else parts.push(startsDocument.test(part) ? part : `---\n${part}`);
  }
  return parts.map((part) => (part === '' || part.endsWith('\n') ? part : `${part}\n`)).join('');
}

/** Comments and empty lines, then the mark that begins a document. */
const startsDocument = /^(?:[ \t]*(?:#[^\n]*)?\n)*---(?:\s|$)/;

/** Writes a document as its author indented lists: below the key, or level with it as kubectl and most charts do. */
function written(document: Document, source: string): string {
  return document.toString({ lineWidth: 0, indentSeq: !/^( *)[^\s#-][^\n]*:[ \t]*\n\1- /m.test(source) });
}
