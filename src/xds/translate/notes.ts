import type { Resource, ResourceProblem } from '../resource.ts';

/** Problems and warnings of one resource; a wrong one of 4 MiB could have 100,000. */
export const notesMax = 20;
/** Characters of a value that a problem quotes. */
const quotedCharsMax = 80;

/** What is wrong with a resource, and what of it Outrigger ignores, with the path of each field. */
export class Notes {
  readonly problems: ResourceProblem[] = [];
  readonly warnings: ResourceProblem[] = [];
  /** Fields that were read, as `package.Message.field`; for tests that hold the field tables against the code. */
  readonly fieldsRead: Set<string> | null;
  private readonly resource: Pick<Resource, 'kind' | 'name'>;
  private readonly warned = new Set<string>();

  constructor(resource: Pick<Resource, 'kind' | 'name'>, fieldsRead: Set<string> | null = null) {
    this.resource = resource;
    this.fieldsRead = fieldsRead;
  }

  /** The resource is refused. */
  problem(path: string, message: string): void {
    if (this.problems.length < notesMax) this.problems.push(this.note(path, message));
  }

  /** A part of the resource has no effect. The same warning at further places is left out. */
  warning(path: string, message: string): void {
    if (this.warned.has(message) || this.warnings.length >= notesMax) return;
    this.warned.add(message);
    this.warnings.push(this.note(path, message));
  }

  private note(path: string, message: string): ResourceProblem {
    return { kind: this.resource.kind, name: this.resource.name, path, message };
  }
}

/** A value in quotes, shortened. */
export function quoted(value: string): string {
  return JSON.stringify(value.length > quotedCharsMax ? `${value.slice(0, quotedCharsMax)}…` : value);
}
