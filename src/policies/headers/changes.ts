import { Field, type FieldKind, kindOfName } from '../../core/field.ts';
import { HeaderBlock } from '../../core/header-block.ts';
import { isSecretKey } from '../../core/secret-keys.ts';
import { parseTemplate, type Template } from './template.ts';
import type { VariableSource } from './variables.ts';

/** What a file holds of one kind of message; names in any case. */
export interface ChangesConfig {
  readonly remove?: readonly string[];
  readonly set?: Readonly<Record<string, string>>;
  readonly add?: Readonly<Record<string, string>>;
  readonly append?: Readonly<Record<string, string>>;
}

/** `set` replaces a header, `add` adds another line, `append` adds to the value of the last line. */
export type Operation = 'set' | 'add' | 'append';
export const operations: readonly Operation[] = ['set', 'add', 'append'];

interface Change {
  readonly operation: Operation;
  readonly name: string;
  readonly template: Template;
  /** Credentials stay out of the compression tables of HTTP/2 (RFC 7541 section 7.1.3). */
  readonly sensitive: boolean;
  /** Of the name: an expanded value is always well-formed, so nobody needs to look at it again. */
  readonly kind: FieldKind | undefined;
  /** Made once, where the value is always the same. */
  readonly field: Field | null;
}

/**
 * Changes to the headers of one kind of message. A name is in one of them only, so their order makes no difference. Where no header
 * of the message is touched, the new ones stand on the old block, which keeps its identity for encoders.
 */
export class HeaderChanges {
  private readonly removed: ReadonlySet<string>;
  private readonly changes: readonly Change[];
  /** Names whose headers, where there are any, become others. */
  private readonly touched: ReadonlySet<string>;

  constructor(removed: Iterable<string>, changes: readonly Change[]) {
    this.changes = changes;
    const sets = changes.filter(({ operation }) => operation === 'set');
    this.removed = new Set([...removed, ...sets.map(({ name }) => name)]);
    const appends = changes.filter(({ operation }) => operation === 'append');
    this.touched = new Set([...this.removed, ...appends.map(({ name }) => name)]);
  }

  get empty(): boolean {
    return this.removed.size === 0 && this.changes.length === 0;
  }

  /** The message after the changes; the same block where nothing is to be done. A header without a value is left out. */
  apply(block: HeaderBlock, source: VariableSource): HeaderBlock {
    const isTouched = this.touched.size > 0 && block.allFields.some(({ name }) => this.touched.has(name));
    const kept = isTouched ? block.allFields.filter(({ name }) => !this.removed.has(name)) : null;
    const added: Field[] = [];
    for (const change of this.changes) {
      const value = change.field?.value ?? change.template.expand(source);
      if (value === '') continue;
      if (change.operation === 'append' && kept !== null && appendTo(kept, change, value)) continue;
      added.push(change.field ?? new Field(change.name, value, change.sensitive, change.kind));
    }
    if (kept !== null) return new HeaderBlock([...kept, ...added]);
    return added.length === 0 ? block : new HeaderBlock(added, block);
  }
}

/** Lists are separated by commas (RFC 9110 section 5.6.1). False where the message has no such header. */
function appendTo(fields: Field[], { name, sensitive }: Change, value: string): boolean {
  const last = fields.findLastIndex((field) => field.name === name);
  if (last < 0) return false;
  const before = fields[last].value;
  fields[last] = new Field(name, before === '' ? value : `${before}, ${value}`, sensitive);
  return true;
}

/** The changes of a configuration that was checked: those that can be made at once, and those that need the endpoint. */
export function compileChanges(config: ChangesConfig): { early: HeaderChanges; late: HeaderChanges } {
  const changes: Change[] = [];
  for (const operation of operations)
    for (const [name, value] of Object.entries(config[operation] ?? {}))
      changes.push(changeOf(operation, name.toLowerCase(), parseTemplate(value).value!));
  const removed = (config.remove ?? []).map((name) => name.toLowerCase());
  return {
    early: new HeaderChanges(
      removed,
      changes.filter(({ template }) => !template.late),
    ),
    late: new HeaderChanges(
      [],
      changes.filter(({ template }) => template.late),
    ),
  };
}

function changeOf(operation: Operation, name: string, template: Template): Change {
  const { constant } = template;
  const sensitive = isSecretKey(name);
  const field = constant === null ? null : new Field(name, constant, sensitive);
  if (field !== null) field.repeated = !sensitive;
  return { operation, name, template, sensitive, kind: kindOfName(name), field };
}
