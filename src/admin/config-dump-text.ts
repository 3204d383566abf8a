import { Document, isMap, isScalar, isSeq, type YAMLMap } from 'yaml';
import { type SentObject, sentResourceText } from '../core/sent-resource.ts';
import { printable } from './text-table.ts';

/** The configuration as YAML, with a comment before each listener and cluster that a control plane sent: the resources that it is from. */
export function configDumpText(dumped: unknown, sent: readonly SentObject[]): string {
  const document = new Document(dumped);
  const byKey = new Map(sent.map((one) => [`${one.object}s ${one.name}`, one]));
  for (const list of sent.length === 0 ? [] : (['listeners', 'clusters'] as const)) {
    const items = document.get(list);
    if (!isSeq(items)) continue;
    for (const item of items.items) {
      if (!isMap(item)) continue;
      const one = byKey.get(`${list} ${String(item.get('name'))}`);
      if (one !== undefined) comment(item, one);
    }
  }
  return document.toString();
}

function comment(item: YAMLMap, { resources }: SentObject): void {
  const first = item.items[0]?.key;
  const lines = resources.map((one) => ` ${printable(sentResourceText(one))}`);
  if (isScalar(first)) first.commentBefore = ` from the control plane:\n${lines.join('\n')}`;
}
