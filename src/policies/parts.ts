/** What a policy loaded from outside for its configuration of one route, such as modules. */
export interface PolicyPart {
  /** Differs where something else was loaded: then a reload compiles the routes again, though the file is the same. */
  readonly version: string;
  /** Files that were read, absolute; `reload.watch` watches them. */
  readonly files: readonly string[];
}

/** The parts of one configuration, by the policy's own part of that. */
export type PolicyParts = ReadonlyMap<object, PolicyPart>;

/** Every part that is in use. What belongs to a configuration is forgotten with it. */
export class PartStore {
  private readonly parts = new WeakMap<object, PolicyPart>();

  constructor(parts: PolicyParts = new Map()) {
    this.add(parts);
  }

  add(parts: PolicyParts): void {
    for (const [config, part] of parts) this.parts.set(config, part);
  }

  /** Null for a policy that loaded nothing. */
  of(config: object): PolicyPart | null {
    return this.parts.get(config) ?? null;
  }
}
