import { DescriptorPool, descriptorFilesMax } from '../reflection/descriptor-pool.ts';
import { encodeQuestion, parseAnswer } from '../reflection/reflection-messages.ts';

/** What follows an answer: another question, the end, or what is wrong, as a sentence. Exactly one of them is set. */
export interface DialogueStep {
  readonly question?: Uint8Array;
  readonly isComplete?: boolean;
  readonly error?: string;
}

/** The questions to a reflection service that describe one service: its file, then each file that is imported and did not come. */
export class ReflectionDialogue {
  readonly pool = new DescriptorPool();
  private readonly service: string;
  private readonly requested = new Set<string>();
  private isFirst = true;

  constructor(service: string) {
    this.service = service;
  }

  begin(): DialogueStep {
    return { question: encodeQuestion({ kind: 'symbol', name: this.service }) };
  }

  /** `answer` is a `ServerReflectionResponse`. */
  answered(answer: Buffer): DialogueStep {
    const { value, error } = parseAnswer(answer);
    if (error !== undefined) return { error };
    const { isFirst } = this;
    this.isFirst = false;
    // A server may leave out files that it does not have: only a type of such a file is then missing.
    if (value.kind === 'error')
      return isFirst ? { error: `the reflection service answered: ${value.message}` } : this.next();
    if (value.kind !== 'files')
      return { error: 'the reflection service sent an invalid answer: it does not match the question' };
    for (const file of value.files) {
      const problem = this.pool.add(file);
      if (problem !== '') return { error: `the reflection service sent an invalid answer: ${problem}` };
    }
    return this.next();
  }

  private next(): DialogueStep {
    const name = this.pool.missingFile(this.requested);
    if (name === undefined) return { isComplete: true };
    if (this.requested.size >= descriptorFilesMax)
      return { error: `the definitions have more than ${descriptorFilesMax} files` };
    this.requested.add(name);
    return { question: encodeQuestion({ kind: 'file', name }) };
  }
}
