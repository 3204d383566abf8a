import { boundedText } from '../core/bounded-text.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import { isSecretKey, masked, maskText } from '../core/secret-keys.ts';
import {
  headersMax,
  headerValueCharsMax,
  itemsMax,
  levelsMax,
  messagesCharsMax,
  textCharsMax,
  valuesMax,
} from './limits.ts';

/** Texts that are credentials wherever they stand: of HTTP authentication, JSON Web Tokens and keys of well-known forms. */
const credential =
  /^(?:basic|digest|negotiate)\s+\S|\bbearer\s+\S|\beyJ[\w-]{8,}\.[\w-]{8,}\.|\b(?:sk|pk|rk|ghp|gho|ghs|xox[abp])[-_][\w-]{16}|\bAKIA[0-9A-Z]{16}\b/i;

/** Keys beside which `value` or `values` holds what they name: `{ name: authorization, value: … }`. */
const namingKeys = new Set(['name', 'key', 'header']);
const namedKeys = new Set(['value', 'values']);

/** What a tap hides, and how much of the rest it shows. */
export class Redaction {
  private readonly hidden: ReadonlySet<string>;
  private readonly revealed: ReadonlySet<string>;

  /** `hidden` are names beside those that sound like credentials, `revealed` some of those. Case, `-` and `_` do not count. */
  constructor(hidden: readonly string[], revealed: readonly string[] = []) {
    this.hidden = new Set(hidden.map(normal));
    this.revealed = new Set(revealed.map(normal));
  }

  /** Whether the value under a name is hidden. */
  hides(name: string): boolean {
    const plain = normal(name);
    if (this.hidden.has(plain)) return true;
    return (isSecretKey(name) || isSecretKey(plain)) && !this.revealed.has(plain);
  }

  /** The headers of a head or trailers as pairs, without pseudo-headers; at most `headersMax`. */
  headers(block: HeaderBlock): Array<[name: string, value: string]> {
    const shown: Array<[string, string]> = [];
    for (const { name, value } of block.allFields) {
      if (name.startsWith(':')) continue;
      if (shown.length === headersMax) break;
      shown.push([name, this.hides(name) ? masked : this.text(value, headerValueCharsMax)]);
    }
    return shown;
  }

  /**
   * A copy of a decoded message that may be shown: secrets masked, and long or deep parts left out, with a remark in their place.
   * `room` is shared by the messages of one call.
   */
  message(value: unknown, room = new MessageRoom()): unknown {
    return new Copy(this, room).of(value, 0);
  }

  text(text: string, charsMax = textCharsMax): string {
    return credential.test(text) ? masked : boundedText(maskText(text), charsMax);
  }
}

function normal(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

/** A number, a quotation mark and a comma take room as well, characters. */
const valueChars = 8;

/** Characters that are left for the messages of one call. */
export class MessageRoom {
  private left = messagesCharsMax;

  get isFull(): boolean {
    return this.left <= 0;
  }

  take(chars: number): void {
    this.left -= chars + valueChars;
  }
}

/** One copy, which counts its values. */
class Copy {
  private readonly redaction: Redaction;
  private readonly room: MessageRoom;
  private values = 0;

  constructor(redaction: Redaction, room: MessageRoom) {
    this.redaction = redaction;
    this.room = room;
  }

  of(value: unknown, level: number): unknown {
    if (++this.values > valuesMax || this.room.isFull) return '(the rest is not shown)';
    if (typeof value === 'string') return this.counted(this.redaction.text(value));
    this.room.take(0);
    if (typeof value === 'bigint') return String(value);
    if (typeof value !== 'object' || value === null) return value;
    if (level >= levelsMax) return '(deeper levels are not shown)';
    if (!Array.isArray(value)) return this.entries(value as Readonly<Record<string, unknown>>, level);
    const items = value.slice(0, itemsMax).map((item) => this.of(item, level + 1));
    if (value.length > itemsMax) items.push(`(${value.length - itemsMax} more)`);
    return items;
  }

  private entries(value: Readonly<Record<string, unknown>>, level: number): unknown {
    const all = Object.entries(value);
    const isSecret = all.some(
      ([key, name]) => namingKeys.has(key) && typeof name === 'string' && this.redaction.hides(name),
    );
    // Without a prototype: a peer may call a key `__proto__`.
    const copy: Record<string, unknown> = Object.create(null);
    for (const [key, one] of all.slice(0, itemsMax)) {
      const hides = this.redaction.hides(key) || (isSecret && namedKeys.has(key));
      const name = this.counted(boundedText(key, textCharsMax));
      copy[name] = hides && isFilled(one) ? masked : this.of(one, level + 1);
    }
    if (all.length > itemsMax) copy['…'] = `(${all.length - itemsMax} more)`;
    return copy;
  }

  private counted(text: string): string {
    this.room.take(text.length);
    return text;
  }
}

/** A flag or an empty value gives nothing away. */
function isFilled(value: unknown): boolean {
  return value !== null && value !== undefined && value !== '' && typeof value !== 'boolean';
}
