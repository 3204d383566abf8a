import { isJsonObject, type Json, type JsonObject } from '../../reflection/json.ts';
import type { MessageFields } from './message-fields.ts';
import type { Notes } from './notes.ts';

/** A message that an Any held. */
export interface AnyMessage {
  /** Full name without `envoy.` in front. */
  readonly type: string;
  readonly json: JsonObject;
  readonly path: string;
}

/**
 * Reads the fields of a decoded message by their names in the definition. A field of the wrong JSON type is a problem of the
 * resource; what `MessageFields` refuses or ignores is noted as soon as the reader is made. Never throws.
 */
export class MessageReader {
  readonly path: string;
  readonly notes: Notes;
  private readonly json: JsonObject;
  private readonly fields: MessageFields;

  constructor(json: Json | undefined, fields: MessageFields, path: string, notes: Notes) {
    this.path = path;
    this.notes = notes;
    this.fields = fields;
    if (json !== undefined && !isJsonObject(json)) notes.problem(path, 'is not a message');
    this.json = isJsonObject(json) ? json : {};
    this.noteTreatments();
  }

  private noteTreatments(): void {
    for (const key of Object.keys(this.json)) {
      if (key === '@type') continue;
      const name = protoName(key);
      const treatment = this.fields.treatments.get(name) ?? 'ignored';
      if (treatment === 'refused') {
        this.notes.fieldsRead?.add(`${this.fields.message}.${name}`);
        this.notes.problem(this.at(name), `is not supported; ${this.fields.refused[name]}`);
      } else if (treatment === 'ignored')
        this.notes.warning(this.at(name), `${this.fields.message.split('.').pop()}.${name} is ignored`);
    }
  }

  /** Path of a field. */
  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  problem(name: string, message: string): void {
    this.notes.problem(name === '' ? this.path : this.at(name), message);
  }

  warning(name: string, message: string): void {
    this.notes.warning(name === '' ? this.path : this.at(name), message);
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  /** '' where it was not sent. */
  text(name: string): string {
    const value = this.raw(name);
    if (typeof value === 'string') return value;
    if (value !== undefined) this.problem(name, 'is not text');
    return '';
  }

  flag(name: string): boolean | undefined {
    const value = this.raw(name);
    if (typeof value === 'boolean') return value;
    if (value !== undefined) this.problem(name, 'is neither true nor false');
    return undefined;
  }

  number(name: string): number | undefined {
    const value = this.raw(name);
    const number = typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isFinite(number)) return number;
    if (value !== undefined) this.problem(name, 'is not a number');
    return undefined;
  }

  /** Milliseconds, whole or not. */
  durationMs(name: string): number | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    const match = typeof value === 'string' ? /^(-?\d{1,12}(?:\.\d{1,9})?)s$/.exec(value) : null;
    if (match !== null) return Number(match[1]) * 1000;
    this.problem(name, 'is not a duration');
    return undefined;
  }

  /** A message inside; undefined where it was not sent. */
  message(name: string, fields: MessageFields): MessageReader | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : new MessageReader(value, fields, this.at(name), this.notes);
  }

  messages(name: string, fields: MessageFields): MessageReader[] {
    return this.list(name).map(
      (value, i) => new MessageReader(value, fields, `${this.at(name)}[${i}]`, this.notes),
    );
  }

  /** One message of a list; the others are not read. */
  messageAt(name: string, index: number, fields: MessageFields): MessageReader {
    return new MessageReader(this.list(name)[index], fields, `${this.at(name)}[${index}]`, this.notes);
  }

  texts(name: string): string[] {
    return this.list(name).filter((value, i): value is string => {
      if (typeof value !== 'string') this.notes.problem(`${this.at(name)}[${i}]`, 'is not text');
      return typeof value === 'string';
    });
  }

  numbers(name: string): number[] {
    return this.list(name).filter((value, i): value is number => {
      if (typeof value !== 'number') this.notes.problem(`${this.at(name)}[${i}]`, 'is not a number');
      return typeof value === 'number';
    });
  }

  /** What an Any holds; undefined where it was not sent. */
  any(name: string): AnyMessage | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : anyOf(value, this.at(name), this.notes);
  }

  /** The values of a map from text to Any. */
  anyEntries(name: string): Array<{ readonly key: string; readonly any: AnyMessage }> {
    const value = this.raw(name);
    if (value === undefined) return [];
    if (!isJsonObject(value)) {
      this.problem(name, 'is not a map');
      return [];
    }
    return Object.entries(value).flatMap(([key, one]) => {
      const any = anyOf(one, `${this.at(name)}[${JSON.stringify(key)}]`, this.notes);
      return any === undefined ? [] : [{ key, any }];
    });
  }

  /** The value of a field whose content is not read. */
  rawJson(name: string): Json | undefined {
    return this.raw(name);
  }

  private list(name: string): readonly Json[] {
    const value = this.raw(name);
    if (Array.isArray(value)) return value;
    if (value !== undefined) this.problem(name, 'is not a list');
    return [];
  }

  private raw(name: string): Json | undefined {
    this.notes.fieldsRead?.add(`${this.fields.message}.${name}`);
    const key = jsonName(name);
    const value = Object.hasOwn(this.json, key) ? this.json[key] : undefined;
    return value === null ? undefined : value;
  }
}

/** A reader of what an Any holds. */
export function readAny(any: AnyMessage, fields: MessageFields, notes: Notes): MessageReader {
  return new MessageReader(any.json, fields, any.path, notes);
}

function anyOf(value: Json, path: string, notes: Notes): AnyMessage | undefined {
  const url = isJsonObject(value) ? value['@type'] : undefined;
  if (!isJsonObject(value) || typeof url !== 'string') {
    notes.problem(path, 'is not a message with a type URL');
    return undefined;
  }
  return { type: url.slice(url.lastIndexOf('/') + 1).replace(/^envoy\./, ''), json: value, path };
}

/** Names in JSON by the names that translators read, of which there are a few hundred. */
const jsonNames = new Map<string, string>();

/** `max_requests` is `maxRequests` in JSON. */
function jsonName(name: string): string {
  let found = jsonNames.get(name);
  if (found === undefined) {
    found = name.replace(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());
    jsonNames.set(name, found);
  }
  return found;
}

/** Names whose digits follow an underscore cannot be told from their JSON. */
const irregular: Readonly<Record<string, string>> = {
  consecutive5xx: 'consecutive_5xx',
  enforcingConsecutive5xx: 'enforcing_consecutive_5xx',
  proxy100Continue: 'proxy_100_continue',
};

function protoName(key: string): string {
  return Object.hasOwn(irregular, key)
    ? irregular[key]
    : key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
