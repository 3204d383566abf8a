import { createHash } from 'node:crypto';

/** Characters of a name in the configuration. */
const nameCharsMax = 64;
const hashChars = 8;
const validName = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/**
 * Returns a name that the configuration allows for one that a control plane chose, such as `outbound|80||shop.example`: the
 * same where it is allowed, else a readable one with a hash of the whole. The same name gives the same result in every process.
 */
export function configName(name: string): string {
  if (validName.test(name) && name.length <= nameCharsMax) return name;
  const readable = name
    .replace(/[^A-Za-z0-9_.]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, nameCharsMax - hashChars - 1)
    .replace(/[.-]+$/, '');
  const hash = createHash('sha256').update(name).digest('hex').slice(0, hashChars);
  return readable === '' ? `x-${hash}` : `${readable}-${hash}`;
}

/** Gives each thing of one list a name of its own. Who comes first keeps the plain name. */
export class UniqueNames {
  private readonly taken: Set<string>;

  constructor(reserved: ReadonlySet<string> = new Set()) {
    this.taken = new Set(reserved);
  }

  take(name: string): string {
    const plain = configName(name);
    let unique = plain;
    for (let number = 2; this.taken.has(unique); number++) {
      const end = `-${number}`;
      unique = `${plain.slice(0, nameCharsMax - end.length)}${end}`;
    }
    this.taken.add(unique);
    return unique;
  }
}
