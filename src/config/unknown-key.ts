import { editDistance, nearestName } from '../core/nearest.ts';
import { listed, shown } from '../schema/problem.ts';
import type { Section, Shape } from '../schema/shape.ts';
import { foreignKeyOf, normalKey } from './foreign-keys.ts';
import { oddKey } from './odd-text.ts';

/** What is said of a key that a section does not have. */
export interface UnknownKey {
  readonly message: string;
  /** The key of this section that was most likely meant: nothing is said of its absence. */
  readonly meant: readonly string[];
}

/** More places of one name are not listed. */
const placesShownMax = 3;

/**
 * What to write for an unknown key: the nearest key of this section, what another proxy's key is called here, the
 * section that the key belongs to, or the keys that there are. `path` has indices, `clusters[0].endpoints[1]`.
 */
export function unknownKey(root: Section, section: Section, path: string, key: string): UnknownKey {
  const known = Object.keys(section.keys);
  const said = `${shown(key)} is not a known key`;
  const same = known.find((name) => normalKey(name) === normalKey(key));
  if (same !== undefined) return { message: `${said}; write ${same}`, meant: [same] };
  const odd = oddKey(key);
  if (odd !== undefined) {
    const plain = normalKey(key.replaceAll(/[^\w-]/g, ''));
    return { message: odd, meant: known.filter((name) => normalKey(name) === plain) };
  }
  if (key === '<<')
    return {
      message: 'merge keys ("<<") are not supported; write the keys out, or use an alias for a whole value',
      meant: known,
    };
  const here = patternOf(path);
  const near = nearestName(key, known);
  const isSlip = near !== undefined && editDistance(key.toLowerCase(), near.toLowerCase()) === 1;
  const foreign = isSlip ? undefined : foreignKeyOf(key);
  const ownKeys = foreign === undefined ? [] : nearby(foreign.ownKeys, here);
  // A word such as "target" means something else in each section: in one that ours is far from it is any unknown key.
  if (foreign !== undefined && (ownKeys.length > 0 || foreign.advice !== undefined)) {
    const meant = known.filter((name) => ownKeys.some((target) => leadsTo(target, here, name)));
    return {
      message: `${said}, but one of ${foreign.program}; ${foreign.advice ?? ownKeysOf(ownKeys)}`,
      meant,
    };
  }
  if (near !== undefined) return { message: `${said}; write ${near}`, meant: [near] };
  const all = placesOf(root, key);
  const nearer = nearby(all, here);
  // The same word in another branch of the table is rarely what was meant.
  const places = nearer.length > 0 ? nearer : all;
  if (places.length > 0 && places.length <= placesShownMax)
    return { message: `${shown(key)} is not a key here; it belongs to ${listed(places)}`, meant: [] };
  return { message: `${said}; write ${known.length === 0 ? 'nothing here' : listed(known)}`, meant: [] };
}

/** Of several paths those that share most with a section; at the top level all. None where not even the first part is the same. */
function nearby(ownKeys: readonly string[], here: string): readonly string[] {
  if (here === '') return ownKeys;
  const shared = ownKeys.map((path) => sharedParts(path.split('.'), here.split('.')));
  const most = Math.max(...shared);
  if (most === 0) return here.includes('.') ? [] : ownKeys;
  return ownKeys.filter((_, i) => shared[i] === most);
}

function sharedParts(a: readonly string[], b: readonly string[]): number {
  const differs = a.findIndex((part, i) => part !== b[i]);
  return differs < 0 ? a.length : differs;
}

/** `here it is clusters[].balancer.policy`; of sections at the top level all are meant, elsewhere the one that fits. */
function ownKeysOf(ownKeys: readonly string[]): string {
  return ownKeys.every((path) => !path.includes('.'))
    ? `write ${listed(ownKeys, 'and')} at the top level`
    : `here it is ${listed(ownKeys)}`;
}

/** `clusters[].endpoints[]` of `clusters[0].endpoints[1]`. */
function patternOf(path: string): string {
  return path.replaceAll(/\[\d+\]/g, '[]');
}

/** Whether a target, `listeners[].routes`, lies in the key of a section, or is it. */
function leadsTo(target: string, section: string, key: string): boolean {
  const path = section === '' ? key : `${section}.${key}`;
  return target === path || target.startsWith(`${path}.`) || target.startsWith(`${path}[`);
}

/** Sections that have a key of this name, the whole file being `the top level`. */
function placesOf(root: Section, key: string): readonly string[] {
  let places = placesByRoot.get(root);
  if (places === undefined) {
    places = new Map<string, string[]>();
    for (const { section, name } of pathsOf(root, '')) {
      const known = places.get(name) ?? [];
      known.push(section === '' ? 'the top level' : section);
      places.set(name, known);
    }
    placesByRoot.set(root, places);
  }
  return places.get(key) ?? [];
}

/** Collected once: a hostile file has as many unknown keys as it has bytes. */
const placesByRoot = new WeakMap<Section, Map<string, string[]>>();

/** Every key of the table with the section that it belongs to. */
export function pathsOf(shape: Shape, path: string): { section: string; name: string }[] {
  if (shape.kind === 'scalar') return [];
  if (shape.kind === 'list') return pathsOf(shape.item, `${path}[]`);
  return Object.entries(shape.keys).flatMap(([name, child]) => [
    { section: path, name },
    ...pathsOf(child, path === '' ? name : `${path}.${name}`),
  ]);
}
