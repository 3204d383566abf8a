import type { ReplyLimits } from './make-call.ts';

/** Calls and lists of methods that the admin server works on at a time. */
export const jobsMax = 4;

/** Deadline of a call unless the operator sets another one, milliseconds. */
export const timeoutDefaultMs = 10_000;

/** From then on no further service is looked up for a list of methods, milliseconds. */
export const listTimeMaxMs = 8_000;

/**
 * How long a job may take beyond the deadline of its call: a start of the thread, and the reflection service. Milliseconds. Together
 * less than the admin server waits on a silent connection (`adminIdleTimeoutMs`).
 */
export const jobExtraMs = 13_500;

/** How long the thread stays without a job, milliseconds. */
export const threadIdleMs = 10_000;

/** Memory of the thread, in MiB. */
export const threadHeapMiB = 96;

/** Services and methods of one list. */
export const servicesMax = 200;
export const methodsMax = 2_000;

/** Characters of JSON of all empty messages of one list; further methods have `{}`. */
export const templateCharsMax = 256 * 1024;

/** Bytes of one message, and what is shown of one reply. */
export const messageBytesMax = 1024 * 1024;
export const replyLimits: ReplyLimits = { messagesMax: 100, valuesMax: 20_000, bytesMax: messageBytesMax };
