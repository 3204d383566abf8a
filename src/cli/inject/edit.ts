import { type Document, isMap, isSeq, type YAMLMap } from 'yaml';
import type { Result } from '../../core/result.ts';
import {
  configVolume,
  containerName,
  markAnnotation,
  optOutAnnotation,
  probesPort,
  type SidecarSpec,
  sidecarContainer,
  volumeName,
} from './sidecar.ts';
import { named, textAt, type Workload } from './workload.ts';

/** Seconds that a drain takes with the default `drain.delay` and `drain.grace`. */
const drainSecondsDefault = 15;
/** Of Kubernetes. */
const graceSecondsDefault = 30;

/** What became of a workload, in words for the user. */
export interface Edit {
  readonly changed: boolean;
  readonly text: string;
  readonly warnings: readonly string[];
}

/** Adds the sidecar to a pod template, in place of one that an earlier `inject` added. */
export function addSidecar(document: Document, workload: Workload, spec: SidecarSpec): Result<Edit> {
  const reason = optOut(workload);
  if (reason !== undefined) return { value: unchanged(workload, reason) };
  const had = removeOwn(workload);
  const foreign = foreignPart(workload);
  if (foreign !== undefined) return { error: foreign };
  const { podSpec, template } = workload;
  // First of all: init containers after it can make calls through it already.
  insert(document, podSpec, 'initContainers', sidecarContainer(spec), 'first');
  insert(document, podSpec, 'volumes', configVolume(spec), 'last');
  setAnnotation(document, template, spec.version);
  const text = `${workload.name}: sidecar ${had ? 'replaced' : 'added'}`;
  return {
    value: {
      changed: true,
      text,
      warnings: [...warningsOf(workload, spec), ...accountWarnings(workload, spec)],
    },
  };
}

/** Takes out what `addSidecar` put in. */
export function removeSidecar(workload: Workload): Edit {
  if (!removeOwn(workload)) return unchanged(workload, 'no sidecar of inject in it');
  return { changed: true, text: `${workload.name}: sidecar removed`, warnings: [] };
}

/** Returns whether `inject` added the manifest, as a ConfigMap with the configuration. */
export function isOwnConfigMap(manifest: YAMLMap): boolean {
  return (
    textAt(manifest, ['kind']) === 'ConfigMap' &&
    textAt(manifest, ['metadata', 'annotations', markAnnotation]) !== undefined
  );
}

function unchanged({ name }: Workload, reason: string): Edit {
  return { changed: false, text: `${name}: left as it is: ${reason}`, warnings: [] };
}

function optOut({ manifest, template, podSpec }: Workload): string | undefined {
  const path = ['metadata', 'annotations', optOutAnnotation];
  if ([manifest, template].some((map) => textAt(map, path) === 'disabled'))
    return `it has the annotation ${optOutAnnotation}: disabled`;
  if (podSpec.get('hostNetwork') === true)
    return 'its pods use the network of the node (hostNetwork), where the ports of two sidecars collide';
  return undefined;
}

/** A container or volume that has our name and is not ours. */
function foreignPart({ name, podSpec }: Workload): string | undefined {
  const container = [...named(podSpec, 'initContainers'), ...named(podSpec, 'containers')].some(
    (one) => one.name === containerName,
  );
  if (container)
    return `${name}: it has a container ${containerName} that inject did not add; remove it, or add the annotation ${optOutAnnotation}: disabled`;
  if (named(podSpec, 'volumes').some((one) => one.name === volumeName))
    return `${name}: it has a volume ${volumeName} that inject did not add; rename it, or add the annotation ${optOutAnnotation}: disabled`;
  return undefined;
}

function warningsOf(
  { name, podSpec }: Workload,
  { drainSeconds = drainSecondsDefault }: SidecarSpec,
): string[] {
  const warnings: string[] = [];
  const written = podSpec.get('terminationGracePeriodSeconds') ?? graceSecondsDefault;
  if (typeof written === 'number' && written <= drainSeconds)
    warnings.push(
      `${name}: terminationGracePeriodSeconds is ${written}, and a drain takes up to ${drainSeconds} s; raise it, or shorten drain.delay and drain.grace`,
    );
  for (const { name: container, entry } of named(podSpec, 'containers')) {
    const ports = entry.get('ports');
    if (!isSeq(ports)) continue;
    if (ports.items.some((port) => isMap(port) && port.get('containerPort') === probesPort))
      warnings.push(
        `${name}: the container ${container} uses port ${probesPort}, on which the sidecar answers probes; change one of them`,
      );
  }
  return warnings;
}

/** Discovery then fails, and the pod never becomes ready. */
function accountWarnings({ name, podSpec }: Workload, { discoversServices = false }: SidecarSpec): string[] {
  if (!discoversServices) return [];
  if (podSpec.get('automountServiceAccountToken') === false)
    return [
      `${name}: automountServiceAccountToken is false, and discovery of Kubernetes Services requires the token; set it to true, or use discovery.dns`,
    ];
  const account = podSpec.get('serviceAccountName');
  if (typeof account === 'string' && account !== '') return [];
  return [
    `${name}: it has no serviceAccountName, and discovery of Kubernetes Services requires an account that may list and watch EndpointSlices; see docs/tasks/kubernetes.md, step 3`,
  ];
}

/** True where there was something to remove. */
function removeOwn({ template, podSpec }: Workload): boolean {
  if (textAt(template, ['metadata', 'annotations', markAnnotation]) === undefined) return false;
  removeNamed(podSpec, 'initContainers', containerName);
  removeNamed(podSpec, 'volumes', volumeName);
  template.deleteIn(['metadata', 'annotations', markAnnotation]);
  deleteEmpty(template, ['metadata', 'annotations']);
  deleteEmpty(template, ['metadata']);
  return true;
}

function removeNamed(map: YAMLMap, key: string, name: string): void {
  const list = map.get(key);
  if (!isSeq(list)) return;
  list.items = list.items.filter((item) => !isMap(item) || textAt(item as YAMLMap, ['name']) !== name);
  if (list.items.length === 0) map.delete(key);
}

function deleteEmpty(map: YAMLMap, path: readonly string[]): void {
  const value = map.getIn(path);
  if (isMap(value) && value.items.length === 0) map.deleteIn(path);
}

function insert(document: Document, map: YAMLMap, key: string, value: object, at: 'first' | 'last'): void {
  const list = map.get(key);
  if (!isSeq(list)) map.set(key, document.createNode([value]));
  else if (at === 'first') list.items.unshift(document.createNode(value));
  else list.items.push(document.createNode(value));
}

function setAnnotation(document: Document, template: YAMLMap, version: string): void {
  const metadata = mapAt(document, template, 'metadata', 'first');
  mapAt(document, metadata, 'annotations', 'last').set(markAnnotation, version);
}

/** The map at a key; made where there is none. */
function mapAt(document: Document, parent: YAMLMap, key: string, at: 'first' | 'last'): YAMLMap {
  const found = parent.get(key);
  if (isMap(found)) return found as YAMLMap;
  parent.delete(key);
  const pair = document.createPair(key, {});
  if (at === 'first') parent.items.unshift(pair);
  else parent.items.push(pair);
  return pair.value as YAMLMap;
}
