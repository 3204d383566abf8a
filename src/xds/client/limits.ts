/**
 * What a control plane may make this process hold and do. It is trusted for the configuration, and not for memory: what is
 * larger is refused by a NACK or by the end of the stream, and what worked before goes on.
 */

/** Bytes of one response, as gRPC receives it and after it is decompressed. */
export const responseBytesMax = 64 * 1024 * 1024;
/** Resources of one kind: those held, and those of one response. */
export const resourcesMax = 10_000;
/** Bytes of one resource on the wire. */
export const resourceBytesMax = 4 * 1024 * 1024;
/** Bytes on the wire of all resources that are held. */
export const heldBytesMax = 128 * 1024 * 1024;
/** Names of one kind that are subscribed to. */
export const namesMax = 10_000;
/** Bytes of the name of a resource, of a version and of a nonce. */
export const nameBytesMax = 4096;
/** Characters of the reason of a NACK: it is logged at the control plane, and Envoy's are about as long. */
export const reasonCharsMax = 2048;
/** Problems that a reason lists; it has the number of the other ones. */
export const problemsShownMax = 8;
/** Names that the status lists as missing, and problems that it lists as refused. */
export const missingShownMax = 20;
export const refusedShownMax = 100;
/** Bytes of requests that the control plane did not read yet. */
export const requestBytesQueuedMax = 16 * 1024 * 1024;
