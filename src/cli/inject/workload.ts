import { isMap, isScalar, isSeq, type YAMLMap, type YAMLSeq } from 'yaml';
import type { Result } from '../../core/result.ts';

/** Where the kinds that start pods have their pod template: metadata and spec below this path. */
const templatePaths: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
  // Of Argo Rollouts.
  Rollout: ['spec', 'template'],
};

/** A manifest of something that starts pods. */
export interface Workload {
  /** Such as `deployment/shop`. */
  readonly name: string;
  readonly namespace: string | undefined;
  readonly manifest: YAMLMap;
  /** The pod template (the manifest itself for a Pod): has `metadata` and `spec`. */
  readonly template: YAMLMap;
  readonly podSpec: YAMLMap;
}

/** Returns the workload that a manifest describes; no value for a manifest of another kind. */
export function workloadOf(manifest: YAMLMap): Result<Workload | undefined> {
  const kind = textAt(manifest, ['kind']);
  if (kind === undefined || !Object.hasOwn(templatePaths, kind)) return { value: undefined };
  const path = templatePaths[kind] as readonly string[];
  const called = textAt(manifest, ['metadata', 'name']) ?? textAt(manifest, ['metadata', 'generateName']);
  const name =
    called === undefined ? `${kind.toLowerCase()} without a name` : `${kind.toLowerCase()}/${called}`;
  const template = path.length === 0 ? manifest : manifest.getIn(path);
  const podSpec = isMap(template) ? template.get('spec') : undefined;
  if (!isMap(template) || !isMap(podSpec)) {
    const place = [...path, 'spec'].join('.');
    return { error: `${name}: ${place} is not a map; write the pod there, without a YAML alias` };
  }
  for (const key of lists) {
    const list = podSpec.get(key, true);
    if (list !== undefined && !isSeq(list) && !(isScalar(list) && list.value === null))
      return { error: `${name}: ${key} is not a list; write the list there, without a YAML alias` };
  }
  const namespace = textAt(manifest, ['metadata', 'namespace']);
  return { value: { name, namespace, manifest, template: template as YAMLMap, podSpec: podSpec as YAMLMap } };
}

/** Of a pod spec. */
const lists = ['initContainers', 'containers', 'volumes'] as const;

/** Returns the manifests in a document: itself, or the items of a List. */
export function manifestsIn(content: unknown): YAMLMap[] {
  if (!isMap(content)) return [];
  const manifest = content as YAMLMap;
  const items = listItems(manifest);
  return items === undefined ? [manifest] : items.items.filter((item): item is YAMLMap => isMap(item));
}

/** Returns the items of a List; undefined for a manifest of another kind. */
export function listItems(manifest: YAMLMap): YAMLSeq | undefined {
  const items = manifest.get('items');
  return textAt(manifest, ['kind'])?.endsWith('List') === true && isSeq(items) ? items : undefined;
}

export function textAt(map: YAMLMap, path: readonly string[]): string | undefined {
  const value = map.getIn(path, true);
  return isScalar(value) && typeof value.value === 'string' ? value.value : undefined;
}

/** Returns the entries of a list of named things, such as `containers`. */
export function named(map: YAMLMap, key: string): { readonly name: string; readonly entry: YAMLMap }[] {
  const list = map.get(key);
  if (!isSeq(list)) return [];
  return list.items.filter(isMap).map((entry) => {
    const item = entry as YAMLMap;
    return { name: textAt(item, ['name']) ?? '', entry: item };
  });
}
