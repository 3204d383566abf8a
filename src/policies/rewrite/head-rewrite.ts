import { Field, FieldKind } from '../../core/field.ts';
import { HeaderBlock } from '../../core/header-block.ts';
import type { ReplyError } from '../../core/reply-error.ts';
import { type PathChange, splitTarget } from '../path-change.ts';

export interface RewrittenHead {
  readonly head: HeaderBlock;
  /** The path that was put in place of another, without its query; null where it stayed. */
  readonly path: string | null;
}

const rewrittenKinds = (1 << FieldKind.Path) | (1 << FieldKind.Authority) | (1 << FieldKind.Host);

/**
 * Puts another path and another authority into heads. A head that repeats is rewritten once: so its encoding is worked out once
 * as well, and where only an id differs between requests, the part that repeats is shared by all of them.
 */
export class HeadRewrite {
  private readonly change: PathChange | null;
  private readonly authority: string | null;
  private readonly known = new WeakMap<HeaderBlock, RewrittenHead>();

  constructor(change: PathChange | null, authority: string | null) {
    this.change = change;
    this.authority = authority;
  }

  apply(block: HeaderBlock): RewrittenHead | ReplyError {
    const { base } = block;
    if (base !== null && !block.ownHasAny(rewrittenKinds)) {
      const ofBase = this.apply(base);
      if ('code' in ofBase || ofBase.head === base) return 'code' in ofBase ? ofBase : unchanged(block);
      return { head: new HeaderBlock(block.fields, ofBase.head), path: ofBase.path };
    }
    const known = block.repeated ? this.known.get(block) : undefined;
    if (known !== undefined) return known;
    const rewritten = this.rewrite(block);
    if (block.repeated && !('code' in rewritten)) {
      rewritten.head.repeated = true;
      this.known.set(block, rewritten);
    }
    return rewritten;
  }

  private rewrite(block: HeaderBlock): RewrittenHead | ReplyError {
    const target = this.targetOf(block.path);
    if (typeof target === 'object') return target;
    const isSamePath = target === block.path;
    const isSameAuthority = this.authority === null || this.authority === block.ofKind(FieldKind.Authority);
    if (isSamePath && isSameAuthority) return unchanged(block);
    const fields = isSamePath ? block.allFields : block.allFields.map((field) => withPath(field, target));
    const head = new HeaderBlock(this.authority === null ? fields : withAuthority(fields, this.authority));
    return { head, path: isSamePath ? null : splitTarget(target)[0] };
  }

  /** The whole request target. `*` of OPTIONS is no path. */
  private targetOf(before: string): string | ReplyError {
    if (this.change === null || !before.startsWith('/')) return before;
    const [path, query] = splitTarget(before);
    const changed = this.change(path);
    return changed.error === null ? changed.path + query : changed.error;
  }
}

function unchanged(head: HeaderBlock): RewrittenHead {
  return { head, path: null };
}

function withPath(field: Field, target: string): Field {
  return field.kind === FieldKind.Path ? new Field(field.name, target) : field;
}

/** A `host` beside `:authority` would have to be the same (RFC 9113 section 8.3.1); pseudo-headers come first. */
function withAuthority(fields: readonly Field[], authority: string): Field[] {
  const others = fields.filter(({ kind }) => kind !== FieldKind.Authority && kind !== FieldKind.Host);
  return [new Field(':authority', authority), ...others];
}
