import { isSecretKey, masked } from '../core/secret-keys.ts';
import { type ConfigProblem, shown } from '../schema/problem.ts';
import type { Raw } from '../schema/scalar-type.ts';
import type { Scalar, Section, Shape } from '../schema/shape.ts';
import type { SourceNode } from './source.ts';
import { expand, type Variables } from './variables.ts';

/**
 * Secrets of a configuration are what the table marks (`secret` of a key), and, where the table knows nothing because the
 * key is unknown or misplaced, what stands under a key that sounds like one. Problems are made in many places, so their
 * sentences are gone through once at the end, and whatever a secret has in them is replaced.
 */

/** Shorter secrets are replaced only where they stand in quotes or alone: as a part of words they would be anything. */
const partCharsMin = 6;
/** Of one file; a secret beyond is under an unknown key anyway. */
const secretsMax = 1000;

/** All texts of a source that are secrets, as written and with variables filled in. */
export function secretsOf(shape: Shape, source: SourceNode, variables: Variables): ReadonlySet<string> {
  const found = new Set<string>();
  const add = (value: string | number): void => {
    if (found.size >= secretsMax) return;
    const text = String(value);
    if (text === '') return;
    found.add(text);
    const filled = expand(text, variables).value?.text;
    if (filled !== undefined && filled !== '') found.add(filled);
    // The default of a variable, in whatever shell's way it is written.
    for (const [, otherwise] of text.matchAll(/\$\{\w*[^\w}]+([^}]+)/g)) found.add(otherwise);
  };
  collect(shape, source, false, add);
  return found;
}

type Add = (value: string | number) => void;

function collect(shape: Shape | undefined, node: SourceNode, secret: boolean, add: Add): void {
  // A text in the place of a mapping that has a secret is most likely that secret.
  const here = secret || (shape !== undefined && node.kind === 'scalar' && mayHoldSecret(shape));
  if (node.kind === 'scalar') {
    if (here && (typeof node.value === 'string' || typeof node.value === 'number')) add(node.value);
    return;
  }
  if (node.kind === 'list') {
    const item = shape?.kind === 'list' ? shape.item : shape;
    for (const one of node.items) collect(item, one, here, add);
    return;
  }
  const names = node.entries.some(
    ({ key, value }) =>
      key === 'name' &&
      value.kind === 'scalar' &&
      typeof value.value === 'string' &&
      isSecretKey(value.value),
  );
  for (const { key, value } of node.entries) {
    const child = shape?.kind === 'section' && Object.hasOwn(shape.keys, key) ? shape.keys[key] : undefined;
    // What the table knows, it knows better than the key's sound.
    const sounds = child === undefined && isSecretKey(key);
    collect(child, value, here || sounds || isSecret(child, names) || isSecret(shape, names), add);
  }
}

function isSecret(shape: Shape | undefined, namesSecret: boolean): boolean {
  return shape?.kind === 'scalar' && (shape.secret === true || (shape.secret === 'byName' && namesSecret));
}

function mayHoldSecret(shape: Shape): boolean {
  if (shape.kind === 'scalar') return shape.secret === true;
  // Of a section alone: at the top of the table everything has a secret somewhere below.
  return shape.kind === 'section' && Object.values(shape.keys).some((child) => isSecret(child, false));
}

/** A key, a colon or equals sign, and the rest of the line. */
const keyAndValue = /^[\s{,-]*["']?([\w.-]{1,64})["']?\s*[:= ]\s*(\S.*)$/;

/** The same of a text that is not YAML, line by line: an error of syntax may quote one. */
export function secretsOfText(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const line of text.split('\n', 100_000)) {
    const [, key, rest] = keyAndValue.exec(line.slice(0, 4096)) ?? [];
    if (key === undefined || !isSecretKey(key) || found.size >= secretsMax) continue;
    const value = rest.trim();
    for (const part of [value, value.replace(/[\s,}\]]+$/, ''), ...value.split(/\s+/)]) {
      found.add(part);
      found.add(part.replace(/^["']|["']$/g, ''));
    }
  }
  for (const trivial of ['', '{', '}', '[', '|', '>', '"', "'"]) found.delete(trivial);
  return found;
}

/** Problems whose sentences hold none of the secrets. */
export function withoutSecrets(
  problems: readonly ConfigProblem[],
  secrets: ReadonlySet<string>,
): readonly ConfigProblem[] {
  if (secrets.size === 0 || problems.length === 0) return problems;
  // The longest first: one may be a part of another.
  const sorted = [...secrets].sort((a, b) => b.length - a.length);
  return problems.map((problem) => ({ ...problem, message: scrub(problem.message, sorted) }));
}

function scrub(message: string, secrets: readonly string[]): string {
  let text = message;
  for (const secret of secrets) {
    text = text.replaceAll(shown(secret), `"${masked}"`).replaceAll(`"${secret}"`, `"${masked}"`);
    if (secret.length >= partCharsMin) text = text.replaceAll(secret, masked);
    // A number is shown without quotes.
    else if (/^[\d.]+$/.test(secret) && text.startsWith(`${secret} `))
      text = masked + text.slice(secret.length);
  }
  return text;
}

/** A configuration as a file would have it, with every secret of the table masked. Empty values stay: there is no secret. */
export function maskRaw(shape: Shape, raw: Raw): Raw {
  if (shape.kind === 'scalar') {
    if (shape.secret === true) return maskValue(raw);
    return shape.secret === 'byName' ? maskNamed(raw) : raw;
  }
  if (shape.kind === 'list')
    return Array.isArray(raw) ? (raw as readonly Raw[]).map((item) => maskRaw(shape.item, item)) : raw;
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  return maskSection(shape, raw as { readonly [key: string]: Raw });
}

function maskSection(section: Section, raw: { readonly [key: string]: Raw }): Raw {
  const namesSecret = typeof raw.name === 'string' && isSecretKey(raw.name);
  const entries = Object.entries(raw).map(([key, value]): [string, Raw] => {
    const child = Object.hasOwn(section.keys, key) ? section.keys[key] : undefined;
    if (child === undefined) return [key, value];
    return [key, isSecret(child, namesSecret) ? maskValue(value) : maskRaw(child, value)];
  });
  return Object.fromEntries(entries);
}

/** The keys of a mapping stay: they say what is sent, and not with what. */
function maskValue(raw: Raw): Raw {
  if (raw === null || raw === '' || typeof raw === 'boolean') return raw;
  if (Array.isArray(raw)) return raw.map(() => masked);
  if (typeof raw !== 'object') return masked;
  return Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, maskValue(value as Raw)]));
}

/** A mapping of names to values, without the values of the names that sound like secrets. Anything else stays as it is. */
function maskNamed(raw: Raw): Raw {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  const entries = Object.entries(raw as { readonly [key: string]: Raw });
  return Object.fromEntries(
    entries.map(([key, value]) => [key, isSecretKey(key) ? maskValue(value) : value]),
  );
}

/** The sentence of a wrong value of one key, without the value where that is a secret. */
export function errorOf(shape: Scalar, raw: Raw): string | undefined {
  const { error } = shape.type.parse(raw);
  if (error === undefined || shape.secret !== true) return error;
  return typeof raw === 'string' || typeof raw === 'number' ? scrub(error, [String(raw)]) : error;
}
