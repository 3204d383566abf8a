/**
 * Cases of h2spec that RFC 9113 contradicts (it was written for RFC 7540): they may fail. A case of this list that passes
 * is named by the runner, so that the list does not outlive its reasons.
 */
export interface Contradicted {
  /** As the runner prints it: suite, section, number. */
  readonly id: `${'generic' | 'http2' | 'hpack' | 'client'}/${string}/${number}`;
  /** The section of RFC 9113 and what it says instead. */
  readonly because: string;
}

/** None as it stands: the engine's choices where the RFC leaves one are those that the suite wants. */
export const contradicted: readonly Contradicted[] = [];
