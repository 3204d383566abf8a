/** Taps that may run at a time. */
export const tapsMax = 8;

/** Calls that one tap shows each second: by default, and at most. */
export const rateDefault = 100;
export const rateMax = 1_000;

/** How long a tap runs: by default, and at most, milliseconds. */
export const durationDefaultMs = 10 * 60_000;
export const durationMaxMs = 60 * 60_000;

/** Calls after which a tap ends, at most. */
export const limitMax = 1_000_000;

/** Messages that are shown of each direction of a call: by default, and at most. */
export const messagesDefault = 10;
export const messagesMax = 100;

/** Bytes of one message, as it was sent: by default, and at most. A larger message is not decoded. */
export const messageBytesDefault = 16 * 1024;
export const messageBytesMax = 256 * 1024;

/** Bytes of messages that all taps together keep of calls that are not over. */
export const capturedBytesMax = 16 * 1024 * 1024;

/** Calls whose messages one tap has decoded at a time. */
export const decodingMax = 64;

/** Bytes of one message after decompression. */
export const inflatedBytesMax = 1024 * 1024;

/** Values of one message that are decoded, of which `valuesMax` are shown. */
export const decodedValuesMax = 20_000;

/** Bytes of a descriptor set that a reader gives, and of all answers of a reflection service about one service. */
export const descriptorBytesMax = 4 * 1024 * 1024;

/** How long a reflection service may take for all answers about one service, milliseconds. */
export const reflectionTimeoutMs = 5_000;

/** Services whose descriptors are kept. */
export const servicesMax = 64;

/** How long the descriptors of a service, or the reason why there are none, are kept, milliseconds. */
export const descriptorsKeptMs = 60_000;

/** How long the decoder may take for the messages of one call, milliseconds. */
export const decodeTimeoutMs = 2_000;

/** How long it may take to start and to load descriptors, milliseconds. */
export const decoderLoadTimeoutMs = 10_000;

/** Memory of the thread that decodes, in MiB. */
export const decoderHeapMiB = 96;

/** Times that the decoder is started again after it failed, for one tap session. */
export const decoderStartsMax = 5;

/** Conditions of one filter, and characters of one. */
export const patternsMax = 16;
export const patternCharsMax = 512;

/** Headers of one head, and characters of one value, that are shown. */
export const headersMax = 100;
export const headerValueCharsMax = 1_024;

/** What is shown of one decoded message: characters of a text, items of a list, levels, and values in all. */
export const textCharsMax = 1_024;
export const itemsMax = 100;
export const levelsMax = 32;
export const valuesMax = 2_000;

/** Characters that are shown of all messages of one call: the thread of the calls copies and writes them. */
export const messagesCharsMax = 512 * 1024;

/** How often a tap reports how many calls it has seen, and calls that were not shown, milliseconds. */
export const countsIntervalMs = 10_000;
export const notShownIntervalMs = 1_000;
